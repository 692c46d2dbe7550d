"""The site's configuration: rows from SQL, routes from ccd.yaml and flow files, made into what core runs.

`Site.current` is what core runs now, so names can be looked up while PostgreSQL is away.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeVar

import msgspec
import structlog
from gevent.lock import RLock

from ccd.acd.model import Agent, Queue, Station, Tier
from ccd.base.clock import Clock, SystemClock
from ccd.base.errors import CcdError, NotFound, SettingsError
from ccd.journal.configuration import Configuration, Route
from ccd.routing.calendar import Calendar
from ccd.settings.yaml_file import Located, load_file

log = structlog.get_logger(__name__)

LoadFlow = Callable[[str, Located], tuple[str, dict[str, Any]]]
N = TypeVar("N", Agent, Queue, Station)


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


class FlowShelf:
    """The flow files of one folder. A file that went bad keeps its last good version in service."""

    def __init__(self, folder: Path, load_flow: LoadFlow) -> None:
        self._folder = folder
        self._load_flow = load_flow
        self._good: dict[str, tuple[str, dict[str, Any]]] = {}

    def read(self) -> dict[str, tuple[str, dict[str, Any]]]:
        """Every flow by name: its SHA-256 and its document. A bad file without a good version is a SettingsError."""
        found: dict[str, tuple[str, dict[str, Any]]] = {}
        fatal: list[str] = []
        for path in sorted(self._folder.glob("*.yaml")):
            name = path.stem
            try:
                found[name] = self._load_flow(name, load_file(path))
            except SettingsError as error:
                if name in self._good:
                    found[name] = self._good[name]
                    log.error("flow_kept_at_last_good", flow=name, faults=error.faults)
                else:
                    fatal += error.faults
        if fatal:
            raise SettingsError(fatal)
        self._good = found
        return found


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
    ) -> None:
        self._core = core
        self._load_rows = load_rows
        self._routes = tuple(routes)
        self._calendars = dict(calendars or {})
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

    def refresh(self) -> bool:
        """Build the configuration anew and give it to core if it changed; tells whether it did.

        SettingsError when a flow or a route is wrong: core then goes on with what it has.
        """
        with self._lock:
            built = self._build()
            if msgspec.structs.replace(built, version=self.current.version) == self.current:
                return False
            self._core.ask("configuration.put", timeout=10.0, **msgspec.to_builtins(built))
            self.current = built
            log.info("configuration_put", version=built.version, agents=len(built.agents), queues=len(built.queues))
            return True

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

    def flows_with(self, queue: str) -> list[str]:
        """The flows in use that name a queue."""
        current = self.current
        return sorted(
            flow
            for flow, sha256 in current.active_flows.items()
            if any(_names_queue(node, queue) for node in _nodes(current.flows.get(sha256)))
        )

    def _build(self) -> Configuration:
        flows = self._flows.read()
        missing = [route for route in self._routes if route.flow not in flows]
        if missing:
            raise SettingsError(
                [f"routes: {one.dialled!r} leads to flow {one.flow!r}, which has no file" for one in missing]
            )
        rows = self._load_rows()
        # microseconds: greater than any version before, though nobody remembers that one when core is new
        version = max(self.current.version + 1, self._clock.now())
        return Configuration(
            version=version,
            queues=tuple(rows.queues),
            agents=tuple(rows.agents),
            stations=tuple(rows.stations),
            tiers=tuple(rows.tiers),
            routes=self._routes,
            flows=dict(flows.values()),
            active_flows={name: sha256 for name, (sha256, _) in flows.items()},
            calendars=self._calendars,
        )


def _nodes(document: Any) -> list[Any]:
    nodes = document.get("nodes") if isinstance(document, dict) else None
    return list(nodes.values()) if isinstance(nodes, dict) else []


def _names_queue(node: Any, queue: str) -> bool:
    return isinstance(node, dict) and node.get("type") == "queue" and node.get("queue") == queue


def _named(items: Sequence[N], name: str, noun: str, id_field: str) -> N:
    for item in items:
        if name in (item.name, getattr(item, id_field)):
            return item
    raise NotFound(f"no {noun} {name!r}")
