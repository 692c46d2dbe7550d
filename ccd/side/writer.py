"""The journal's writer: carries the spool into PostgreSQL, exactly once, however PostgreSQL or this process fare.

It runs in side, in a greenlet of its own (or a thread); core only hears how far it got and removes old segments.
"""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import psycopg
import structlog

from ccd.base.clock import Clock, as_datetime
from ccd.journal.spool import Position, SpoolReader
from ccd.side.db.deadline import thrown_away_after
from ccd.side.db.engine import connect
from ccd.side.db.journal import CursorMoved, DeadLetters, read_cursor, write_batch
from ccd.side.db.partitions import ensure_partitions

log = structlog.get_logger(__name__)

BATCH = 1000
IDLE_SECONDS = 5.0
FIRST_RETRY_SECONDS = 0.1
LAST_RETRY_SECONDS = 5.0
_TOO_SLOW = (psycopg.errors.QueryCanceled, psycopg.errors.LockNotAvailable)
_NO_ANSWER = {psycopg.OperationalError.__name__, psycopg.errors.ConnectionTimeout.__name__}


class WriterCounts(msgspec.Struct):
    """What a writer did since it was made."""

    written: int = 0
    read: int = 0
    batches: int = 0
    failures: int = 0


class JournalWriter:
    """Writes the spool of `spool_folder` to the database of `url`.

    `on_committed` hears each place up to which everything is in PostgreSQL, also once at the start: a note that was lost
    with the process that should have sent it is thereby repeated.
    """

    def __init__(
        self,
        url: str,
        spool_folder: Path,
        *,
        on_committed: Callable[[Position], None],
        clock: Clock,
        statement_seconds: float = 15.0,
        deadline_seconds: float = 30.0,
    ) -> None:
        self._url = url
        self._reader = SpoolReader(spool_folder)
        self._on_committed = on_committed
        self._clock = clock
        self._statement_seconds = statement_seconds
        self._deadline_seconds = deadline_seconds
        self._woken = threading.Event()
        self._stopped = threading.Event()
        self._connection: psycopg.Connection[Any] | None = None
        self._position = Position(0, 0)
        self._batch = BATCH
        self._retry_seconds = FIRST_RETRY_SECONDS
        self._partitioned_on: dt.date | None = None
        self.dead_letters = DeadLetters(spool_folder / "dead-letters.jsonl")
        self.causes: set[str] = set()
        self.counts = WriterCounts()

    @property
    def position(self) -> Position:
        """The place up to which everything is in PostgreSQL, as far as we know."""
        return self._position

    def notify(self) -> None:
        """There may be something new in the spool."""
        self._woken.set()

    def stop(self) -> None:
        """Let `run` end after the batch in hand."""
        self._stopped.set()
        self._woken.set()

    def run(self) -> None:
        """Write until stopped; trouble with PostgreSQL or the disk is waited out and never raised."""
        while not self._stopped.is_set():
            self._woken.clear()
            try:
                more = self._step()
            except (psycopg.Error, CursorMoved, OSError) as error:
                self._failed(error)
                self._stopped.wait(self._retry_seconds)
                self._retry_seconds = min(self._retry_seconds * 2, LAST_RETRY_SECONDS)
            except Exception as error:  # facts must not wait for ever because of what nobody foresaw
                log.exception("journal_writer_crashed")
                self._failed(error)
                self._stopped.wait(LAST_RETRY_SECONDS)
            else:
                if not more:
                    self._woken.wait(IDLE_SECONDS)
        self._throw_away()
        self._reader.close()

    @property
    def cut_off(self) -> bool:
        """Whether facts wait because PostgreSQL does not answer."""
        return not self.causes.isdisjoint(_NO_ANSWER)

    def _step(self) -> bool:
        """Connect if need be, then write one batch; False when the spool had nothing new."""
        connection = self._connection
        if connection is None:
            self._connection = connection = connect(self._url, statement_seconds=self._statement_seconds)
            with thrown_away_after(connection, self._deadline_seconds):
                self._position = read_cursor(connection)
            self._tell()
        self._make_partitions(connection)
        facts, after = self._reader.read(self._position, self._batch)
        if after == self._position:
            return False
        with thrown_away_after(connection, self._deadline_seconds):
            written = write_batch(connection, facts, self._position, after, self.dead_letters)
        self._position = after
        self.counts.batches += 1
        self.counts.read += len(facts)
        self.counts.written += written
        self._recovered()
        self._tell()
        return bool(facts)

    def _make_partitions(self, connection: psycopg.Connection[Any]) -> None:
        today = as_datetime(self._clock.now()).date()
        if today == self._partitioned_on:
            return
        try:
            with thrown_away_after(connection, self._deadline_seconds):
                ensure_partitions(connection, today)
        except (*_TOO_SLOW, psycopg.errors.InsufficientPrivilege) as error:
            # A long report may hold the tables, or only another role may make them. Rows without a partition go to the DEFAULT
            # one; tomorrow is another day.
            log.warning("partitions_not_made", error=str(error))
        self._partitioned_on = today

    def _tell(self) -> None:
        try:
            self._on_committed(self._position)
        except Exception:
            log.exception("commit_note_failed")

    def _failed(self, error: Exception) -> None:
        self.counts.failures += 1
        self._throw_away()
        if isinstance(error, CursorMoved):
            return  # nothing is wrong: the cursor is read anew with the next connection
        if isinstance(error, _TOO_SLOW):
            self._batch = max(1, self._batch // 4)
        cause = (error.sqlstate if isinstance(error, psycopg.Error) else None) or type(error).__name__
        if cause not in self.causes:
            self.causes.add(cause)
            text = " ".join(str(error).split())
            log.error("journal_not_written", alarm="journal_unwritable", cause=cause, error=text[:300])

    def _recovered(self) -> None:
        self._retry_seconds = FIRST_RETRY_SECONDS
        self._batch = min(BATCH, self._batch * 2)
        if self.causes:
            log.warning("journal_written_again", alarm="journal_unwritable", causes=sorted(self.causes))
            self.causes.clear()

    def _throw_away(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
