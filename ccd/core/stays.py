"""Puts customers who are found again back where they stood in their queues, with their offers and conversations.

The ledger is ahead of the channel: a fact is written before the switch is told. So what the ledger knows of a stay counts,
and the channel's own words only where the ledger knows nothing of the call. What the switch did since then stands in its
channels and records.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from ccd.acd.agent_states import Cue
from ccd.acd.asks import read_asks, written_asks
from ccd.acd.callers import Offer, QueuedCaller, Stay
from ccd.acd.facts import CallerReturned, OfferResult
from ccd.acd.model import Activity
from ccd.acd.service import Acd
from ccd.base.clock import Clock, Moment, ms_between
from ccd.calls import onchannel
from ccd.calls.onchannel import Place
from ccd.calls.registry import Registry
from ccd.core.closing import Closing
from ccd.core.ledger import Ledger
from ccd.core.missed_calls import charge
from ccd.core.node import Node
from ccd.core.open_calls import OpenCall
from ccd.core.queue_door import VIP
from ccd.switch.commands import Hangup, SetVariables
from ccd.switch.found import Found

# What parts/take.xml and parts/lease.xml give a customer's leg, so that it outlives its agent; a leg that came in under an
# older dialplan is told.
SURVIVES = {"transfer_after_bridge": "after:XML:ccd_after", "uuid_bridge_park_on_cancel": "true"}


def as_known(place: Place, past: OpenCall | None) -> Place:
    """The place of a call as the ledger has it, which the channel may not have been told yet."""
    if past is None:
        return place
    talked = bool(past.entry_id) and past.talked_entry == past.entry_id
    stands = bool(past.entry_id) and (past.talking or not talked)
    return msgspec.structs.replace(
        place,
        call_id=past.call_id,
        flow=past.flow or place.flow,
        node=past.place or ("" if past.flow else place.node),
        stack=past.stack if past.flow else place.stack,
        values=past.values if past.place else place.values,  # as they were when the call came to that node
        caller_class=past.caller_class or place.caller_class,
        queued=1 if stands else 0,
        queue_id=past.queue_id,
        entry_id=past.entry_id,
        joined_at=past.joined_at if stands else 0,
        priority=past.priority,
        asks=written_asks(past.asks) if stands else "",
        connected_at=past.connected_at if stands and talked else 0,
    )


class Stays:
    """The part of a recovery that knows queues."""

    def __init__(
        self,
        *,
        clock: Clock,
        registry: Registry,
        acd: Acd,
        ledger: Ledger,
        closing: Closing,
        publish: Callable[[Any], None],
    ) -> None:
        self._clock = clock
        self._registry = registry
        self._acd = acd
        self._ledger = ledger
        self._closing = closing
        self._answered: list[Offer] = []
        self._publish = publish

    def find(self, node: Node, found: Found, place: Place, agents: Mapping[str, Found]) -> str:
        """Take up a customer's stay: waiting, talking. Returns the edge by which his flow goes on if the stay is over."""
        past = self._ledger.calls.get(place.call_id)
        if past is None and place.connected_at and found.bridged_to not in agents:
            return "next"
        if not place.queued or place.queue_id not in self._acd.queues:
            if past is not None and place.queued and found.bridged_to not in agents:
                self._closing.stays.queue_gone(past)
            return past.done if past is not None else ""
        caller = self._caller(found, place)
        if found.bridged_to in agents:
            self._take_up_talk(node, caller, agents[found.bridged_to], bool(place.connected_at))
            return ""
        if past is not None:
            self._closing.stays.connect_unseen(past)
            if past.talking and not self._talk_counts(past, caller):
                self._return(past, caller)
            if past.talking:
                at = self._closing.stays.talk_ended_at(past)
                self._closing.stays.end_talk(past, at)
            if past.done:
                return past.done
        self._acd.take_up(caller)
        return ""

    def _caller(self, found: Found, place: Place) -> QueuedCaller:
        past = self._ledger.calls.get(place.call_id)
        return QueuedCaller(
            entry_id=place.entry_id,
            call_id=place.call_id,
            leg_id=found.leg_id,
            queue_id=place.queue_id,
            node=self._registry.legs[found.leg_id].node,
            number=found.caller_number,
            joined_at=place.joined_at,
            priority=place.priority,
            answered=bool(found.answered_at),
            vip=past.vip if past is not None else place.caller_class == VIP,
            asks=read_asks(place.asks),
            bound_to=past.bound_to if past is not None else "",
            bound_until=past.bound_until if past is not None else 0,
            entered_at=past.entered_at if past is not None else 0,
            hops=past.hops if past is not None else 0,
            announced=past.announced if past is not None else 0,
            refused=dict(past.refused) if past is not None else {},
            tried=set(past.tried) if past is not None else set(),
        )

    def _talk_counts(self, past: OpenCall, caller: QueuedCaller) -> bool:
        """Whether what ended while ccd was away was a conversation; a shorter one leaves the caller in line."""
        min_talk_ms = self._acd.queues[caller.queue_id].settings.min_talk_ms
        return ms_between(past.connected_at, self._closing.stays.talk_ended_at(past)) >= min_talk_ms

    def _return(self, past: OpenCall, caller: QueuedCaller) -> None:
        at, now = self._closing.stays.talk_ended_at(past), self._clock.now()
        until = charge(self._acd, caller, past.agent_id, OfferResult.REJECTED, at=at, now=now)
        self._closing.stays.free_agent(past, at)
        offer_id = next((one for one, offer in past.offers.items() if offer["agent_id"] == past.agent_id), "")
        self._publish(
            CallerReturned(
                at=at,
                entry_id=past.entry_id,
                call_id=past.call_id,
                queue_id=past.queue_id,
                agent_id=past.agent_id,
                offer_id=offer_id,
                refused_until=until,
            )
        )

    def _take_up_talk(self, node: Node, caller: QueuedCaller, agent: Found, connected: bool) -> None:
        offer = self._offer(caller, agent, onchannel.read(agent.variables))
        caller.winner = caller.offer_id = offer.offer_id
        caller.agent_id = offer.agent_id
        if not connected:
            caller.stay = Stay.OFFERED
            self._acd.take_up(caller)
            self._adopt_offer(offer, caller)
            self._acd.offers.bridging.connected(offer, caller, agent.bridged_at or self._clock.now())
            return
        past = self._ledger.calls.get(caller.call_id)
        since = (past.connected_at if past else 0) or agent.bridged_at or self._clock.now()
        caller.stay, caller.agent_leg_id, caller.connected_at = Stay.TALKING, agent.leg_id, since
        self._acd.take_up(caller)
        self._acd.talks.begin(offer)
        node.guards.drop(caller.leg_id)  # ccd may have died before it did so
        state = self._acd.roster.agents.get(offer.agent_id)
        if state is not None:
            state.activity, state.activity_since = Activity.TALKING, since
            state.call_id, state.queue_id, state.offer_id = caller.call_id, caller.queue_id, offer.offer_id
            self._acd.agent_changed(state)

    def agent_leg(self, node: Node, found: Found, place: Place) -> None:
        """An agent's leg that is not talking: a ringing phone rings on, as an answered one waits, an orphan ends."""
        if found.bridged_to:
            return
        call = self._registry.calls.get(place.call_id)
        caller = self._acd.caller_of(call.leg_id) if call is not None else None
        agent = self._acd.roster.agents.get(place.agent_id)
        past = self._ledger.calls.get(place.call_id)
        made = past.offers.get(place.offer_id) if past is not None else None
        if caller is not None and made is not None and made["entry_id"] != caller.entry_id:
            caller = None  # made for an earlier stay of the same call
        if caller is None or not self._may_ring(caller) or agent is None or agent.activity is not Activity.IDLE:
            node.switch.tell(Hangup(leg_id=found.leg_id, cause="ORIGINATOR_CANCEL"))
            return
        offer = self._offer(caller, found, place)
        self._adopt_offer(offer, caller)
        self._acd.taken_up_ringing(caller)
        if found.parked:
            self._answered.append(offer)

    def join_answered(self) -> None:
        """Agents who have answered are joined, when all who ring with them are known: of two for one caller the first has him,
        and the other has lost a race."""
        answered, self._answered = self._answered, []
        for offer in sorted(answered, key=lambda one: one.answered_at or one.picked_up_at):
            self._acd.offers.bridging.join(offer)

    def _may_ring(self, caller: QueuedCaller) -> bool:
        """Whether a phone may ring for a caller: nobody's does yet, or his queue rings several."""
        if caller.stay is Stay.WAITING:
            return True
        return caller.stay is Stay.OFFERED and not caller.winner and self._acd.rings_several(caller)

    def _offer(self, caller: QueuedCaller, agent: Found, place: Place) -> Offer:
        return Offer(
            offer_id=place.offer_id,
            entry_id=caller.entry_id,
            queue_id=caller.queue_id,
            agent_id=place.agent_id,
            leg_id=agent.leg_id,
            contact=agent.name,
            node=self._registry.legs[agent.leg_id].node,
            made_at=agent.created_at,
            call_id=caller.call_id,
            rang_at=agent.progressed_at,
            answered_at=agent.answered_at,
            standing=self._acd.standing.has(agent.leg_id),
        )

    def _adopt_offer(self, offer: Offer, caller: QueuedCaller) -> None:
        self._acd.offers.adopt(offer)
        agent = self._acd.roster.find(offer.agent_id)
        agent.offer_id = offer.offer_id
        if agent.activity is Activity.IDLE:
            self._acd.roster.step(agent, Cue.OFFER, self._clock.now(), call_id=caller.call_id, queue_id=caller.queue_id)
            self._acd.agent_changed(agent)

    def tell_channel(self, node: Node, found: Found, place: Place, arrived_at: Moment) -> None:
        """Write to the channel what it should have been told before ccd died."""
        written = onchannel.read(found.variables)
        stays = self._acd.caller_of(found.leg_id) is not None
        wanted = {
            "call_id": place.call_id,
            "role": place.role,
            "arrived_at": arrived_at,
            "dialled": place.dialled or found.dialled,
            "values": place.values,
            "stack": place.stack,
            "caller_class": place.caller_class,
            "queue_id": place.queue_id if stays else "",
            "entry_id": place.entry_id if stays else "",
            "joined_at": place.joined_at if stays else 0,
            "priority": place.priority if stays else 0,
            "queued": 1 if stays else 0,
            "asks": place.asks if stays else "",
        }
        changed = {name: value for name, value in wanted.items() if getattr(written, name) != value}
        values = onchannel.variables(**changed) | {
            name: value for name, value in SURVIVES.items() if found.variables.get(name) != value
        }
        if values:
            node.switch.tell(SetVariables(leg_id=found.leg_id, values=values))
