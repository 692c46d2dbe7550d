"""What a phone that did not answer means for an offer, and what it costs the agent. Pure."""

from __future__ import annotations

import msgspec

from ccd.acd.facts import OfferResult
from ccd.acd.model import Queue
from ccd.switch.causes import why_unanswered


def result_of(cause: str, protocol_cause: str, progressed_at: int, contact: str) -> OfferResult:
    """Why an offer to `contact` failed; the arguments are those of `why_unanswered`."""
    return OfferResult(why_unanswered(cause, protocol_cause, progressed_at, contact))


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
