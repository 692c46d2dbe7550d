"""What a flow's queue nodes name that the site does not have."""

from __future__ import annotations

from typing import Any

from ccd.ivr.flow import Flow
from ccd.ivr.not_there import not_there


def flow(**fields: Any) -> Flow:
    line = {"type": "queue", "queue": "support", "next": "bye", **fields}
    return Flow("main", {"start": "line", "nodes": {"line": line, "bye": {"type": "hangup"}}})


def told(one: Flow, queues: set[str], skills: set[str]) -> list[tuple[str, str]]:
    return [(".".join(map(str, where)), what) for where, what in not_there(one, queues=queues, skills=skills)]


def test_a_flow_whose_queue_and_skills_are_there_is_silent() -> None:
    asks = {"skills": {"english": 3}, "prefer": {"loans": 2}, "relax": [{"after": 30_000, "skills": {"english": 1}}]}
    assert told(flow(**asks), {"support"}, {"english", "loans"}) == []


def test_each_skill_that_no_agent_has_is_told_once_at_its_field() -> None:
    relax = [{"after": 30_000, "skills": {"english": 1}}, {"after": 60_000, "prefer": {"cards": 1}}]
    asks = {"skills": {"english": 3}, "prefer": {"loans": 2}, "relax": relax}
    assert told(flow(**asks), {"support"}, set()) == [
        ("nodes.line.skills", "no agent has the skill 'english'"),
        ("nodes.line.prefer", "no agent has the skill 'loans'"),
        ("nodes.line.relax", "no agent has the skill 'cards'"),
    ]


def test_a_slip_of_the_pen_is_recognised() -> None:
    assert told(flow(skills={"englsh": 3}), {"suport"}, {"english"}) == [
        ("nodes.line.queue", "there is no queue 'support'; did you mean 'suport'?"),
        ("nodes.line.skills", "no agent has the skill 'englsh'; did you mean 'english'?"),
    ]
