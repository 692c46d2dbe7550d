"""Legs and calls as they are now: data only. The registry is the only writer."""

from __future__ import annotations

from dataclasses import dataclass, field

from ccd.base.clock import Moment
from ccd.calls.facts import Role
from ccd.calls.mailbox import Mailbox
from ccd.calls.presses import Presses


@dataclass(slots=True)
class Leg:
    """One party's connection; `leg_id` is FreeSWITCH's Unique-ID.

    `ordered` means that we asked for it and the switch has not shown it yet; `leased`, that the dialplan parked it with a
    lease; `early_media`, that an unanswered caller hears sound. Moments are 0 until they happen.
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
    progressed_at: Moment = 0
    answered_at: Moment = 0
    parked: bool = False
    leased: bool = False
    bridged_to: str = ""
    early_media: bool = False
    in_fallback: bool = False
    mailbox: Mailbox | None = None
    presses: Presses = field(default_factory=Presses)


@dataclass(slots=True)
class Call:
    """A customer's whole contact: its first leg and all legs that joined it.

    `trunk` is the trunk it came by, '' for none we know; `repeat_calls` are calls from the same number in the window before
    this one, `last_agent` is the name of who talked with him last, `routed_as` the class for which he got his route.
    `caller_class` is what the lists say of the caller: blacklist, whitelist, vip, malicious, withheld or '', `class_reason`
    why, `blocked` that they turned him away, `diverted` how often they gave him another flow. `caller_e164` is '' for a
    number without such a form. `transferred`: he talked with somebody whom a transfer reached; `voicemail`: he has left a
    message.
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
    transferred: bool = False
    connected_at: Moment = 0
    agent_id: str = ""
    caller_class: str = ""
    trunk: str = ""
    dialled_e164: str = ""
    repeat_calls: int = 0
    last_agent: str = ""
    routed_as: str | None = None
    class_reason: str = ""
    caller_e164: str = ""
    blocked: bool = False
    diverted: int = 0
    voicemail: bool = False
    ended_by_ccd: bool = False
    agent_hung_up: bool = False
    legs: set[str] = field(default_factory=set)
