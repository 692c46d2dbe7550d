"""What the resources work with: handed over by the composition root, or by a test."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from ccd.acd.model import Agent, Queue, Station
from ccd.side.configuration import Core, Site
from ccd.side.http.references import References

N = TypeVar("N", Agent, Queue, Station)


class Store(Protocol):
    """The tables of configuration (ccd.side.db.stores.config). A name that is taken is Refused."""

    def add_agent(self, name: str, *, display_name: str = "", station: str = "") -> Agent:
        """Store a new agent."""

    def add_station(self, name: str, contact: str, *, kind: str = "sip", node: str = "") -> Station:
        """Store a new station."""

    def add_queue(self, name: str, **options: Any) -> Queue:
        """Store a new queue."""

    def change_agent(self, name: str, *, display_name: str | None = None, station: str | None = None) -> Agent:
        """Change what is given; NotFound for an agent or a station that is not there."""

    def change_station(
        self, name: str, *, contact: str | None = None, kind: str | None = None, node: str | None = None
    ) -> Station:
        """Change what is given; NotFound."""

    def change_queue(self, name: str, **options: Any) -> Queue:
        """Change what is given; NotFound."""

    def retire(self, kind: type[N], name: str) -> N:
        """Take out of use, with its tiers; history keeps it. NotFound."""

    def add_tier(self, queue: str, agent: str, *, level: int = 1, position: int = 1) -> Any:
        """Put an agent into a queue, or move him there."""

    def remove_tier(self, queue: str, agent: str) -> None:
        """Take an agent out of a queue; NotFound if he is not in it."""


class History(Protocol):
    """What SQL knows of the past (ccd.side.db.stores.history)."""

    def ended_calls(self, limit: int = 50) -> list[dict[str, Any]]:
        """The latest ended calls, newest first."""

    def call(self, call_id: str) -> dict[str, Any]:
        """One call with all that belongs to it; NotFound."""

    def calls_beginning(self, prefix: str, limit: int = 6) -> list[str]:
        """The ids of calls that begin so."""

    def recordings(self, limit: int = 50, *, call_id: str = "") -> list[dict[str, Any]]:
        """The latest recordings, newest first; of one call when it is given."""


@dataclass(frozen=True, slots=True)
class Office:
    """Everything a resource may touch. `store` and `history` raise DaemonUnreachable while the database is not ready."""

    core: Core
    site: Site
    store: Callable[[], Store]
    history: Callable[[], History]
    references: References
    database: Callable[[], dict[str, Any]]
    journal: Callable[[], dict[str, Any]]
