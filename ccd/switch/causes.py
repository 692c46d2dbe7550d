"""From the switch's word for why a leg was not answered to ours. Pure; offers and transfers read the same table.

Seen on FreeSWITCH 1.10.12: a dead but registered phone gives NO_ANSWER without ever having rung; a reject key is 603 or,
after 180, 486; a forward is 302 with cause 44, since we never follow one.
"""

from __future__ import annotations

from enum import StrEnum


class Unanswered(StrEnum):
    """Why a leg that we ordered was not answered."""

    NO_ANSWER = "no_answer"
    BUSY = "busy"
    REJECTED = "rejected"
    NOT_REGISTERED = "not_registered"
    UNKNOWN_USER = "unknown_user"
    UNREACHABLE = "unreachable"
    REDIRECTED = "redirected"
    CONGESTION = "congestion"
    LOST_RACE = "lost_race"
    CANCELLED = "cancelled"


_BY_CAUSE: dict[str, Unanswered] = {
    "USER_BUSY": Unanswered.BUSY,
    "CALL_REJECTED": Unanswered.REJECTED,
    "USER_NOT_REGISTERED": Unanswered.NOT_REGISTERED,
    "SUBSCRIBER_ABSENT": Unanswered.UNKNOWN_USER,
    "UNALLOCATED_NUMBER": Unanswered.UNKNOWN_USER,
    "NO_ROUTE_DESTINATION": Unanswered.UNKNOWN_USER,
    "INVALID_NUMBER_FORMAT": Unanswered.UNKNOWN_USER,
    "NO_USER_RESPONSE": Unanswered.UNREACHABLE,
    "PROGRESS_TIMEOUT": Unanswered.UNREACHABLE,
    "NORMAL_TEMPORARY_FAILURE": Unanswered.UNREACHABLE,
    "RECOVERY_ON_TIMER_EXPIRE": Unanswered.UNREACHABLE,
    "DESTINATION_OUT_OF_ORDER": Unanswered.UNREACHABLE,
    "NETWORK_OUT_OF_ORDER": Unanswered.CONGESTION,
    "GATEWAY_DOWN": Unanswered.CONGESTION,
    "NORMAL_CIRCUIT_CONGESTION": Unanswered.CONGESTION,
    "SWITCH_CONGESTION": Unanswered.CONGESTION,
    "REQUESTED_CHAN_UNAVAIL": Unanswered.CONGESTION,
    "FACILITY_REJECTED": Unanswered.CONGESTION,
    "LOSE_RACE": Unanswered.LOST_RACE,
    "ORIGINATOR_CANCEL": Unanswered.CANCELLED,
    "SWITCH_LOST": Unanswered.CANCELLED,
}

OVER_TRUNK = ("sofia/gateway/", "freetdm/")


def why_unanswered(cause: str, protocol_cause: str, progressed_at: int, contact: str) -> Unanswered:
    """Why a leg to `contact` was not answered.

    Args:
        cause: FreeSWITCH's hang-up cause, or the originate's error word.
        protocol_cause: `sip:486` and the like, or ''.
        progressed_at: when the phone rang, 0 if it never did.
    """
    if protocol_cause.startswith("sip:30"):
        return Unanswered.REDIRECTED
    if cause in ("NO_ANSWER", "ALLOTTED_TIMEOUT"):
        why = Unanswered.NO_ANSWER if progressed_at else Unanswered.UNREACHABLE
    else:
        why = _BY_CAUSE.get(cause, Unanswered.REJECTED if progressed_at else Unanswered.UNREACHABLE)
    if why is Unanswered.UNREACHABLE and contact.startswith(OVER_TRUNK):
        return Unanswered.CONGESTION
    return why
