"""What core remembers over its death: the ledger, saved every few seconds, and the spool behind the save."""

from __future__ import annotations

from pathlib import Path

import msgspec
import structlog

from ccd.base.clock import Clock
from ccd.base.greenlets import spawn
from ccd.core.ledger import Ledger
from ccd.journal.codec import decode
from ccd.journal.records import Position
from ccd.journal.snapshot import StateFolder
from ccd.journal.spool import SpoolWriter
from ccd.journal.spool_reader import SpoolReader

log = structlog.get_logger(__name__)

SNAPSHOT_EVERY_S = 10.0
_AT_ONCE = 5_000


def restore_ledger(state: StateFolder, spool: Path) -> Ledger:
    """The last snapshot, brought up to date with the spool behind it."""
    saved = state.load("runtime")
    ledger, position = Ledger(), None
    if saved is not None:
        try:
            ledger = msgspec.convert(saved["ledger"], Ledger)
            position = msgspec.convert(saved["position"], Position)
        except (msgspec.ValidationError, KeyError) as broken:
            log.error("snapshot_unreadable", reason=str(broken)[:200])
    reader = SpoolReader(spool)
    try:
        while True:
            spooled, position = reader.read(position, _AT_ONCE)
            for one in spooled:
                fact = decode(one.payload)
                if fact is not None:
                    ledger.apply(fact)
            if not spooled:
                return ledger
    finally:
        reader.close()


class Memory:
    """Saves the ledger, and lets the spool go as far as both the save and PostgreSQL have it."""

    def __init__(self, *, clock: Clock, ledger: Ledger, spool: SpoolWriter, state: StateFolder) -> None:
        self._clock = clock
        self._ledger = ledger
        self._spool = spool
        self._state = state
        self._saved = Position(0, 0)
        self._committed: Position | None = None

    def start(self) -> None:
        """Save again and again. A save waits for its thread, which a timer may not: each runs in a greenlet of its own."""
        self._clock.call_later(SNAPSHOT_EVERY_S, self.start)
        spawn("snapshot", self.save)

    def save(self) -> None:
        """Encode now, so that ledger and position agree; write in a thread, since fsync may take its time."""
        position = self._spool.position
        content = {"ledger": msgspec.to_builtins(self._ledger), "position": msgspec.to_builtins(position)}
        self._state.save("runtime", content)
        self._saved = position
        self._discard()

    def committed(self, position: Position) -> None:
        """Side has written everything before `position` to PostgreSQL."""
        self._committed = position
        self._discard()

    def _discard(self) -> None:
        if self._committed is not None:
            self._spool.discard_before(min(self._committed, self._saved))
