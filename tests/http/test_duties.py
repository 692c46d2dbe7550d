"""Breaks, wrap-up, what comes next, resets and what a call not taken costs, over the API and from the command line."""

from __future__ import annotations

from typing import Any

import pytest
from click.testing import CliRunner, Result

from ccd.base.errors import CcdError, NotFound
from ccd.cli.root import root
from tests.office_world import World, in_thread


def ccd(world: World, *arguments: str) -> Result:
    result: Result = in_thread(CliRunner().invoke, root, ["-S", str(world.socket), *arguments])
    return result


def asked(world: World, verb: str) -> list[dict[str, Any]]:
    return [arguments for name, arguments in world.core.asked if name == verb]


def test_a_reason_for_breaks_is_added_changed_and_removed(world: World) -> None:
    world.staffed()
    body = world.post("break-reasons", name="lunch", zh="午餐", limit_ms=1_800_000)
    assert (body["zh"], body["allowed"], body["applied"]) == ("午餐", True, True)
    assert [one["name"] for one in world.core.configuration["break_reasons"]] == ["lunch"]
    assert world.patch("break-reasons", "lunch", allowed=False)["allowed"] is False
    assert world.get("break-reasons", "lunch")["limit_ms"] == 1_800_000
    assert [one["name"] for one in world.get("break-reasons")["break_reasons"]] == ["lunch"]
    assert world.delete("break-reasons", "lunch")["removed"] is True
    assert world.core.configuration["break_reasons"] == []
    with pytest.raises(NotFound):
        world.get("break-reasons", "lunch")


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"name": "a b"}, "does not do as a name"),
        ({"name": "lunch", "limit_ms": -1}, "^limit_ms: "),
        ({"name": "lunch", "zh": "a\nb"}, "one line"),
        ({"name": "lunch", "allowed": "yes"}, "^allowed: "),
        ({"name": "lunch", "why": 1}, "unknown key"),
    ],
)
def test_a_wrong_reason_is_refused_and_nothing_is_changed(world: World, body: dict[str, Any], says: str) -> None:
    world.staffed()
    with pytest.raises(CcdError, match=says):
        world.post("break-reasons", **body)
    assert world.core.configuration["break_reasons"] == []


def test_breaks_from_the_command_line(world: World) -> None:
    world.staffed()
    for line, says in (
        ("breaks list", "no reasons, so every reason will do"),
        ("breaks add lunch --zh 午餐 --limit 30m", "break reason lunch is added"),
        ("breaks set lunch --en Lunch --not-allowed", "break reason lunch is changed"),
        ("breaks list", "30m"),
        ("breaks remove lunch", "break reason lunch is removed"),
    ):
        result = ccd(world, *line.split())
        assert (result.exit_code, says in result.stdout) == (0, True), result.output
    assert ccd(world, "breaks", "add", "lunch", "--limit", "soon").exit_code == 2
    assert ccd(world, "breaks", "set", "nowhere", "--limit", "5s").exit_code == 6


@pytest.mark.parametrize(
    ("line", "verb", "arguments"),
    [
        ("wrap-up alice --extend 60s", "agents.extend_wrap_up", {"by_ms": 60_000}),
        ("wrap-up alice --end", "agents.end_wrap_up", {}),
        ("next alice on_break --reason lunch", "agents.next", {"presence": "on_break", "reason": "lunch"}),
        ("next alice logged_out", "agents.next", {"presence": "logged_out", "reason": ""}),
        ("next alice --clear", "agents.clear_next", {}),
        ("reset alice --why stuck", "agents.reset", {"why": "stuck"}),
    ],
)
def test_what_is_said_to_an_agent_at_work_reaches_core(
    world: World, line: str, verb: str, arguments: dict[str, Any]
) -> None:
    world.staffed()
    world.core.answers[verb] = lambda given: {**given, "presence": "available", "activity": "wrap_up"}
    result = ccd(world, "agents", *line.split())
    assert result.exit_code == 0, result.output
    (given,) = asked(world, verb)
    who = given.pop("who", "")
    assert bool(who) == (verb == "agents.reset"), "who did it stands in the fact"
    assert given.pop("agent_id")
    assert given == arguments


@pytest.mark.parametrize(
    "line", ["wrap-up alice", "wrap-up alice --extend 5s --end", "next alice", "next alice on_break --clear"]
)
def test_half_a_word_is_a_usage_error(world: World, line: str) -> None:
    assert ccd(world.staffed(), "agents", *line.split()).exit_code == 2


@pytest.mark.parametrize(
    ("verb", "body"),
    [
        ("wrap-up", {}),
        ("wrap-up", {"end": True, "extend_ms": 5}),
        ("wrap-up", {"extend_ms": -5}),
        ("next", {}),
        ("next", {"presence": "available"}),
        ("next", {"presence": "on_break", "clear": True}),
        ("next", {"presence": "on_break", "reason": "a\nb"}),
        ("reset", {"why": "x" * 101}),
    ],
)
def test_a_wrong_word_is_refused_before_core_hears_of_it(world: World, verb: str, body: dict[str, Any]) -> None:
    world.staffed()
    with pytest.raises(CcdError):
        world.post("agents", "alice", verb, **body)
    assert not [name for name in world.core.verbs() if name.startswith("agents.") and name != "agents.list"]


def test_what_a_call_not_taken_costs_is_set_by_cause_and_shown(world: World) -> None:
    world.staffed().idle()
    line = ["--cause", "rejected delay=7s limit=2 then=logged_out", "--cause", "busy limit=4", "--reoffer-gap", "1s"]
    assert ccd(world, "queues", "set", "sales", *line).exit_code == 0
    (queue,) = world.core.configuration["queues"]
    assert queue["causes"] == {
        "rejected": {"delay_ms": 7_000, "limit": 2, "then": "logged_out"},
        "busy": {"limit": 4},
    }
    assert ccd(world, "queues", "set", "sales", "--cause", "busy").exit_code == 0
    assert list(world.core.configuration["queues"][0]["causes"]) == ["rejected"]
    costs = {one["cause"]: one for one in world.get("queues", "sales")["costs"]}
    assert costs["rejected"] == {"cause": "rejected", "delay_ms": 7_000, "limit": 2, "then": "logged_out"}
    assert costs["no_answer"] == {"cause": "no_answer", "delay_ms": 2_000, "limit": 3, "then": "on_break"}
    assert "logged_out" in ccd(world, "queues", "show", "sales").stdout


@pytest.mark.parametrize(
    ("text", "code"),
    [("", 2), ("rejected delay=soon", 2), ("rejected limit=-1", 2), ("rejected often=1", 2), ("limit=2", 2),
     ("rejected then=fired", 1), ("sleepy limit=2", 1), ("rejected limit=101", 1)],
)  # fmt: skip
def test_a_wrong_cause_is_refused(world: World, text: str, code: int) -> None:
    result = ccd(world.staffed(), "queues", "set", "sales", "--cause", text)
    assert (result.exit_code, "Traceback" in result.output) == (code, False), result.output
    assert world.core.configuration["queues"][0].get("causes", {}) == {}


def test_an_agents_own_ring_time_and_wrap_up(world: World) -> None:
    world.staffed().idle()
    world.core.answers["agents.remembered"] = {"idle_since": None, "remembered": []}
    assert ccd(world, "agents", "set", "alice", "--ring", "8s", "--wrap-up", "20s").exit_code == 0
    shown = ccd(world, "agents", "show", "alice").stdout
    assert "8s" in shown
    assert "20s" in shown
    assert ccd(world, "agents", "set", "alice", "--ring", "0", "--wrap-up", "queue").exit_code == 0
    (agent,) = world.core.configuration["agents"]
    assert (agent["ring_ms"], agent["wrap_up_ms"]) == (0, -1)
