"""What `bench load` and `bench growth` count: keys and offers of the switch's own clock, and operations that do not grow."""

from __future__ import annotations

import os

import pytest

from ccd.bench import growth
from ccd.bench.load_measure import Decisions, stolen_s

SECOND = 1_000_000


def key(number: str, at: int) -> dict[str, str]:
    return {"Event-Name": "DTMF", "Event-Date-Timestamp": str(at), "Caller-Caller-ID-Number": number}


def leg(number: str, at: int, direction: str = "outbound") -> dict[str, str]:
    stamp = {"Event-Date-Timestamp": str(at), "Caller-Caller-ID-Number": number, "Call-Direction": direction}
    return {"Event-Name": "CHANNEL_CREATE"} | stamp


def test_a_decision_is_counted_from_the_first_key_to_the_first_leg_that_shows_its_caller() -> None:
    decisions = Decisions()
    events = [leg("1", 0, "inbound"), key("1", SECOND), key("2", SECOND), key("1", SECOND + 500)]
    events += [leg("1", SECOND + 3_000), leg("1", SECOND + 90_000), leg("2", SECOND + 9_000)]
    for event in events:
        decisions.on_event(event)
    assert (decisions.percentile(0.5), decisions.percentile(0.99)) == (3.0, 9.0)
    assert decisions.open_longer_than(0) == 0


def test_a_key_that_leads_to_nothing_is_backlog_once_it_is_old() -> None:
    decisions = Decisions()
    decisions.on_event(key("1", SECOND))
    decisions.on_event(key("2", SECOND * 5 // 2))
    assert decisions.open_longer_than(1.0) == 1
    assert decisions.percentile(0.5) is None
    decisions.clear()
    assert decisions.open_longer_than(0) == 0


def test_the_same_round_costs_the_same_whoever_waits() -> None:
    assert growth.operations(growth.Scene(2, 10), growth.Scene.freed) == growth.operations(
        growth.Scene(2, 200), growth.Scene.freed
    )


def test_a_round_leaves_the_scene_as_it_found_it() -> None:
    scene = growth.Scene(3, 0)
    for _ in range(3):
        scene.asked()
        scene.settle()
    assert (len(scene.acd.callers), scene.acd.deciding.matcher.ready_in("q"), scene.acd.offers.out) == (0, 3, {})
    scene = growth.Scene(2, 5)
    for _ in range(3):
        scene.freed()
        scene.settle()
    assert (len(scene.acd.queues["q"].line), scene.acd.deciding.matcher.ready_in("q")) == (5, 0)


def test_time_that_the_host_gave_to_others_is_the_eighth_of_all_processors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sysconf", lambda _: 100)
    assert stolen_s("cpu  9 1 2 3 4 5 6 250 0 0\ncpu0 1 1 2 3 4 5 6 90 0 0\n") == 2.5
