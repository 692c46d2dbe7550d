"""Ways out of a queue on a real FreeSWITCH: a key, a full queue, nobody signed in, too long a wait; and what is heard."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ccd.lab.parties import Caller
from live.field import until
from live.lines import MUSIC_HZ, PROMPTS
from live.site import Site, Story, melody, settled, site, story

__all__ = ["site", "story"]
pytestmark = pytest.mark.live

WAIT_HZ, PLACE_HZ, AFTER_HZ = (PROMPTS[name][0] for name in ("queue_wait", "queue_position", "queue_position_after"))
LATER = "start: bye\nnodes:\n  bye: {type: hangup, prompt: no_input}\n"


@pytest.fixture(scope="module", autouse=True)
def _elsewhere(site: Site) -> Iterator[None]:
    site.api.post("voicemail-boxes", name="overflow_box", min_ms=500, silence_ms=1_000)
    with site.serves({"later": LATER}, [{"dialled": "4750", "flow": "later"}]):
        yield


def outcomes(story: Story, number: str) -> list[str]:
    """How the visits of a queue ended, in order."""
    rows = (
        "SELECT e.outcome FROM ccd.queue_entries e JOIN ccd.queues q USING (queue_id) "
        f"WHERE q.name = 'q{number}' ORDER BY e.joined_at"
    )
    return [row["outcome"] for row in story.site.sql(rows)]


def test_a_key_leads_to_the_mailbox_and_a_second_caller_finds_the_queue_full(story: Story) -> None:
    number = story.queue(
        overflow=[
            {"when": "exit_key", "key": "0", "to": "voicemail:overflow_box"},
            {"when": "full", "to": "flow:later"},
        ],
        max_waiting=1,
    )
    inside = story.calls(number)
    story.place(inside, "waiting")
    turned_away = story.calls(number)
    story.hears(turned_away, "no_input")
    inside.press("5")
    inside.press("0")
    story.hears(inside, "voicemail_greeting")
    inside.hang_up()
    until(lambda: outcomes(story, number) == ["exit_key", "full"], "both visits have their outcomes")


def test_nobody_is_signed_in_and_the_caller_is_sent_elsewhere_at_once(story: Story) -> None:
    number = story.queue(overflow=[{"when": "no_agents", "to": "flow:later"}])
    agent = story.agent(number, login=False)
    away = story.calls(number)
    story.hears(away, "no_input")
    agent.does("login")
    served = story.calls(number)
    story.connected(served)
    until(lambda: outcomes(story, number) == ["no_agents", "answered"], "both visits have their outcomes")


def test_after_too_long_a_wait_another_queue_answers_and_the_place_was_told(story: Story) -> None:
    second = story.queue()
    agent = story.agent(second, login=False)
    first = story.queue(
        overflow=[{"when": "waited", "after_ms": 6_000, "to": f"queue:q{second}"}],
        announce_first_ms=2_000,
        announce_position=5,
        announce_prompts=["queue_wait"],
    )
    story.judged = False
    caller = story.calls(first)
    story.place(caller, "waiting")
    path = story.listen(caller)
    until(lambda: outcomes(story, first) == ["timed_out"], "he overflowed")
    assert story.live(caller)["place"] == "waiting"
    agent.does("login")
    story.connected(caller)
    caller.hang_up()
    heard = melody(settled(path), 0, MUSIC_HZ, WAIT_HZ, PLACE_HZ, AFTER_HZ)
    said = [hz for hz in heard if hz != MUSIC_HZ]
    assert said == [WAIT_HZ, PLACE_HZ, AFTER_HZ], "once: there is no second announcement"
    assert heard[0] == MUSIC_HZ
    assert heard[heard.index(AFTER_HZ) + 1] == MUSIC_HZ, "music goes on behind it"
    assert [entry["outcome"] for entry in story.record(caller)["queue_entries"]] == ["timed_out", "answered"]


def test_an_agent_who_answers_breaks_an_announcement_off(story: Story) -> None:
    number = story.queue(announce_first_ms=500, announce_prompts=["many_words"])
    agent = story.agent(number, login=False)
    caller = story.calls(number)
    story.hears(caller, "many_words")
    agent.does("login")
    story.connected(caller)
    ended = until(lambda: of_announcement(story, caller, "PLAYBACK_STOP"), "it has ended")
    (began,) = of_announcement(story, caller, "PLAYBACK_START")
    assert ended[0] - began < PROMPTS["many_words"][1] * 1000, "he talks, and hears it no further"


def of_announcement(story: Story, caller: Caller, event: str) -> list[int]:
    """When the long announcement began or ended, in microseconds of the switch's clock."""
    every = [one for one in story.prompts(caller, event) if "many_words" in str(one["Playback-File-Path"])]
    return [int(str(one["Event-Date-Timestamp"])) for one in every]


@pytest.mark.long
def test_after_a_kill_the_wait_goes_on_from_where_it_was(story: Story) -> None:
    """Deadline, announcements and the place that he was told are those of before."""
    number = story.queue(
        overflow=[{"when": "waited", "after_ms": 15_000, "to": "flow:later"}],
        announce_first_ms=2_000,
        announce_every_ms=5_000,
        announce_position=5,
    )
    story.judged = False
    caller = story.calls(number)
    story.place(caller, "waiting")
    until(lambda: told(story), "he is told his place")
    story.site.daemon.kill()
    story.site.daemon.start()
    story.hears(caller, "no_input")
    (entry,) = story.record(caller)["queue_entries"]
    assert entry["outcome"] == "timed_out"
    assert 14_900 <= entry["wait_ms"] < 25_000, "the time that ccd was away counts"
    assert told(story) == [1], "it is not told anew what he knows"


def told(story: Story) -> list[int]:
    """The places that callers were told since the story began, as the journal has them."""
    facts = "SELECT (body->>'position')::int AS place FROM ccd.facts WHERE kind = 'position_announced' ORDER BY at DESC LIMIT 1"
    return [row["place"] for row in story.site.sql(facts)]
