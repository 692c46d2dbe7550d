"""Calls that ended while ccd was away: closed from the switch's own records, so that every row is complete."""

from __future__ import annotations

from collections.abc import Callable, Container
from typing import Any

from ccd.acd.facts import LeftReason
from ccd.acd.service import Acd
from ccd.base.clock import Clock, Moment, ms_between
from ccd.base.ids import new_id
from ccd.calls.facts import (
    CallArrived,
    CallEnded,
    CallToFallback,
    EndedBy,
    LegCreated,
    LegEnded,
    Outcome,
    Role,
    ended_by_far_end,
)
from ccd.calls.registry import Registry
from ccd.core.ledger import Ledger
from ccd.core.open_calls import OpenCall
from ccd.core.past_stays import PastStays
from ccd.recording.facts import RecordingStopped
from ccd.switch.cdr import Ending, endings_since, read_ending
from ccd.voicemail.endings import ending as voicemail_ending
from ccd.voicemail.facts import MessageEnd


class Closing:
    """Publishes the endings that no event told of; `stays` has those of stays in queues."""

    def __init__(
        self,
        *,
        clock: Clock,
        registry: Registry,
        acd: Acd,
        ledger: Ledger,
        publish: Callable[[Any], None],
        cdr_path: str,
        close_transfer: Callable[[OpenCall, Moment], None] = lambda past, at: None,
    ) -> None:
        self._clock = clock
        self._registry = registry
        self._ledger = ledger
        self._publish = publish
        self._cdr_path = cdr_path
        self._close_transfer = close_transfer
        self._unknown_cause = "LOST"
        self._strangers: dict[str, str] = {}
        self.stays = PastStays(clock=clock, acd=acd, ledger=ledger, publish=publish, cdr_path=cdr_path)

    def close_forgotten(self, node: str, alive: Container[str], *, switch_lost: bool = False) -> None:
        """Calls of the ledger that no channel tells of any more are closed from the switch's own records.

        `switch_lost`: another run of the switch answers now; what it did not write down ended with it.
        """
        self._unknown_cause = "SWITCH_LOST" if switch_lost else "LOST"
        for past in list(self._ledger.calls.values()):
            if past.node == node and past.leg_id not in alive and past.call_id not in self._registry.calls:
                self._close(past, read_ending(self._cdr_path, past.leg_id))

    def record_unseen(self, node: str, since: Moment) -> None:
        """Calls that came and went while ccd was away: it never saw them, but history has them, fallback or not."""
        known = (
            {call.leg_id for call in self._ledger.calls.values()} | set(self._ledger.ended) | set(self._registry.legs)
        )
        for ending in endings_since(self._cdr_path, since):
            if _was_for_us(ending) and ending.leg_id not in known:
                self._record(node, ending)

    def on_leg_created(self, fact: LegCreated) -> None:
        """Remember a leg that nobody has taken: it may go to the fallback before our eyes."""
        if fact.inbound and fact.role is Role.UNKNOWN:
            self._strangers[fact.leg_id] = fact.node

    def on_leg_ended(self, fact: LegEnded) -> None:
        """A caller whom the dialplan sent to the fallback just before it heard that ccd lives is recorded too."""
        node = self._strangers.pop(fact.leg_id, None)
        if node is None or fact.role is not Role.UNKNOWN:
            return
        ending = read_ending(self._cdr_path, fact.leg_id)
        if ending is not None and _was_for_us(ending):
            past = self._record(node, ending)
            past.leg_ended = True
            self._close(past, ending)

    def _record(self, node: str, ending: Ending) -> OpenCall:
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
                caller_e164=self._registry.e164(ending.caller_number),
            )
        )
        return self._ledger.calls[call_id]

    def _close(self, past: OpenCall, ending: Ending | None) -> None:
        at = ending.ended_at if ending else self._clock.now()
        cause = ending.cause if ending else self._unknown_cause
        lost = cause == "SWITCH_LOST"
        self.stays.connect_unseen(past)
        if past.talking:
            agent_end = self.stays.talk_ended_at(past, at)
            self.stays.end_talk(
                past, min(at, agent_end), EndedBy.AGENT if agent_end < at else EndedBy.CALLER, lost=lost
            )
        self.stays.abandon(past, at, lost=lost)
        self._close_transfer(past, at)
        self.stays.close_stale_offers(past, at)
        if ending is not None and ending.fallback:
            self._publish(CallToFallback(at=at, call_id=past.call_id, leg_id=past.leg_id, reason="ccd_was_away"))
        self._close_recording(past, ending, at)
        self._close_voicemail(past, at)
        if not past.leg_ended:  # ccd may have died between the two facts
            self._leg_ended(past.leg_id, past.call_id, Role.CUSTOMER, ending, at)
        outcome = _outcome(past)
        by = ended_by_far_end(cause, ending.disposition if ending else "") if ending or lost else EndedBy.UNKNOWN
        self._publish(
            CallEnded(
                at=at,
                call_id=past.call_id,
                leg_id=past.leg_id,
                outcome=outcome,
                cause=cause,
                ended_by=by,
                duration_ms=ms_between(past.arrived_at, at),
            )
        )

    def leave_queue(self, past: OpenCall) -> None:
        """The caller was moved to the fallback while ccd was away: his stay is over, whatever it had come to."""
        self.stays.connect_unseen(past)
        if past.talking:
            self.stays.end_talk(past, self.stays.talk_ended_at(past))
        self.stays.leave(past, self._clock.now(), LeftReason.OVERFLOWED)
        self._close_transfer(past, 0)

    # --- legs and files ---------------------------------------------------------------------------

    def close_legs(self, node: str, alive: Container[str]) -> None:
        """Legs of the ledger that are gone, though no event said so."""
        for leg_id, leg in list(self._ledger.legs.items()):
            if leg.node == node and leg_id not in alive and leg_id not in self._registry.legs:
                ending = read_ending(self._cdr_path, leg_id)
                self._leg_ended(leg_id, leg.call_id, Role(leg.role), ending, self._clock.now())

    def _leg_ended(self, leg_id: str, call_id: str, role: Role, ending: Ending | None, at: Moment) -> None:
        self._publish(
            LegEnded(
                at=ending.ended_at if ending else at,
                leg_id=leg_id,
                call_id=call_id,
                role=role,
                cause=ending.cause if ending else self._unknown_cause,
                protocol_cause=ending.protocol_cause if ending else "",
                disposition=ending.disposition if ending else "",
                progressed_at=ending.progressed_at if ending else 0,
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

    def _close_voicemail(self, past: OpenCall, at: Moment) -> None:
        """The caller spoke until he hung up, or his message had ended by itself: side measures how long the file is."""
        started = self._ledger.voicemails.get(past.call_id)
        if started is not None:
            spoken_ms = min(ms_between(started.at, at), started.max_ms)
            self._publish(voicemail_ending(started, at, spoken_ms, MessageEnd.CALLER))


def _outcome(past: OpenCall) -> Outcome:
    if past.connected or past.transferred:
        return Outcome.ANSWERED
    if past.blocked:
        return Outcome.BLOCKED
    if past.voicemail:
        return Outcome.VOICEMAIL
    return Outcome.ABANDONED if past.queued else Outcome.IVR_ENDED


def _was_for_us(ending: Ending) -> bool:
    """A customer whom no ccd has marked: he came through our guards, or to the fallback behind them."""
    return ending.inbound and (ending.entry or ending.fallback) and not ending.call_id
