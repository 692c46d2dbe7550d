"""What core remembers over its death: the ledger, saved every few seconds, and the spool behind the save."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import msgspec
import structlog

from ccd.base.clock import Clock, Timer
from ccd.base.greenlets import spawn
from ccd.calls.facts import Fact
from ccd.core.ledger import Ledger
from ccd.core.past_callers import PastCallers
from ccd.journal.codec import decode
from ccd.journal.records import Position
from ccd.journal.snapshot import StateFolder
from ccd.journal.spool import SpoolWriter
from ccd.journal.spool_reader import SpoolReader

S = TypeVar("S", Ledger, PastCallers)

log = structlog.get_logger(__name__)

SNAPSHOT_EVERY_S = 10.0
CALLERS_EVERY_S = 60.0
_AT_ONCE = 5_000


def restore_ledger(state: StateFolder, spool: Path) -> Ledger:
    """The last snapshot, brought up to date with the spool behind it."""
    ledger, position = _saved(state, "runtime", "ledger", Ledger)
    _follow(spool, position, ledger.apply)
    return ledger


def restore_callers(state: StateFolder, spool: Path) -> PastCallers:
    """The same for who called before."""
    callers, position = _saved(state, "callers", "callers", PastCallers)
    _follow(spool, position, callers.apply)
    return callers


def _saved(state: StateFolder, name: str, key: str, kind: type[S]) -> tuple[S, Position | None]:
    saved = state.load(name)
    if saved is not None:
        try:
            return msgspec.convert(saved[key], kind), msgspec.convert(saved["position"], Position)
        except (msgspec.ValidationError, KeyError) as broken:
            log.error("snapshot_unreadable", name=name, reason=str(broken)[:200])
    return kind(), None


def _follow(spool: Path, position: Position | None, apply: Callable[[Fact], None]) -> None:
    reader = SpoolReader(spool)
    try:
        while True:
            spooled, position = reader.read(position, _AT_ONCE)
            for one in spooled:
                fact = decode(one.payload)
                if fact is not None:
                    apply(fact)
            if not spooled:
                return
    finally:
        reader.close()


class Memory:
    """Saves the ledger, and who called before, and lets the spool go as far as both saves and PostgreSQL have it."""

    def __init__(
        self, *, clock: Clock, ledger: Ledger, callers: PastCallers, spool: SpoolWriter, state: StateFolder
    ) -> None:
        self._clock = clock
        self._ledger = ledger
        self._callers = callers
        self._callers_due = clock.monotonic() + CALLERS_EVERY_S
        self._spool = spool
        self._state = state
        self._saved = Position(0, 0)
        self._callers_saved = Position(0, 0)
        self._committed: Position | None = None
        self._next: Timer | None = None

    def start(self) -> None:
        """Save again and again. A save waits for its thread, which a timer may not: each runs in a greenlet of its own."""
        self._next = self._clock.call_later(SNAPSHOT_EVERY_S, self.start)
        spawn("snapshot", self.save)

    def close(self) -> None:
        """Save once more, and then no longer."""
        if self._next is not None:
            self._next.cancel()
        self.save()

    def save(self) -> None:
        """Encode now, so that ledger and position agree; write in a thread, since fsync may take its time."""
        position = self._spool.position
        self._state.save("runtime", {"ledger": self._ledger, "position": position})
        self._saved = position
        if self._clock.monotonic() >= self._callers_due:
            self.save_callers()
        self._discard()

    def save_callers(self) -> None:
        """As `save`, less often: 50,000 numbers are 5 MB and take the loop 12 ms."""
        self._callers_due = self._clock.monotonic() + CALLERS_EVERY_S
        position = self._spool.position
        self._state.save("callers", {"callers": self._callers, "position": position})
        self._callers_saved = position

    def committed(self, position: Position) -> None:
        """Side has written everything before `position` to PostgreSQL."""
        self._committed = position
        self._discard()

    def _discard(self) -> None:
        if self._committed is not None:
            self._spool.discard_before(min(self._committed, self._saved, self._callers_saved))
