"""The spool: facts on local disk before anybody acts on them. core writes it, side and a restarted core read it.

Segments are files `%012d.spool`; each start of core begins a new one, so a torn tail belongs to a dead boot for ever. A
write reaches the kernel at once (it survives kill -9); fdatasync follows in gevent's thread pool (power cuts).
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable
from pathlib import Path

import gevent
import msgspec
import structlog

from ccd.base.clock import Clock, Timer
from ccd.journal import records
from ccd.journal.records import Position, SpooledFact, segment_path, segments
from ccd.journal.spool_reader import SpoolReader

__all__ = ["Position", "SpoolReader", "SpoolWriter", "SpooledFact"]

log = structlog.get_logger(__name__)

SEGMENT_BYTES = 64 * 1024 * 1024
PENDING_BYTES = 64 * 1024 * 1024
RETRY_SECONDS = 1.0


class SpoolCounts(msgspec.Struct):
    """What a writer did since it was made; `lost` counts records that found neither disk nor memory."""

    appended: int = 0
    written: int = 0
    syncs: int = 0
    write_errors: int = 0
    sync_errors: int = 0
    lost: int = 0


class SpoolWriter:
    """Appends records for one boot of core. Only one may exist for a folder: core's flock on `state_dir` sees to it.

    `append` never raises and never waits for anything but write(2): while the disk refuses, records wait in memory up
    to `max_pending_bytes` (then the oldest are lost, counted and logged) and are written again every second.
    """

    def __init__(
        self,
        folder: Path,
        boot_id: str,
        *,
        clock: Clock,
        max_segment_bytes: int = SEGMENT_BYTES,
        sync_every: float = 0.05,
        on_append: Callable[[], None] | None = None,
        max_pending_bytes: int = PENDING_BYTES,
    ) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder = folder
        self._boot_id = boot_id
        self._clock = clock
        self._max_segment_bytes = max_segment_bytes
        self._sync_every = sync_every
        self._on_append = on_append
        self._max_pending_bytes = max_pending_bytes
        self._fd = -1
        self._segment = 0
        self._offset = 0
        self._seq = 0
        self._pending: deque[tuple[int, bytes]] = deque()
        self._pending_bytes = 0
        self._retry: Timer | None = None
        self._sync_timer: Timer | None = None
        self._syncing = False
        self._dirty = False
        self._closed = False
        self.failing = ""
        self.counts = SpoolCounts()
        self._try(self._open_segment, 1)

    @property
    def position(self) -> Position:
        """The end of what is written."""
        return Position(self._segment, self._offset)

    @property
    def pending(self) -> int:
        """How many records wait in memory for a disk that refuses them."""
        return len(self._pending)

    def append(self, payload: bytes) -> int:
        """Write one record and return its sequence number, which grows by one with each."""
        self._seq = seq = self._seq + 1
        self.counts.appended += 1
        data = records.record(seq, payload)
        if self._pending or not self._try(self._write, seq, data):
            self._keep(seq, data)
            return seq
        self._wrote()
        return seq

    def discard_before(self, position: Position) -> None:
        """Remove the segments that lie wholly before `position`; the one being written stays."""
        for segment in segments(self._folder):
            if segment < min(position.segment, self._segment):
                segment_path(self._folder, segment).unlink(missing_ok=True)

    def close(self) -> None:
        """Write what still waits, sync and close; what cannot be written is logged as lost."""
        if self._closed:
            return
        self._closed = True
        self._write_pending()
        for timer in (self._retry, self._sync_timer):
            if timer is not None:
                timer.cancel()
        if self._pending:
            self._drop_pending(0)
        if self._fd >= 0:
            self._try(os.fdatasync, self._fd)
            while self._syncing:
                gevent.sleep(0.005)  # the thread pool still holds the descriptor
            os.close(self._fd)
            self._fd = -1

    def _write(self, seq: int, data: bytes) -> None:
        if self._fd < 0 or (self._offset + len(data) > self._max_segment_bytes and self._offset > 0):
            self._open_segment(seq)
        self._put(data)
        self.counts.written += 1

    def _put(self, data: bytes) -> None:
        done = os.write(self._fd, data)
        try:
            while done < len(data):
                done += os.write(self._fd, data[done:])
        except OSError:
            # Half a record must not stay: what is written after it could never be read.
            os.ftruncate(self._fd, self._offset)
            os.lseek(self._fd, self._offset, os.SEEK_SET)
            raise
        self._offset += done

    def _open_segment(self, first_seq: int) -> None:
        """Begin a segment. Numbers follow the wall clock's seconds, so that they go on growing in an emptied folder."""
        last = max([self._segment, *segments(self._folder)[-1:]])
        segment = max(last + 1, self._clock.now() // 1_000_000)
        path = segment_path(self._folder, segment)
        head = records.header(self._boot_id, first_seq)
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            if os.write(fd, head) != len(head):
                raise OSError(28, "the segment's header could not be written whole")
        except OSError:
            os.close(fd)
            path.unlink()
            raise
        old, self._fd, self._segment, self._offset = self._fd, fd, segment, len(head)
        gevent.get_hub().threadpool.spawn(_finish_segment, old, self._folder)

    def _wrote(self) -> None:
        self._dirty = True
        if self._sync_timer is None and not self._syncing and not self._closed:
            self._sync_timer = self._clock.call_later(self._sync_every, self._sync)
        if self._on_append is not None:
            self._on_append()

    def _sync(self) -> None:
        self._sync_timer = None
        if not self._dirty or self._fd < 0:
            return
        self._dirty = False
        self._syncing = True
        gevent.get_hub().threadpool.spawn(_fdatasync, self._fd).rawlink(self._synced)

    def _synced(self, result: object) -> None:
        self._syncing = False
        error = result.get()  # type: ignore[attr-defined]
        if error is None:
            self.counts.syncs += 1
        else:
            self.counts.sync_errors += 1
            log.error("spool_sync_failed", alarm="spool_unwritable", error=str(error))
        if self._dirty and not self._closed:
            self._sync_timer = self._clock.call_later(self._sync_every, self._sync)

    def _try(self, action: Callable[..., object], *args: object) -> bool:
        try:
            action(*args)
        except OSError as error:
            self.counts.write_errors += 1
            if self.failing != str(error):
                self.failing = str(error)
                log.error("spool_write_failed", alarm="spool_unwritable", error=self.failing)
            return False
        return True

    def _keep(self, seq: int, data: bytes) -> None:
        self._pending.append((seq, data))
        self._pending_bytes += len(data)
        if self._pending_bytes > self._max_pending_bytes:
            self._drop_pending(self._max_pending_bytes)
        if self._retry is None and not self._closed:
            self._retry = self._clock.call_later(RETRY_SECONDS, self._write_pending)

    def _write_pending(self) -> None:
        self._retry = None
        before = len(self._pending)
        while self._pending and self._try(self._write, *self._pending[0]):
            self._pending_bytes -= len(self._pending.popleft()[1])
        if len(self._pending) < before:
            self._wrote()
        if self._pending and not self._closed:
            self._retry = self._clock.call_later(RETRY_SECONDS, self._write_pending)
        elif self.failing and not self._pending:
            log.warning("spool_write_recovered", alarm="spool_unwritable", error=self.failing)
            self.failing = ""

    def _drop_pending(self, down_to: int) -> None:
        dropped = 0
        while self._pending and self._pending_bytes > down_to:
            self._pending_bytes -= len(self._pending.popleft()[1])
            dropped += 1
        if self.counts.lost == 0 or down_to == 0:
            log.error("spool_records_lost", alarm="spool_unwritable", records=dropped, error=self.failing)
        self.counts.lost += dropped


def _fdatasync(fd: int) -> OSError | None:
    try:
        os.fdatasync(fd)
    except OSError as error:
        return error
    return None


def _finish_segment(old: int, folder: Path) -> OSError | None:
    """In the thread pool: the old segment to disk, and the name of the new one."""
    error = None
    if old >= 0:
        error = _fdatasync(old)
        os.close(old)
    name = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(name)
    finally:
        os.close(name)
    return error
