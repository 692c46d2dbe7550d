"""The composition root of the deciding process: every object is built here, in sight; `wiring` joins them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import structlog
from gevent.event import Event

from ccd.acd import strategies
from ccd.acd.facts import LeftReason
from ccd.acd.ports import Ports
from ccd.acd.service import Acd
from ccd.base.bus import Bus
from ccd.base.clock import Clock, SystemClock
from ccd.base.errors import CcdError, NotFound, Refused
from ccd.base.greenlets import spawn
from ccd.base.ids import new_id
from ccd.calls.facts import (
    LegEnded,
    SwitchDisconnected,
)
from ccd.calls.registry import Registry
from ccd.core import way_out, wiring
from ccd.core.child import SideProcess
from ccd.core.desk import Desk
from ccd.core.errands import Errands
from ccd.core.join_desk import JoinDesk
from ccd.core.memory import Memory, restore_callers, restore_ledger
from ccd.core.node import Node
from ccd.core.onward import tell_onward
from ccd.core.publisher import Publisher
from ccd.core.reception import Reception
from ccd.core.recording_points import RecordingPoints
from ccd.core.recovery import Recovery
from ccd.core.screen import Screen, open_lists
from ccd.core.site import Site
from ccd.core.socket import CommandSocket
from ccd.core.spoken import SpokenTexts
from ccd.core.verbs import VERBS
from ccd.ivr.dialling import Dialling
from ccd.journal.configuration import Configuration
from ccd.journal.snapshot import StateFolder
from ccd.journal.spool import SpoolWriter
from ccd.recording.service import Recordings
from ccd.routing.calendars import Calendars
from ccd.routing.closings import RouteClosings
from ccd.settings.model import Settings
from ccd.voicemail.listening import Listening
from ccd.voicemail.service import Voicemails

log = structlog.get_logger(__name__)

SIDE_AT_LATEST_S = 1.0


class House:
    """Core, whole. `start` begins to take calls, `wait` returns when told to stop, `close` leaves callers to the guards."""

    def __init__(
        self, settings: Settings, *, side_arguments: list[str] | None = None, clock: Clock | None = None
    ) -> None:
        self.settings = settings
        self.clock: Clock = clock or SystemClock()
        self.boot_id = new_id()
        self.started_at = self.clock.now()
        self._stopping = Event()
        Path(settings.run_dir).mkdir(parents=True, exist_ok=True)
        self.state = StateFolder(Path(settings.state_dir))
        self.bus = Bus()
        self.ledger = restore_ledger(self.state, Path(settings.state_dir) / "spool")
        self.callers = restore_callers(self.state, Path(settings.state_dir) / "spool")
        self.spool = SpoolWriter(
            Path(settings.state_dir) / "spool", self.boot_id, clock=self.clock, on_append=self._journal_grew
        )
        self.memory = Memory(
            clock=self.clock, ledger=self.ledger, callers=self.callers, spool=self.spool, state=self.state
        )
        self.publisher = Publisher(self.spool, self.ledger, self.bus, self.callers)
        self.site = Site(settings.sounds_path, settings.language, settings.numbering.rules)
        self.registry = Registry(self.clock, self.publisher.publish, settings.numbering.rules, self.site.recognise)
        self.nodes: dict[str, Node] = {}
        self.calendars = Calendars(self.clock, self.publisher.publish, self.ledger.closings)
        self.routes = RouteClosings(
            self.clock, self.publisher.publish, self.ledger.route_closings, self.calendars.answer
        )
        self.errands = Errands(self.clock, wiring.errand_times(settings))
        self.spoken = SpokenTexts(settings.speech)
        self.acd = Acd(
            self._ports(),
            self._stay_done,
            self.ledger.remembered,
            zone=settings.zone,
            closings=self.ledger.queue_closings,
            left_places=self.ledger.left_places,
            standing_beep=settings.standing.beep,
            standing_ring_ms=settings.standing.ring_ms,
        )
        self.dialling = Dialling(way_out.dial_ports(self._ports(), self.registry))
        self.recordings = Recordings(
            clock=self.clock,
            publish=self.publisher.publish,
            switch_of=lambda name: self.node(name).switch,
            switch_root=lambda name: self.node(name).recordings_path,
            local_root=settings.recordings.path,
            mask_limit_ms=settings.recordings.mask_limit_ms,
        )
        self.points = RecordingPoints(
            registry=self.registry,
            route_of=self.site.route_of,
            acd=self.acd,
            recordings=self.recordings,
            clock=self.clock,
            publish=self.publisher.publish,
            inbound=settings.recordings.inbound,
            prompts=wiring.consent_prompts(settings),
        )
        self.voicemails = Voicemails(
            clock=self.clock,
            publish=self.publisher.publish,
            switch_of=lambda name: self.node(name).switch,
            switch_root=lambda name: self.node(name).recordings_path,
            local_root=settings.recordings.path,
            e164=self.registry.e164,
        )
        self.listening = Listening(
            clock=self.clock,
            publish=self.publisher.publish,
            registry=self.registry,
            switch_of=lambda name: self.node(name).switch,
            switch_root=lambda name: self.node(name).recordings_path,
            node_is_up=self._node_is_up,
        )
        self.lists = open_lists(self.state, self.clock, settings.numbering.rules)
        self.desk = Desk(
            clock=self.clock,
            registry=self.registry,
            acd=self.acd,
            site=self.site,
            nodes=self.nodes,
            publish=self.publisher.publish,
            reception=Reception(
                clock=self.clock,
                site=self.site,
                publish=self.publisher.publish,
                closings=self.routes,
                callers=self.callers,
                window_ms=settings.numbering.repeat_window_ms,
                agent_name=self._agent_name,
                keep=self._keep_configuration,
            ),
            screen=Screen(
                clock=self.clock,
                lists=self.lists,
                site=self.site,
                publish=self.publisher.publish,
                keep=self._keep_configuration,
            ),
            doors=wiring.doors(self),
            keep=self._keep_configuration,
        )
        self.recovery = Recovery(
            clock=self.clock,
            registry=self.registry,
            acd=self.acd,
            dialling=self.dialling,
            desk=self.desk,
            site=self.site,
            recordings=self.recordings,
            points=self.points,
            voicemails=self.voicemails,
            ledger=self.ledger,
            publish=self.publisher.publish,
            cdr_path=settings.recordings.cdr_path,
        )
        for switch in settings.switches:
            self.nodes[switch.name] = Node(
                switch,
                settings.lease,
                self.clock,
                apply=self.registry.apply,
                reconcile=self.recovery.reconcile,
                on_down=self._node_down,
                count_legs=self._count_legs,
            )
        self.socket = CommandSocket(settings.core_socket, self.do, self._spool_position, self.errands)
        self.side = SideProcess(side_arguments, self.clock) if side_arguments is not None else None
        wiring.listen(self)

    # --- life --------------------------------------------------------------------------------------

    def start(self) -> None:
        """Take up the last good configuration and the agents as they were, open the doors, connect."""
        tell_onward(self.ledger, self.publisher.publish)
        if (configuration := self.state.load_configuration()) is not None:
            try:
                self._apply_configuration(configuration)
            except CcdError as refused:
                # Kept by another version, which allowed what this one does not: side brings one of today.
                log.error("saved_configuration_refused", reason=str(refused))
            for last in list(self.ledger.agents.values()):
                self.acd.roster.restore(last)
        self.socket.start()
        for node in self.nodes.values():
            node.start()
        self.clock.call_later(SIDE_AT_LATEST_S, self.start_side)
        self.memory.start()
        log.info("core_started", boot_id=self.boot_id, configuration=self.site.configuration.version)

    def start_side(self) -> None:
        """Side takes a second of a processor to start: the callers who are on the switch come first."""
        if self.side is not None:
            self.side.start()

    def wait(self) -> None:
        """Return when somebody asked core to stop."""
        self._stopping.wait()

    def stop_soon(self) -> None:
        """Let `wait` return; safe in a signal handler."""
        self._stopping.set()

    def close(self) -> None:
        """Stop in order: no new calls, facts safe, links closed. Calls stay on the switch, under their leases."""
        for node in self.nodes.values():
            node.stop()
        self.socket.stop()
        self.memory.save()
        if self.side is not None:
            self.side.stop()
        self.spool.close()
        self.lists.close()
        self.state.close()
        log.info("core_stopped", boot_id=self.boot_id)

    def node(self, name: str) -> Node:
        """A node by name; the empty name is the only, or first, one."""
        if not name:
            return next(iter(self.nodes.values()))
        if name not in self.nodes:
            raise NotFound(f"no switch {name}")
        return self.nodes[name]

    # --- wiring ------------------------------------------------------------------------------------

    def _ports(self) -> Ports:
        return Ports(
            clock=self.clock,
            publish=self.publisher.publish,
            order_leg=self.registry.order_leg,
            lose_leg=self.registry.lose,
            is_parked=self._is_parked,
            switch_of=lambda name: self.node(name).switch,
            switches=lambda: [node.switch for node in self.nodes.values()],
            drop_lease=lambda name, leg_id: self.node(name).guards.drop(leg_id),
            hold_lease=self._hold_lease,
            node_is_up=self._node_is_up,
            may_return=self._may_return,
            look_at=lambda name, leg_id: self.recovery.look_at(self.node(name), leg_id),
            join=JoinDesk(self.registry, self.site).door(),
        )

    def forget_lease(self, fact: LegEnded) -> None:
        """A leg is gone: nobody renews its lease."""
        for node in self.nodes.values():
            node.guards.forget(fact.leg_id)

    def _count_legs(self, node: str) -> int:
        return sum(leg.node == node and not leg.ordered for leg in self.registry.legs.values())

    def _is_parked(self, leg_id: str) -> bool:
        leg = self.registry.legs.get(leg_id)
        return leg is not None and leg.parked and not leg.bridged_to

    def _hold_lease(self, name: str, leg_id: str) -> None:
        standing = self.acd.standing.has(leg_id)
        self.node(name).guards.hold(leg_id, leased=self._is_leased(leg_id), ours=standing)

    def _is_leased(self, leg_id: str) -> bool:
        leg = self.registry.legs.get(leg_id)
        return leg is not None and leg.leased

    def _node_is_up(self, name: str) -> bool:
        """A station may name a switch that ccd.yaml does not: nobody can be reached there."""
        if name and name not in self.nodes:
            return False
        node = self.node(name)
        return node.is_reconciled and node.link.is_up

    def _may_return(self, queue_id: str) -> bool:
        """A switch that is not of this site any more tells of nobody."""
        return any(
            past.queue_id == queue_id and past.node in self.nodes and past.call_id not in self.registry.calls
            for past in self.ledger.calls.values()
        )

    def _stay_done(self, leg_id: str, how: LeftReason, to: str) -> None:
        self.desk.on_done(leg_id, how, to)

    def _node_down(self, node: Node, reason: str) -> None:
        self.publisher.publish(SwitchDisconnected(at=self.clock.now(), node=node.name, reason=reason[:200]))
        self.acd.refresh_all()

    # --- configuration -----------------------------------------------------------------------------

    def take_configuration(self, configuration: Configuration) -> None:
        """Check, keep and use a configuration; an older one than the one in use is refused."""
        current = self.site.configuration
        if configuration.version < current.version:
            raise Refused(f"configuration {configuration.version} is older than {current.version}, which is in use")
        first = not self.acd.roster.agents
        self._apply_configuration(configuration)
        if first:
            for last in list(self.ledger.agents.values()):
                self.acd.roster.restore(last)
        self.state.save_configuration(self.site.configuration)

    def _apply_configuration(self, configuration: Configuration) -> None:
        for queue in configuration.queues:
            strategies.named(queue.strategy)  # refused as a whole before anything is changed
        known = self.site.configuration.flows
        running = {sha256: known[sha256] for sha256 in known if sha256 not in configuration.flows}
        merged = msgspec.structs.replace(configuration, flows=running | configuration.flows)
        self.site.take(merged)
        self.calendars.configure(configuration.calendars)
        self.routes.configure(self.site.routes)
        self.voicemails.configure(configuration.boxes)
        self.acd.deciding.telling.version = configuration.version
        self.acd.configure(configuration.queues)
        self.acd.roster.configure(configuration.agents, configuration.stations, configuration.tiers)
        self.acd.roster.breaks.configure(configuration.break_reasons, self.acd.roster.agents.values())
        self.ledger.remembered.keep_only({agent.agent_id for agent in configuration.agents})

    def _agent_name(self, agent_id: str) -> str:
        agent = self.acd.roster.agents.get(agent_id)
        return agent.settings.name if agent else ""

    def _keep_configuration(self) -> None:
        """Also from the bus, which may not wait: the disk is waited for in a greenlet of its own."""
        spawn("configuration_kept", lambda: self.state.save_configuration(self.site.configuration))

    def _spool_position(self) -> tuple[int, int]:
        position = self.spool.position
        return position.segment, position.offset

    def _journal_grew(self) -> None:
        self.socket.journal_grew()

    # --- verbs -------------------------------------------------------------------------------------

    def do(self, verb: str, given: dict[str, Any]) -> Any:
        """Carry out a verb of the command socket.

        Raises:
            CcdError: why not, with a code that the API hands on.
        """
        function = VERBS.get(verb)
        if function is None:
            raise NotFound(f"no verb {verb}")
        return function(self, given)
