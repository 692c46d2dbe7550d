"""The office's PostgreSQL: the site's own, or an embedded one that is started and brought up to date here."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import structlog
from gevent.event import Event
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from ccd.base.errors import CcdError, DaemonUnreachable
from ccd.settings.model import Settings
from ccd.side.db import schema_version
from ccd.side.db.embedded import EmbeddedPostgres
from ccd.side.db.engine import make_engine

log = structlog.get_logger(__name__)

_FIRST_PAUSE = 0.5
_LONGEST_PAUSE = 10.0


class Database:
    """Becomes ready in its own time; until then whoever asks is told what it waits for."""

    def __init__(self, settings: Settings, on_ready: Callable[[str], None]) -> None:
        self._settings = settings
        self._on_ready = on_ready
        self._embedded: EmbeddedPostgres | None = None
        self._engine: Engine | None = None
        self._state = "starting"
        self._stopped = Event()

    def run(self) -> None:
        """Start, migrate or wait for a migration, then call `on_ready` with the URL. A fault is tried again for ever."""
        pause = _FIRST_PAUSE
        while not self._stopped.is_set():
            try:
                url = self._url()
                if url and self._is_current(url):
                    self._engine = make_engine(url)
                    self._state = "ready"
                    log.info("database_ready")
                    self._on_ready(url)
                    return
            except Exception as error:  # also psycopg's and initdb's own: without a database nothing is ever written
                self._state = "unreachable"
                unforeseen = not isinstance(error, SQLAlchemyError | psycopg.Error | CcdError | OSError)
                reason = next(iter(str(error).splitlines()), type(error).__name__)
                log.warning("database_not_ready", error=reason, again_in_s=pause, exc_info=unforeseen)
            self._stopped.wait(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)

    def stop(self) -> None:
        """Let go of it; the embedded one is stopped."""
        self._stopped.set()
        if self._engine is not None:
            self._engine.dispose()
        if self._embedded is not None:
            self._embedded.stop()

    def engine(self) -> Engine:
        """The engine; DaemonUnreachable until the database is ready."""
        if self._engine is None:
            raise DaemonUnreachable(f"PostgreSQL is {self._state}; live calls are not affected")
        return self._engine

    def status(self) -> dict[str, Any]:
        """How it is, for the status."""
        return {"state": self._state, "embedded": self._embedded is not None}

    def _url(self) -> str:
        given = self._settings.database.url.get_secret_value()
        if given or not self._settings.database.embedded:
            if not given:
                self._state = "not configured"
                log.warning("no_database", do="set database.url or database.embedded in ccd.yaml")
            return given
        if self._embedded is None:
            embedded = EmbeddedPostgres(Path(self._settings.database_folder))
            embedded.start()
            self._embedded = embedded
        return self._embedded.url

    def _is_current(self, url: str) -> bool:
        """An embedded database is ours to migrate; the site's is migrated when its keeper says so."""
        here, needed = schema_version.current(url), schema_version.head()
        if here == needed:
            return True
        if self._embedded is not None:
            from ccd.side.db import migrate

            migrate.upgrade(url)
            return True
        self._state = "behind"
        log.warning("database_behind", revision=here or "none", needed=needed, do="ccd db upgrade")
        return False
