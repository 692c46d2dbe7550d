"""Tables in a terminal: words stay whole, whatever its width, and double-width names stand in line."""

from __future__ import annotations

import datetime as dt

import pytest
from rich.cells import cell_len

from ccd.cli.fitting import print_table

HEADINGS = ["agent", "display name", "presence", "reason", "activity", "since", "station", "call", "next"]
AGENTS = [
    ["wang", "王芳", "available", "-", "idle", "2026-11-21T22:05:07.408Z", "1001", "-", "-"],
    ["li", "李小龙组长", "on_break", "午餐", "idle", "2026-11-21T22:43:05.408Z", "1002", "-", "-"],
]
QUEUES = ["queue", *(f"figure {number}" for number in range(14))]


def shown(capsys: pytest.CaptureFixture[str], headings: list[str], rows: list[list[str]], width: int | None) -> str:
    print_table(headings, rows, width)
    return capsys.readouterr().out


def test_where_there_is_no_terminal_everything_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    said = shown(capsys, HEADINGS, AGENTS, None)
    assert all(word in said for word in (*HEADINGS, "2026-11-21T22:05:07.408Z"))


def test_in_80_columns_no_word_of_a_list_is_cut_up(capsys: pytest.CaptureFixture[str]) -> None:
    said = shown(capsys, HEADINGS, AGENTS, 80)
    assert all(cell_len(line) <= 80 for line in said.splitlines())
    assert all(word in said for row in AGENTS for word in row if not word.startswith("2026"))
    assert "2026-11-21T22:43Z" in said
    assert "call" not in said
    ends = [cell_len(line[: line.index("idle")]) for line in said.splitlines() if "idle" in line]
    assert len(set(ends)) == 1


def test_a_moment_of_today_is_its_time(capsys: pytest.CaptureFixture[str]) -> None:
    now = dt.datetime.now(dt.UTC).replace(microsecond=0)
    row = ["x" * 30, "y" * 30, now.isoformat().replace("+00:00", ".123Z")]
    said = shown(capsys, ["a", "b", "since"], [row], 80)
    assert f"{now:%H:%M:%S}Z" in said
    assert f"{now:%Y-%m-%d}" not in said


def test_a_moment_in_the_sites_zone_is_short_in_that_zone(capsys: pytest.CaptureFixture[str]) -> None:
    now = dt.datetime.now(dt.timezone(dt.timedelta(hours=8))).replace(microsecond=0)
    row = ["x" * 30, "y" * 30, now.isoformat(), now.isoformat(timespec="minutes"), "2026-11-21T09:30:00+08:00"]
    said = shown(capsys, ["a", "b", "since", "from", "then"], [row], 110)
    assert said.splitlines()[-2].split()[2:] == [f"{now:%H:%M:%S}", f"{now:%H:%M}", "2026-11-21T09:30"]


def test_a_report_that_is_too_wide_is_turned(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [[name, *(f"{number}.5 %" for number in range(14))] for name in ("sales", "support")]
    lines = shown(capsys, QUEUES, rows, 80).splitlines()
    assert [line.split() for line in lines if "figure 3" in line] == [["figure", "3", "3.5", "%", "3.5", "%"]]
    assert all(cell_len(line) <= 80 for line in lines)


def test_many_rows_that_are_too_wide_run_on_and_prose_is_folded(capsys: pytest.CaptureFixture[str]) -> None:
    many = [[f"name-{row}", *(f"{number}.5 %" for number in range(14))] for row in range(40)]
    lines = shown(capsys, QUEUES, many, 80).splitlines()
    assert len([line for line in lines if "%" in line]) == 40
    prose = [
        [
            "sequentially-by-agent-order",
            "The lead first, then the next in the list, and so on until somebody is there who answers.",
        ]
    ]
    folded = shown(capsys, ["strategy", "does"], prose, 60)
    assert all(cell_len(line) <= 60 for line in folded.splitlines())
    assert "sequentially-by-agent-order" in folded
