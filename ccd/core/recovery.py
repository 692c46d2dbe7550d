"""After every connect: what the switch holds is compared with what ccd knows; channels win.

The same path serves a start (nothing is known but the ledger), a lost socket (legs are known, events were missed) and a
restarted switch (another Core-UUID: every leg of the old one is gone).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gevent
import structlog

from ccd.acd.agent_states import Cue
from ccd.acd.callers import Offer, QueuedCaller, Stay
from ccd.acd.model import Activity
from ccd.acd.service import Acd
from ccd.base.clock import Clock, Moment
from ccd.base.errors import NotFound, SwitchError, SwitchRefused
from ccd.calls import onchannel
from ccd.calls.facts import (
    CallRecovered,
    EndedBy,
    Repaired,
    Role,
    SwitchConnected,
)
from ccd.calls.model import Call, Leg
from ccd.calls.onchannel import Place
from ccd.calls.registry import Registry
from ccd.core.closing import Closing
from ccd.core.desk import Desk
from ccd.core.ledger import Ledger, OpenCall
from ccd.core.node import Node
from ccd.core.site import Site
from ccd.recording.service import Recordings
from ccd.switch.cdr import read_ending
from ccd.switch.commands import AskIdentity, DumpChannel, Hangup, ListChannels, Transfer
from ccd.switch.found import Found, read_channels, read_dump

log = structlog.get_logger(__name__)

DUMPS_AT_ONCE = 64


class Recovery:
    """Brings registry, queues, agents and recordings in step with a node's live channels."""

    def __init__(
        self,
        *,
        clock: Clock,
        registry: Registry,
        acd: Acd,
        desk: Desk,
        site: Site,
        recordings: Recordings,
        ledger: Ledger,
        publish: Callable[[Any], None],
        cdr_path: str,
    ) -> None:
        self._clock = clock
        self._registry = registry
        self._acd = acd
        self._desk = desk
        self._site = site
        self._recordings = recordings
        self._ledger = ledger
        self._publish = publish
        self._cdr_path = cdr_path
        self._started_from = ledger.latest_at
        self._closing = Closing(
            clock=clock, registry=registry, acd=acd, ledger=ledger, publish=publish, cdr_path=cdr_path
        )

    def reconcile(self, node: Node) -> None:
        """Compare and put right. Runs in the link's greenlet; events of the node wait meanwhile.

        Raises:
            SwitchError: the link was lost again; the next connect starts over.
        """
        identity = node.switch.ask(AskIdentity()).strip()
        if node.core_uuid and identity != node.core_uuid:
            self._switch_was_restarted(node)
        node.core_uuid = identity
        alive = self._look(node)
        node.guards.start()
        known = [leg for leg in self._registry.legs.values() if leg.node == node.name]
        for leg in known:
            if leg.leg_id not in alive and not leg.ordered:
                self._gone(leg.leg_id)
        if since := node.blind_since or self._started_from:
            self._closing.record_unseen(node.name, since)
        self._closing.close_forgotten(node.name, alive)
        fresh = [found for found in alive.values() if found.leg_id not in self._registry.legs]
        for leg in known:
            if found := alive.get(leg.leg_id):
                self._catch_up(leg, found)
        self._take_up(node, fresh)
        self._publish(SwitchConnected(at=self._clock.now(), node=node.name, core_uuid=identity))
        self._tell_changed_agents()
        self._acd.refresh_all()

    def _tell_changed_agents(self) -> None:
        """Agents whose calls came to nothing while ccd was away: their last fact no longer holds."""
        for agent in self._acd.roster.agents.values():
            last = self._ledger.agents.get(agent.agent_id)
            if last is not None and last.activity != agent.activity:
                self._acd.roster.publish(agent, "recovered")

    # --- looking -----------------------------------------------------------------------------------

    def _look(self, node: Node) -> dict[str, Found]:
        """Every channel of the node, by leg id; dumps are asked for side by side."""
        leg_ids = read_channels(node.switch.ask(ListChannels(), timeout=10.0))
        found: dict[str, Found] = {}
        lost: list[SwitchError] = []

        def dump(leg_id: str) -> None:
            try:
                one = read_dump(node.switch.ask(DumpChannel(leg_id=leg_id), timeout=10.0))
                if not one.ended and one.leg_id:
                    found[leg_id] = one
            except SwitchRefused:
                return  # it ended between the list and the dump
            except SwitchError as gone:
                lost.append(gone)

        for start in range(0, len(leg_ids), DUMPS_AT_ONCE):
            gevent.joinall([gevent.spawn(dump, leg_id) for leg_id in leg_ids[start : start + DUMPS_AT_ONCE]])
            if lost:
                raise lost[0]
        return found

    def _switch_was_restarted(self, node: Node) -> None:
        log.error("switch_lost", node=node.name, legs=len(self._registry.legs))
        for leg in [one for one in self._registry.legs.values() if one.node == node.name]:
            self._registry.lose(leg.leg_id, "SWITCH_LOST")

    def _gone(self, leg_id: str) -> None:
        ending = read_ending(self._cdr_path, leg_id)
        self._registry.lose(leg_id, ending.cause if ending else "LOST", ending.ended_at if ending else 0)

    def _catch_up(self, leg: Leg, found: Found) -> None:
        """Events of a known leg that were missed while the socket was away."""
        missed = found.changes(
            self._clock.now(), answered=bool(leg.answered_at), bridged_to=leg.bridged_to, parked=leg.parked
        )
        if missed:
            self._publish(Repaired(at=self._clock.now(), subject=leg.leg_id, what="events_missed"))
        for event in missed:
            self._registry.apply(event, leg.node)

    # --- a start: calls that the channels tell us of -----------------------------------------------

    def _take_up(self, node: Node, fresh: list[Found]) -> None:
        places = {found.leg_id: onchannel.read(found.variables) for found in fresh}
        ours = [found for found in fresh if places[found.leg_id].call_id]
        for found in fresh:
            if not places[found.leg_id].call_id:
                for event in found.as_events(self._clock.now()):
                    self._registry.apply(event, node.name)
        for found in ours:
            self._adopt_leg(node, found, places[found.leg_id])
        customers = [found for found in ours if places[found.leg_id].role == Role.CUSTOMER.value]
        agents = [found for found in ours if places[found.leg_id].role == Role.AGENT.value]
        runnable = []
        for found in sorted(customers, key=lambda one: places[one.leg_id].joined_at or one.created_at):
            if self._may_drive(node, found):
                self._find_stay(found, places[found.leg_id], {one.leg_id: one for one in agents})
                runnable.append(found)
        for found in agents:
            self._agent_leg(node, found, places[found.leg_id])
        for found in runnable:
            self._resume(node, found, places[found.leg_id])

    def _adopt_leg(self, node: Node, found: Found, place: Place) -> None:
        role = Role(place.role) if place.role in {one.value for one in Role} else Role.UNKNOWN
        past = self._ledger.calls.get(place.call_id)
        leg = Leg(
            leg_id=found.leg_id,
            node=node.name,
            role=role,
            call_id=place.call_id,
            inbound=found.inbound,
            number=found.caller_number,
            name=found.caller_name,
            dialled=place.dialled or found.dialled,
            context=found.context,
            channel_name=found.name,
            agent_id=place.agent_id if role is Role.AGENT else "",
            offer_id=place.offer_id if role is Role.AGENT else "",
            created_at=found.created_at,
            answered_at=found.answered_at,
            parked=found.parked,
            bridged_to=found.bridged_to,
        )
        call = None
        if role is Role.CUSTOMER:
            call = Call(
                call_id=place.call_id,
                leg_id=leg.leg_id,
                node=node.name,
                caller_number=found.caller_number,
                caller_name=found.caller_name,
                dialled=leg.dialled,
                arrived_at=place.arrived_at or found.created_at,
                answered_at=found.answered_at,
                queue_id=place.queue_id or (past.queue_id if past else ""),
                queued=bool(place.queued or (past and past.queued)),
                connected=bool(place.connected_at or (past and past.connected)),
                connected_at=place.connected_at,
            )
        self._registry.adopt(leg, call)

    def _may_drive(self, node: Node, found: Found) -> bool:
        """A leg in the fallback, or written by a ccd that we cannot read, is left to the fallback."""
        leg = self._registry.legs[found.leg_id]
        if found.variables.get("ccd_fallback") == "1" or found.context == "ccd_fallback":
            self._registry.note_fallback(leg, "ccd_was_away", self._clock.now())
            return False
        if not onchannel.readable(found.variables):
            self._registry.note_fallback(leg, "unknown_version", self._clock.now())
            node.switch.tell(Transfer(leg_id=leg.leg_id, extension="fallback", context="ccd_fallback"))
            return False
        return True

    def _find_stay(self, found: Found, place: Place, agents: dict[str, Found]) -> None:
        """Put a customer back where he stood in his queue: waiting, talking, or just done talking."""
        if not place.queued or place.queue_id not in self._acd.queues:
            return
        past = self._ledger.calls.get(place.call_id) or OpenCall(call_id=place.call_id, leg_id=found.leg_id, node="")
        caller = QueuedCaller(
            entry_id=place.entry_id,
            call_id=place.call_id,
            leg_id=found.leg_id,
            queue_id=place.queue_id,
            node=self._registry.legs[found.leg_id].node,
            number=found.caller_number,
            joined_at=place.joined_at,
            priority=place.priority,
            answered=bool(found.answered_at),
        )
        if found.bridged_to in agents:
            agent_place = onchannel.read(agents[found.bridged_to].variables)
            self._take_up_talk(caller, agents[found.bridged_to], agent_place, place, past)
        elif past.talking:
            caller.connected_at, caller.agent_id = past.connected_at, past.agent_id
            self._talk_ended_meanwhile(caller, past)
        else:
            self._acd.take_up(caller)

    def _take_up_talk(
        self, caller: QueuedCaller, agent: Found, agent_place: Place, place: Place, past: OpenCall
    ) -> None:
        offer = self._offer(caller, agent, agent_place)
        caller.offer_id, caller.agent_id = offer.offer_id, offer.agent_id
        state = self._acd.roster.agents.get(offer.agent_id)
        if past.connected or place.connected_at:
            caller.stay, caller.agent_leg_id = Stay.TALKING, agent.leg_id
            caller.connected_at = place.connected_at or past.connected_at
            self._acd.take_up(caller)
            self._acd.offers.adopt_talk(offer)
            if state is not None:
                state.activity, state.activity_since = Activity.TALKING, caller.connected_at
                state.call_id, state.queue_id, state.offer_id = caller.call_id, caller.queue_id, offer.offer_id
                self._acd.agent_changed(state)
            return
        caller.stay = Stay.OFFERED
        self._acd.take_up(caller)
        self._adopt_offer(offer, caller)
        self._acd.offers.connected(offer, caller, agent.bridged_at or self._clock.now())

    def _talk_ended_meanwhile(self, caller: QueuedCaller, past: OpenCall) -> None:
        """His agent hung up while ccd was away; the dialplan parked him under a new lease, and the flow goes on."""
        at = self._closing.talk_ended_at(past)
        self._acd.end_talk(caller, at, EndedBy.AGENT)
        self._closing.free_agent(past, at)

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
            answered_at=agent.answered_at,
        )

    def _agent_leg(self, node: Node, found: Found, place: Place) -> None:
        """An agent's leg that is not talking: a ringing phone rings on, an answered one is bridged, an orphan ends."""
        if found.bridged_to:
            return
        caller = self._acd.callers.get(place.entry_id)
        agent = self._acd.roster.agents.get(place.agent_id)
        if caller is None or caller.stay not in (Stay.WAITING, Stay.OFFERED) or caller.offer_id or agent is None:
            node.switch.tell(Hangup(leg_id=found.leg_id, cause="ORIGINATOR_CANCEL"))
            return
        offer = self._offer(caller, found, place)
        self._acd.queues[caller.queue_id].line.remove(caller.entry_id)
        caller.stay, caller.offer_id, caller.agent_id = Stay.OFFERED, offer.offer_id, offer.agent_id
        self._adopt_offer(offer, caller)
        if found.parked:
            self._acd.offers.join(offer)

    def _adopt_offer(self, offer: Offer, caller: QueuedCaller) -> None:
        ring_s = self._acd.queues[caller.queue_id].settings.ring_ms / 1000
        self._acd.offers.adopt(offer, ring_s - (self._clock.now() - offer.made_at) / 1e6)
        agent = self._acd.roster.find(offer.agent_id)
        agent.offer_id = offer.offer_id
        if agent.activity is Activity.IDLE:
            self._acd.roster.step(agent, Cue.OFFER, self._clock.now(), call_id=caller.call_id, queue_id=caller.queue_id)
            self._acd.agent_changed(agent)

    def _resume(self, node: Node, found: Found, place: Place) -> None:
        """Give a call its flow, its lease and its recording back."""
        leg, call = self._registry.legs[found.leg_id], self._registry.calls[place.call_id]
        caller = self._acd.caller_of(leg.leg_id)
        talked = caller is None and bool(place.queued) and call.connected
        if place.recording_id and leg.leg_id not in self._recordings.running:
            self._recordings.take_up(
                call_id=call.call_id,
                leg_id=leg.leg_id,
                node=node.name,
                recording_id=place.recording_id,
                relative=place.recording_path,
                at=self._started_at(call.call_id, found),
                masked=call.call_id in self._ledger.masked,
            )
        if not found.bridged_to:
            node.guards.hold(leg.leg_id)
        where = "talking" if caller and caller.stay is Stay.TALKING else ("queue" if caller else "flow")
        self._publish(CallRecovered(at=self._clock.now(), call_id=call.call_id, leg_id=leg.leg_id, place=where))
        route = self._site.route(call.dialled)
        try:
            flow = self._site.flow(place.flow) if place.flow else self._site.flow_named(route.flow if route else "")
        except NotFound:
            flow = None
        if flow is None or route is None:
            self._desk.to_fallback(leg, "no_flow")
            return
        self._desk.run(leg, call, flow, route, start=place.node, edge="next" if talked else "")

    def _started_at(self, call_id: str, found: Found) -> Moment:
        started = self._ledger.recordings.get(call_id)
        return started.at if started else found.created_at
