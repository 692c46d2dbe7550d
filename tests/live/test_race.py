"""Exactly one winner, on a real FreeSWITCH: two phones answer almost together, and one agent gets the caller.

What a loser's phone was told is read off the CANCEL or BYE as the phone got it. Whether he is punished, and how soon he is
ready again, is read from the facts.
"""

from __future__ import annotations

import statistics
from typing import Any

import pytest

from ccd.lab.parties import Caller
from ccd.lab.stories import Ring
from live.field import until
from live.site import Agent, Story, site, story

__all__ = ["site", "story"]
pytestmark = pytest.mark.live

ELSEWHERE = 'SIP;cause=200;text="Call completed elsewhere"'
RINGS_MS, TALKS_MS, APART_MS = 100, 450, 50
READY_AGAIN_MS = 100


def offers(story: Story, caller: Caller) -> list[tuple[str, str]]:
    """How each phone that was rung for a caller ended, by agent's name."""
    return sorted(story.results(caller))


def race(story: Story, trials: int) -> None:
    """The first phone answers; the second 0 to 50 ms after or before it. Then again, `trials` times."""
    line = story.queue(strategy="ring-all")
    apart = [number * APART_MS // max(trials - 1, 1) for number in range(trials)]
    early = tuple(Ring("answer", RINGS_MS + (ms if number % 2 else 0)) for number, ms in enumerate(apart))
    late = tuple(Ring("answer", RINGS_MS + (0 if number % 2 else ms)) for number, ms in enumerate(apart))
    agents = [story.agent(line, rings=early), story.agent(line, rings=late)]
    story.judged = False  # at 0 ms the phones may see another order than the switch
    for _ in range(trials):
        for agent in agents:
            until(lambda: agent.state()["ready"], f"{agent.name} is ready")  # noqa: B023 (asked at once)
        caller = story.calls(line, talk_ms=TALKS_MS)
        assert caller.ended.wait(30)
    told = {agent.name: {ring.caller_number: ring for ring in agent.rings} for agent in agents}
    for caller in story.callers:
        row, number = story.record(caller), caller.script.number
        assert row["outcome"] == "answered"
        results = dict(story.results(caller))
        assert sorted(results.values()) == ["accepted", "lost_race"], "one bridge, one clean loser"
        (loser,) = (name for name, result in results.items() if result == "lost_race")
        assert told[loser][number].reason == ELSEWHERE
        assert {row["agent"]} == set(results) - {loser}
        assert told[row["agent"]][number].reason != ELSEWHERE
    assert bridges(story) == trials
    for agent in agents:
        assert agent.state()["no_answers"] == 0
        assert all(presence != "on_break" for presence, *_ in story.states(agent))
    took = [ms for agent in agents for ms in ready_again_ms(story, agent)]
    assert len(took) == trials
    assert statistics.median(took) <= READY_AGAIN_MS, took


def bridges(story: Story) -> int:
    """How many callers of this story heard an agent, by the facts."""
    numbers = ", ".join(f"'{caller.script.number}'" for caller in story.callers)
    (row,) = story.site.sql(
        "SELECT count(*) AS bridges FROM ccd.facts f JOIN ccd.calls c ON c.call_id = f.call_id "
        f"WHERE f.kind = 'caller_connected' AND c.caller_number IN ({numbers})"
    )
    return int(row["bridges"])


def ready_again_ms(story: Story, agent: Agent) -> list[float]:
    """From the end of each leg that lost a race to its agent's being idle."""
    rows: list[dict[str, Any]] = story.site.sql(
        "SELECT extract(epoch FROM s.from_at - o.ended_at) * 1000 AS ms FROM ccd.offers o JOIN LATERAL "
        "(SELECT from_at FROM ccd.agent_states s WHERE s.agent_id = o.agent_id AND s.cause = 'offer_failed' "
        "AND s.activity = 'idle' AND s.from_at >= o.offered_at ORDER BY from_at LIMIT 1) s ON true "
        f"WHERE o.agent_id = '{agent.state()['agent_id']}' AND o.result = 'lost_race'"
    )
    return [float(row["ms"]) for row in rows]


def test_of_two_phones_that_answer_together_one_has_the_caller_and_the_other_is_cleanly_told(story: Story) -> None:
    race(story, 10)


@pytest.mark.long
def test_a_hundred_races_have_a_hundred_winners_and_a_hundred_clean_losers(story: Story) -> None:
    race(story, 100)


def test_a_phone_that_still_rings_is_told_that_the_call_was_completed_elsewhere(story: Story) -> None:
    line = story.queue(strategy="ring-all")
    winner = story.agent(line, rings=(Ring("answer", 100, 800),))
    losers = [story.agent(line, rings=(Ring("no_answer"),)) for _ in range(2)]
    caller = story.calls(line)
    assert caller.ended.wait(30)
    assert offers(story, caller) == sorted(
        [(winner.name, "accepted"), *((loser.name, "lost_race") for loser in losers)]
    )
    for loser in losers:
        (ring,) = loser.rings
        assert (ring.answered_at, ring.ended_by, ring.reason) == (None, "switch", ELSEWHERE)
        assert loser.state()["no_answers"] == 0


def test_when_the_winner_is_gone_at_once_another_still_takes_the_caller(story: Story) -> None:
    line = story.queue(strategy="ring-all", min_talk_ms=500)
    hasty = story.agent(line, rings=(Ring("answer", 100, 60), Ring("no_answer")))
    steady = story.agent(line, rings=(Ring("answer", 1_000, 600),))
    story.judged = False
    caller = story.calls(line)
    assert caller.ended.wait(30)
    row = story.record(caller)
    assert (row["outcome"], row["agent"]) == ("answered", steady.name)
    results = story.results(caller)
    assert (steady.name, "accepted") in results
    assert hasty.rings[0].ended_by == "phone"


def test_an_agent_who_hangs_up_at_the_join_leaves_the_caller_at_the_head(story: Story) -> None:
    line = story.queue(min_talk_ms=500, reject_delay_ms=60_000)
    head = story.calls(line)
    story.place(head, "waiting")
    other = story.calls(line)
    story.place(other, "waiting")
    story.judged = False
    hasty = story.agent(line, rings=(Ring("answer", 0, 0), Ring("no_answer")))
    until(lambda: hasty.rings and hasty.rings[0].ended_at, "the hasty agent is gone again")
    story.place(head, "waiting")
    steady = story.agent(line, rings=(Ring("answer", 0, 600),))
    assert hasty.rings[0].caller_number == head.script.number
    steady.rung(head)
    assert head.ended.wait(30)
    steady.rung(other)
    assert other.ended.wait(30)
    rang = [ring.caller_number for ring in steady.rings]
    assert rang[0] == head.script.number
    assert story.record(head)["agent"] == steady.name


def test_ringing_progressively_a_second_phone_joins_the_first(story: Story) -> None:
    line = story.queue(strategy="ring-progressively", ring_progressively_delay_ms=1_000)
    first = story.agent(line, rings=(Ring("no_answer"),))
    second = story.agent(line, rings=(Ring("answer", 200, 600),))
    caller = story.calls(line)
    assert caller.ended.wait(30)
    (rang,), (answered,) = first.rings, second.rings
    assert answered.rang_at - rang.rang_at >= 950_000
    assert (rang.ended_at or 0) > (answered.answered_at or 0), "it rang on beside the second"
    assert rang.reason == ELSEWHERE
    assert offers(story, caller) == sorted([(first.name, "lost_race"), (second.name, "accepted")])
