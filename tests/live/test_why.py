"""A short day on a real FreeSWITCH, decided again from its journal: the reasons are those of what really happened."""

from __future__ import annotations

import functools
from typing import Any

import pytest

from ccd.base.errors import NotFound
from ccd.lab.stories import Ring
from live.field import until
from live.site import Story, site, story

__all__ = ["site", "story"]
pytestmark = pytest.mark.live


def in_full(story: Story, call_id: str) -> dict[str, Any] | None:
    """What is said of a call, once its end is in SQL."""
    try:
        told: dict[str, Any] = story.site.api.get("why", "calls", call_id, language="en")
    except NotFound:
        return None
    return told if any(event["event"] == "left" or "connected" in event["event"] for event in told["events"]) else None


def test_six_calls_and_two_agents_are_decided_again_from_the_journal(story: Story) -> None:
    line = story.queue()
    agents = [story.agent(line, rings=(Ring("answer", 0, 300),)) for _ in range(2)]
    callers = [story.calls(line) for _ in range(6)]
    for caller in callers:
        assert caller.ended.wait(60)
    for caller in callers:
        call_id = story.record(caller)["call_id"]
        told = until(functools.partial(in_full, story, call_id), f"the journal of {call_id} is written")
        assert told["exact"], told["differences"]
        offered = [(event["agent"], "offered") for event in told["events"] if event["event"] == "offered"]
        assert offered == [(agent, "offered") for agent, _ in story.results(caller)]
    for agent in agents:
        told = story.site.api.get("why", "agents", agent.name, minutes=2)
        assert told["exact"], told["differences"]
        assert sum(event["event"] == "offered" for event in told["events"]) == len(agent.rings)
