"""The simulated switch does what FreeSWITCH did: in order per leg, in what ccd reads, in causes, in replies."""

from __future__ import annotations

import pytest

from ccd.sim.legs import Legs
from tests.live.trace_stories import STORIES as TOLD
from tests.sim.replay import TRACES, Trace, differences

STORIES = sorted(path.name.partition(".")[0] for path in TRACES.glob("*.jsonl.gz"))


@pytest.mark.parametrize("story", STORIES)
def test_same_story_same_events(story: str) -> None:
    found = differences(Trace(story, without_inbound=story == "fails"))
    assert not found, "\n" + found


def test_every_story_told_is_recorded() -> None:
    assert sorted([*TOLD, "fails"]) == STORIES


@pytest.mark.parametrize(
    ("spoil", "shows"),
    [
        (lambda e: e.update({"Hangup-Cause": "USER_BUSY"}), "-'CHANNEL_HANGUP USER_BUSY'"),
        (lambda e: e.update({"Event-Name": "CHANNEL_PROGRESS"}), "CHANNEL_PROGRESS"),
    ],
)
def test_a_difference_is_printed_with_its_leg(spoil: object, shows: str) -> None:
    trace = Trace("customer_killed")
    hangup = next(e for e in trace.events if e["Event-Name"] == "CHANNEL_HANGUP")
    spoil(hangup)  # type: ignore[operator]
    found = differences(trace)
    assert shows in found
    assert "leg 0, FreeSWITCH" in found


def test_a_switch_that_forgets_an_event_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Legs, "unwind", lambda _self, c: c.stack.clear())
    assert "CHANNEL_UNPARK" in differences(Trace("dropped_lease"))
