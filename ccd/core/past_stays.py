"""Stays in a queue that ended while ccd was away: talks, offers and agents of the ledger, closed by the switch's own records."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ccd.acd.causes import result_of
from ccd.acd.facts import CallerConnected, CallerLeft, LeftReason, OfferEnded, OfferResult, TalkEnded
from ccd.acd.leaving import abandoned
from ccd.acd.model import Activity
from ccd.acd.service import Acd
from ccd.base.clock import Clock, Moment, ms_between
from ccd.calls.facts import EndedBy
from ccd.core.ledger import Ledger
from ccd.core.missed_calls import charge
from ccd.core.open_calls import OpenCall
from ccd.switch.cdr import read_ending


class PastStays:
    """Publishes the endings of stays, talks and offers that no event told of."""

    def __init__(
        self, *, clock: Clock, acd: Acd, ledger: Ledger, publish: Callable[[Any], None], cdr_path: str
    ) -> None:
        self._clock = clock
        self._acd = acd
        self._ledger = ledger
        self._publish = publish
        self._cdr_path = cdr_path

    def connect_unseen(self, past: OpenCall) -> None:
        """An agent was bridged and gone again while ccd was away: the switch's record of his leg says so."""
        for offer_id, offer in list(past.offers.items()):
            ending = read_ending(self._cdr_path, offer["leg_id"])
            if past.talking or ending is None or not ending.bridged_at:
                continue
            self._offer_ended(past.call_id, offer_id, offer, result=OfferResult.ACCEPTED, at=ending.bridged_at)
            self._publish(
                CallerConnected(
                    at=ending.bridged_at,
                    entry_id=past.entry_id,
                    call_id=past.call_id,
                    queue_id=past.queue_id,
                    agent_id=offer["agent_id"],
                    offer_id=offer_id,
                    leg_id=offer["leg_id"],
                    wait_ms=ms_between(past.waits_since, ending.bridged_at),
                )
            )

    def end_talk(self, past: OpenCall, at: Moment, by: EndedBy = EndedBy.AGENT, *, lost: bool = False) -> None:
        """A conversation of the ledger is over since `at`."""
        self._publish(
            TalkEnded(
                at=at,
                entry_id=past.entry_id,
                call_id=past.call_id,
                queue_id=past.queue_id,
                agent_id=past.agent_id,
                talk_ms=ms_between(past.connected_at, at),
                ended_by=EndedBy.SWITCH_LOST if lost else by,
            )
        )
        self.free_agent(past, at)

    def abandon(self, past: OpenCall, at: Moment, *, lost: bool) -> None:
        """The caller of a stay of the ledger is gone."""
        queue = self._acd.queues.get(past.queue_id)
        self.leave(past, at, abandoned(queue.settings if queue else None, past.joined_at, at, lost=lost))

    def leave(self, past: OpenCall, at: Moment, reason: LeftReason) -> None:
        """A stay of the ledger that came to no conversation is over."""
        if past.entry_id and past.talked_entry != past.entry_id:
            self._publish(
                CallerLeft(
                    at=at,
                    entry_id=past.entry_id,
                    call_id=past.call_id,
                    queue_id=past.queue_id,
                    reason=reason,
                    wait_ms=ms_between(past.waits_since, at),
                )
            )

    def queue_gone(self, past: OpenCall) -> None:
        """The queue of a stay is no longer configured: whoever stood in it is the flow's again."""
        self.connect_unseen(past)
        if past.talking:
            self.end_talk(past, self.talk_ended_at(past))
        self.leave(past, self._clock.now(), LeftReason.CLOSED)

    def close_stale_offers(self, past: OpenCall, at: Moment = 0) -> None:
        """Offers of the ledger that no phone rings for any more; the switch may have written down why."""
        for offer_id, offer in list(past.offers.items()):
            if offer_id in self._acd.offers.out:
                continue
            self._close_offer(past.call_id, offer_id, offer, at)

    def close_widowed_offers(self) -> None:
        """Offers whose caller was gone already, and whose end ccd did not live to see."""
        for offer_id, offer in list(self._ledger.widowed.items()):
            if offer_id not in self._acd.offers.out:
                self._close_offer(offer["call_id"], offer_id, offer, 0)

    def _close_offer(self, call_id: str, offer_id: str, offer: dict[str, str], at: Moment) -> None:
        ending = read_ending(self._cdr_path, offer["leg_id"])
        result = OfferResult.CANCELLED
        if ending is not None:
            contact, progressed = offer.get("contact", ""), ending.progressed_at or ending.answered_at
            result = result_of(ending.cause, ending.protocol_cause, progressed, contact)
        end = ending.ended_at if ending else at or self._clock.now()
        caller = self._acd.callers.get(offer["entry_id"])
        until = 0
        if caller is not None and ending is not None:
            until = charge(self._acd, caller, offer["agent_id"], result, at=end, now=self._clock.now())
        cause = ending.cause if ending else ""
        self._offer_ended(call_id, offer_id, offer, result=result, at=end, cause=cause, refused_until=until)

    def _offer_ended(
        self,
        call_id: str,
        offer_id: str,
        offer: dict[str, str],
        *,
        result: OfferResult,
        at: Moment,
        cause: str = "",
        refused_until: Moment = 0,
    ) -> None:
        self._publish(
            OfferEnded(
                at=at,
                offer_id=offer_id,
                entry_id=offer["entry_id"],
                call_id=call_id,
                queue_id=offer["queue_id"],
                agent_id=offer["agent_id"],
                result=result,
                cause=cause,
                refused_until=refused_until,
            )
        )

    def talk_ended_at(self, past: OpenCall, otherwise: Moment = 0) -> Moment:
        """When the agent's leg of a past talk ended."""
        ending = read_ending(self._cdr_path, past.agent_leg_id) if past.agent_leg_id else None
        return ending.ended_at if ending else otherwise or self._clock.now()

    def free_agent(self, past: OpenCall, at: Moment) -> None:
        """What is left of his wrap-up is kept."""
        agent = self._acd.roster.agents.get(past.agent_id)
        queue = self._acd.queues.get(past.queue_id)
        if agent is None or agent.activity is not Activity.IDLE:
            return
        agent.idle_since = at
        agent.queue_id = past.queue_id
        wrap_up_ms = agent.wrap_up_ms(queue.settings.wrap_up_ms if queue else 0)
        if at + wrap_up_ms * 1000 > self._clock.now():
            agent.activity, agent.offer_id = Activity.TALKING, past.talk_offer
            self._acd.roster.wrap_up(agent, at, wrap_up_ms)
        else:
            self._acd.roster.publish(agent, "recovered")
