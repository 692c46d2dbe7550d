"""The round of those who look after files of which rows in PostgreSQL tell: recordings and voicemail. In side.

A round writes what was found out since the last, and begins to look at files that have come up; each file has a greenlet of its
own, so that none waits for another's disk. What PostgreSQL does not take now is offered to it again, in order.
"""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

import gevent
import psycopg
import structlog

from ccd.base.greenlets import spawn
from ccd.side.db.deadline import thrown_away_after
from ccd.side.db.engine import connect

log = structlog.get_logger(__name__)

IDLE_SECONDS = 30.0
DEADLINE_SECONDS = 30.0
Found = tuple[str, dict[str, Any]]
"""A statement and its values."""
_NEVER = frozenset({"22", "23"})
"""Classes of SQLSTATE that say the values are wrong: they will not be right tomorrow."""


class FileRounds(ABC):
    """What `RecordingFiles` and `VoicemailFiles` share. `what` names it in the log; `begin_new` is theirs."""

    def __init__(self, url: str, what: str) -> None:
        self._url = url
        self._what = what
        self._woken = threading.Event()
        self._stopped = False
        self._kept: psycopg.Connection[Any] | None = None
        self._working: dict[str, gevent.Greenlet[..., None]] = {}
        self._found: list[tuple[str, Found]] = []

    @abstractmethod
    def begin_new(self, connection: psycopg.Connection[Any]) -> None:
        """Ask for rows whose files there is something to do with, and `begin` each."""

    def notify(self) -> None:
        """Rows may have changed."""
        self._woken.set()

    def stop(self) -> None:
        """Let `run` end; what is in hand is looked at again by the next side."""
        self._stopped = True
        self._woken.set()

    def run(self) -> None:
        """Look again and again until stopped; nothing that happens in one round keeps the next from coming."""
        while not self._stopped:
            self._woken.clear()
            try:
                if self._kept is None:  # kept, as there is a round after each batch of facts
                    self._kept = connect(self._url)
                self.look()
            except psycopg.Error as error:
                log.warning(f"{self._what}_not_looked_at", error=" ".join(str(error).split())[:300])
            except Exception:
                log.exception(f"{self._what}_not_looked_at")
            gevent.sleep(0)
            self._woken.wait(IDLE_SECONDS)
        self._let_go()
        gevent.killall(list(self._working.values()))

    def look(self) -> None:
        """Once: write what was found out, and begin what there is to do."""
        if self._kept is not None:
            try:
                self._round(self._kept)
                return
            except psycopg.OperationalError:
                self._let_go()  # PostgreSQL may have been started again since the last round: it is asked once more
            except BaseException:
                self._let_go()
                raise
        with connect(self._url) as connection:
            self._round(connection)

    def _round(self, connection: psycopg.Connection[Any]) -> None:
        with thrown_away_after(connection, DEADLINE_SECONDS):
            while self._found:
                item, found = self._found[0]
                self._write(connection, item, found)
                self._found.pop(0)
                self._working.pop(item, None)
            self.begin_new(connection)
            connection.commit()

    def _let_go(self) -> None:
        if self._kept is not None:
            self._kept.close()
            self._kept = None

    def begin(self, item: str, work: Callable[[str, str], Found | None], path: str) -> None:
        """Have `work(item, path)` done beside, unless the item is in hand; what it found out is written in the next round."""
        if item not in self._working:
            self._working[item] = spawn(self._what, self._do, item, work, path)

    def _do(self, item: str, work: Callable[[str, str], Found | None], path: str) -> None:
        found = None
        try:
            found = work(item, path)
        finally:
            if found is None:
                self._working.pop(item, None)  # looked at again in another round
        if found is not None:
            self._found.append((item, found))
            self._woken.set()

    def _write(self, connection: psycopg.Connection[Any], item: str, found: Found) -> None:
        statement, values = found
        try:
            connection.execute(statement.encode(), values)
            connection.commit()
        except psycopg.Error as error:
            if (error.sqlstate or "")[:2] not in _NEVER:
                raise
            connection.rollback()  # or it would stand before all others for ever
            log.error(f"{self._what}_not_written", item=item, error=" ".join(str(error).split())[:300])
