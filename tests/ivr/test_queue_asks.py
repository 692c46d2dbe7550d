"""What a flow's queue node asks of agents."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from ccd.base.skills import Step
from ccd.ivr.nodes.queue import Queue
from tests.ivr.caller import Caller


def node(**more: Any) -> Queue:
    return Queue.model_validate({"type": "queue", "queue": "support", **more})


def test_a_caller_stands_in_the_queue_with_what_his_flow_asks() -> None:
    relax = [{"after": "30s", "skills": {"english": "1"}, "prefer": {"loans": "2"}}, {"after": "60s"}]
    fields = {"type": "queue", "queue": "support", "priority": "5", "skills": {"english": "3"}, "relax": relax}
    caller = Caller({"start": "line", "nodes": {"line": fields}})
    caller.begins()
    assert caller.entered == [("support", 5)]
    assert caller.asked == [
        (Step(0, {"english": 3}, {}), Step(30_000, {"english": 1}, {"loans": 2}), Step(60_000, {}, {}))
    ]


def test_a_flow_that_asks_nothing_leaves_it_to_the_queue() -> None:
    assert node().steps() == ()
    assert node(relax=[{"after": "30s"}]).steps() == ()


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"skills": {"english": 11}}, "less than or equal to 10"),
        ({"skills": {"english": 0}}, "greater than or equal to 1"),
        ({"skills": {"a b": 3}}, "is no name of a skill"),
        ({"skills": {"english": 3}, "relax": [{"after": "5s", "skills": {"english": 4}}]}, "may only relax"),
        ({"skills": {"english": 3}, "relax": [{"after": "5s"}, {"after": "5s"}]}, "two steps begin after 5s"),
        ({"skills": {"english": 3}, "relax": [{"after": "0"}]}, "`after` is the waiting time"),
        ({"relax": [{"skills": {}}]}, "Field required"),
        ({"relax": [{"after": "5s", "colour": 1}]}, "Extra inputs"),
    ],
)
def test_what_makes_no_sense_is_refused_when_the_flow_is_read(more: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        node(**more)
