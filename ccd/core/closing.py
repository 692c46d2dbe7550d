"""Calls that ended while ccd was away: closed from the switch's own records, so that every row is complete."""

from __future__ import annotations

from collections.abc import Callable, Container
from typing import Any

from ccd.acd.facts import CallerLeft, LeftReason, OfferEnded, OfferResult, TalkEnded
from ccd.acd.model import Activity
from ccd.acd.service import Acd
from ccd.base.clock import Clock, Moment, ms_between
from ccd.base.ids import new_id
from ccd.calls.facts import CallArrived, CallEnded, CallToFallback, EndedBy, LegEnded, Outcome, Role
from ccd.calls.registry import Registry
from ccd.core.ledger import Ledger, OpenCall
from ccd.recording.facts import RecordingStopped
from ccd.switch.cdr import Ending, endings_since, read_ending


class Closing:
    """Publishes the endings that no event told of."""

    def __init__(
        self,
        *,
        clock: Clock,
        registry: Registry,
        acd: Acd,
        ledger: Ledger,
        publish: Callable[[Any], None],
        cdr_path: str,
    ) -> None:
        self._clock = clock
        self._registry = registry
        self._acd = acd
        self._ledger = ledger
        self._publish = publish
        self._cdr_path = cdr_path

    def close_forgotten(self, node: str, alive: Container[str]) -> None:
        """Calls of the ledger that no channel tells of any more are closed from the switch's own records."""
        for past in list(self._ledger.calls.values()):
            if past.node == node and past.leg_id not in alive and past.call_id not in self._registry.calls:
                self._close(past, read_ending(self._cdr_path, past.leg_id))

    def record_unseen(self, node: str, since: Moment) -> None:
        """Calls that came and went while ccd was away: it never saw them, but history has them, fallback or not."""
        known = (
            {call.leg_id for call in self._ledger.calls.values()} | set(self._ledger.ended) | set(self._registry.legs)
        )
        for ending in endings_since(self._cdr_path, since):
            if ending.inbound and ending.entry and not ending.call_id and ending.leg_id not in known:
                call_id = new_id()
                self._publish(
                    CallArrived(
                        at=ending.started_at,
                        call_id=call_id,
                        leg_id=ending.leg_id,
                        node=node,
                        caller_number=ending.caller_number,
                        caller_name=ending.caller_name,
                        dialled=ending.dialled,
                    )
                )

    def _close(self, past: OpenCall, ending: Ending | None) -> None:
        at = ending.ended_at if ending else self._clock.now()
        cause = ending.cause if ending else "LOST"
        if past.talking:
            agent_end = self.talk_ended_at(past)
            talked_until = min(at, agent_end) if agent_end > past.connected_at else at
            by = EndedBy.AGENT if agent_end < at else EndedBy.CALLER
            self._publish(
                TalkEnded(
                    at=talked_until,
                    entry_id=past.entry_id,
                    call_id=past.call_id,
                    queue_id=past.queue_id,
                    agent_id=past.agent_id,
                    talk_ms=ms_between(past.connected_at, talked_until),
                    ended_by=by,
                )
            )
            self.free_agent(past, talked_until)
        elif past.entry_id and not past.connected:
            self._publish(
                CallerLeft(
                    at=at,
                    entry_id=past.entry_id,
                    call_id=past.call_id,
                    queue_id=past.queue_id,
                    reason=LeftReason.ABANDONED,
                    wait_ms=ms_between(past.joined_at, at),
                )
            )
        self._close_offers(past, at)
        if ending is not None and ending.fallback:
            self._publish(CallToFallback(at=at, call_id=past.call_id, leg_id=past.leg_id, reason="ccd_was_away"))
        self._close_recording(past, ending, at)
        self._close_other_legs(past, at)
        self._publish(
            LegEnded(
                at=at,
                leg_id=past.leg_id,
                call_id=past.call_id,
                role=Role.CUSTOMER,
                cause=cause,
                protocol_cause=ending.protocol_cause if ending else "",
            )
        )
        outcome = Outcome.ANSWERED if past.connected else (Outcome.ABANDONED if past.queued else Outcome.IVR_ENDED)
        self._publish(
            CallEnded(
                at=at,
                call_id=past.call_id,
                leg_id=past.leg_id,
                outcome=outcome,
                cause=cause,
                ended_by=EndedBy.CALLER if ending else EndedBy.UNKNOWN,
                duration_ms=ms_between(past.arrived_at, at),
            )
        )

    def _close_offers(self, past: OpenCall, at: Moment) -> None:
        for offer_id, offer in list(past.offers.items()):
            self._publish(
                OfferEnded(
                    at=at,
                    offer_id=offer_id,
                    entry_id=offer["entry_id"],
                    call_id=past.call_id,
                    queue_id=offer["queue_id"],
                    agent_id=offer["agent_id"],
                    result=OfferResult.CANCELLED,
                )
            )

    def _close_other_legs(self, past: OpenCall, at: Moment) -> None:
        for leg_id, role in list(past.legs.items()):
            if leg_id != past.leg_id and leg_id not in self._registry.legs:
                ending = read_ending(self._cdr_path, leg_id)
                self._publish(
                    LegEnded(
                        at=ending.ended_at if ending else at,
                        leg_id=leg_id,
                        call_id=past.call_id,
                        role=Role(role),
                        cause=ending.cause if ending else "LOST",
                        protocol_cause=ending.protocol_cause if ending else "",
                        answered_at=ending.answered_at if ending else 0,
                    )
                )

    def _close_recording(self, past: OpenCall, ending: Ending | None, at: Moment) -> None:
        started = self._ledger.recordings.get(past.call_id)
        if started is not None:
            measured = ending.record_ms if ending else 0
            self._publish(
                RecordingStopped(
                    at=at,
                    recording_id=started.recording_id,
                    call_id=past.call_id,
                    duration_ms=measured or ms_between(started.at, at),
                )
            )

    def talk_ended_at(self, past: OpenCall) -> Moment:
        """When the agent's leg of a past talk ended."""
        for leg_id, role in past.legs.items():
            if role == Role.AGENT.value and (ending := read_ending(self._cdr_path, leg_id)):
                return ending.ended_at
        return self._clock.now()

    def free_agent(self, past: OpenCall, at: Moment) -> None:
        """What is left of his wrap-up is kept."""
        agent = self._acd.roster.agents.get(past.agent_id)
        queue = self._acd.queues.get(past.queue_id)
        if agent is None or agent.activity is not Activity.IDLE:
            return
        agent.idle_since = at
        wrap_up_ms = queue.settings.wrap_up_ms if queue else 0
        if at + wrap_up_ms * 1000 > self._clock.now():
            agent.activity = Activity.TALKING
            self._acd.roster.wrap_up(agent, at, wrap_up_ms)
        else:
            self._acd.roster.publish(agent, "recovered")
