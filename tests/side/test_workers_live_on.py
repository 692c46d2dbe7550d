"""The workers of side: whatever happens to one of them in one round, it comes to the next."""

from __future__ import annotations

import datetime as dt
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import psycopg
import pytest
from gevent.event import Event
from structlog.testing import capture_logs

from ccd.base.clock import FakeClock, SystemClock, as_datetime
from ccd.journal.records import Position
from ccd.settings.model import Settings
from ccd.settings.recordings import Recordings
from ccd.side import database as database_module
from ccd.side import writer as writer_module
from ccd.side.database import Database
from ccd.side.db.engine import conninfo
from ccd.side.recording_keeping import RecordingKeeper
from ccd.side.writer import JournalWriter


@pytest.mark.parametrize(
    "trouble",
    [
        psycopg.OperationalError("the server closed the connection"),
        subprocess.CalledProcessError(1, ["postgres", "--version"]),
        RuntimeError(""),
    ],
)
def test_the_database_is_tried_again_whatever_it_was(trouble: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    ready: list[str] = []
    one = Database(cast(Settings, None), ready.append)
    answers: list[Any] = [trouble, "postgresql:///x"]

    def url() -> str:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return cast(str, answer)

    monkeypatch.setattr(one, "_url", url)
    monkeypatch.setattr(one, "_is_current", lambda _: True)
    monkeypatch.setattr(database_module, "_FIRST_PAUSE", 0.01)
    with capture_logs() as logs:
        one.run()
    assert ready == ["postgresql:///x"]
    assert [line["event"] for line in logs] == ["database_not_ready", "database_ready"]
    one.stop()


def test_the_keeper_of_recordings_looks_again(tmp_path: Path) -> None:
    clock, rounds = FakeClock(), []

    def store(_: str = "") -> Any:
        rounds.append(1)
        if len(rounds) == 3:
            keeper.stop()
        keeper.notify()
        raise RuntimeError("can't start new thread")

    eraser: Any = SimpleNamespace(finish=lambda: store(""))
    keeper = RecordingKeeper(
        settings=Recordings(path=str(tmp_path)), store=store, eraser=eraser, clock=clock, tell_core=lambda _: None
    )
    keeper._woken = Event()  # type: ignore[assignment]  # the process of the tests is not patched
    with capture_logs() as logs:
        keeper.run()
    assert [line["event"] for line in logs] == ["recordings_not_kept"] * 3


def test_the_journal_is_written_again_after_what_nobody_foresaw(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[Position] = []
    writer = JournalWriter(database, tmp_path, on_committed=told.append, clock=SystemClock())
    troubles = [RuntimeError("nobody foresaw this")]

    def partitions(*_: Any) -> None:
        if troubles:
            raise troubles.pop()
        writer.stop()

    monkeypatch.setattr(writer_module, "ensure_partitions", partitions)
    monkeypatch.setattr(writer_module, "LAST_RETRY_SECONDS", 0.01)
    with capture_logs() as logs:
        writer.run()
    assert "journal_writer_crashed" in [line["event"] for line in logs]
    assert len(told) == 2, "it connected again and told where it stands"


def test_a_role_that_may_make_no_tables_writes_the_journal(database: str, tmp_path: Path) -> None:
    """The schema's keeper may be another role than ccd's; rows then lie in the DEFAULT partition."""
    with psycopg.connect(conninfo(database), autocommit=True) as connection:
        connection.execute("CREATE ROLE clerk")
        try:
            connection.execute("GRANT USAGE ON SCHEMA ccd TO clerk")
            connection.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA ccd TO clerk")
            later = as_datetime(SystemClock().now()) + dt.timedelta(days=400)
            clock = FakeClock(int(later.timestamp() * 1_000_000))
            writer = JournalWriter(database, tmp_path, on_committed=lambda _: None, clock=clock)
            connection.execute("SET ROLE clerk")
            with capture_logs() as logs:
                writer._make_partitions(connection)
            assert [line["event"] for line in logs] == ["partitions_not_made"]
        finally:
            connection.execute("RESET ROLE")
            connection.execute("DROP OWNED BY clerk")
            connection.execute("DROP ROLE clerk")
