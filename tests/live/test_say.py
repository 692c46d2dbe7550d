"""Values said on a real FreeSWITCH: many files are one playback without gaps, and a key ends all of it."""

from __future__ import annotations

import itertools
import wave
from pathlib import Path

import pytest

from ccd.ivr.say import say
from ccd.lab.wire import Event
from live.field import until
from live.lines import PROMPTS, RATE
from live.site import Story, melody, samples, settled, site, story

__all__ = ["site", "story"]
pytestmark = pytest.mark.live

ROOT = Path(__file__).parents[2]
BEFORE, AFTER, GOODBYE = PROMPTS["welcome"], PROMPTS["no_input"], PROMPTS["goodbye"]


def length_ms(value: str) -> float:
    """How long the fragments of a caller's number take, by their files."""
    ms = 0.0
    for fragment in say("digits", value, "zh"):
        with wave.open(str(ROOT / "sounds" / "zh" / "say" / f"{fragment}.wav")) as file:
            ms += file.getnframes() / 8
    return ms


def played(story: Story, leg: str) -> list[tuple[str, float]]:
    """What was played on a leg, and for how many ms."""
    starts: list[Event] = []
    found = []
    for event in story.site.events:
        if event.get("Unique-ID") != leg:
            continue
        if event["Event-Name"] == "PLAYBACK_START":
            starts.append(event)
        elif event["Event-Name"] == "PLAYBACK_STOP":
            start = starts.pop()
            us = int(event["Event-Date-Timestamp"]) - int(start["Event-Date-Timestamp"])
            found.append((start["Playback-File-Path"], us / 1000))
    return found


def longest_pause_ms(channel: list[int]) -> int:
    """The longest stretch of near silence between the first and the last sound."""
    loud = [at for at in range(0, len(channel) - 80, 80) if max(map(abs, channel[at : at + 80])) > 300]
    return max(later - earlier for earlier, later in itertools.pairwise(loud)) * 1000 // RATE


def test_a_caller_hears_a_value_between_two_prompts_as_one_sentence(story: Story) -> None:
    caller = story.calls(story.site.line("say"))
    leg = story.leg(caller)
    assert caller.answered.wait(30)
    heard = story.listen(caller)
    assert caller.ended.wait(30)
    sentence, goodbye = until(lambda: len(both := played(story, leg)) == 2 and both, "two playbacks")
    number = caller.script.number
    assert sentence[0].count("!") == len(number) + 1
    said_ms = length_ms(number)
    whole_ms = BEFORE[1] + said_ms + AFTER[1]
    assert whole_ms - 50 <= sentence[1] <= whole_ms + 20 * (len(number) + 2) + 3000, (
        "each file may fill up its last frame, and a switch that starves is late"
    )
    assert goodbye[0].endswith("/goodbye.wav")
    channel = samples(settled(heard))[0]
    assert melody(heard, 0, BEFORE[0], AFTER[0], GOODBYE[0])[-2:] == [AFTER[0], GOODBYE[0]]
    assert longest_pause_ms(channel) < 500, "the sentence has no gaps"


def test_a_key_ends_the_whole_sentence(story: Story) -> None:
    caller = story.calls(story.site.line("say"), keys=((BEFORE[1] + 900, "5"),))
    leg = story.leg(caller)
    assert caller.ended.wait(30)
    sentence, goodbye = until(lambda: len(both := played(story, leg)) == 2 and both, "two playbacks")
    assert BEFORE[1] + 500 < sentence[1] < BEFORE[1] + length_ms(caller.script.number)
    assert goodbye[1] > GOODBYE[1] - 150, "the break ends the sentence alone"
    row = story.record(caller)
    assert (row["outcome"], row["ended_by"]) == ("ivr_ended", "ccd")


def test_a_caller_who_hangs_up_within_a_value_leaves_nothing_behind(story: Story) -> None:
    caller = story.calls(story.site.line("say"))
    leg = story.leg(caller)
    assert caller.answered.wait(30)
    story.event("PLAYBACK_START", Unique_ID=leg)
    caller.hang_up()
    assert caller.ended.wait(30)
    assert story.record(caller)["ended_by"] == "caller"
