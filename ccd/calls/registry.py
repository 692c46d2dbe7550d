"""The live model's only writer: switch events in, facts out. It never asks the switch and never waits.

What each event means is in `steps`; what begins and ends a leg's life is here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ccd.base.clock import Clock, Moment, ms_between
from ccd.base.numbering import Numbering, e164_of
from ccd.base.sources import Origin
from ccd.calls.facts import (
    CallArrived,
    CallEnded,
    CallToFallback,
    EndedBy,
    LegEnded,
    Outcome,
    ended_by_far_end,
)
from ccd.calls.mailbox import Mailbox
from ccd.calls.model import Call, Leg
from ccd.calls.steps import Steps
from ccd.switch import events as e

Recognise = Callable[[Origin, str, str], tuple[str, str]]
"""From where a call came in, what was dialled and the trunk if it is known already: the trunk's name, and the whole dialled
number in E.164; '' for neither."""


class Registry:
    """Legs and calls of one ccd, by id. `publish` gets every fact and signal, in order; `numbering` is the site's, as are
    the trunks that `recognise` knows.
    """

    def __init__(
        self,
        clock: Clock,
        publish: Callable[[Any], None],
        numbering: Numbering | None = None,
        recognise: Recognise | None = None,
    ) -> None:
        self.legs: dict[str, Leg] = {}
        self.calls: dict[str, Call] = {}
        self.latest_event_at: Moment = 0
        self._clock = clock
        self._publish = publish
        self._numbering = numbering or Numbering()
        self.recognise: Recognise = recognise or (lambda _, dialled, trunk: (trunk, self.e164(dialled)))
        self._steps = Steps(self, publish).table

    def apply(self, event: e.SwitchEvent, node: str) -> None:
        """Bring the model up to date with `event` and publish what follows from it."""
        self.latest_event_at = max(self.latest_event_at, event.at)
        step = self._steps.get(type(event))
        if step is not None:
            step(event, node)

    def e164(self, number: str) -> str:
        """A number as lists and history compare it; '' for one that has no such form."""
        return e164_of(number, self._numbering)

    def order_leg(self, leg: Leg) -> None:
        """Register a leg that we are about to originate, so that nothing it does comes as a surprise."""
        leg.ordered = True
        self.legs[leg.leg_id] = leg
        if call := self.calls.get(leg.call_id):
            call.legs.add(leg.leg_id)

    def open_mailbox(self, leg_id: str) -> Mailbox:
        """The mailbox of a leg; what happens to the leg from now on is put there."""
        leg = self.legs[leg_id]
        if leg.mailbox is None:
            leg.mailbox = Mailbox(leg_id, self._clock)
        return leg.mailbox

    def adopt(self, leg: Leg, call: Call | None = None) -> None:
        """Take up a leg (and its call) that a recovery found alive; publishes nothing."""
        self.legs[leg.leg_id] = leg
        if call is not None:
            self.calls.setdefault(call.call_id, call)
        if mine := self.calls.get(leg.call_id):
            mine.legs.add(leg.leg_id)

    def announce(self, call: Call) -> None:
        """Tell of a call that is new to us."""
        self._publish(
            CallArrived(
                at=call.arrived_at,
                call_id=call.call_id,
                leg_id=call.leg_id,
                node=call.node,
                caller_number=call.caller_number,
                caller_name=call.caller_name,
                dialled=call.dialled,
                caller_e164=self.e164(call.caller_number),
                dialled_e164=call.dialled_e164,
                trunk=call.trunk,
            )
        )

    def lose(self, leg_id: str, cause: str, at: Moment = 0, disposition: str = "") -> None:
        """A leg is known to be gone although no event said so."""
        if leg_id in self.legs:
            self.end(self.legs[leg_id], at or self._clock.now(), cause, disposition=disposition)

    # --- endings ----------------------------------------------------------------------------------

    def end(
        self, leg: Leg, at: Moment, cause: str, event: e.ChannelHungUp | None = None, disposition: str = ""
    ) -> None:
        """A leg is gone, and with a caller's own leg his call. `event` says so, unless it was found out otherwise."""
        del self.legs[leg.leg_id]
        other = self.legs.get(leg.bridged_to)
        if other is not None and other.bridged_to == leg.leg_id:
            other.bridged_to = ""
        if leg.mailbox is not None:
            leg.mailbox.close(cause)
        self._publish(
            LegEnded(
                at=at,
                leg_id=leg.leg_id,
                call_id=leg.call_id,
                role=leg.role,
                cause=cause,
                protocol_cause=event.protocol_cause if event else "",
                disposition=event.disposition if event else disposition,
                progressed_at=event.progressed_at if event else leg.progressed_at,
                answered_at=leg.answered_at,
                node=leg.node,
            )
        )
        call = self.calls.get(leg.call_id)
        if call is None:
            return
        call.legs.discard(leg.leg_id)
        if call.leg_id == leg.leg_id:
            self._end_call(call, at, cause, event.disposition if event else disposition)

    def _end_call(self, call: Call, at: Moment, cause: str, disposition: str) -> None:
        del self.calls[call.call_id]
        self._publish(
            CallEnded(
                at=at,
                call_id=call.call_id,
                leg_id=call.leg_id,
                outcome=outcome_of(call),
                cause=cause,
                ended_by=_ended_by(call, cause, disposition),
                duration_ms=ms_between(call.arrived_at, at),
            )
        )

    def note_fallback(self, leg: Leg, reason: str, at: Moment) -> None:
        """The leg stands in the site's fallback: history says so, and nobody here touches it any more.

        Whoever ended a conversation before, or was about to end the call, will not be the one who ends it.
        """
        leg.in_fallback = True
        if call := self.calls.get(leg.call_id):
            call.agent_hung_up = call.ended_by_ccd = False
        self._publish(CallToFallback(at=at, call_id=leg.call_id, leg_id=leg.leg_id, reason=reason))


def outcome_of(call: Call) -> Outcome:
    """Which count a call belongs to: connected before turned away before a message left before queued before neither."""
    if call.connected or call.transferred:
        return Outcome.ANSWERED
    if call.blocked:
        return Outcome.BLOCKED
    if call.voicemail:
        return Outcome.VOICEMAIL
    return Outcome.ABANDONED if call.queued else Outcome.IVR_ENDED


def _ended_by(call: Call, cause: str, disposition: str) -> EndedBy:
    if cause != "SWITCH_LOST":
        if call.agent_hung_up:
            return EndedBy.AGENT
        # A caller's BYE ends what he hears first, and the flow may have gone on to its hang-up by then.
        if call.ended_by_ccd and not disposition.startswith("recv_"):
            return EndedBy.CCD
    return ended_by_far_end(cause, disposition)
