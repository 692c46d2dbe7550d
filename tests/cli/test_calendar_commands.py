"""`ccd calendars` against a real control socket; behind it the calendars that core has."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from click.testing import CliRunner, Result
from structlog.testing import capture_logs

from ccd.base.clock import FakeClock
from ccd.cli.root import root
from ccd.core.house import House
from ccd.core.verbs import VERBS
from ccd.routing.calendar import Calendar, Span
from ccd.routing.calendars import Calendars
from tests.office_world import World, in_thread

OFFICE = Calendar(zone="Asia/Shanghai", weekly=((Span(540, 1080),),) * 7)


def ccd(world: World, *arguments: str) -> Result:
    return cast(Result, in_thread(CliRunner().invoke, root, ["-S", str(world.socket), "calendars", *arguments]))


@pytest.fixture
def site(world: World) -> World:
    clock = FakeClock(1_800_000_000_000_000)  # 16:00 in Shanghai
    calendars = Calendars(clock, lambda _: None, {})
    calendars.configure({"office": OFFICE, "hotline": OFFICE})
    house = cast(House, SimpleNamespace(clock=clock, calendars=calendars))
    for verb in ("list", "show", "close", "open"):
        function = VERBS[f"calendars.{verb}"]

        def do(given: dict[str, Any], function: Any = function) -> Any:
            return function(house, given)

        world.core.answers[f"calendars.{verb}"] = do
    return world


def test_an_office_is_closed_and_opened_by_one_command(site: World) -> None:
    assert ccd(site, "close", "office", "--reason", "台风 停电").stdout.endswith("office is closed\n")
    shown = ccd(site, "show", "office").stdout
    assert "emergency" in shown
    assert "台风 停电" in shown
    assert [row["open"] for row in site.get("calendars")["calendars"]] == [True, False]
    assert ccd(site, "open", "office").stdout.endswith("office goes by its hours again\n")
    assert "Fri 2027-01-15 18:00" in ccd(site, "show", "office").stdout


def test_all_are_closed_at_once_and_one_alone_is_not_let_out(site: World) -> None:
    assert ccd(site, "close", "--all").exit_code == 0
    assert ccd(site, "list").stdout.count("emergency") == 2
    refused = ccd(site, "open", "office")
    assert (refused.exit_code, "--all" in refused.stderr) == (1, True)
    assert ccd(site, "open", "--all").exit_code == 0
    assert "emergency" not in ccd(site, "list").stdout


def test_another_moment_by_its_own_clock(site: World) -> None:
    body = json.loads(ccd(site, "show", "office", "--at", "2027-02-06T20:00", "--json").stdout)
    assert (body["open"], body["reason"]) == (False, "closed_hours")
    assert (body["until"], body["local_until"]) == ("2027-02-07T01:00:00.000Z", "Sun 2027-02-07 09:00")


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ("list", 0),
        ("show office", 0),
        ("show offcie", 6),
        ("close offcie", 6),
        ("show office --at soon", 1),
        ("close", 2),
        ("open", 2),
        ("close office --all", 2),
        ("close o${x}", 1),
    ],
)
def test_exit_codes(site: World, arguments: str, code: int) -> None:
    assert ccd(site, *arguments.split()).exit_code == code


def test_closing_is_audited_with_who_did_it(site: World) -> None:
    with capture_logs() as logs:
        site.post("calendars", "*", "close", reason="fire")
    (line,) = [line for line in logs if line["event"] == "audit"]
    assert (line["what"], line["whom"], line["result"]) == ("calendars.close", "*", "ok")


def test_check_finds_a_flow_that_asks_a_calendar_which_is_not_there(tmp_path: Path) -> None:
    assert CliRunner().invoke(root, ["init", str(tmp_path)]).exit_code == 0
    settings, flow = tmp_path / "ccd.yaml", tmp_path / "flows" / "main.yaml"
    ask = "{type: hours, calendar: offcie, open: bye, closed: bye}"
    flow.write_text(f"start: ask\nnodes:\n  ask: {ask}\n  bye: {{type: hangup}}\n")
    arguments = ["check", "-c", str(settings), "--set", "sounds_path=/nowhere", "--json"]
    found = json.loads(CliRunner().invoke(root, arguments).stdout)["faults"]
    assert found == [f"{flow}:3:32: nodes.ask.calendar: no calendar 'offcie' in ccd.yaml; did you mean 'office'?"]
    flow.write_text(flow.read_text().replace("offcie", "office"))
    assert json.loads(CliRunner().invoke(root, arguments).stdout)["faults"] == []


def test_no_calendars_are_said_so(world: World) -> None:
    world.core.answers["calendars.list"] = []
    assert "ccd.yaml names them" in ccd(world, "list").stdout
