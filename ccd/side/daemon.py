"""The composition root of the office process: journal's writer, configuration, HTTP. Started by core as its child.

`ccd.__main__` has patched the process before this module is imported. The office ends with its core: core has the kernel
send it SIGTERM when core dies (ccd.core.child), so that the next core's office finds socket and database free.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import structlog
from gevent import Greenlet, joinall, signal_handler
from gevent.event import Event
from sqlalchemy.exc import SQLAlchemyError

from ccd.base import log as logging
from ccd.base.clock import SystemClock
from ccd.base.errors import CcdError, DaemonUnreachable
from ccd.base.greenlets import spawn
from ccd.ivr.flow import load_flow
from ccd.journal.configuration import Route
from ccd.journal.records import Position
from ccd.routing.written import calendar_of
from ccd.settings.load import load
from ccd.settings.model import Settings
from ccd.side.configuration import FlowShelf, Site
from ccd.side.core_link import CoreLink
from ccd.side.database import Database
from ccd.side.db.stores.config import ConfigStore, Loaded
from ccd.side.db.stores.history import HistoryStore
from ccd.side.http.app import build_app
from ccd.side.http.office import Office
from ccd.side.http.references import References
from ccd.side.http.server import ControlServer
from ccd.side.recording_files import RecordingFiles
from ccd.side.writer import JournalWriter

log = structlog.get_logger(__name__)

_BATCH_IN_HAND_S = 3.0


def run(settings_path: str, options: Mapping[str, str], core_socket: str) -> int:
    """Run the office until SIGTERM, which core sends or its death; returns the exit code."""
    core = os.getppid()
    settings = load(settings_path, options=options)
    logging.configure(
        level=settings.log.level,
        format=settings.log.format,
        numbers=settings.log.numbers,
        file=settings.log.file,
        process="side",
    )
    office = OfficeProcess(settings, core_socket)
    stop = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal_handler(number, stop.set)
    signal_handler(signal.SIGHUP, office.reload)
    office.start()
    stop.wait()
    if os.getppid() != core:
        log.warning("core_is_gone")
    office.stop()
    return 0


class OfficeProcess:
    """Everything that runs in the office process."""

    def __init__(self, settings: Settings, core_socket: str) -> None:
        self._settings = settings
        self._writer: JournalWriter | None = None
        self._recording_files: RecordingFiles | None = None
        self._working: list[Greenlet] = []
        self._database = Database(settings, self._database_is_ready)
        self._link = CoreLink(core_socket, on_connected=self._core_is_there, on_journal=self._journal_grew)
        routes = [Route(**route.model_dump()) for route in settings.routes]
        calendars = {name: calendar_of(written) for name, written in settings.calendars.items()}
        flows = FlowShelf(Path(settings.flows_dir), partial(load_flow, calendars=calendars))
        self._site = Site(self._link, self._load_rows, routes, flows, calendars=calendars)
        self._server: ControlServer | None = None

    def start(self) -> None:
        """Start all parts; none waits for another."""
        office = Office(
            core=self._link,
            site=self._site,
            store=lambda: ConfigStore(self._database.engine()),
            history=lambda: HistoryStore(self._database.engine()),
            references=References(
                switches=tuple(switch.name for switch in self._settings.switches),
                prompts=Path(self._settings.sounds_path) / self._settings.language,
            ),
            database=self._database.status,
            journal=self._journal_status,
        )
        control = self._settings.control
        self._server = ControlServer(build_app(office), control.socket, mode=control.mode, group=control.group)
        self._server.start()
        spawn("core_link", self._link.run)
        spawn("database", self._database.run)

    def reload(self) -> None:
        """Read flows and tables again, as SIGHUP asks."""
        spawn("reload", self._refresh)

    def stop(self) -> None:
        """Entrances first, then the work, then what it stands on."""
        if self._server is not None:
            self._server.stop()
        for worker in (self._writer, self._recording_files):
            if worker is not None:
                worker.stop()
        joinall(self._working, timeout=_BATCH_IN_HAND_S)
        self._link.stop()
        self._database.stop()

    def _database_is_ready(self, url: str) -> None:
        self._writer = JournalWriter(
            url, Path(self._settings.spool_dir), on_committed=self._committed, clock=SystemClock()
        )
        self._recording_files = RecordingFiles(url, clock=SystemClock())
        self._working = [
            spawn("journal_writer", self._writer.run),
            spawn("recording_files", self._recording_files.run),
        ]
        self._refresh()

    def _core_is_there(self) -> None:
        try:
            self._link.ask("journal.follow")
            self._site.adopt()
        except DaemonUnreachable:
            return  # it went away again; the next connect begins anew
        self._refresh()

    def _load_rows(self) -> Loaded:
        return ConfigStore(self._database.engine()).load()

    def _refresh(self) -> None:
        try:
            self._site.refresh()
        except DaemonUnreachable as error:
            log.info("configuration_waits", reason=str(error))
        except SQLAlchemyError as error:
            log.warning("configuration_waits", reason=str(error).splitlines()[0])
        except CcdError as error:
            log.error("configuration_refused", error=str(error))

    def _journal_grew(self, _segment: int, _offset: int) -> None:
        if self._writer is not None:
            self._writer.notify()

    def _committed(self, position: Position) -> None:
        self._link.tell("journal.committed", segment=position.segment, offset=position.offset)
        if self._recording_files is not None:
            self._recording_files.notify()

    def _journal_status(self) -> dict[str, Any]:
        if self._writer is None:
            return {"state": "waiting for the database"}
        position = self._writer.position
        return {"state": "trouble" if self._writer.causes else "writing", "segment": position.segment}
