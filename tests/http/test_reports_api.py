"""/v1/reports and `ccd report`, over the real socket and a real PostgreSQL."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from rich.cells import cell_len
from sqlalchemy import text

from ccd.base.codes import BadInput
from ccd.base.errors import CcdError, DaemonUnreachable, NotFound, Refused
from ccd.cli.output import time_text
from ccd.cli.root import root
from ccd.side.db.engine import make_engine
from ccd.side.reports.sql import STATEMENTS
from ccd.side.reports.store import Reports
from tests.office_world import TODAY, World, in_thread
from tests.side.report_days import ZONE, Books, Day

SPAN = ("--since", "2026-11-20T00:00+08:00", "--until", "2026-11-21T00:00+08:00")
ASKED = {"since": SPAN[1], "until": SPAN[3]}


@pytest.fixture
def books(world: World, database: str, tmp_path: Path) -> Iterator[Books]:
    """Two calls of one day: one answered in time, one abandoned."""
    found = Books(database, tmp_path)
    found.staffed(["support"], ["alice"])
    day = Day()
    day.agent("09:00:00", "alice", "available")
    day.joins("09:10:00", "one")
    day.offered("09:10:02", "one", "alice")
    day.agent("09:10:02", "alice", "offered")
    day.answered("09:10:08", "one", "alice", rang_s=6)
    day.agent("09:10:08", "alice", "talking")
    day.talked("09:11:08", "one", "alice", 60)
    day.agent("09:11:08", "alice", "on_break lunch")
    day.joins("09:40:00", "two")
    day.leaves("09:41:00", "two", "abandoned")
    day.agent("09:51:08", "alice", "logged_out")
    found.write_all(day.facts)
    TODAY.office = replace(TODAY.office, reports=lambda: found.reports, zone=ZONE)
    yield found
    found.close()


def ccd(world: World, *arguments: str) -> Result:
    return in_thread(CliRunner().invoke, root, ["-S", str(world.socket), "report", *arguments])


def test_queues_with_all_together_and_the_formulas(world: World, books: Books) -> None:
    body = world.get("reports", "queues", **ASKED)
    (support,) = body["queues"]
    assert (support["offered"], support["answered"], support["abandoned"], support["sl_answered"]) == (2, 1, 1, 100.0)
    assert (support["sl_offered"], support["sl_no_short"], support["asa_ms"]) == (50.0, 50.0, 8_000)
    assert body["total"]["offered"] == 2
    assert "app_queue" in body["formulas"]["sl_offered"]
    assert body["since_at"] == "2026-11-19T16:00:00.000Z"


def test_intervals_and_agents(world: World, books: Books) -> None:
    body = world.get("reports", "intervals", interval="30m", queue="support", **ASKED)
    assert [row["offered"] for row in body["intervals"] if row["offered"]] == [1, 1]
    assert (body["zone"], body["interval"], len(body["intervals"])) == (ZONE, "30m", 48)
    (alice,) = world.get("reports", "agents", agent="alice", **ASKED)["agents"]
    assert (alice["talk_ms"], alice["breaks"], alice["offers"]) == (60_000, {"lunch": 2_400_000}, 1)


def test_from_the_journal_it_is_the_same(world: World, books: Books) -> None:
    for what in ("queues", "agents", "intervals"):
        assert world.get("reports", what, from_journal=1, **ASKED)["journal"]["differences"] == []


def test_without_a_span_it_is_today(world: World, books: Books) -> None:
    body = world.get("reports", "queues")
    assert body["queues"][0]["offered"] == 0
    assert body["since_at"].endswith(":00:00.000Z")  # midnight in Shanghai


@pytest.mark.parametrize(
    ("asked", "error", "says"),
    [
        ({"queue": "nowhere"}, NotFound, "no queue nowhere"),
        ({"agent": "nobody"}, NotFound, "no agent nobody"),
        ({"queue": "x; DROP TABLE ccd.calls"}, BadInput, "does not do as a name"),
        ({"since": "yesterday"}, BadInput, "is no moment"),
        ({"since": "2099-01-01"}, BadInput, "before until"),
        ({"since": "2020-01-01"}, BadInput, "400 days"),
        ({"until": "0001-01-01T00:00Z"}, BadInput, "is no moment"),
        ({"since": "9999-12-31T23:59Z"}, BadInput, "before until"),
        ({"interval": "7m"}, BadInput, "one of 15m, 30m, 60m, day"),
        ({"service_level_ms": -1}, CcdError, "service_level_ms"),
    ],
)
def test_nonsense_is_refused_in_one_line(
    world: World, books: Books, asked: dict[str, str], error: type[CcdError], says: str
) -> None:
    with pytest.raises(error, match=says):
        world.get("reports", "intervals", **asked)


def test_until_a_midnight_it_is_the_day_that_ended_then(world: World, books: Books) -> None:
    body = world.get("reports", "queues", until="2026-11-21T00:00+08:00")
    assert (body["since_at"], body["total"]["offered"]) == ("2026-11-19T16:00:00.000Z", 2)


def test_a_second_of_a_queue_nobody_called_and_a_day_to_come(world: World, books: Books) -> None:
    second = {"since": "2026-11-20T09:10:00+08:00", "until": "2026-11-20T09:10:01+08:00"}
    for what in ("queues", "agents", "intervals"):
        assert world.get("reports", what, from_journal=1, **second)["journal"]["differences"] == []
    (interval,) = world.get("reports", "intervals", **second)["intervals"]
    assert (interval["offered"], interval["answered"]) == (1, 1)
    for what in ("queues", "agents", "intervals"):
        empty = world.get("reports", what, from_journal=1, since="2026-11-10", until="2026-11-11")
        assert empty["journal"]["differences"] == []


def test_what_takes_the_database_too_long_is_told_as_that(
    world: World, books: Books, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(STATEMENTS, "queues", "SELECT pg_sleep(2)")
    impatient = make_engine(database, statement_seconds=0.1)
    TODAY.office = replace(TODAY.office, reports=lambda: Reports(impatient))
    with pytest.raises(Refused, match="ask for less, or for a shorter time"):
        world.get("reports", "queues", **ASKED)
    impatient.dispose()


@pytest.mark.parametrize("name", ["=cmd|' /C calc'!A0", "+1", "-1", "@SUM(A1)", "＝1+1"])
def test_a_name_is_no_formula_in_a_spreadsheet(world: World, books: Books, name: str) -> None:
    with books.engine.begin() as connection:
        connection.execute(text("UPDATE ccd.agents SET display_name = :name"), {"name": name})
    (alice,) = csv.DictReader(io.StringIO(ccd(world, "agents", *SPAN, "--csv").stdout))
    assert alice["display_name"] == f"'{name}"


def test_without_a_database_it_says_so(world: World) -> None:
    with pytest.raises(DaemonUnreachable, match="not ready"):
        world.get("reports", "queues")


def test_the_command_line_shows_a_table_and_csv_and_json(world: World, books: Books) -> None:
    table = ccd(world, "queues", *SPAN)
    assert table.exit_code == 0, table.output
    for word in ("support", "all", "100 %", "50 %", "8 s", "1:00"):
        assert word in table.stdout
    rows = list(csv.DictReader(io.StringIO(ccd(world, "queues", *SPAN, "--csv").stdout)))
    assert [(row["queue"], row["offered"], row["timed_out"]) for row in rows] == [
        ("support", "2", "0"),
        ("all", "2", "0"),
    ]
    assert json.loads(ccd(world, "agents", *SPAN, "--json").stdout)["agents"][0]["offers"] == 1
    assert "lunch 40:00" in ccd(world, "agents", *SPAN).stdout
    assert "breaks" in ccd(world, "agents", *SPAN, "--csv").stdout.splitlines()[0]
    assert "2026-11-20T09:30+08:00" in ccd(world, "intervals", *SPAN, "--interval", "30m").stdout
    lines = ccd(world, "intervals", *SPAN, "--interval", "30m", "--csv").stdout.splitlines()
    assert "2026-11-20T09:30+08:00,2026-11-20T10:00+08:00" in "".join(lines)  # both in the zone of the report


def test_what_no_report_can_be_asked_for_is_told_by_its_option(world: World, books: Books) -> None:
    result = ccd(world, "queues", *SPAN, "--service-level", "99d")
    assert (result.exit_code, result.stderr) == (1, "ccd: --service-level: at most 1d\n")


@pytest.mark.parametrize(
    ("ms", "said"), [(59_949, "59.9 s"), (59_950, "1:00"), (60_000, "1:00"), (3_599_600, "1:00:00"), (0, "0 s")]
)
def test_a_time_is_never_sixty_seconds(ms: int, said: str) -> None:
    assert time_text(ms) == said


def test_bars_begin_below_each_other_beside_names_of_double_width(world: World, books: Books) -> None:
    found = Books(books.engine.url.render_as_string(hide_password=False), world.socket.parent)
    found.staffed(["夜间队列"], [])
    found.close()
    drawn = ccd(world, "queues", *SPAN, "--plot").stdout.splitlines()[1:]
    begins = {cell_len(line[: line.rindex(" ")].rstrip("█▓")) for line in drawn if "█" in line}
    night = next(line for line in drawn if line.startswith("夜间队列"))
    assert begins == {cell_len(night) - len(" 0")}


def test_it_draws_bars(world: World, books: Books) -> None:
    drawn = ccd(world, "intervals", *SPAN, "--plot").stdout
    (nine,) = [line for line in drawn.splitlines() if "T09:00" in line]
    assert nine.count("█") == nine.count("▓") == 30
    assert nine.endswith(" 2")
    assert "█" in ccd(world, "agents", *SPAN, "--plot").stdout
    assert ccd(world, "queues", *SPAN, "--plot", "--csv").exit_code == 2


def test_the_journal_is_a_judge(world: World, books: Books) -> None:
    agrees = ccd(world, "queues", *SPAN, "--from-journal")
    assert agrees.exit_code == 0
    assert "facts of the journal: equal" in agrees.stderr
    with books.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE ccd.queue_entries SET wait_ms = 1 WHERE outcome = 'abandoned'")
    differs = ccd(world, "queues", *SPAN, "--from-journal")
    assert differs.exit_code == 1
    assert "longest_wait_ms is 8000 in SQL, 60000 in the journal" in differs.stderr
