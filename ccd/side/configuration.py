"""The site's configuration: rows from SQL, routes from ccd.yaml and flow files, made into what core runs.

`Site.current` is what core runs now, so names can be looked up while PostgreSQL is away.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

import msgspec
import structlog
from gevent.lock import RLock
from sqlalchemy.exc import SQLAlchemyError

from ccd.acd.model import Agent, BreakReason, Queue, Station, Tier
from ccd.base.clock import Clock, SystemClock
from ccd.base.errors import CcdError, DaemonUnreachable, NotFound, SettingsError
from ccd.ivr.flow import Flow
from ccd.ivr.not_there import not_there
from ccd.journal.configuration import Configuration, Route
from ccd.routing.calendar import Calendar
from ccd.routing.trunks import Trunk
from ccd.side.flow_shelf import FlowShelf
from ccd.voicemail.model import Box

log = structlog.get_logger(__name__)

N = TypeVar("N", Agent, Queue, Station, Box, BreakReason)


class Core(Protocol):
    """What the site needs of the line to core."""

    def ask(self, do: str, timeout: float = 5.0, **arguments: Any) -> Any:
        """The answer to a verb."""


class Rows(Protocol):
    """Everything in the configuration's tables that is not retired."""

    @property
    def queues(self) -> Sequence[Queue]: ...
    @property
    def agents(self) -> Sequence[Agent]: ...
    @property
    def stations(self) -> Sequence[Station]: ...
    @property
    def tiers(self) -> Sequence[Tier]: ...
    @property
    def boxes(self) -> Sequence[Box]: ...
    @property
    def break_reasons(self) -> Sequence[BreakReason]: ...


class Written(msgspec.Struct, frozen=True, kw_only=True):
    """What ccd.yaml says of calls that come in, as core runs it; flows are files of their own."""

    routes: tuple[Route, ...] = ()
    trunks: tuple[Trunk, ...] = ()
    calendars: dict[str, Calendar] = {}


class Site:
    """Builds the configuration, hands it to core when it changed, and finds what a name means."""

    def __init__(
        self,
        core: Core,
        load_rows: Callable[[], Rows],
        routes: Sequence[Route],
        flows: FlowShelf,
        clock: Clock | None = None,
        *,
        calendars: Mapping[str, Calendar] | None = None,
        trunks: Sequence[Trunk] = (),
    ) -> None:
        self._core = core
        self._load_rows = load_rows
        self._written = Written(routes=tuple(routes), trunks=tuple(trunks), calendars=dict(calendars or {}))
        self._flows = flows
        self._clock = clock or SystemClock()
        self._lock = RLock()
        self.current = Configuration()

    def adopt(self) -> None:
        """Take over what core runs already: enough to work with while PostgreSQL is away."""
        with self._lock:
            try:
                self.current = msgspec.convert(self._core.ask("configuration.get"), Configuration)
            except msgspec.ValidationError as error:
                log.warning("configuration_of_core_not_understood", error=str(error))
                self.current = Configuration()
            self._flows.adopt(self.current)

    def refresh(self) -> bool:
        """Build the configuration anew and give it to core if it changed; tells whether it did.

        SettingsError when a flow or a route is wrong: core then goes on with what it has.
        """
        with self._lock:
            return self._put(self._build(self._load_rows()))

    def _put(self, built: Configuration) -> bool:
        if msgspec.structs.replace(built, version=self.current.version) == self.current:
            return False
        self._core.ask("configuration.put", timeout=10.0, **msgspec.to_builtins(built))
        self.current = built
        log.info("configuration_put", version=built.version, agents=len(built.agents), queues=len(built.queues))
        return True

    def _rows_or_current(self) -> Rows:
        try:
            return self._load_rows()
        except (DaemonUnreachable, SQLAlchemyError) as away:
            if not self.current.version:
                raise
            log.warning("reloaded_without_database", reason=str(away).splitlines()[0])
            return self.current

    def use(self, written: Written) -> tuple[Configuration, Configuration]:
        """Go by another ccd.yaml from now on, as `refresh`; where that fails everything stays as it was.

        Returns what core had before, and what it has now.

        PostgreSQL is not needed for it: agents and queues are then those that core has.
        """
        with self._lock:
            had, before, self._written = self.current, self._written, written
            self._flows.forget()
            try:
                self._put(self._build(self._rows_or_current()))
            except BaseException:
                self._written = before
                self._flows.forget()
                raise
            return had, self.current

    @property
    def calendars(self) -> Mapping[str, Calendar]:
        """The calendars of ccd.yaml, which flows may name."""
        return self._written.calendars

    def applied(self) -> bool:
        """`refresh`, for a change that is already stored: a failure is logged and the change reaches core later."""
        try:
            self.refresh()
        except CcdError as error:
            log.warning("configuration_not_applied", error=str(error))
            return False
        return True

    def agent(self, name: str) -> Agent:
        """The agent of this name or id."""
        return _named(self.current.agents, name, "agent", "agent_id")

    def queue(self, name: str) -> Queue:
        """The queue of this name or id."""
        return _named(self.current.queues, name, "queue", "queue_id")

    def station(self, name: str) -> Station:
        """The station of this name or id."""
        return _named(self.current.stations, name, "station", "station_id")

    def box(self, name: str) -> Box:
        """The voicemail box of this name or id."""
        return _named(self.current.boxes, name, "voicemail box", "box_id")

    def break_reason(self, name: str) -> BreakReason:
        """The reason for breaks of this name or id."""
        return _named(self.current.break_reasons, name, "break reason", "break_id")

    def flows_with_box(self, box: str) -> list[str]:
        """The flows in use that name a voicemail box."""
        return self._flows_whose_nodes(lambda node: node.get("type") == "voicemail" and node.get("box") == box)

    def _flows_whose_nodes(self, match: Callable[[dict[str, Any]], bool]) -> list[str]:
        current = self.current
        return sorted(
            flow
            for flow, sha256 in current.active_flows.items()
            if any(isinstance(node, dict) and match(node) for node in _nodes(current.flows.get(sha256)))
        )

    def flows_with(self, queue: str) -> list[str]:
        """The flows in use that name a queue."""
        return self._flows_whose_nodes(lambda node: node.get("type") == "queue" and node.get("queue") == queue)

    def warnings(self) -> list[str]:
        """What the flows in use name that there is not: queues, and skills that no agent has. One line each."""
        current = self.current
        queues = {one.name for one in current.queues}
        skills = {skill for one in current.agents for skill in one.skills}
        return [
            f"flow {name}: {'.'.join(map(str, where))}: {what}"
            for name, sha256 in sorted(current.active_flows.items())
            for where, what in not_there(Flow(name, current.flows[sha256]), queues=queues, skills=skills)
        ]

    def _build(self, rows: Rows) -> Configuration:
        flows, written = self._flows.read(), self._written
        faults = [
            f"routes: {route.dialled!r} leads to flow {flow!r}, which has no file"
            for route in written.routes
            for flow in (route.flow, route.closed_flow)
            if flow and flow not in flows
        ]
        faults += [
            f"flow {name}: calendar {calendar!r} is needed, and is not in ccd.yaml"
            for name, flow in flows.items()
            for calendar in sorted(_calendars_of(flow.documents.values()) - written.calendars.keys())
        ]
        if faults:
            raise SettingsError(faults)
        # microseconds: greater than any version before, though nobody remembers that one when core is new
        version = max(self.current.version + 1, self._clock.now())
        return Configuration(
            version=version,
            queues=tuple(rows.queues),
            agents=tuple(rows.agents),
            stations=tuple(rows.stations),
            tiers=tuple(rows.tiers),
            boxes=tuple(rows.boxes),
            break_reasons=tuple(rows.break_reasons),
            routes=written.routes,
            trunks=written.trunks,
            flows={sha256: one for flow in flows.values() for sha256, one in flow.documents.items()},
            active_flows={name: flow.flow.sha256 for name, flow in flows.items()},
            calendars=dict(written.calendars),
        )


def _calendars_of(documents: Iterable[Any]) -> set[str]:
    nodes = [node for document in documents for node in _nodes(document) if isinstance(node, dict)]
    return {str(node["calendar"]) for node in nodes if node.get("type") == "hours" and node.get("calendar")}


def _nodes(document: Any) -> list[Any]:
    nodes = document.get("nodes") if isinstance(document, dict) else None
    return list(nodes.values()) if isinstance(nodes, dict) else []


def _named(items: Sequence[N], name: str, noun: str, id_field: str) -> N:
    for item in items:
        if name in (item.name, getattr(item, id_field)):
            return item
    raise NotFound(f"no {noun} {name!r}")
