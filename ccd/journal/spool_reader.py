"""Reading the spool, while it is written or after its writer died. Import it through `ccd.journal.spool`."""

from __future__ import annotations

import os
from pathlib import Path

import structlog

from ccd.journal import records
from ccd.journal.records import Position, SpooledFact, segment_path, segments

log = structlog.get_logger(__name__)

CHUNK = 256 * 1024


class SpoolReader:
    """Reads records in the order in which they were written. Any number may read one folder, while it is written."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._segment = -1
        self._fd = -1
        self._boot_id = ""
        self._header_size = 0
        self.damaged = 0

    def read(self, position: Position | None, limit: int = 1000) -> tuple[list[SpooledFact], Position]:
        """At most `limit` records after `position` (None: the oldest there is), and the place after the last of them.

        An incomplete record at the end of the newest segment is one that is being written: it comes with a later call.
        At the end of an older segment it is the torn tail of a dead boot: it is logged and passed over.
        """
        found: list[SpooledFact] = []
        here = position if position is not None else Position(0, 0)
        while True:
            known = segments(self._folder)  # before reading: an older segment is then known to be complete
            here = self._settle(here, known)
            is_last = not known or here.segment >= known[-1]
            here, damage = self._read_segment(here, found, limit, is_last)
            if len(found) >= limit or is_last:
                return found, here
            if damage:
                self._report(here, damage)
            here = Position(next(number for number in known if number > here.segment), 0)

    def close(self) -> None:
        """Close the file that is open."""
        if self._fd >= 0:
            os.close(self._fd)
        self._fd = self._segment = -1

    def _settle(self, here: Position, known: list[int]) -> Position:
        """The same place, or the beginning of the next segment that exists when this one does not."""
        if not known or here.segment in known:
            return here
        later = [number for number in known if number > here.segment]
        if not later:
            log.error("spool_went_back", position=here.segment, newest=known[-1])
            later = known
        return Position(later[0], 0)

    def _read_segment(
        self, here: Position, found: list[SpooledFact], limit: int, is_last: bool
    ) -> tuple[Position, str]:
        try:
            if not self._open(here.segment):
                return here, "no whole header"
        except records.Damaged as reason:
            return here, str(reason)
        offset = max(here.offset, self._header_size)
        size = CHUNK
        while True:
            data = os.pread(self._fd, size, offset)
            taken, damage = self._parse(data, found, limit)
            offset += taken
            if damage or len(found) >= limit:
                return Position(here.segment, offset), damage
            if len(data) < size:
                return Position(here.segment, offset), "an incomplete record" if taken < len(data) else ""
            size = CHUNK if taken else size * 4

    def _parse(self, data: bytes, found: list[SpooledFact], limit: int) -> tuple[int, str]:
        taken = 0
        try:
            while len(found) < limit and (one := records.read_record(data, taken)) is not None:
                seq, payload, taken = one
                found.append(SpooledFact(self._boot_id, seq, payload))
        except records.Damaged as reason:
            return taken, str(reason)
        return taken, ""

    def _open(self, segment: int) -> bool:
        if segment == self._segment:
            return True
        self.close()
        try:
            fd = os.open(segment_path(self._folder, segment), os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        head = None
        try:
            head = records.read_header(os.pread(fd, 4096, 0))
        finally:
            if head is None:
                os.close(fd)
        if head is None:
            return False
        self._fd, self._segment = fd, segment
        self._boot_id, self._header_size = head.boot_id, head.size
        return True

    def _report(self, here: Position, damage: str) -> None:
        self.damaged += 1
        size = segment_path(self._folder, here.segment).stat().st_size
        log.warning("spool_tail_cut", segment=here.segment, offset=here.offset, damage=damage, bytes=size - here.offset)
