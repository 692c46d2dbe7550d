"""What ccd concluded about calls and legs. Facts are written to the spool before they are published; signals are not.

Every fact class has a `tag`, its name in the spool, in SQL and in the API; changing one breaks histories.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from ccd.base.clock import Moment


class Fact(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", omit_defaults=True):
    """Something that happened, at the switch's time; durable."""

    at: Moment


class Signal(msgspec.Struct, frozen=True, kw_only=True):
    """Something that features want to see at once and history does not keep."""

    at: Moment


class Role(StrEnum):
    """What a leg is to its call; `standing` is an agent's that stays up between calls."""

    CUSTOMER = "customer"
    AGENT = "agent"
    STANDING = "standing"
    STATION = "station"
    TRANSFER = "transfer"
    UNKNOWN = "unknown"


class Outcome(StrEnum):
    """How a call ended; each call counts in exactly one."""

    ANSWERED = "answered"
    ABANDONED = "abandoned"
    BLOCKED = "blocked"
    VOICEMAIL = "voicemail"
    IVR_ENDED = "ivr_ended"


class EndedBy(StrEnum):
    """Who ended a call or a conversation."""

    CALLER = "caller"
    AGENT = "agent"
    CCD = "ccd"
    SWITCH = "switch"
    SWITCH_LOST = "switch_lost"
    UNKNOWN = "unknown"


def ended_by_far_end(cause: str, disposition: str) -> EndedBy:
    """Who ended a customer's leg that neither an agent nor ccd did: the caller, unless the switch says that it was itself.

    It ends legs of its own when media or a session timer runs out, in its fallback, and by faults of its own.
    """
    if cause == "SWITCH_LOST":
        return EndedBy.SWITCH_LOST
    return EndedBy.SWITCH if disposition.startswith("send_") else EndedBy.CALLER


class CallArrived(Fact, tag="call_arrived", frozen=True, kw_only=True):
    """A customer's first leg stands parked before us. The `*_e164` are empty for numbers that have no such form, `trunk` for
    a call that came by none of ccd.yaml's; `dialled` is as the trunk sent it.
    """

    call_id: str
    leg_id: str
    node: str
    caller_number: str
    caller_name: str
    dialled: str
    caller_e164: str = ""
    dialled_e164: str = ""
    trunk: str = ""


class CallAnswered(Fact, tag="call_answered", frozen=True, kw_only=True):
    """The customer's leg was answered, by the flow or because an agent took it."""

    call_id: str
    leg_id: str


class CallEnded(Fact, tag="call_ended", frozen=True, kw_only=True):
    """The customer's leg is gone: the call's closing record."""

    call_id: str
    leg_id: str
    outcome: Outcome
    cause: str
    ended_by: EndedBy
    duration_ms: int


class CallRecovered(Fact, tag="call_recovered", frozen=True, kw_only=True):
    """A restarted ccd found the call alive and took it up again at `place` (flow, queue, talking)."""

    call_id: str
    leg_id: str
    place: str


class CallToFallback(Fact, tag="call_to_fallback", frozen=True, kw_only=True):
    """The call stands in the site's fallback; ccd leaves it there."""

    call_id: str
    leg_id: str
    reason: str


class LegCreated(Fact, tag="leg_created", frozen=True, kw_only=True):
    """A leg exists. `call_id` is empty for a leg that belongs to no call of ours; `number_e164`, where there is no such form."""

    leg_id: str
    call_id: str
    node: str
    role: Role
    inbound: bool
    number: str
    name: str
    agent_id: str = ""
    number_e164: str = ""


class LegAnswered(Fact, tag="leg_answered", frozen=True, kw_only=True):
    """The far end answered (or we answered it)."""

    leg_id: str
    call_id: str
    role: Role


class LegEnded(Fact, tag="leg_ended", frozen=True, kw_only=True):
    """A leg is gone, maybe one that never was a channel. `progressed_at` is 0 when it never rang.

    `disposition`: recv_bye when the phone hung up, else send_bye.
    """

    leg_id: str
    call_id: str
    role: Role
    cause: str
    protocol_cause: str = ""
    disposition: str = ""
    progressed_at: Moment = 0
    answered_at: Moment = 0
    node: str = ""


class LegsBridged(Fact, tag="legs_bridged", frozen=True, kw_only=True):
    """Two legs hear each other."""

    leg_id: str
    other_id: str
    call_id: str


class SwitchConnected(Fact, tag="switch_connected", frozen=True, kw_only=True):
    """The event sockets of a node are up and its channels are reconciled."""

    node: str
    core_uuid: str


class SwitchDisconnected(Fact, tag="switch_disconnected", frozen=True, kw_only=True):
    """The event sockets of a node are lost; calls live on there."""

    node: str
    reason: str


class Repaired(Fact, tag="repaired", frozen=True, kw_only=True):
    """A state did not agree with the live channels and was put right; `what` says how, `subject` whose."""

    subject: str
    what: str


class LegRinging(Signal, frozen=True, kw_only=True):
    """A telephone that we called rings; `at` is when it began."""

    leg_id: str
    call_id: str
    role: Role


class LegParked(Signal, frozen=True, kw_only=True):
    """A leg stands parked and may be driven."""

    leg_id: str
    call_id: str
    role: Role


class LegsUnbridged(Signal, frozen=True, kw_only=True):
    """Two legs no longer hear each other."""

    leg_id: str
    other_id: str
    call_id: str
    role: Role
