"""Legs and calls as they are now: data only. The registry is the only writer."""

from __future__ import annotations

from dataclasses import dataclass, field

from ccd.base.clock import Moment
from ccd.calls.facts import Role
from ccd.calls.mailbox import Mailbox


@dataclass(slots=True)
class Leg:
    """One party's connection; `leg_id` is FreeSWITCH's Unique-ID.

    `ordered` means that we asked for it and the switch has not shown it yet; `leased`, that the dialplan parked it with a
    lease. Moments are 0 until they happen.
    """

    leg_id: str
    node: str
    role: Role = Role.UNKNOWN
    call_id: str = ""
    inbound: bool = False
    number: str = ""
    name: str = ""
    dialled: str = ""
    context: str = ""
    channel_name: str = ""
    agent_id: str = ""
    offer_id: str = ""
    ordered: bool = False
    created_at: Moment = 0
    answered_at: Moment = 0
    parked: bool = False
    leased: bool = False
    bridged_to: str = ""
    in_fallback: bool = False
    mailbox: Mailbox | None = None


@dataclass(slots=True)
class Call:
    """A customer's whole contact: its first leg and all legs that joined it.

    `caller_class` is what the lists say of the caller: blacklist, whitelist, vip, malicious, withheld or ''.
    """

    call_id: str
    leg_id: str
    node: str
    caller_number: str
    caller_name: str
    dialled: str
    arrived_at: Moment
    answered_at: Moment = 0
    place: str = "arrived"
    queue_id: str = ""
    queued: bool = False
    connected: bool = False
    talked: bool = False
    connected_at: Moment = 0
    agent_id: str = ""
    caller_class: str = ""
    ended_by_ccd: bool = False
    agent_hung_up: bool = False
    legs: set[str] = field(default_factory=set)
