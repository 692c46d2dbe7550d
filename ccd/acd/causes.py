"""What a phone that did not answer means for an offer, and what it costs the agent. Pure."""

from __future__ import annotations

import msgspec

from ccd.acd.cause_rules import CAUSES, Then, rule_of
from ccd.acd.facts import OfferResult
from ccd.acd.model import Queue
from ccd.switch.causes import OVER_TRUNK, why_unanswered

_REFUSALS = ("sip:486", "sip:480", "sip:600")


def result_of(cause: str, protocol_cause: str, progressed_at: int, contact: str) -> OfferResult:
    """Why an offer to `contact` failed; the arguments are those of `why_unanswered`.

    Busy or away after it has rung: that was the agent's reject key. Without a ring the phone was busy (486), or the proxy
    before it knows of none (480). A trunk's word for the far end stays as it is: exchanges let busy lines ring, too.
    """
    if not contact.startswith(OVER_TRUNK):
        if progressed_at and (cause == "USER_BUSY" or protocol_cause in _REFUSALS):
            return OfferResult.REJECTED
        if protocol_cause == "sip:480":
            return OfferResult.NOT_REGISTERED
    return OfferResult(why_unanswered(cause, protocol_cause, progressed_at, contact))


def refused_ms(result: OfferResult, queue: Queue) -> int:
    """Who said no to a caller is not asked for him again so soon; who missed him may be, when nobody else is ready."""
    return queue.refused_again_ms if result in (OfferResult.REJECTED, OfferResult.REDIRECTED) else 0


class Penalty(msgspec.Struct, frozen=True):
    """What a failed offer costs: a pause before the next one, and what follows when `limit` of its cause came in a row.

    `cause` is '' for one that says nothing of the agent or his phone, and is not counted. Nobody is rung again before
    `gap_ms` have passed, whatever he says meanwhile.
    """

    cause: str = ""
    delay_ms: int = 0
    limit: int = 0
    then: Then = "nothing"
    gap_ms: int = 0

    @property
    def counts(self) -> bool:
        """Whether the agent's counter of the cause goes up."""
        return bool(self.cause)


def penalty_of(result: OfferResult, queue: Queue) -> Penalty:
    """What the queue's `causes` say, and where they say nothing the defaults. Who lost a race has done all he could."""
    if result in (OfferResult.ACCEPTED, OfferResult.LOST_RACE):
        return Penalty()
    if result not in CAUSES:
        return Penalty(gap_ms=queue.reoffer_gap_ms)
    rule = rule_of(result, queue)
    return Penalty(
        cause=rule.cause, delay_ms=rule.delay_ms, limit=rule.limit, then=rule.then, gap_ms=queue.reoffer_gap_ms
    )
