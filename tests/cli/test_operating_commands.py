"""`ccd queues open|close|drain|move` and `ccd calls priority|kick`: what is said, and what is refused before it is asked."""

from __future__ import annotations

import re

import pytest
from click.testing import CliRunner, Result

from ccd.base.errors import Refused
from ccd.cli.root import root
from tests.office_world import CALL, World, in_thread


def ccd(world: World, *arguments: str) -> Result:
    return in_thread(CliRunner().invoke, root, ["-S", str(world.socket), *arguments])


@pytest.mark.parametrize(
    ("verb", "door", "inside", "says"),
    [
        ("open", "open", 2, "queue sales is open\n"),
        ("close", "closed", 1, "queue sales is closed; 1 caller is inside\n"),
        ("close", "closed", 0, "queue sales is closed; it is empty\n"),
        ("drain", "draining", 3, "queue sales lets nobody in; 3 callers are inside, `ccd queues show sales` says when"),
        ("drain", "closed", 0, "queue sales is closed; it is empty\n"),
    ],
)
def test_doors(world: World, verb: str, door: str, inside: int, says: str) -> None:
    world.core.answers[f"queues.{verb}"] = {"queue": "sales", "door": door, "inside": inside}
    result = ccd(world, "queues", verb, "sales", "--reason", "drill")
    assert (result.exit_code, result.stderr) == (0, "")
    assert says in result.stdout


def test_list_and_show_say_how_the_door_stands(world: World) -> None:
    world.staffed()
    (queue,) = world.core.configuration["queues"]
    door = {"door": "draining", "closed_at": "2027-01-15T08:00:00.000Z", "closed_by": "chen", "closed_why": "drill"}
    row = {"queue_id": queue["queue_id"], "name": queue["name"], "waiting": 1, **door}
    world.core.answers |= {"queues.list": [row], "queues.waiting": []}
    assert "draining" in ccd(world, "queues", "list").stdout
    shown = ccd(world, "queues", "show", queue["name"]).stdout
    assert "draining since 2027-01-15T08:00:00+00:00, by chen: drill" in shown


def test_callers_are_moved_by_one_of_three_ways(world: World) -> None:
    world.core.answers["queues.move"] = {"queue": "sales", "target": "night", "moved": [CALL]}
    for whom in (["--call", CALL], ["--first", "2"], ["--all"]):
        assert "1 caller moved from sales to night\n" in ccd(world, "queues", "move", "sales", "night", *whom).stdout
    for whom in ([], ["--all", "--first", "2"], ["--first", "0"]):
        assert ccd(world, "queues", "move", "sales", "night", *whom).exit_code == 2


def test_a_priority_may_be_negative(world: World) -> None:
    world.core.answers["calls.priority"] = lambda given: {**given, "queue": "sales", "position": 4}
    for typed in (["-7"], ["--", "-7"]):
        said = ccd(world, "calls", "priority", CALL, *typed).stdout
        assert f"call {CALL} has priority -7, place 4 in sales\n" in said
    assert ccd(world, "calls", "priority", CALL, "-1001").exit_code == 2
    assert ccd(world, "calls", "priority", CALL, "5", "--jsn").exit_code == 2
    assert ccd(world, "calls", "priority", CALL, "5000").exit_code == 2
    assert ccd(world, "calls", "priority", CALL, "much").exit_code == 2


def test_kicking_says_where_the_caller_is(world: World) -> None:
    assert f"call {CALL} is out of its queue\n" in ccd(world, "calls", "kick", CALL).stdout
    assert "in the fallback" in ccd(world, "calls", "kick", CALL, "--to-fallback").stdout
    world.core.answers["calls.kick"] = Refused("call talks to an agent")
    result = ccd(world, "calls", "kick", CALL)
    assert (result.exit_code, result.stderr) == (1, "ccd: call talks to an agent\n")


@pytest.mark.parametrize("name", ["n" * 10_000, "客" * 5_000, "a/b", "../agents", "sales/"])
@pytest.mark.parametrize(
    "command", [("queues", "show"), ("queues", "close"), ("agents", "pause"), ("calls", "kick"), ("why", "call")]
)
def test_what_is_nobodys_name_is_not_found_in_one_line(world: World, command: tuple[str, ...], name: str) -> None:
    """A server would answer such an address with a fault of its own, or take it for another one."""
    result = ccd(world, *command, name)
    assert (result.exit_code, result.stdout) == (6, "")
    assert result.stderr == f"ccd: there is nothing called {name[:40]!r}\n"


def test_a_name_that_is_too_long_to_be_asked_for_is_refused_in_one_line(world: World) -> None:
    result = ccd(world, "report", "queues", "--queue", "n" * 10_000)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == f"ccd: --queue: {'n' * 40!r} is longer than 500 characters\n"


def test_a_reason_that_cannot_be_kept_is_told_by_its_option(world: World) -> None:
    world.staffed().idle()
    for command in (
        ("queues", "close", "sales"),
        ("agents", "pause", "alice"),
        ("agents", "next", "alice", "on_break"),
    ):
        result = ccd(world, *command, "--reason", "\x1b[31mred")
        assert result.exit_code == 1
        assert result.stderr == "ccd: --reason: one line of at most 100 signs, without control characters\n"


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        (["agents", "next", "chen", "--clear", "--reason", "lunch"], "--reason is for on_break"),
        (["agents", "next", "chen", "logged_out", "--reason", "lunch"], "--reason is for on_break"),
        (["calls", "list", "--limit", "5"], "--limit is for --ended"),
        (["report", "queues", "--queue", ""], "--queue and --agent want a name"),
        (["report", "agents", "--agent", ""], "--queue and --agent want a name"),
    ],
)
def test_what_would_be_passed_over_in_silence_is_refused(world: World, typed: list[str], says: str) -> None:
    result = ccd(world, *typed)
    assert (result.exit_code, says in result.stderr) == (2, True)


@pytest.mark.parametrize("option", ["--ask", "--cause", "--overflow", "--agent-hears", "--ring"])
def test_what_is_quoted_of_a_long_value_is_short(world: World, option: str) -> None:
    for value in ("x" * 9_000, "30s " + "x" * 9_000, "rejected " + "x" * 9_000, "x:1 " * 3_000):
        result = ccd(world, "queues", "set", "sales", option, value)
        assert result.exit_code in (1, 2)
        assert len(result.stderr) < 600


def test_figures_of_other_scripts_are_no_limit(world: World) -> None:
    assert ccd(world, "queues", "set", "sales", "--cause", "rejected limit=\N{FULLWIDTH DIGIT THREE}").exit_code == 2


def test_status_names_the_closed_queues_in_one_line(world: World) -> None:
    world.core.answers["status"] = {"closed_queues": ["sales", "support"], "recordings": {"running": 2}}
    said = ccd(world, "status").stdout
    assert re.search(r"^core\.closed_queues +sales, support$", said, re.MULTILINE)
