"""What a caller hears while he waits, the keys that lead out, and where his flow goes on: announcements never make it worse."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccd.ivr.doors import Hears
from ccd.ivr.flow import Flow
from ccd.ivr.nodes import types
from ccd.ivr.nodes.queue import EDGES
from ccd.ivr.queueing import MOST_TURNED_AWAY, QueueDone, QueueMoved
from ccd.switch.commands import Hangup
from tests.ivr.caller import Caller

MUSIC = "local_stream://moh"
WAIT = {"start": "q", "nodes": {"q": {"type": "queue", "queue": "support"}}}
ELSEWHERE = Flow("elsewhere", {"start": "bye", "nodes": {"bye": {"type": "hangup"}}})


class Waiting(Caller):
    """A caller in a queue that announces; `place` is what he may be told, None while a phone rings for him."""

    def __init__(self, document: dict[str, Any] = WAIT, **hears: Any) -> None:
        super().__init__(document)
        self.leg.answered_at = 1
        self.speaks("zh")
        self.place: int | None = 3
        self.told: list[int] = []
        self.pressed: list[str] = []
        self.hears = Hears(music=MUSIC, came_at=self.clock.now(), **hears)
        door = dataclasses.replace(
            self.talk.doors.queue,
            hears=lambda _: self.hears,
            press=lambda _, key: self.pressed.append(key),
            place=lambda _: self.place,
            announced=lambda _, place: self.told.append(place),
            elsewhere=lambda call, to, language: ELSEWHERE if to == "flow:elsewhere" else None,
        )
        self.talk.doors = dataclasses.replace(self.talk.doors, queue=door)

    def begins(self, **resume: str) -> Waiting:
        super().begins(**resume)
        return self

    def announcements(self) -> list[str]:
        return [one for one in self.heard if one != MUSIC]


def test_messages_come_by_turns_and_music_goes_on_behind_each() -> None:
    caller = Waiting(first_ms=10_000, every_ms=20_000, prompts=("a", "b")).begins()
    caller.silence(9.9)
    assert caller.heard == [MUSIC]
    caller.silence(0.1)
    assert (caller.heard, caller.broken_off) == ([MUSIC, "zh/a"], 1)
    caller.prompt_ends()
    assert caller.heard[-1] == MUSIC
    for _ in range(2):
        caller.silence(20)
        caller.prompt_ends()
    assert caller.announcements() == ["zh/a", "zh/b", "zh/a"]
    assert caller.told == [], "no place is told where none is to be"


def test_the_first_one_is_the_only_one_where_none_is_to_follow() -> None:
    caller = Waiting(first_ms=5_000, prompts=("a",)).begins()
    caller.silence(5)
    caller.prompt_ends()
    caller.silence(600)
    assert caller.announcements() == ["zh/a"]


def test_the_place_is_told_in_the_callers_language_and_never_a_greater_one() -> None:
    caller = Waiting(every_ms=30_000, up_to=10).begins()
    for place in (12, 4, 5, 4, 2):
        caller.place = place
        caller.silence(30)
        if caller.heard[-1] != MUSIC:
            caller.prompt_ends()
    assert caller.told == [4, 4, 2], "12 is too far back, and 5 would be a step back"
    first = caller.announcements()[0]
    assert first == "file_string:///sounds/zh/queue_position.wav!/sounds/zh/say/4.wav!/sounds/zh/queue_position_after"


def test_a_message_is_heard_though_the_place_is_not_told() -> None:
    caller = Waiting(every_ms=30_000, up_to=10, prompts=("a",), announced=2).begins()
    caller.silence(30)
    assert (caller.announcements(), caller.told) == (["zh/a"], [])


def test_nothing_is_said_while_a_phone_rings_for_him() -> None:
    caller = Waiting(every_ms=30_000, up_to=10, prompts=("a",)).begins()
    caller.place = None
    caller.silence(30)
    assert (caller.heard, caller.broken_off) == ([MUSIC], 0)
    caller.place = 1
    caller.silence(30)
    assert caller.told == [1]


def test_an_agents_answer_breaks_an_announcement_off_and_nothing_of_ours_follows() -> None:
    caller = Waiting(every_ms=30_000, prompts=("a",)).begins()
    caller.silence(30)
    caller.waits = False
    caller.place = None
    caller.prompt_ends("PLAYBACK ERROR")
    caller.silence(120)
    assert caller.heard == [MUSIC, "zh/a"]
    caller.waits, caller.place = True, 1
    caller.parked()
    assert caller.heard[-1] == MUSIC, "the agent was gone before a word was said"


def test_after_a_restart_announcements_keep_their_times_and_their_turn() -> None:
    caller = Waiting(first_ms=10_000, every_ms=20_000, prompts=("a", "b"))
    caller.hears = Hears(
        music=MUSIC, came_at=caller.clock.now() - 25_000_000, first_ms=10_000, every_ms=20_000, prompts=("a", "b")
    )
    caller.begins(start="q")
    caller.silence(4.9)
    assert caller.announcements() == []
    caller.silence(0.2)
    assert caller.announcements() == ["zh/b"]


def test_in_another_queue_he_hears_its_music_and_its_keys_count() -> None:
    caller = Waiting(keys=frozenset("0")).begins()
    caller.presses("90")
    caller.hears = Hears(music="local_stream://sales", came_at=caller.clock.now(), keys=frozenset("9"))
    caller._put(QueueMoved())
    caller.presses("09")
    assert caller.heard == [MUSIC, "local_stream://sales"]
    assert caller.pressed == ["0", "9"]


def test_the_key_that_led_out_is_not_the_next_menus_choice() -> None:
    menu = {"type": "menu", "prompt": "choose", "timeout": 3000, "choices": {"0": "bye"}, "no_input": "bye"}
    nodes = {"q": {"type": "queue", "queue": "support", "exit_key": "m"}, "m": menu, "bye": {"type": "hangup"}}
    caller = Waiting({"start": "q", "nodes": nodes}, keys=frozenset("0")).begins()
    caller.presses("0")
    caller.queue_done("exit_key")
    assert caller.path == ["q", "m"]


@pytest.mark.parametrize("edge", EDGES)
def test_each_way_out_has_its_edge_and_else_the_queues_apology(edge: str) -> None:
    nodes = {"q": {"type": "queue", "queue": "support", edge: "there"}, "there": {"type": "hangup"}}
    caller = Waiting({"start": "q", "nodes": nodes}).begins()
    caller.queue_done(edge)
    assert caller.path == ["q", "there"]
    without = Waiting().begins()
    without.queue_done(edge)
    assert without.announcements() == ["zh/support_timeout"]
    without.prompt_ends()
    assert without.switch.all(Hangup)
    assert set(types()["queue"].model_fields) >= {edge}


def test_an_overflow_into_another_flow_leaves_this_one() -> None:
    caller = Waiting().begins()
    caller._put(QueueDone("full", "flow:elsewhere"))
    assert caller.left == ["diverted"]
    lost = Waiting().begins()
    lost._put(QueueDone("full", "flow:gone"))
    assert lost.announcements() == ["zh/support_timeout"], "what leads nowhere is the flow's own matter"


def test_a_flow_that_goes_round_by_a_queue_that_lets_nobody_in_takes_its_time() -> None:
    nodes = {"q": {"type": "queue", "queue": "support", "full": "q"}}
    caller = Waiting({"start": "q", "nodes": nodes})
    caller.waits = False
    caller.begins()
    for _ in range(2):
        caller.queue_done("full")
    for turns in range(3, MOST_TURNED_AWAY):
        assert len(caller.entered) == turns - 1
        caller.silence(1.01)
        assert len(caller.entered) == turns
        caller.queue_done("full")


@given(
    first=st.integers(0, 60_000),
    every=st.one_of(st.just(0), st.integers(5_000, 60_000)),
    waited=st.integers(0, 600_000),
)
def test_the_next_announcement_is_never_in_the_past_and_none_is_passed_over(
    first: int, every: int, waited: int
) -> None:
    hears = Hears(first_ms=first, every_ms=every)
    said = hears.said_by(waited)
    due = hears.due_ms(said)
    assert due is None or waited <= due <= waited + max(first, every)
    before = hears.due_ms(said - 1) if said else None
    assert (said == 0) == (before is None)
    assert before is None or before < waited


@given(places=st.lists(st.integers(1, 30), max_size=30))
def test_what_is_told_never_rises(places: list[int]) -> None:
    caller = Waiting(every_ms=10_000, up_to=20).begins()
    for place in places:
        caller.place = place
        caller.silence(10)
        caller.prompt_ends()
    assert caller.told == sorted(caller.told, reverse=True)
