"""The composition root of the deciding process: every object is built here, in sight; `wiring` joins them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import structlog
from gevent.event import Event

from ccd.acd.facts import LeftReason
from ccd.acd.service import Acd
from ccd.base.bus import Bus
from ccd.base.clock import Clock, SystemClock
from ccd.base.errors import NotFound
from ccd.base.ids import new_id
from ccd.calls.facts import (
    LegEnded,
    SwitchDisconnected,
)
from ccd.calls.registry import Registry
from ccd.core import acd_ports, way_out, wiring
from ccd.core.child import SideProcess
from ccd.core.configuring import Configuring
from ccd.core.desk import Desk
from ccd.core.errands import Errands
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
            acd_ports.ports(self),
            self._stay_done,
            self.ledger.remembered,
            zone=settings.zone,
            closings=self.ledger.queue_closings,
            left_places=self.ledger.left_places,
            standing_beep=settings.standing.beep,
            standing_ring_ms=settings.standing.ring_ms,
        )
        self.dialling = Dialling(way_out.dial_ports(acd_ports.ports(self), self.registry))
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
            node_is_up=self.node_is_up,
        )
        self.configuring = Configuring(
            state=self.state,
            site=self.site,
            ledger=self.ledger,
            acd=self.acd,
            calendars=self.calendars,
            routes=self.routes,
            voicemails=self.voicemails,
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
                keep=self.configuring.keep_soon,
            ),
            screen=Screen(
                clock=self.clock,
                lists=self.lists,
                site=self.site,
                publish=self.publisher.publish,
                keep=self.configuring.keep_soon,
            ),
            doors=wiring.doors(self),
            keep=self.configuring.keep_soon,
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
        self.configuring.load()
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
        self.memory.close()
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

    def forget_lease(self, fact: LegEnded) -> None:
        """A leg is gone: nobody renews its lease."""
        for node in self.nodes.values():
            node.guards.forget(fact.leg_id)

    def _count_legs(self, node: str) -> int:
        return sum(leg.node == node and not leg.ordered for leg in self.registry.legs.values())

    def node_is_up(self, name: str) -> bool:
        """A station may name a switch that ccd.yaml does not: nobody can be reached there."""
        if name and name not in self.nodes:
            return False
        node = self.node(name)
        return node.is_reconciled and node.link.is_up

    def _stay_done(self, leg_id: str, how: LeftReason, to: str) -> None:
        self.desk.on_done(leg_id, how, to)

    def _node_down(self, node: Node, reason: str) -> None:
        self.publisher.publish(SwitchDisconnected(at=self.clock.now(), node=node.name, reason=reason[:200]))
        self.acd.refresh_all()

    def _agent_name(self, agent_id: str) -> str:
        agent = self.acd.roster.agents.get(agent_id)
        return agent.settings.name if agent else ""

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
