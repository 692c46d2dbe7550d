"""What the resources work with: handed over by the composition root, or by a test."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from ccd.acd.model import Agent, Queue, Station
from ccd.side.configuration import Core, Site


class Store(Protocol):
    """The tables of configuration (ccd.side.db.stores.config). A name that is taken is Refused."""

    def add_agent(self, name: str, *, display_name: str = "", station: str = "") -> Agent:
        """Store a new agent."""

    def add_station(self, name: str, contact: str, *, kind: str = "sip", node: str = "") -> Station:
        """Store a new station."""

    def add_queue(self, name: str, **options: Any) -> Queue:
        """Store a new queue."""

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

    def recordings(self, limit: int = 50, *, call_id: str = "") -> list[dict[str, Any]]:
        """The latest recordings, newest first; of one call when it is given."""


@dataclass(frozen=True, slots=True)
class Office:
    """Everything a resource may touch. `store` and `history` raise DaemonUnreachable while the database is not ready."""

    core: Core
    site: Site
    store: Callable[[], Store]
    history: Callable[[], History]
    database: Callable[[], dict[str, Any]]
    journal: Callable[[], dict[str, Any]]
