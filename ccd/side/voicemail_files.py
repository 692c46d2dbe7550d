"""The files of voicemail: measured once they are there, erased when their message is deleted, and messages deleted when
they are too old. Runs in side, beside the recordings' files and with the same care about a hung disk.
"""

from __future__ import annotations

import os
import sys
import wave
from array import array
from collections.abc import Callable
from typing import Any, Protocol

import gevent
import msgspec
import psycopg
import structlog

from ccd.base.clock import Clock
from ccd.base.errors import CcdError, DaemonUnreachable
from ccd.side.db.engine import to_datetime
from ccd.side.file_rounds import FileRounds, Found
from ccd.side.recording_erasure import delete_below
from ccd.side.recording_files import FileDesk
from ccd.voicemail.model import FOLDER

log = structlog.get_logger(__name__)

RETENTION, SILENT = "retention", "silent"
# As FreeSWITCH hears it while it records: twenty milliseconds whose mean is below this are silence.
QUIET = 200
FRAMES_A_SECOND = 50

_UNCHECKED = """
SELECT voicemail_id::text, local_path FROM ccd.voicemails
WHERE left_at IS NOT NULL AND state <> 'deleted' AND checks < 6
  AND (file = 'unchecked' OR (file = 'missing' AND checked_at < %(now)s - checks * interval '10 minutes'))
ORDER BY left_at LIMIT 100
"""
_CHECKED = """
UPDATE ccd.voicemails SET file = %(state)s, size_bytes = %(size)s, sha256 = %(sha256)s, checked_at = %(at)s,
  checks = checks + 1, duration_ms = coalesce(%(duration_ms)s, duration_ms)
WHERE voicemail_id = %(voicemail_id)s AND file IN ('unchecked', 'missing')
"""
_TO_ERASE = """
SELECT voicemail_id::text, local_path FROM ccd.voicemails
WHERE state = 'deleted' AND file <> 'erased' AND local_path <> ''
ORDER BY voicemail_id::text = ANY(%(tried)s), left_at LIMIT 100
"""
_ERASED = "UPDATE ccd.voicemails SET file = 'erased', checked_at = %(at)s WHERE voicemail_id = %(voicemail_id)s"
_OLD = """
SELECT v.voicemail_id::text FROM ccd.voicemails v JOIN ccd.voicemail_boxes b USING (box_id)
WHERE v.state <> 'deleted' AND b.retention_days > 0 AND v.left_at < %(now)s - b.retention_days * interval '1 day'
ORDER BY v.left_at LIMIT 100
"""


class MessagesOfNumber(Protocol):
    """What SQL knows of messages (ccd.side.db.stores.voicemails)."""

    def of_number(self, number: str, e164: str) -> list[str]:
        """Every message of a caller's number that is not deleted."""


class VoicemailEraser:
    """Deletes all messages of a caller's number; their files follow their rows, as those of every deleted message.

    Args:
        delete: has core tell that a message is deleted, with who did it and a word why; a CcdError means not now.
    """

    def __init__(self, store: Callable[[], MessagesOfNumber], delete: Callable[[str, str, str], None]) -> None:
        self._store = store
        self._delete = delete

    def __call__(self, number: str, e164: str, *, who: str, why: str) -> int:
        """How many were deleted."""
        messages = self._store().of_number(number, e164)
        for voicemail_id in messages:
            self._delete(voicemail_id, who, why)
        return len(messages)


class VoicemailFiles(FileRounds):
    """Looks after the messages of the database at `url`, whose files lie below `root`.

    Args:
        delete: has core tell that a message is deleted, with a word why; DaemonUnreachable means later.
    """

    def __init__(
        self,
        url: str,
        *,
        root: str,
        clock: Clock,
        delete: Callable[[str, str], None],
        desk: FileDesk | None = None,
    ) -> None:
        super().__init__(url, "voicemails")
        self._folder = os.path.join(root, FOLDER)
        self._clock = clock
        self._delete = delete
        self._desk = desk or FileDesk()
        self._old: list[str] = []
        self._asked: set[str] = set()
        self._told: set[str] = set()

    def begin_new(self, connection: psycopg.Connection[Any]) -> None:
        """What has come, and what was deleted; what is too old is only noted, for core is asked without a connection."""
        asked = {"now": to_datetime(self._clock.now()), "tried": list(self._told)}
        for voicemail_id, path in connection.execute(_UNCHECKED, asked).fetchall():
            self.begin(voicemail_id, self._measure, path)
        for voicemail_id, path in connection.execute(_TO_ERASE, asked).fetchall():
            self.begin(voicemail_id, self._erase, path)
        self._old = [row[0] for row in connection.execute(_OLD, asked).fetchall()]

    def look(self) -> None:
        """Once: as all rounds, then have what is too old deleted."""
        super().look()
        self._delete_old(self._old)

    def _delete_old(self, voicemail_ids: list[str]) -> None:
        """Core makes each a fact, and the row follows; until then it is asked for once."""
        for voicemail_id in voicemail_ids:
            if voicemail_id in self._asked:
                continue
            try:
                self._delete(voicemail_id, RETENTION)
            except DaemonUnreachable as error:
                log.info("voicemails_not_deleted_yet", reason=str(error))
                return
            except CcdError as error:  # of this one; the others wait for nobody
                log.error("voicemail_not_deleted", voicemail_id=voicemail_id, reason=str(error))
            self._asked.add(voicemail_id)
        self._asked &= set(voicemail_ids)

    def _measure(self, voicemail_id: str, path: str) -> Found | None:
        found, duration_ms = self._desk.measure(path), None
        if found.state == "complete":
            duration_ms = self._quickly(_length_ms, path)
            if duration_ms is not None and self._quickly(_is_silent, path) and not self._deleted_silent(voicemail_id):
                return None
        else:
            self._alarm("voicemail_missing", voicemail_id, path, found.reason)
        told = {"voicemail_id": voicemail_id, "at": to_datetime(self._clock.now()), "duration_ms": duration_ms}
        return _CHECKED, told | msgspec.structs.asdict(found)

    def _deleted_silent(self, voicemail_id: str) -> bool:
        """Who presses the key, or hangs up while ccd is dead, may have said nothing: only the file tells. False: try again."""
        try:
            self._delete(voicemail_id, SILENT)
        except DaemonUnreachable as error:
            log.info("voicemails_not_deleted_yet", reason=str(error))
            return False
        except CcdError as error:
            log.error("voicemail_not_deleted", voicemail_id=voicemail_id, reason=str(error))
        return True

    def _erase(self, voicemail_id: str, path: str) -> Found | None:
        """Only below our own folder, whatever a row says; a file that is gone already is erased."""
        try:
            self._desk.carry_out(self._remove, path)
        except (OSError, gevent.Timeout) as error:
            reason = "the disk does not answer" if isinstance(error, gevent.Timeout) else str(error)
            if voicemail_id not in self._told:
                self._told.add(voicemail_id)
                self._alarm("voicemail_not_erased", voicemail_id, path, reason[:200])
            return None
        self._told.discard(voicemail_id)
        return _ERASED, {"voicemail_id": voicemail_id, "at": to_datetime(self._clock.now())}

    def _remove(self, path: str) -> None:
        folder, name = os.path.split(path)
        delete_below(os.path.realpath(self._folder), os.path.join(os.path.realpath(folder), name), self._clock.now())

    def _quickly(self, work: Callable[[str], Any], path: str) -> Any:
        """What `work` finds, None when the disk does not answer in time or refuses."""
        try:
            return self._desk.carry_out(work, path)
        except (OSError, EOFError, ArithmeticError, wave.Error, gevent.Timeout):
            return None

    def _alarm(self, event: str, voicemail_id: str, path: str, reason: str) -> None:
        log.error(event, alarm=event, voicemail_id=voicemail_id, path=path[:200], reason=reason)


def _length_ms(path: str) -> int:
    with wave.open(path, "rb") as file:
        return file.getnframes() * 1000 // file.getframerate()


def _is_silent(path: str) -> bool:
    """Ends at the first sound, so that it reads to the end only of what is silent."""
    with wave.open(path, "rb") as file:
        at_once = file.getframerate() // FRAMES_A_SECOND
        while data := file.readframes(at_once):
            samples = array("h", data[: len(data) // 2 * 2])
            if sys.byteorder == "big":
                samples.byteswap()
            if sum(map(abs, samples)) >= QUIET * max(len(samples), 1):
                return False
    return True
