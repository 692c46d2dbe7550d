"""The files of voicemail: measured once they are there, erased when their message is deleted, and messages deleted when
they are too old. Runs in side, beside the recordings' files and with the same care about a hung disk.
"""

from __future__ import annotations

import os
import sys
import threading
import wave
from array import array
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Protocol

import gevent
import msgspec
import psycopg
import structlog

from ccd.base.clock import Clock
from ccd.base.errors import CcdError
from ccd.side.db.engine import connect, to_datetime
from ccd.side.recording_files import FileDesk
from ccd.voicemail.model import FOLDER

log = structlog.get_logger(__name__)

IDLE_SECONDS = 30.0
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
WHERE state = 'deleted' AND file <> 'erased' AND local_path <> '' ORDER BY left_at LIMIT 100
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


class VoicemailFiles:
    """Looks after the messages of the database at `url`, whose files lie below `root`.

    Args:
        delete: has core tell that a message is deleted, with a word why; a CcdError means later.
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
        self._url = url
        self._folder = os.path.join(root, FOLDER)
        self._clock = clock
        self._delete = delete
        self._desk = desk or FileDesk()
        self._woken = threading.Event()
        self._stopped = False
        self._working: dict[str, gevent.Greenlet[..., None]] = {}
        self._done: list[tuple[str, dict[str, Any]]] = []
        self._asked: set[str] = set()
        self._told: set[str] = set()

    def notify(self) -> None:
        """A message may have come or gone."""
        self._woken.set()

    def stop(self) -> None:
        """Let `run` end; what is in hand is looked at again by the next side."""
        self._stopped = True
        self._woken.set()

    def run(self) -> None:
        """Work until stopped; what PostgreSQL does not take now is offered to it again."""
        while not self._stopped:
            self._woken.clear()
            try:
                self.look()
            except psycopg.Error as error:
                log.warning("voicemails_not_looked_at", error=" ".join(str(error).split())[:300])
            gevent.sleep(0)
            self._woken.wait(IDLE_SECONDS)
        gevent.killall(list(self._working.values()))

    def look(self) -> None:
        """Write what was found out, and begin what there is to do."""
        now = {"now": to_datetime(self._clock.now())}
        with connect(self._url) as connection:
            while self._done:
                statement, told = self._done[0]
                connection.execute(statement.encode(), told)
                connection.commit()
                self._working.pop(str(told["voicemail_id"]), None)
                self._done.pop(0)
            for voicemail_id, path in connection.execute(_UNCHECKED, now).fetchall():
                self._begin(voicemail_id, self._measure, path)
            for voicemail_id, path in connection.execute(_TO_ERASE).fetchall():
                self._begin(voicemail_id, self._erase, path)
            old = [row[0] for row in connection.execute(_OLD, now).fetchall()]
        self._delete_old(old)

    def _delete_old(self, voicemail_ids: list[str]) -> None:
        """Core makes each a fact, and the row follows; until then it is asked for once."""
        for voicemail_id in voicemail_ids:
            if voicemail_id in self._asked:
                continue
            try:
                self._delete(voicemail_id, RETENTION)
            except CcdError as error:
                log.info("voicemails_not_deleted_yet", reason=str(error))
                return
            self._asked.add(voicemail_id)
        self._asked &= set(voicemail_ids)

    def _begin(self, voicemail_id: str, work: Callable[[str, str], None], path: str) -> None:
        if voicemail_id not in self._working:
            self._working[voicemail_id] = gevent.spawn(work, voicemail_id, path)

    def _measure(self, voicemail_id: str, path: str) -> None:
        found, duration_ms = self._desk.measure(path), None
        if found.state == "complete":
            duration_ms = self._quickly(_length_ms, path)
            if duration_ms is not None and self._quickly(_is_silent, path):
                self._delete_silent(voicemail_id)
        else:
            self._alarm("voicemail_missing", voicemail_id, path, found.reason)
        told = {"voicemail_id": voicemail_id, "at": to_datetime(self._clock.now()), "duration_ms": duration_ms}
        self._found_out(_CHECKED, told | msgspec.structs.asdict(found))

    def _delete_silent(self, voicemail_id: str) -> None:
        """Who presses the key, or hangs up while ccd is dead, may have said nothing: only the file tells."""
        try:
            self._delete(voicemail_id, SILENT)
        except CcdError as error:
            log.info("voicemails_not_deleted_yet", reason=str(error))

    def _erase(self, voicemail_id: str, path: str) -> None:
        """Only below our own folder, whatever a row says; a file that is gone already is erased."""
        if self._quickly(self._remove, path):
            self._found_out(_ERASED, {"voicemail_id": voicemail_id, "at": to_datetime(self._clock.now())})
            return
        if voicemail_id not in self._told:
            self._told.add(voicemail_id)
            self._alarm("voicemail_not_erased", voicemail_id, path, "it lies elsewhere, or the disk does not let it go")
        self._working.pop(voicemail_id, None)

    def _remove(self, path: str) -> bool:
        if not os.path.realpath(path).startswith(os.path.realpath(self._folder) + os.sep):
            return False
        with suppress(FileNotFoundError):
            os.unlink(path)
        return True

    def _quickly(self, work: Callable[[str], Any], path: str) -> Any:
        """What `work` finds, None when the disk does not answer in time or refuses."""
        try:
            return self._desk.carry_out(work, path)
        except (OSError, EOFError, wave.Error, gevent.Timeout):
            return None

    def _found_out(self, statement: str, told: dict[str, Any]) -> None:
        self._done.append((statement, told))
        self._woken.set()

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
