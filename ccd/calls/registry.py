"""The live model's only writer: switch events in, facts out. It never asks the switch and never waits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import structlog

from ccd.base.clock import Clock, Moment, ms_between
from ccd.base.ids import new_id
from ccd.base.numbering import Numbering, e164_of
from ccd.base.sources import Origin
from ccd.calls.facts import (
    CallAnswered,
    CallArrived,
    CallEnded,
    CallToFallback,
    EndedBy,
    LegAnswered,
    LegCreated,
    LegEnded,
    LegParked,
    LegRinging,
    LegsBridged,
    LegsUnbridged,
    Outcome,
    Role,
    ended_by_far_end,
)
from ccd.calls.mailbox import Mailbox
from ccd.calls.model import Call, Leg
from ccd.switch import events as e

log = structlog.get_logger(__name__)

AGENTS_CONTEXT = "ccd_agents"
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
        self._steps: dict[type, Callable[[Any, str], None]] = {
            e.ChannelCreated: self._created,
            e.ChannelProgressed: self._progressed,
            e.ChannelAnswered: self._answered,
            e.ChannelParked: self._parked,
            e.ChannelBridged: self._bridged,
            e.ChannelUnbridged: self._unbridged,
            e.ChannelHungUp: self._hung_up,
            e.ApplicationEnded: self._application_ended,
            e.DigitPressed: self._pressed,
            e.RecordStarted: self._for_listeners,
            e.RecordStopped: self._for_listeners,
            e.JobEnded: self._job_ended,
        }

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
            self._end(self.legs[leg_id], at or self._clock.now(), cause, disposition=disposition)

    # --- one step per event -----------------------------------------------------------------------

    def _created(self, event: e.ChannelCreated, node: str) -> None:
        leg = self.legs.get(event.leg_id)
        if leg is None:
            leg = Leg(leg_id=event.leg_id, node=node, role=_role_of(event))
            leg.call_id, leg.agent_id = event.carried.call_id, event.carried.agent_id
            leg.offer_id = event.carried.offer_id
            self.legs[leg.leg_id] = leg
        elif not leg.ordered:
            return
        leg.ordered = False
        leg.created_at = event.at
        leg.inbound = event.inbound
        leg.context, leg.channel_name, leg.dialled = event.context, event.name, event.dialled
        leg.name = event.caller_name
        leg.number = event.caller_number if event.inbound else (leg.number or event.dialled)
        self._publish(
            LegCreated(
                at=event.at,
                leg_id=leg.leg_id,
                call_id=leg.call_id,
                node=node,
                role=leg.role,
                inbound=leg.inbound,
                number=leg.number,
                name=leg.channel_name,
                agent_id=leg.agent_id,
                number_e164=self.e164(leg.number),
            )
        )

    def _progressed(self, event: e.ChannelProgressed, node: str) -> None:
        leg = self.legs.get(event.leg_id)
        if leg is None or leg.inbound or leg.progressed_at or leg.answered_at:
            return
        leg.progressed_at = event.at
        self._publish(LegRinging(at=event.at, leg_id=leg.leg_id, call_id=leg.call_id, role=leg.role))

    def _answered(self, event: e.ChannelAnswered, node: str) -> None:
        leg = self.legs.get(event.leg_id)
        if leg is None or leg.answered_at:
            return
        leg.answered_at = event.at
        self._publish(LegAnswered(at=event.at, leg_id=leg.leg_id, call_id=leg.call_id, role=leg.role))
        call = self.calls.get(leg.call_id)
        if call is not None and call.leg_id == leg.leg_id:
            call.answered_at = event.at
            self._publish(CallAnswered(at=event.at, call_id=call.call_id, leg_id=leg.leg_id))
        self._for_mailbox(event, node)

    def _parked(self, event: e.ChannelParked, node: str) -> None:
        leg = self.legs.get(event.leg_id)
        if leg is None:
            return
        leg.parked, leg.bridged_to, leg.leased = True, "", event.by_dialplan
        self._for_mailbox(event, node)  # before what follows from it: a flow that begins with this event never sees it
        if leg.role is Role.UNKNOWN and leg.inbound and event.carried.entry:
            self._arrive(leg, event)
        self._publish(LegParked(at=event.at, leg_id=leg.leg_id, call_id=leg.call_id, role=leg.role))

    def _arrive(self, leg: Leg, event: e.ChannelParked) -> None:
        """A new customer: the dialplan's mark says that he came through our guards."""
        leg.role, leg.call_id = Role.CUSTOMER, new_id()
        trunk, dialled_e164 = self.recognise(event.origin, event.dialled, "")
        call = Call(
            call_id=leg.call_id,
            leg_id=leg.leg_id,
            node=leg.node,
            caller_number=event.caller_number,
            caller_name=event.caller_name,
            dialled=event.dialled,
            dialled_e164=dialled_e164,
            trunk=trunk,
            arrived_at=leg.created_at or event.at,
            answered_at=leg.answered_at,
            caller_e164=self.e164(event.caller_number),
            legs={leg.leg_id},
        )
        self.calls[call.call_id] = call
        leg.number, leg.name, leg.dialled = call.caller_number, call.caller_name, call.dialled
        self.announce(call)
        if leg.answered_at:  # the dialplan, or an earlier owner of the leg, answered it
            self._publish(CallAnswered(at=leg.answered_at, call_id=call.call_id, leg_id=leg.leg_id))

    def _bridged(self, event: e.ChannelBridged, node: str) -> None:
        for mine, other in ((event.leg_id, event.other_id), (event.other_id, event.leg_id)):
            if leg := self.legs.get(mine):
                leg.bridged_to, leg.parked = other, False
        leg = self.legs.get(event.leg_id) or self.legs.get(event.other_id)
        if leg is None:
            return
        self._publish(LegsBridged(at=event.at, leg_id=event.leg_id, other_id=event.other_id, call_id=leg.call_id))
        self._for_mailbox(event, node)

    def _unbridged(self, event: e.ChannelUnbridged, node: str) -> None:
        for mine, other in ((event.leg_id, event.other_id), (event.other_id, event.leg_id)):
            leg = self.legs.get(mine)
            if leg is not None and leg.bridged_to == other:
                leg.bridged_to = ""
        leg = self.legs.get(event.leg_id)
        if leg is None:
            return
        self._publish(
            LegsUnbridged(at=event.at, leg_id=leg.leg_id, other_id=event.other_id, call_id=leg.call_id, role=leg.role)
        )
        self._for_mailbox(event, node)

    def _hung_up(self, event: e.ChannelHungUp, node: str) -> None:
        leg = self.legs.get(event.leg_id)
        if leg is not None:
            self._end(leg, event.at, event.cause, event)

    def _job_ended(self, event: e.JobEnded, node: str) -> None:
        """An originate that failed without any channel says so only here."""
        leg = self.legs.get(event.leg_id)
        if leg is not None and leg.ordered and event.result.startswith("-"):
            self._end(leg, event.at, event.result.removeprefix("-ERR").strip() or "UNKNOWN")

    def _for_mailbox(self, event: e.SwitchEvent, node: str) -> None:
        leg = self.legs.get(event.leg_id)
        if leg is not None and leg.mailbox is not None:
            leg.mailbox.put(event)

    def _pressed(self, event: e.DigitPressed, node: str) -> None:
        leg = self.legs.get(event.leg_id)
        if leg is not None and leg.presses.counts(event):
            self._for_mailbox(event, node)
            if leg.role is Role.AGENT and not leg.bridged_to:  # what he types in a conversation is nobody's business
                self._publish(event)

    def _application_ended(self, event: e.ApplicationEnded, node: str) -> None:
        leg = self.legs.get(event.leg_id)
        if leg is not None and leg.role in (Role.AGENT, Role.STANDING):
            self._publish(event)
        self._for_mailbox(event, node)

    def _for_listeners(self, event: e.SwitchEvent, node: str) -> None:
        if event.leg_id in self.legs:
            self._publish(event)

    # --- endings ----------------------------------------------------------------------------------

    def _end(
        self, leg: Leg, at: Moment, cause: str, event: e.ChannelHungUp | None = None, disposition: str = ""
    ) -> None:
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


def _role_of(event: e.ChannelCreated) -> Role:
    if event.carried.role in {role.value for role in Role}:
        return Role(event.carried.role)
    return Role.STATION if event.inbound and event.context == AGENTS_CONTEXT else Role.UNKNOWN


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
