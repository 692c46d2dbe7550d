"""From the switch's word for why a phone did not answer to ours, and what it costs the agent. Pure.

Seen on FreeSWITCH 1.10.12: a dead but registered phone gives NO_ANSWER without ever having rung; a reject key is 603 or,
after 180, 486; a forward is 302 with cause 44, since we never follow one.
"""

from __future__ import annotations

import msgspec

from ccd.acd.facts import OfferResult
from ccd.acd.model import Queue

_BY_CAUSE: dict[str, OfferResult] = {
    "USER_BUSY": OfferResult.BUSY,
    "CALL_REJECTED": OfferResult.REJECTED,
    "USER_NOT_REGISTERED": OfferResult.NOT_REGISTERED,
    "SUBSCRIBER_ABSENT": OfferResult.UNKNOWN_USER,
    "UNALLOCATED_NUMBER": OfferResult.UNKNOWN_USER,
    "NO_ROUTE_DESTINATION": OfferResult.UNKNOWN_USER,
    "INVALID_NUMBER_FORMAT": OfferResult.UNKNOWN_USER,
    "NO_USER_RESPONSE": OfferResult.UNREACHABLE,
    "PROGRESS_TIMEOUT": OfferResult.UNREACHABLE,
    "NORMAL_TEMPORARY_FAILURE": OfferResult.UNREACHABLE,
    "RECOVERY_ON_TIMER_EXPIRE": OfferResult.UNREACHABLE,
    "DESTINATION_OUT_OF_ORDER": OfferResult.UNREACHABLE,
    "NETWORK_OUT_OF_ORDER": OfferResult.CONGESTION,
    "GATEWAY_DOWN": OfferResult.CONGESTION,
    "NORMAL_CIRCUIT_CONGESTION": OfferResult.CONGESTION,
    "SWITCH_CONGESTION": OfferResult.CONGESTION,
    "REQUESTED_CHAN_UNAVAIL": OfferResult.CONGESTION,
    "FACILITY_REJECTED": OfferResult.CONGESTION,
    "LOSE_RACE": OfferResult.LOST_RACE,
    "ORIGINATOR_CANCEL": OfferResult.CANCELLED,
    "SWITCH_LOST": OfferResult.CANCELLED,
}

_OVER_TRUNK = ("sofia/gateway/", "freetdm/")


def result_of(cause: str, protocol_cause: str, progressed_at: int, contact: str) -> OfferResult:
    """Why an offer to `contact` failed.

    Args:
        cause: FreeSWITCH's hang-up cause, or the originate's error word.
        protocol_cause: `sip:486` and the like, or ''.
        progressed_at: when the phone rang, 0 if it never did.
    """
    if protocol_cause.startswith("sip:30"):
        return OfferResult.REDIRECTED
    if cause in ("NO_ANSWER", "ALLOTTED_TIMEOUT"):
        result = OfferResult.NO_ANSWER if progressed_at else OfferResult.UNREACHABLE
    else:
        result = _BY_CAUSE.get(cause, OfferResult.REJECTED if progressed_at else OfferResult.UNREACHABLE)
    if result is OfferResult.UNREACHABLE and contact.startswith(_OVER_TRUNK):
        return OfferResult.CONGESTION
    return result


class Penalty(msgspec.Struct, frozen=True):
    """What a failed offer costs: a pause before the next one, and whether it counts as a missed call."""

    delay_ms: int
    counts: bool


def penalty_of(result: OfferResult, queue: Queue) -> Penalty:
    """A trunk's faults never punish an agent beyond the moment that keeps us from asking in a loop."""
    match result:
        case OfferResult.NO_ANSWER:
            return Penalty(queue.no_answer_delay_ms, True)
        case OfferResult.BUSY:
            return Penalty(queue.busy_delay_ms, False)
        case OfferResult.REJECTED | OfferResult.REDIRECTED:
            return Penalty(queue.reject_delay_ms, False)
        case OfferResult.NOT_REGISTERED | OfferResult.UNKNOWN_USER | OfferResult.UNREACHABLE:
            return Penalty(queue.fault_delay_ms, False)
        case OfferResult.CONGESTION:
            return Penalty(1_000, False)
        case _:
            return Penalty(0, False)
