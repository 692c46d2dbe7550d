"""Strategies, tiers and skills as they are typed, against a real control socket."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from ccd.cli.root import root
from ccd.cli.strategies import markdown
from ccd.client.http import Client
from tests.office_world import World, in_thread

ROOT = Path(__file__).parents[2]


def ccd(world: World, *arguments: str) -> Result:
    return in_thread(CliRunner().invoke, root, ["-S", str(world.socket), *arguments])


@pytest.fixture
def office(world: World) -> World:
    world.staffed().idle()
    return world


def the_queue(world: World) -> dict[str, object]:
    return json.loads(ccd(world, "queues", "show", "sales", "--json").stdout)


def test_a_queues_strategy_is_kept_and_shown_by_its_name(office: World) -> None:
    assert ccd(office, "queues", "set", "sales", "--strategy", "轮巡策略").exit_code == 0
    assert the_queue(office)["strategy"] == "round-robin"
    assert office.core.configuration["queues"][0]["strategy"] == "round-robin"


def test_what_a_queue_asks_is_typed_kept_and_shown_in_order(office: World) -> None:
    assert ccd(office, "agents", "set", "alice", "--skill", "english=5", "--skill", "loans=2").exit_code == 0
    asked = ("--ask", "30s english:1 prefer loans:2", "--ask", "english:3", "--ask", "60s")
    result = ccd(office, "queues", "set", "sales", *asked)
    assert (result.exit_code, result.stderr) == (0, "")
    assert the_queue(office)["asks"] == [
        {"after_ms": 0, "skills": {"english": 3}, "prefer": {}},
        {"after_ms": 30_000, "skills": {"english": 1}, "prefer": {"loans": 2}},
        {"after_ms": 60_000, "skills": {}, "prefer": {}},
    ]
    shown = ccd(office, "queues", "show", "sales").stdout
    assert "english:3, 30s english:1 prefer loans:2, 1m" in shown
    assert ccd(office, "queues", "set", "sales", "--ask", "").exit_code == 0
    assert the_queue(office)["asks"] == []


def test_a_daemon_of_an_older_version_is_shown_as_far_as_it_tells(
    office: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = ("name", "strategy", "ring_ms", "waiting", "tiers", "flows", "callers")
    today = Client.get
    monkeypatch.setattr(
        Client, "get", lambda self, *parts, **query: {key: today(self, *parts, **query)[key] for key in kept}
    )
    result = ccd(office, "queues", "show", "sales")
    assert (result.exit_code, result.stderr) == (0, "")
    assert "longest-idle-agent" in result.stdout
    assert "overflow" in result.stdout
    assert "confirm" not in result.stdout


def test_skills_are_given_and_taken_away(office: World) -> None:
    ccd(office, "agents", "set", "alice", "--skill", "english=5", "--skill", "loans=2")
    assert ccd(office, "agents", "set", "alice", "--skill", "english=").exit_code == 0
    assert office.core.configuration["agents"][0]["skills"] == {"loans": 2}
    assert "loans=2" in ccd(office, "agents", "show", "alice").stdout


def test_a_place_is_changed_and_an_agent_stands_in_a_queue_once(office: World) -> None:
    result = ccd(office, "tiers", "add", "sales", "alice")
    assert result.exit_code == 1
    assert "already" in result.stderr
    line = ("tiers", "set", "sales", "alice", "--level", "2", "--weight", "50", "--specialist")
    assert ccd(office, *line).exit_code == 0
    (place,) = json.loads(ccd(office, "tiers", "list", "--json").stdout)["tiers"]
    assert (place["level"], place["position"], place["weight"], place["specialist"]) == (2, 1, 50, True)


@pytest.mark.parametrize(
    ("line", "exit_code", "says"),
    [
        (["queues", "set", "sales", "--strategy", "ring-som"], 1, "--strategy: unknown strategy 'ring-som'"),
        (["queues", "set", "sales", "--zone", "Moon/Base"], 1, "--zone: no time zone 'Moon/Base'"),
        (
            ["queues", "set", "sales", "--ageing", "0"],
            1,
            "--ageing: without ageing callers of lower priority could wait",
        ),
        (["queues", "set", "sales", "--ask", "english"], 2, "'english' is neither a duration like 30s nor SKILL:LEVEL"),
        (["queues", "set", "sales", "--ask", "english:99"], 1, "--ask: english has level 99"),
        (["queues", "set", "sales", "--ask", "5s english:2"], 1, "what is asked may only relax"),
        (["queues", "set", "sales", "--ask", "0s english"], 2, "'english' is no SKILL:LEVEL"),
        (["queues", "set", "sales", "--ask", "5s", "--ask", "5s"], 1, "two steps begin after 5s"),
        (["queues", "set", "sales", "--vip-priority", "-1"], 2, "--vip-priority"),
        (["agents", "set", "alice", "--skill", "english=0"], 1, "--skill: english has level 0"),
        (["agents", "set", "alice", "--skill", "english=x"], 2, "write SKILL=LEVEL"),
        (["agents", "set", "alice", "--skill", "english="], 1, "he does not have 'english'"),
        (["tiers", "set", "sales", "alice", "--weight", "101"], 2, "--weight"),
        (["tiers", "set", "sales", "nobody", "--level", "2"], 6, "nobody"),
    ],
)
def test_what_is_wrong_is_said_in_one_line_and_changes_nothing(
    office: World, line: list[str], exit_code: int, says: str
) -> None:
    before = json.dumps(office.core.configuration)
    result = ccd(office, *line)
    assert result.exit_code == exit_code, result.output
    assert says in result.stderr
    assert json.dumps(office.core.configuration) == before


def test_a_queue_with_callers_is_not_removed_and_says_what_to_do(office: World) -> None:
    row = {**office.core.configuration["queues"][0], "waiting": 3, "talking": 1}
    office.core.answers["queues.list"] = [row]
    result = ccd(office, "queues", "remove", "sales")
    assert result.exit_code == 1
    assert "3 waiting, 1 talking; `ccd queues drain sales`" in result.stderr


def test_who_waits_is_shown_in_order(office: World) -> None:
    caller = {"number": "138", "waited_ms": 61_500, "priority": 2, "vip": True, "skills": {"english": 1}, "prefer": {}}
    caller |= {"place": 1, "call_id": "c1", "waits_for": "", "ringing": ["alice"], "refused": ["bob"]}
    row = {**office.core.configuration["queues"][0], "waiting": 7}
    office.core.answers |= {"queues.list": [row], "queues.waiting": [caller]}
    shown = ccd(office, "queues", "show", "sales").stdout
    assert re.search(r"1 +138 +61\.5 s +2 +yes +english:1 +- +alice +bob +c1", shown)
    assert "and 6 more" in shown


def test_the_table_of_strategies_is_the_one_of_the_documentation() -> None:
    assert markdown() in (ROOT / "docs" / "queues.md").read_text(encoding="utf-8")
    shown = CliRunner().invoke(root, ["queues", "strategies", "--json"])
    assert [one["name"] for one in json.loads(shown.stdout)["strategies"]][:2] == [
        "agent-with-fewest-calls",
        "agent-with-least-talk-time",
    ]
    assert "轮巡策略" in CliRunner().invoke(root, ["queues", "strategies"]).stdout


def test_a_fault_names_every_setting_as_it_is_typed(office: World) -> None:
    result = ccd(office, "queues", "set", "sales", "--ageing", "0", "--max-wait", "0")
    assert result.exit_code == 1
    assert "--ageing: without ageing" in result.stderr
    assert "(--max-wait)" in result.stderr


@pytest.mark.parametrize(
    ("typed", "code", "says"),
    [
        ("nope delay=1s", 1, "ccd: --cause: nope: unknown key; known: no_answer, rejected, busy"),
        ("rejected limit=101", 1, "ccd: --cause: rejected.limit: at most 100\n"),
        (
            "rejected then=dance",
            1,
            "ccd: --cause: rejected.then: must be one of on_break, logged_out, nothing, not 'dance'\n",
        ),
        ("rejected delay=1s delay=2s", 2, "something is said twice"),
    ],
)
def test_a_rule_for_a_cause_that_is_none_is_told_in_one_line(office: World, typed: str, code: int, says: str) -> None:
    result = ccd(office, "queues", "set", "sales", "--cause", typed)
    assert result.exit_code == code
    assert says in result.stderr
