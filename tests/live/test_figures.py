"""Figures on a real FreeSWITCH: each visit has its row and outcome, and reports agree with the journal, over a kill -9 too."""

from __future__ import annotations

from typing import Any

import pytest

from ccd.lab.stories import Ring
from live.field import until
from live.site import Story, site, story

__all__ = ["site", "story"]
pytestmark = pytest.mark.live

SHORT = Ring("answer", 200, 500)
WRAP_UP_MS = 1_000


def report(story: Story, what: str, line: str) -> list[dict[str, Any]]:
    """A report of the line's queue, which the facts must agree with."""
    body = story.site.api.get("reports", what, queue=f"q{line}", from_journal=1)
    assert body["journal"]["differences"] == []
    rows: list[dict[str, Any]] = body[what]
    return rows


def one_talks_and_one_gives_up(story: Story, line: str) -> str:
    """The name of the agent who took the first; he has wrapped it up."""
    waits = story.calls(line)
    assert waits.answered.wait(30)
    story.place(waits, "waiting")
    waits.hang_up()
    assert story.record(waits)["queue_entries"][0]["outcome"] == "short_abandoned"
    agent = story.agent(line, rings=(SHORT,))
    caller = story.calls(line)
    assert caller.ended.wait(30)
    (visit,) = story.record(caller)["queue_entries"]
    assert (visit["outcome"], visit["visit"], visit["offers_made"]) == ("answered", 1, 1)
    assert visit["talk_ms"] >= 300
    assert visit["ring_ms"] <= visit["wait_ms"] + 50
    return agent.name


def wrapped_up(story: Story, line: str) -> int:
    return int(report(story, "queues", line)[0]["wrap_up_ms"])


def test_reports_of_a_real_line_agree_with_its_facts(story: Story) -> None:
    line = story.queue(short_abandon_ms=60_000, wrap_up_ms=WRAP_UP_MS)
    name = one_talks_and_one_gives_up(story, line)
    until(lambda: wrapped_up(story, line) >= WRAP_UP_MS - 100, "the wrap-up in the figures")
    (row,) = report(story, "queues", line)
    assert (row["offered"], row["answered"], row["short_abandoned"], row["waiting"]) == (2, 1, 1, 0)
    assert (row["sl_answered"], row["sl_offered"], row["sl_no_short"]) == (100.0, 100.0, 100.0)
    (agent,) = [one for one in report(story, "agents", line) if one["agent"] == name]
    assert (agent["offers"], agent["answered"], agent["missed"]) == (1, 1, {})
    assert agent["wrap_up_ms"] == pytest.approx(row["wrap_up_ms"], abs=50)
    assert sum(one["offered"] for one in report(story, "intervals", line)) == 2


@pytest.mark.long
def test_they_agree_over_a_kill_9_in_the_wrap_up(story: Story) -> None:
    line = story.queue(short_abandon_ms=60_000, wrap_up_ms=8_000)
    one_talks_and_one_gives_up(story, line)
    story.site.daemon.kill()
    story.site.daemon.start()
    until(lambda: wrapped_up(story, line) > 7_000, "the whole wrap-up in the figures")
    assert [row["offered"] for row in report(story, "queues", line)] == [2]
