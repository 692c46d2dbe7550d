"""Legs that a reconciliation found and nobody had known: the live model gets them as their channels and the ledger tell."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ccd.base.clock import Clock
from ccd.base.ids import new_id
from ccd.calls import onchannel
from ccd.calls.facts import CallAnswered, LegCreated, Role
from ccd.calls.model import Call, Leg
from ccd.calls.onchannel import Place
from ccd.calls.registry import Registry
from ccd.core.ledger import Ledger
from ccd.core.stays import as_known
from ccd.switch.found import Found


class Adoption:
    """Makes legs and calls of channels. Whether ccd may drive them, and what goes on with them, is the recovery's."""

    def __init__(self, *, clock: Clock, registry: Registry, ledger: Ledger, publish: Callable[[Any], None]) -> None:
        self._clock = clock
        self._registry = registry
        self._ledger = ledger
        self._publish = publish

    def places(self, fresh: list[Found]) -> dict[str, Place]:
        """Where each leg was: what its channel carries, or what the ledger knows of a call not marked in time."""
        unmarked = {past.leg_id: past.call_id for past in self._ledger.calls.values()}
        return {found.leg_id: self._place(found, unmarked) for found in fresh}

    def _place(self, found: Found, unmarked: dict[str, str]) -> Place:
        place = onchannel.read(found.variables)
        if place.role != Role.CUSTOMER.value:
            return place
        call_id = place.call_id or unmarked.get(found.leg_id, "")
        return as_known(place, self._ledger.calls.get(call_id)) if call_id else place

    def stranger(self, node: str, found: Found) -> None:
        """A leg that no ccd has marked: it has just come, or it came while ccd was away and stands in the fallback."""
        if not (found.inbound and in_fallback(found)):
            for event in found.as_events(self._clock.now()):
                self._registry.apply(event, node)
            return
        place = Place(call_id=new_id())
        leg = self._leg(node, found, place, Role.CUSTOMER)
        leg.in_fallback = True
        call = self._call(leg, found, place)
        self._registry.adopt(leg, call)
        self._tell_created(leg, found)
        self._registry.announce(call)
        self._registry.note_fallback(leg, "ccd_was_away", self._clock.now())

    def take(self, node: str, found: Found, place: Place) -> None:
        """A leg that a ccd before us had marked, and its call if it is the customer's."""
        role = Role(place.role) if place.role in {one.value for one in Role} else Role.UNKNOWN
        leg = self._leg(node, found, place, role)
        past = self._ledger.calls.get(place.call_id)
        call = self._call(leg, found, place) if role is Role.CUSTOMER else None
        self._registry.adopt(leg, call)
        self._tell_created(leg, found)
        if call is not None and past is not None and found.answered_at and not past.answered_at:
            self._publish(CallAnswered(at=found.answered_at, call_id=call.call_id, leg_id=leg.leg_id))

    def _tell_created(self, leg: Leg, found: Found) -> None:
        if leg.leg_id not in self._ledger.legs:
            self._publish(
                LegCreated(
                    at=found.created_at,
                    leg_id=leg.leg_id,
                    call_id=leg.call_id,
                    node=leg.node,
                    role=leg.role,
                    inbound=leg.inbound,
                    number=leg.number,
                    name=leg.channel_name,
                    agent_id=leg.agent_id,
                    number_e164=self._registry.e164(leg.number),
                )
            )

    def _leg(self, node: str, found: Found, place: Place, role: Role) -> Leg:
        return Leg(
            leg_id=found.leg_id,
            node=node,
            role=role,
            call_id=place.call_id,
            inbound=found.inbound,
            number=found.caller_number,
            name=found.caller_name,
            dialled=place.dialled or found.dialled,
            context=found.context,
            channel_name=found.name,
            agent_id=place.agent_id if role in (Role.AGENT, Role.STANDING) else "",
            offer_id=place.offer_id if role is Role.AGENT else "",
            created_at=found.created_at,
            progressed_at=found.progressed_at,
            answered_at=found.answered_at,
            parked=found.parked and not found.bridged_to,
            bridged_to=found.bridged_to,
            early_media=found.early_media,
        )

    def _call(self, leg: Leg, found: Found, place: Place) -> Call:
        past = self._ledger.calls.get(place.call_id)
        known = past.trunk if past else place.trunk
        trunk, dialled_e164 = self._registry.recognise(found.origin(), leg.dialled, known)
        return Call(
            call_id=place.call_id,
            leg_id=leg.leg_id,
            node=leg.node,
            caller_number=found.caller_number,
            caller_name=found.caller_name,
            dialled=leg.dialled,
            arrived_at=(past.arrived_at if past else 0) or place.arrived_at or found.created_at,
            answered_at=found.answered_at,
            queue_id=place.queue_id or (past.queue_id if past else ""),
            queued=bool(place.queued or (past and past.queued)),
            connected=bool(place.connected_at or (past and past.connected)),
            connected_at=place.connected_at,
            voicemail=bool(past and past.voicemail),
            caller_e164=self._registry.e164(found.caller_number),
            trunk=trunk,
            dialled_e164=(past.dialled_e164 if past else "") or dialled_e164,
            repeat_calls=past.repeat_calls if past else place.repeat_calls,
            last_agent=past.last_agent if past else place.last_agent,
            routed_as=past.routed_as if past else None,
            caller_class=past.caller_class if past and past.caller_class else place.caller_class,
            class_reason=past.class_reason if past else "",
            blocked=bool(past and past.blocked),
        )


def in_fallback(found: Found) -> bool:
    """Whether the leg stands in the site's fallback."""
    return found.variables.get("ccd_fallback") == "1" or found.context == "ccd_fallback"
