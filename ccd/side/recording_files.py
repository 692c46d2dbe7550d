"""The files of recordings after the switch closed them: size and SHA-256, or the finding that there is none. Runs in side.

All that touches a file runs in native threads with a deadline, so that a hung NFS stalls neither side's greenlets nor the
files of other recordings for ever: a pool whose threads all hang is left behind and a new one is made.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from typing import Any

import gevent
import msgspec
import psycopg
import structlog
from gevent.threadpool import ThreadPool

from ccd.base.clock import Clock
from ccd.side.db.engine import to_datetime
from ccd.side.file_rounds import FileRounds, Found

log = structlog.get_logger(__name__)

THREADS = 4
MOST_LEFT_BEHIND = 4
_BLOCK = 1024 * 1024

_PENDING = """
SELECT recording_id::text, local_path FROM ccd.recordings
WHERE state IN ('running', 'missing') AND stopped_at IS NOT NULL AND checks < 6
  AND (state = 'running' OR checked_at < now() - checks * interval '10 minutes')
ORDER BY state DESC, stopped_at LIMIT 100
"""
_RESULT = """
UPDATE ccd.recordings SET state = %(state)s, size_bytes = %(size)s, sha256 = %(sha256)s, reason = %(reason)s,
  checked_at = %(at)s, checks = checks + 1
WHERE recording_id = %(recording_id)s AND state IN ('running', 'missing')
"""


class Measured(msgspec.Struct, frozen=True):
    """What was found out about a file; `state` is complete or missing."""

    state: str
    size: int | None = None
    sha256: str | None = None
    reason: str = ""


class FileDesk:
    """Measures files without ever waiting longer than told.

    `settle_seconds` is how long a size must stay the same; `deadline_seconds` ends the whole of it.
    """

    def __init__(
        self,
        *,
        settle_seconds: float = 1.0,
        deadline_seconds: float = 60.0,
        stat: Callable[[str], os.stat_result] = os.stat,
    ) -> None:
        self._settle_seconds = settle_seconds
        self._deadline_seconds = deadline_seconds
        self._stat = stat
        self._pool = ThreadPool(THREADS)
        self._hung = 0
        self._left_behind = 0

    def measure(self, path: str) -> Measured:
        """Wait for a stable size, then hash; a file that is not there, or can't be read, by the deadline is missing."""
        why = "the file did not come"
        try:
            with gevent.Timeout(self._deadline_seconds):
                size = -1
                while True:
                    try:
                        before, size = size, self._in_thread(self._size, path)
                        if size == before:
                            return Measured("complete", size, self._in_thread(_sha256, path))
                        why = "its size did not settle"
                    except OSError as error:
                        size, why = -1, error.strerror or str(error)
                    gevent.sleep(self._settle_seconds)
        except gevent.Timeout:
            return Measured("missing", reason=why)

    def carry_out(self, work: Callable[[str], Any], path: str) -> Any:
        """What `work(path)` returns or raises; gevent.Timeout when the disk does not answer by the deadline."""
        with gevent.Timeout(self._deadline_seconds):
            return self._in_thread(work, path)

    def hashed(self, path: str) -> str:
        """The SHA-256 of a file; OSError as the disk says, gevent.Timeout when it does not answer by the deadline."""
        digest: str = self.carry_out(_sha256, path)
        return digest

    def _size(self, path: str) -> int:
        return self._stat(path).st_size

    def _in_thread(self, work: Callable[[str], Any], path: str) -> Any:
        pool = self._pool
        waited = pool.spawn(_outcome, work, path)
        try:
            done = waited.get()
        except gevent.Timeout:
            self._thread_hangs(pool)
            raise
        if isinstance(done, Exception):
            raise done
        return done

    def _thread_hangs(self, pool: ThreadPool) -> None:
        if pool is not self._pool:
            return
        self._hung += 1
        if self._hung >= THREADS and self._left_behind < MOST_LEFT_BEHIND:
            self._left_behind += 1
            self._hung = 0
            self._pool = ThreadPool(THREADS)
            log.error("recording_files_hang", alarm="recordings_unreachable", pools_left_behind=self._left_behind)


class RecordingFiles(FileRounds):
    """Looks after every recording that stopped: its row becomes `complete` with size and hash, or `missing`.

    A missing file is looked for five times more, ever more rarely: a share that was away comes back.
    """

    def __init__(self, url: str, *, clock: Clock, desk: FileDesk | None = None) -> None:
        super().__init__(url, "recordings")
        self._clock = clock
        self._desk = desk or FileDesk()

    def begin_new(self, connection: psycopg.Connection[Any]) -> None:
        """What stopped, or was missing and may have come since."""
        for recording_id, path in connection.execute(_PENDING).fetchall():
            self.begin(recording_id, self._measure, path)

    def _measure(self, recording_id: str, path: str) -> Found:
        found = self._desk.measure(path)
        if found.state != "complete":
            log.error(
                "recording_missing",
                alarm="recording_missing",
                recording_id=recording_id,
                path=path,
                reason=found.reason,
            )
        told = {"recording_id": recording_id, "at": to_datetime(self._clock.now())}
        return _RESULT, told | msgspec.structs.asdict(found)


def _outcome(work: Callable[[str], Any], path: str) -> Any:
    """What it returns or raises, as a value: gevent prints the traceback of whatever a thread raises."""
    try:
        return work(path)
    except Exception as error:
        return error


def _sha256(path: str) -> str:
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()
