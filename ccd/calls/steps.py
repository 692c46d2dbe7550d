"""One step for each event of the switch: how the live model changes by it, and what is told of it.

For ccd.calls.registry alone, which owns the model. A step never asks the switch and never waits.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ccd.base.ids import new_id
from ccd.calls.facts import (
    CallAnswered,
    LegAnswered,
    LegCreated,
    LegParked,
    LegRinging,
    LegsBridged,
    LegsUnbridged,
    Role,
)
from ccd.calls.model import Call, Leg
from ccd.switch import events as e

if TYPE_CHECKING:
    from ccd.calls.registry import Registry

AGENTS_CONTEXT = "ccd_agents"


class Steps:
    """The steps by the kind of event, as `table`; each is given the event and its node."""

    def __init__(self, registry: Registry, publish: Callable[[Any], None]) -> None:
        self._registry = registry
        self._legs = registry.legs
        self._calls = registry.calls
        self._publish = publish
        self.table: dict[type, Callable[[Any, str], None]] = {
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

    def _created(self, event: e.ChannelCreated, node: str) -> None:
        leg = self._legs.get(event.leg_id)
        if leg is None:
            leg = Leg(leg_id=event.leg_id, node=node, role=_role_of(event))
            leg.call_id, leg.agent_id = event.carried.call_id, event.carried.agent_id
            leg.offer_id = event.carried.offer_id
            self._legs[leg.leg_id] = leg
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
                number_e164=self._registry.e164(leg.number),
            )
        )

    def _progressed(self, event: e.ChannelProgressed, node: str) -> None:
        leg = self._legs.get(event.leg_id)
        if leg is None or leg.inbound or leg.progressed_at or leg.answered_at:
            return
        leg.progressed_at = event.at
        self._publish(LegRinging(at=event.at, leg_id=leg.leg_id, call_id=leg.call_id, role=leg.role))

    def _answered(self, event: e.ChannelAnswered, node: str) -> None:
        leg = self._legs.get(event.leg_id)
        if leg is None or leg.answered_at:
            return
        leg.answered_at = event.at
        self._publish(LegAnswered(at=event.at, leg_id=leg.leg_id, call_id=leg.call_id, role=leg.role))
        call = self._calls.get(leg.call_id)
        if call is not None and call.leg_id == leg.leg_id:
            call.answered_at = event.at
            self._publish(CallAnswered(at=event.at, call_id=call.call_id, leg_id=leg.leg_id))
        self._for_mailbox(event, node)

    def _parked(self, event: e.ChannelParked, node: str) -> None:
        leg = self._legs.get(event.leg_id)
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
        trunk, dialled_e164 = self._registry.recognise(event.origin, event.dialled, "")
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
            caller_e164=self._registry.e164(event.caller_number),
            legs={leg.leg_id},
        )
        self._calls[call.call_id] = call
        leg.number, leg.name, leg.dialled = call.caller_number, call.caller_name, call.dialled
        self._registry.announce(call)
        if leg.answered_at:  # the dialplan, or an earlier owner of the leg, answered it
            self._publish(CallAnswered(at=leg.answered_at, call_id=call.call_id, leg_id=leg.leg_id))

    def _bridged(self, event: e.ChannelBridged, node: str) -> None:
        for mine, other in ((event.leg_id, event.other_id), (event.other_id, event.leg_id)):
            if leg := self._legs.get(mine):
                leg.bridged_to, leg.parked = other, False
        leg = self._legs.get(event.leg_id) or self._legs.get(event.other_id)
        if leg is None:
            return
        self._publish(LegsBridged(at=event.at, leg_id=event.leg_id, other_id=event.other_id, call_id=leg.call_id))
        self._for_mailbox(event, node)

    def _unbridged(self, event: e.ChannelUnbridged, node: str) -> None:
        for mine, other in ((event.leg_id, event.other_id), (event.other_id, event.leg_id)):
            leg = self._legs.get(mine)
            if leg is not None and leg.bridged_to == other:
                leg.bridged_to = ""
        leg = self._legs.get(event.leg_id)
        if leg is None:
            return
        self._publish(
            LegsUnbridged(at=event.at, leg_id=leg.leg_id, other_id=event.other_id, call_id=leg.call_id, role=leg.role)
        )
        self._for_mailbox(event, node)

    def _hung_up(self, event: e.ChannelHungUp, node: str) -> None:
        leg = self._legs.get(event.leg_id)
        if leg is not None:
            self._registry.end(leg, event.at, event.cause, event)

    def _job_ended(self, event: e.JobEnded, node: str) -> None:
        """An originate that failed without any channel says so only here."""
        leg = self._legs.get(event.leg_id)
        if leg is not None and leg.ordered and event.result.startswith("-"):
            self._registry.end(leg, event.at, event.result.removeprefix("-ERR").strip() or "UNKNOWN")

    def _for_mailbox(self, event: e.SwitchEvent, node: str) -> None:
        leg = self._legs.get(event.leg_id)
        if leg is not None and leg.mailbox is not None:
            leg.mailbox.put(event)

    def _pressed(self, event: e.DigitPressed, node: str) -> None:
        leg = self._legs.get(event.leg_id)
        if leg is not None and leg.presses.counts(event):
            self._for_mailbox(event, node)
            if leg.role is Role.AGENT and not leg.bridged_to:  # what he types in a conversation is nobody's business
                self._publish(event)

    def _application_ended(self, event: e.ApplicationEnded, node: str) -> None:
        leg = self._legs.get(event.leg_id)
        if leg is not None and leg.role in (Role.AGENT, Role.STANDING):
            self._publish(event)
        self._for_mailbox(event, node)

    def _for_listeners(self, event: e.SwitchEvent, node: str) -> None:
        if event.leg_id in self._legs:
            self._publish(event)


def _role_of(event: e.ChannelCreated) -> Role:
    if event.carried.role in {role.value for role in Role}:
        return Role(event.carried.role)
    return Role.STATION if event.inbound and event.context == AGENTS_CONTEXT else Role.UNKNOWN
