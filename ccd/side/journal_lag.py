"""How far PostgreSQL is behind what core has said: for answers that read SQL and must not leave out what has just happened."""

from __future__ import annotations

from gevent.event import Event

from ccd.journal.records import Position

WAIT_S = 1.0


class JournalLag:
    """Hears from core how far the spool has grown, and from the writer how far it is written."""

    def __init__(self) -> None:
        self._grown = Position(0, 0)
        self._written = Position(0, 0)
        self._waiting: dict[Event, Position] = {}

    def grew(self, position: Position) -> None:
        """The spool reaches to there."""
        self._grown = max(self._grown, position)

    def committed(self, position: Position) -> None:
        """Everything before that is in PostgreSQL."""
        self._written = position
        for reached, wanted in self._waiting.items():
            if wanted <= position:
                reached.set()

    def caught_up(self, seconds: float = WAIT_S) -> bool:
        """Whether all that has been said up to now is in PostgreSQL; waits so long for it."""
        wanted = self._grown
        if wanted <= self._written:
            return True
        reached = Event()
        self._waiting[reached] = wanted
        try:
            return bool(reached.wait(seconds))
        finally:
            del self._waiting[reached]
