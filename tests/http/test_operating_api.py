"""Operating queues over the API: what reaches core, who is said to have done it, and what nonsense is told."""

from __future__ import annotations

from typing import Any

import pytest
from structlog.testing import capture_logs

from ccd.base.errors import CcdError, Refused
from tests.office_world import CALL, World

DOOR = {"queue": "sales", "door": "closed", "inside": 2}


def asked(world: World, verb: str) -> dict[str, Any]:
    return next(given for done, given in world.core.asked if done == verb)


@pytest.mark.parametrize("verb", ["open", "close", "drain"])
def test_a_queues_door_is_moved_with_who_and_why(world: World, verb: str) -> None:
    world.core.answers[f"queues.{verb}"] = DOOR
    with capture_logs() as logs:
        assert world.post("queues", "sales", verb, reason="消防演习") == DOOR
    given = asked(world, f"queues.{verb}")
    assert (given["queue"], given["reason"]) == ("sales", "消防演习")
    (line,) = [line for line in logs if line["event"] == "audit"]
    assert (line["what"], line["whom"], line["result"]) == (f"queues.{verb}", "sales", "ok")
    assert "uid" in given["who"]
    assert given["who"] == line["who"]


@pytest.mark.parametrize(
    ("whom", "given"),
    [
        ({"call": CALL[:12]}, {"call_id": CALL, "first": 0}),
        ({"first": 3}, {"call_id": "", "first": 3}),
        ({"all": True}, {"call_id": "", "first": 0}),
    ],
)
def test_callers_are_moved(world: World, whom: dict[str, Any], given: dict[str, Any]) -> None:
    world.core.answers["queues.move"] = {"queue": "sales", "target": "night", "moved": [CALL]}
    assert world.post("queues", "sales", "move", target="night", **whom)["moved"] == [CALL]
    told = asked(world, "queues.move")
    assert "uid" in told.pop("who")
    assert told == {"queue": "sales", "target": "night"} | given


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"target": "night"}, "say whom"),
        ({"target": "night", "all": True, "first": 2}, "say whom"),
        ({"target": "night", "first": -1}, "first"),
        ({"target": "${system(x)}", "all": True}, "does not do as a name"),
        ({"all": True}, "target"),
        ({"target": "night", "all": True, "who": "me"}, "who"),
    ],
)
def test_a_move_that_says_nonsense_reaches_nobody(world: World, body: dict[str, Any], says: str) -> None:
    with pytest.raises(CcdError, match=says) as wrong:
        world.post("queues", "sales", "move", **body)
    assert wrong.value.code == "bad_input"
    assert "queues.move" not in world.core.verbs()


def test_a_waiting_callers_priority_is_changed_with_who(world: World) -> None:
    place = {"call_id": CALL, "queue": "sales", "priority": -5, "position": 4}
    world.core.answers["calls.priority"] = place
    with capture_logs() as logs:
        assert world.post("calls", CALL[:10], "priority", priority=-5) == place
    given = asked(world, "calls.priority")
    assert (given["call_id"], given["priority"]) == (CALL, -5)
    assert "uid" in given["who"]
    assert [line["what"] for line in logs if line["event"] == "audit"] == ["calls.priority"]


@pytest.mark.parametrize("priority", [1001, -1001, "high", 1.5, None])
def test_a_priority_out_of_reach_reaches_nobody(world: World, priority: object) -> None:
    with pytest.raises(CcdError, match="priority"):
        world.post("calls", CALL, "priority", priority=priority)
    assert "calls.priority" not in world.core.verbs()


def test_a_caller_is_kicked_and_a_refusal_is_audited_too(world: World) -> None:
    world.core.answers["calls.kick"] = Refused(f"call {CALL} talks to an agent")
    with capture_logs() as logs, pytest.raises(Refused, match="talks to an agent"):
        world.post("calls", CALL, "kick", to_fallback=True)
    told = asked(world, "calls.kick")
    assert "uid" in told.pop("who")
    assert told == {"call_id": CALL, "to_fallback": True}
    assert [(line["what"], line["result"]) for line in logs if line["event"] == "audit"] == [("calls.kick", "refused")]
