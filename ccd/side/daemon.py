"""The composition root of the office process: journal's writer, configuration, HTTP. Started by core as its child.

`ccd.__main__` has patched the process before this module is imported. The office ends with its core: core has the kernel
send it SIGTERM when core dies (ccd.core.child), so that the next core's office finds socket and database free.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping
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
from ccd.base.numbering import e164_of
from ccd.ivr.flow import load_flow
from ccd.journal.records import Position
from ccd.routing.outgoing import Outgoing
from ccd.settings.load import load
from ccd.settings.model import Settings
from ccd.side.configuration import Site
from ccd.side.core_link import CoreLink
from ccd.side.database import Database
from ccd.side.db.stores.config import ConfigStore, Loaded
from ccd.side.db.stores.decisions import DecisionStore
from ccd.side.db.stores.history import HistoryStore
from ccd.side.db.stores.lists import ListStore
from ccd.side.db.stores.recordings import RecordingStore
from ccd.side.db.stores.voicemails import VoicemailStore
from ccd.side.errands import Errands
from ccd.side.flow_shelf import FlowShelf
from ccd.side.http.app import build_app
from ccd.side.http.office import DecisionDesk, Office, RecordingDesk, SpeechDesk
from ccd.side.http.references import References
from ccd.side.http.server import ControlServer
from ccd.side.journal_lag import JournalLag
from ccd.side.lists import ListKeeper
from ccd.side.recording_erasure import Eraser, sha256_now
from ccd.side.recording_files import FileDesk, RecordingFiles
from ccd.side.recording_keeping import RecordingKeeper
from ccd.side.reload import Reloading, written_of
from ccd.side.reports.store import Reports
from ccd.side.speech.prewarm import constant_texts
from ccd.side.speech.speaker import Speaker
from ccd.side.voicemail_files import VoicemailEraser, VoicemailFiles
from ccd.side.web_client import WebClient
from ccd.side.writer import JournalWriter

log = structlog.get_logger(__name__)

_BATCH_IN_HAND_S = 3.0
_HASH_S = 25.0


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
    office = OfficeProcess(settings, core_socket, settings_path=settings_path, options=options)
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

    def __init__(
        self, settings: Settings, core_socket: str, *, settings_path: str = "", options: Mapping[str, str] | None = None
    ) -> None:
        self._settings = settings
        self._writer: JournalWriter | None = None
        self._lag = JournalLag()
        self._recording_files: RecordingFiles | None = None
        self._voicemail_files: VoicemailFiles | None = None
        self._working: list[Greenlet] = []
        self._database = Database(settings, self._database_is_ready)
        self._link = CoreLink(
            core_socket,
            on_connected=self._core_is_there,
            on_journal=self._journal_grew,
            on_errand=lambda errand: self._errands.take(errand),  # noqa: PLW0108 (made below)
        )
        self._speaker = Speaker(settings.speech)
        self._loaded = Event()
        self._errands = Errands(
            {"http.request": WebClient(settings.http).ask, "speech.make": self._speaker.make}, self._link.tell
        )
        recordings = lambda: RecordingStore(self._database.engine())  # noqa: E731
        voicemails = VoicemailEraser(lambda: VoicemailStore(self._database.engine()), self._delete_voicemail)
        self._eraser = Eraser(
            store=recordings, root=settings.recordings.path, clock=SystemClock(), also={"voicemails": voicemails}
        )
        self._keeper = RecordingKeeper(
            settings=settings.recordings,
            store=recordings,
            eraser=self._eraser,
            clock=SystemClock(),
            tell_core=lambda why: self._link.tell("recordings.allow", not_now=why),
        )
        flows = FlowShelf(
            Path(settings.flows_dir), lambda name, tree: load_flow(name, tree, calendars=self._site.calendars)
        )
        written = written_of(settings)
        self._site = Site(
            self._link, self._load_rows, written.routes, flows, calendars=written.calendars, trunks=written.trunks
        )
        self._reloading = Reloading(
            path=settings_path, options=options or {}, started=settings, site=self._site, flows=flows
        )
        self._lists = ListKeeper(
            core=self._link,
            store=lambda: ListStore(self._database.engine()),
            folder=Path(settings.state_dir),
            numbering=settings.numbering.rules,
        )
        self._server: ControlServer | None = None

    def start(self) -> None:
        """Start all parts; none waits for another."""
        office = Office(
            core=self._link,
            site=self._site,
            store=lambda: ConfigStore(self._database.engine()),
            history=lambda: HistoryStore(self._database.engine()),
            decisions=DecisionDesk(
                journal=lambda: DecisionStore(self._database.engine()),
                caught_up=self._lag.caught_up,
                language=self._settings.language,
                zone=self._settings.zone,
            ),
            voicemails=lambda: VoicemailStore(self._database.engine()),
            recordings=self._recording_desk(),
            references=References(
                switches=tuple(switch.name for switch in self._settings.switches),
                prompts=Path(self._settings.sounds_path) / self._settings.language,
                outgoing=Outgoing(
                    through=self._settings.dial.through,
                    allowed=self._settings.dial.allowed,
                    numbering=self._settings.numbering.rules,
                ),
            ),
            database=self._database_status,
            journal=self._journal_status,
            speech=self._speech_desk(),
            lists=lambda: self._lists,
            reload=self._reloading.now,
            reports=lambda: Reports(self._database.engine()),
            zone=self._settings.zone,
        )
        control = self._settings.control
        self._server = ControlServer(build_app(office), control.socket, mode=control.mode, group=control.group)
        self._server.start()
        spawn("core_link", self._link.run)
        spawn("database", self._database.run)
        spawn("speech_prewarm", self._prewarm)
        spawn("recording_keeper", self._keeper.run)
        spawn("lists", self._lists.run)

    def reload(self) -> None:
        """Read ccd.yaml, flows and tables again, as SIGHUP asks."""
        spawn("reload", self._reload)

    def _reload(self) -> None:
        self._reloading.log_now()
        self._loaded.set()

    def stop(self) -> None:
        """Entrances first, then the work, then what it stands on."""
        if self._server is not None:
            self._server.stop()
        for worker in (self._writer, self._recording_files, self._voicemail_files):
            if worker is not None:
                worker.stop()
        self._lists.stop()
        self._keeper.stop()
        joinall(self._working, timeout=_BATCH_IN_HAND_S)
        self._link.stop()
        self._database.stop()

    def _recording_desk(self) -> RecordingDesk:
        desk, rules = FileDesk(deadline_seconds=_HASH_S), self._settings.numbering.rules
        return RecordingDesk(
            rows=lambda: RecordingStore(self._database.engine()),
            eraser=lambda: self._eraser,
            sha256=lambda path: sha256_now(desk, path),
            e164=lambda number: e164_of(number, rules),
            status=self._keeper.status,
        )

    def _database_is_ready(self, url: str) -> None:
        self._lists.database(url)
        self._keeper.notify()
        self._writer = JournalWriter(
            url, Path(self._settings.spool_dir), on_committed=self._committed, clock=SystemClock()
        )
        self._recording_files = RecordingFiles(url, clock=SystemClock())
        self._voicemail_files = VoicemailFiles(
            url,
            root=self._settings.recordings.path,
            clock=SystemClock(),
            delete=lambda voicemail_id, why: self._delete_voicemail(voicemail_id, "ccd", why),
        )
        self._working = [
            spawn("journal_writer", self._writer.run),
            spawn("recording_files", self._recording_files.run),
            spawn("voicemail_files", self._voicemail_files.run),
        ]
        self._refresh()

    def _core_is_there(self) -> None:
        try:
            self._link.ask("journal.follow", errands=True)
            self._site.adopt()
            self._keeper.notify()
        except DaemonUnreachable:
            return  # it went away again; the next connect begins anew
        self._lists.notify()
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
        self._loaded.set()

    def _speech_desk(self) -> SpeechDesk:
        speech = self._settings.speech
        return SpeechDesk(
            speaker=self._speaker,
            language=self._settings.language,
            path=speech.path,
            switch_path=speech.seen_by_switch,
        )

    def _prewarm(self) -> None:
        """Speak what every caller of the flows will hear, when there is a new configuration."""
        while self._speaker.is_configured:
            self._loaded.wait()
            self._loaded.clear()
            self._speaker.prewarm(constant_texts(self._site.current, self._settings.speech, self._settings.language))

    def _journal_grew(self, segment: int, offset: int) -> None:
        self._lag.grew(Position(segment, offset))
        if self._writer is not None:
            self._writer.notify()

    def _committed(self, position: Position) -> None:
        self._lag.committed(position)
        self._link.tell("journal.committed", segment=position.segment, offset=position.offset)
        if self._recording_files is not None:
            self._recording_files.notify()
        if self._voicemail_files is not None:
            self._voicemail_files.notify()

    def _delete_voicemail(self, voicemail_id: str, who: str, why: str) -> None:
        self._link.ask("voicemails.change", voicemail_id=voicemail_id, change="deleted", who=who, reason=why[:200])

    def _database_status(self) -> dict[str, Any]:
        lost = self._writer is not None and self._writer.cut_off
        return self._database.status() | ({"state": "does not answer"} if lost else {})

    def _journal_status(self) -> dict[str, Any]:
        if self._writer is None:
            return {"state": "waiting for the database"}
        position = self._writer.position
        return {"state": "trouble" if self._writer.causes else "writing", "segment": position.segment}
