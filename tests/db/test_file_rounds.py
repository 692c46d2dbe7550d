"""The rounds that look after files: whatever goes wrong with one of them, the others go on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gevent
import psycopg
from gevent.event import Event
from structlog.testing import capture_logs

from ccd.side.db.engine import conninfo
from ccd.side.file_rounds import FileRounds, Found

WRITE = "INSERT INTO ccd.queues_seen VALUES (%(name)s)"


class Rounds(FileRounds):
    """Looks after names; `work` is what is done with each."""

    def __init__(self, database: str, names: list[str], work: Callable[[str, str], Found | None]) -> None:
        super().__init__(database, "names")
        self.names, self.work = names, work
        self._woken = Event()  # type: ignore[assignment]  # the process of the tests is not patched

    def begin_new(self, connection: psycopg.Connection[Any]) -> None:
        for name in self.names:
            self.begin(name, self.work, f"/files/{name}")


def table(database: str) -> Callable[[], list[str]]:
    with psycopg.connect(conninfo(database)) as connection:
        connection.execute("CREATE TABLE ccd.queues_seen (name varchar(4))")

    def rows() -> list[str]:
        with psycopg.connect(conninfo(database)) as connection:
            return [name for (name,) in connection.execute("SELECT name FROM ccd.queues_seen").fetchall()]

    return rows


def test_what_sql_refuses_is_told_and_does_not_stand_before_the_others(database: str) -> None:
    rows = table(database)
    rounds = Rounds(database, ["far too long", "good"], lambda name, _: (WRITE, {"name": name}))
    with capture_logs() as logs, gevent.Timeout(10):
        while "good" not in rows():
            rounds.look()
            gevent.sleep(0.01)
    told = [line for line in logs if line["event"] == "names_not_written"]
    assert told[0]["item"] == "far too long"
    assert set(rows()) == {"good"}


def test_a_crash_with_one_file_is_told_and_the_file_is_looked_at_again(database: str) -> None:
    rows = table(database)
    crashed: list[str] = []

    def work(name: str, path: str) -> Found | None:
        if not crashed:
            crashed.append(name)
            raise ZeroDivisionError(path)
        return WRITE, {"name": name}

    rounds = Rounds(database, ["bad"], work)
    with capture_logs() as logs, gevent.Timeout(10):
        while not rows():
            rounds.look()
            gevent.sleep(0.01)
    assert [line["event"] for line in logs] == ["greenlet_crashed"]


def test_what_postgresql_does_not_take_now_is_offered_to_it_again(database: str) -> None:
    rounds = Rounds(database, ["a"], lambda name, _: (WRITE, {"name": name}))
    with capture_logs() as logs, gevent.Timeout(10):  # there is no such table yet
        runs = gevent.spawn(rounds.run)
        while not logs:
            gevent.sleep(0.01)
            rounds.notify()
        rows = table(database)
        while not rows():
            gevent.sleep(0.01)
            rounds.notify()
        rounds.names = []
        rounds.stop()
        runs.join()
    assert {line["event"] for line in logs} == {"names_not_looked_at"}
    assert runs.successful()


def test_all_rounds_keep_one_connection_and_a_lost_one_is_replaced_without_a_word(database: str) -> None:
    seen: list[int] = []

    class Counting(Rounds):
        def begin_new(self, connection: psycopg.Connection[Any]) -> None:
            connection.execute("SELECT 1")
            seen.append(connection.info.backend_pid)

    rounds = Counting(database, [], lambda *_: None)
    with capture_logs() as logs, gevent.Timeout(10):
        runs = gevent.spawn(rounds.run)

        def looked(times: int) -> None:
            while len(seen) < times:
                gevent.sleep(0.01)
                rounds.notify()

        looked(3)
        assert len(set(seen)) == 1
        with psycopg.connect(conninfo(database), autocommit=True) as other:
            other.execute("SELECT pg_terminate_backend(%s, 5000)", (seen[0],))
        before = len(seen)
        looked(before + 3)
        rounds.stop()
        runs.join()
    assert logs == []
    assert seen[-1] != seen[0]


def test_a_round_that_fails_in_a_way_that_nobody_foresaw_is_not_the_last(database: str) -> None:
    class Odd(Rounds):
        def begin_new(self, connection: psycopg.Connection[Any]) -> None:
            self.names.append("looked")
            raise RuntimeError("can't start new thread")

    rounds = Odd(database, [], lambda *_: None)
    with capture_logs() as logs, gevent.Timeout(10):
        runs = gevent.spawn(rounds.run)
        while len(rounds.names) < 3:
            gevent.sleep(0.01)
            rounds.notify()
        rounds.stop()
        runs.join()
    assert {line["event"] for line in logs} == {"names_not_looked_at"}
