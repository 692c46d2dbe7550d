"""After every connect: what the switch holds is compared with what ccd knows; channels win.

The same path serves a start (nothing is known but the ledger), a lost socket (legs are known, events were missed) and a
restarted switch (another Core-UUID: every leg of the old one is gone).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import structlog

from ccd.acd.callers import Stay
from ccd.acd.model import Activity
from ccd.acd.service import Acd
from ccd.base.clock import Clock, Moment
from ccd.base.errors import NotFound, SwitchError
from ccd.base.greenlets import spawn
from ccd.calls import onchannel
from ccd.calls.facts import CallRecovered, Repaired, Role, SwitchConnected
from ccd.calls.onchannel import Place
from ccd.calls.registry import Registry
from ccd.core.adoption import Adoption, in_fallback
from ccd.core.closing import Closing
from ccd.core.desk import Desk
from ccd.core.known_legs import KnownLegs
from ccd.core.ledger import Ledger
from ccd.core.node import Node
from ccd.core.recording_points import RecordingPoints
from ccd.core.site import Site
from ccd.core.standing_legs import take_up_lines
from ccd.core.stays import Stays
from ccd.core.transfers import Standing, Transfers
from ccd.ivr.dialling import Dialling
from ccd.ivr.flow import Flow
from ccd.recording.service import Recordings
from ccd.switch.commands import AskIdentity, AskLease, StopPlaying, Transfer
from ccd.switch.found import Found
from ccd.voicemail.service import Voicemails

log = structlog.get_logger(__name__)

LOOK_AGAIN_S = (0.3, 1.5, 5.0)


class Recovery:
    """Brings registry, queues, agents and recordings in step with a node's live channels."""

    def __init__(
        self,
        *,
        clock: Clock,
        registry: Registry,
        acd: Acd,
        dialling: Dialling,
        desk: Desk,
        site: Site,
        recordings: Recordings,
        points: RecordingPoints,
        voicemails: Voicemails,
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
        self._points = points
        self._voicemails = voicemails
        self._ledger = ledger
        self._publish = publish
        self._started_from = ledger.latest_at
        self._unheard: dict[str, set[str]] = {}
        self._known = KnownLegs(
            clock=clock,
            registry=registry,
            acd=acd,
            dialling=dialling,
            ledger=ledger,
            publish=publish,
            cdr_path=cdr_path,
        )
        self._transfers = Transfers(
            clock=clock,
            dialling=dialling,
            leg=registry.legs.get,
            ledger=ledger,
            publish=publish,
            cdr_path=cdr_path,
        )
        self.closing = Closing(
            clock=clock,
            registry=registry,
            acd=acd,
            ledger=ledger,
            publish=publish,
            cdr_path=cdr_path,
            close_transfer=self._transfers.close,
        )
        self._adoption = Adoption(clock=clock, registry=registry, ledger=ledger, publish=publish)
        self._stays = Stays(
            clock=clock, registry=registry, acd=acd, ledger=ledger, closing=self.closing, publish=publish
        )

    def reconcile(self, node: Node) -> None:
        """Compare and put right. Runs in the link's greenlet; events of the node wait meanwhile.

        Raises:
            SwitchError: the link was lost again; the next connect starts over.
        """
        orders_lost = not node.is_reconciled  # else the socket was never away: the counts of legs differ
        identity = node.switch.ask(AskIdentity()).strip()
        if node.core_uuid and identity != node.core_uuid:
            self._known.switch_was_restarted(node)
        node.core_uuid = identity
        alive = self._known.look(node)
        node.guards.start(self._first_lease_s(node))
        known = [leg for leg in self._registry.legs.values() if leg.node == node.name]
        for leg in known:
            if leg.leg_id not in alive and not leg.ordered:
                self._known.gone(leg.leg_id)
        self._unheard[node.name] = {leg.leg_id for leg in known if leg.ordered and leg.leg_id not in alive}
        if since := node.blind_since or self._started_from:
            self.closing.record_unseen(node.name, since)
        restarted = self._ledger.core_uuids.get(node.name, identity) != identity
        self.closing.close_forgotten(node.name, alive, switch_lost=restarted)
        fresh = [found for found in alive.values() if found.leg_id not in self._registry.legs]
        for leg in known:
            if found := alive.get(leg.leg_id):
                self._known.catch_up(leg, found, orders_lost=orders_lost)
        self._take_up(node, fresh)
        self.closing.stays.close_widowed_offers()
        self.closing.close_legs(node.name, alive)
        self._publish(SwitchConnected(at=self._clock.now(), node=node.name, core_uuid=identity))
        self._acd.standing.after_reconciliation(node.name)
        self._tell_changed_agents()
        node.is_reconciled = True
        for seconds in LOOK_AGAIN_S:
            self._clock.call_later(seconds, lambda: self._spawn_look(node, identity))
        self._acd.refresh_all()

    def look_at(self, node: Node, leg_id: str) -> None:
        """Find out what became of a leg, in a greenlet of its own: a word of the switch's is late."""
        spawn("look_at", self._look_at, node, leg_id)

    def _look_at(self, node: Node, leg_id: str) -> None:
        try:
            self._known.look_at(node, leg_id)
        except SwitchError as lost:
            log.info("not_looked_at", node=node.name, leg_id=leg_id, reason=str(lost))

    def _tell_changed_agents(self) -> None:
        """Agents whose calls came to nothing while ccd was away: their last fact no longer holds."""
        for agent in self._acd.roster.agents.values():
            last = self._ledger.agents.get(agent.agent_id)
            if last is not None and last.call_id in self._ledger.calls and last.call_id not in self._registry.calls:
                continue  # it stands on a switch that has not told yet
            if last is not None and last.activity != agent.activity:
                self._acd.roster.publish(agent, "recovered")
            if agent.activity is Activity.IDLE:
                self._acd.roster.no_call_was_found(agent)

    def _spawn_look(self, node: Node, core_uuid: str) -> None:
        if node.is_reconciled and node.core_uuid == core_uuid:
            spawn("look_again", self._look_again, node)

    def _look_again(self, node: Node) -> None:
        """The list of channels is filled late: who came just before we listened was neither in it nor in an event."""
        try:
            found = self._known.look_for_more(node)
        except SwitchError as lost:
            log.info("not_looked_again", node=node.name, reason=str(lost))
            return
        for leg_id in self._unheard.pop(node.name, ()):  # the order went down with the old sockets
            leg = self._registry.legs.get(leg_id)
            if leg is not None and leg.ordered:
                self._registry.lose(leg_id, "SWITCH_CONGESTION")
        fresh = [one for leg_id, one in found.items() if leg_id not in self._registry.legs]
        if fresh:
            self._publish(Repaired(at=self._clock.now(), subject=node.name, what="legs_missed"))
            self._take_up(node, fresh)

    def _first_lease_s(self, node: Node) -> int:
        text = node.switch.ask(AskLease()).strip()
        return int(text) if text.isdecimal() else 0

    # --- a start: calls that the channels tell us of -----------------------------------------------

    def _take_up(self, node: Node, fresh: list[Found]) -> None:
        places = self._adoption.places(fresh)
        lines = {one.leg_id: (one, place) for one in fresh if (place := places[one.leg_id]).role == Role.STANDING.value}
        fresh = [found for found in fresh if found.leg_id not in lines]
        on_lines = take_up_lines(self._adoption, self._acd, self._ledger, node.name, lines)
        ours = [found for found in fresh if places[found.leg_id].call_id]
        for found in fresh:
            if not places[found.leg_id].call_id:
                self._adoption.stranger(node.name, found)
        for found in ours:
            self._adoption.take(node.name, found, places[found.leg_id])
        customers = [found for found in ours if places[found.leg_id].role == Role.CUSTOMER.value]
        agents = {found.leg_id: found for found in ours if places[found.leg_id].role == Role.AGENT.value} | on_lines
        called = {found.leg_id: found for found in ours if places[found.leg_id].role == Role.TRANSFER.value}
        edges: dict[str, str] = {}
        transfers: dict[str, Standing] = {}
        for found in sorted(customers, key=lambda one: places[one.leg_id].joined_at or one.created_at):
            if self._may_drive(node, found, places[found.leg_id]):
                edges[found.leg_id] = self._stays.find(node, found, places[found.leg_id], agents)
                transfers[found.leg_id] = self._transfers.find(node, found, places[found.leg_id], called)
        for found in agents.values():
            if found.leg_id not in on_lines:
                self._stays.agent_leg(node, found, places[found.leg_id])
        self._stays.join_answered()
        self._transfers.end_orphans(node, called)
        for found in customers:
            if past := self._ledger.calls.get(places[found.leg_id].call_id):
                self.closing.stays.close_stale_offers(past)
        for found in customers:
            if found.leg_id in edges:
                self._resume(node, found, places[found.leg_id], edges[found.leg_id], transfers[found.leg_id])

    def _may_drive(self, node: Node, found: Found, place: Place) -> bool:
        """A leg in the fallback, or written by a ccd that we cannot read, is left to the fallback."""
        leg = self._registry.legs[found.leg_id]
        marked = "ccd_call_id" in found.variables
        if not in_fallback(found) and (onchannel.readable(found.variables) or not marked):
            return True
        self._take_up_recording(node, found, place)
        self._take_up_voicemail(place)
        if past := self._ledger.calls.get(place.call_id):
            self.closing.leave_queue(past)
        if in_fallback(found):
            self._registry.note_fallback(leg, "ccd_was_away", self._clock.now())
        else:
            self._registry.note_fallback(leg, "unknown_version", self._clock.now())
            node.switch.tell(Transfer(leg_id=leg.leg_id, extension="fallback", context="ccd_fallback"))
        return False

    def _take_up_recording(self, node: Node, found: Found, place: Place) -> None:
        leg, call = self._registry.legs[found.leg_id], self._registry.calls[place.call_id]
        started = self._ledger.recordings.get(call.call_id)
        if started is None and call.call_id in self._ledger.calls:
            return  # what the channel tells of was over before: its end is told already
        untold = started is not None and not place.recording_id  # ccd died before it told the switch to record
        if started is not None and untold:
            relative = started.path.removeprefix(node.recordings_path).lstrip("/")
            place = msgspec.structs.replace(place, recording_id=started.recording_id, recording_path=relative)
        if place.recording_id and leg.leg_id not in self._recordings.running:
            self._recordings.take_up(
                call_id=call.call_id,
                leg_id=leg.leg_id,
                node=node.name,
                recording_id=place.recording_id,
                relative=place.recording_path,
                at=self._started_at(call.call_id, found),
                masks=self._ledger.masks_of(call.call_id),
                untold=untold,
            )

    def _take_up_voicemail(self, place: Place) -> None:
        started = self._ledger.voicemails.get(place.call_id)
        if started is not None and not self._voicemails.is_spoken(started.leg_id):
            self._voicemails.take_up(started)

    def _resume(self, node: Node, found: Found, place: Place, edge: str, transfer: Standing) -> None:
        """Give a call its flow, its lease and its recording back; `edge` is where the flow goes on if its node is done.

        What plays is broken off: it would be heard again behind whatever the flow now plays.
        """
        leg, call = self._registry.legs[found.leg_id], self._registry.calls[place.call_id]
        caller = self._acd.caller_of(leg.leg_id)
        self._take_up_recording(node, found, place)
        self._take_up_voicemail(place)
        self._points.take_up(
            call,
            self._ledger.calls.get(call.call_id),
            queue_id=caller.queue_id if caller and caller.stay is not Stay.TALKED else "",
            agent_id=caller.agent_id if caller and caller.stay in (Stay.TALKING, Stay.ENDING) else "",
        )
        self._stays.tell_channel(node, found, place, call.arrived_at)
        if not found.bridged_to:
            node.guards.hold(leg.leg_id, leased=False)
        waits = caller.stay is Stay.WAITING if caller is not None else not transfer.goes_on
        if found.plays and waits:
            node.switch.tell(StopPlaying(leg_id=leg.leg_id))
        talks = (caller and caller.stay is Stay.TALKING) or (transfer.goes_on and found.bridged_to)
        where = "talking" if talks else ("queue" if caller else "flow")
        self._publish(CallRecovered(at=self._clock.now(), call_id=call.call_id, leg_id=leg.leg_id, place=where))
        if not place.flow:  # ccd died before the call had its flow
            self._desk.receive(leg, call)
            return
        try:
            flow: Flow | None = self._site.flow(place.flow)
        except NotFound:
            flow = self._desk.screened(call) if call.blocked else None
        if flow is None:
            spawn("give_up", self._desk.give_up, leg, "no_flow", call_id=call.call_id)
            return
        past = self._ledger.calls.get(call.call_id)
        if past is not None and past.sent_to and (onward := self._desk.overflows.of(call, past.sent_to, flow.language)):
            self._desk.run(leg, call, onward, self._desk.route_for(call, onward))
            return
        route = self._desk.route_for(call, flow)  # of a number that may have lost its route since
        self._desk.run(
            leg,
            call,
            flow,
            route,
            start=place.node,
            edge=edge or transfer.edge(flow, place.node),
            values=place.values,
            stack=place.stack,
            goes_on=transfer.goes_on or self._voicemails.is_spoken(leg.leg_id),
        )

    def _started_at(self, call_id: str, found: Found) -> Moment:
        started = self._ledger.recordings.get(call_id)
        return started.at if started else found.created_at
