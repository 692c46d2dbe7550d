"""What agents' phones answer on a real FreeSWITCH, cause by cause, and what that and other words make of agents."""

from __future__ import annotations

import gevent
import pytest

from ccd.lab.stories import Ring
from live.field import until
from live.rawphone import RawPhone
from live.site import Story, site, story

__all__ = ["site", "story"]
pytestmark = pytest.mark.live

# SIP status (0: dead, 180: rings on), whether it rang before, and what that means
ANSWERS = [
    (302, False, "redirected"),
    (404, False, "unknown_user"),
    (408, False, "unreachable"),
    (480, False, "not_registered"),
    (480, True, "rejected"),
    (486, False, "busy"),
    (486, True, "rejected"),
    (503, False, "unreachable"),
    (603, False, "rejected"),
    (0, False, "unreachable"),
    (180, False, "no_answer"),
]
SLOW = dict.fromkeys(("no_answer_delay_ms", "reject_delay_ms", "busy_delay_ms", "fault_delay_ms"), 60_000)


def test_every_answer_of_a_phone_has_its_cause_and_its_counter(story: Story) -> None:
    phones = [RawPhone(status, rings=rings) for status, rings, _ in ANSWERS]
    profile = story.site.outside.contact("raw").partition("@")[0].rpartition("/")[0]
    agents, lines = [], []
    try:
        for phone in phones:
            lines.append(line := story.queue(progress_ms=4_000, ring_ms=2_000, **SLOW))
            agents.append(story.agent(line, contact=f"{profile}/raw@127.0.0.1:{phone.port}"))
        lines.append(unregistered := story.queue(**SLOW))
        agents.append(story.registered("1004", unregistered, rings=(Ring("not_registered"),)))
        callers = [story.calls(line) for line in lines]
        expected = [result for _, _, result in ANSWERS] + ["not_registered"]
        found: list[dict[str, int]] = []

        def counted() -> bool:
            found[:] = [agent.state()["missed"] for agent in agents]
            return all(found)

        until(counted, "every agent has missed his call", 40)
        assert found == [{result: 1} for result in expected], found
        for caller in callers:
            caller.hang_up()
        for caller, agent, result in zip(callers, agents, expected, strict=True):
            assert caller.ended.wait(30)
            assert story.results(caller) == [(agent.name, result)]
        assert [phone.invites for phone in phones] == [1] * len(phones), "nobody is asked in a loop"
        assert phones[-1].stopped == 1
    finally:
        for phone in phones:
            phone.close()


def test_wrap_up_next_status_and_breaks_as_agents_are_told(story: Story) -> None:
    line = story.queue(wrap_up_ms=1_000)
    agent = story.agent(line, rings=(Ring("answer", 100, 700),))
    story.site.api.post("break-reasons", name="lunch", zh="午餐", limit_ms=500)
    try:
        caller = story.calls(line)
        story.connected(caller)
        assert agent.does("next", presence="on_break", reason="lunch")["next"] == "on_break"
        assert caller.ended.wait(30)
        agent.until("available", "wrap_up")
        story.site.api.post("agents", agent.name, "wrap-up", extend_ms=60_000)
        gevent.sleep(1.2)
        assert agent.doing() == ("available", "wrap_up")
        story.site.api.post("agents", agent.name, "wrap-up", end=True)
        agent.until("on_break", "idle")
        until(lambda: agent.state()["overrun_since"], "the break is too long")
        with pytest.raises(Exception, match="no break reason nap; there are lunch"):
            agent.does("pause", reason="nap")
        agent.does("resume")
        assert agent.state()["overrun_since"] is None
    finally:
        story.site.api.delete("break-reasons", "lunch")


def test_a_reset_takes_a_ringing_phone_back_and_the_caller_goes_on(story: Story) -> None:
    line = story.queue(reoffer_gap_ms=0)
    stuck = story.agent(line, rings=(Ring("no_answer"), Ring("answer", 100, 300)))
    caller = story.calls(line)
    stuck.rung(caller)
    stuck.does("reset", why="phone hangs")
    assert caller.ended.wait(30)
    assert story.results(caller) == [(stuck.name, "cancelled"), (stuck.name, "accepted")]
    until(
        lambda: story.site.sql("SELECT 1 FROM ccd.facts WHERE kind = 'agent_reset'"),
        "the reset stands in the journal",
    )
