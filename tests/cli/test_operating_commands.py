"""`ccd queues open|close|drain|move` and `ccd calls priority|kick`: what is said, and what is refused before it is asked."""

from __future__ import annotations

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
    assert "draining since 2027-01-15T08:00:00.000Z, by chen: drill" in shown


def test_callers_are_moved_by_one_of_three_ways(world: World) -> None:
    world.core.answers["queues.move"] = {"queue": "sales", "target": "night", "moved": [CALL]}
    for whom in (["--call", CALL], ["--first", "2"], ["--all"]):
        assert "1 caller moved from sales to night\n" in ccd(world, "queues", "move", "sales", "night", *whom).stdout
    for whom in ([], ["--all", "--first", "2"], ["--first", "0"]):
        assert ccd(world, "queues", "move", "sales", "night", *whom).exit_code == 2


def test_a_priority_may_be_negative(world: World) -> None:
    world.core.answers["calls.priority"] = lambda given: {**given, "queue": "sales", "position": 4}
    said = ccd(world, "calls", "priority", CALL, "--", "-7").stdout
    assert f"call {CALL} has priority -7, place 4 in sales\n" in said
    assert ccd(world, "calls", "priority", CALL, "5000").exit_code == 2
    assert ccd(world, "calls", "priority", CALL, "much").exit_code == 2


def test_kicking_says_where_the_caller_is(world: World) -> None:
    assert f"call {CALL} is out of its queue\n" in ccd(world, "calls", "kick", CALL).stdout
    assert "in the fallback" in ccd(world, "calls", "kick", CALL, "--to-fallback").stdout
    world.core.answers["calls.kick"] = Refused("call talks to an agent")
    result = ccd(world, "calls", "kick", CALL)
    assert (result.exit_code, result.stderr) == (1, "ccd: call talks to an agent\n")
