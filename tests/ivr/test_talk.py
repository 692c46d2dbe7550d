"""Flows as callers hear them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from ccd.base.clock import FakeClock
from ccd.base.errors import SwitchGone, SwitchRefused
from ccd.ivr.runner import MAX_STEPS
from ccd.ivr.unheard import Unheard
from ccd.switch.commands import Answer, Hangup, Play
from tests.ivr.caller import Caller

MENU = {
    "start": "menu",
    "nodes": {
        "menu": {
            "type": "menu",
            "prompt": "ask",
            "choices": {"1": "sales", "star": "again"},
            "no_input": "silent",
            "next": "lost",
        },
        "sales": {"type": "hangup", "cause": "USER_BUSY"},
        "again": {"type": "play", "prompt": "hours", "next": "menu"},
        "silent": {"type": "hangup"},
        "lost": {"type": "hangup"},
    },
}


def asked(**more: Any) -> Caller:
    document = MENU | {"nodes": MENU["nodes"] | {"menu": MENU["nodes"]["menu"] | more}}  # type: ignore[operator]
    return Caller(document).begins()


@pytest.mark.parametrize(("digit", "goes_to"), [("1", "sales"), ("*", "again")])
def test_menu_leads_where_the_key_says(digit: str, goes_to: str) -> None:
    caller = asked()
    caller.prompt_ends()
    caller.presses(digit)
    assert caller.path == ["menu", goes_to]
    assert caller.remembered == caller.path


def test_key_during_the_prompt_breaks_it_off() -> None:
    caller = asked()
    caller.presses("1")
    assert (caller.broken_off, caller.path) == (1, ["menu", "sales"])


def test_without_barge_in_the_prompt_is_heard_to_its_end_and_the_key_counts_then() -> None:
    caller = asked(barge_in=False)
    caller.presses("1")
    assert (caller.broken_off, caller.path) == (0, ["menu"])
    caller.prompt_ends()
    assert caller.path == ["menu", "sales"]


def test_keys_typed_ahead_skip_the_prompts() -> None:
    caller = asked(barge_in=False)
    caller.presses("*1")
    caller.prompt_ends()
    assert caller.path == ["menu", "again", "menu"]
    caller.prompt_ends()
    assert caller.path == ["menu", "again", "menu", "sales"]
    assert caller.heard == ["ask", "ask"]


def test_no_input_is_asked_again_and_then_leaves_by_its_edge() -> None:
    caller = asked(tries=2)
    caller.prompt_ends()
    caller.silence(4.9)
    assert caller.heard == ["ask"]
    caller.silence(0.2)
    assert caller.heard == ["ask", "no_input"]
    caller.prompt_ends()
    caller.prompt_ends()
    caller.silence(5.1)
    assert caller.heard == ["ask", "no_input", "ask"]
    assert caller.path == ["menu", "silent"]


def test_wrong_key_is_told_so_and_without_an_edge_goes_to_next() -> None:
    caller = asked(tries=2)
    caller.presses("7")
    assert caller.heard == ["ask", "no_match"]
    caller.presses("8")  # breaks off the excuse and counts as the next answer
    assert caller.path == ["menu", "lost"]


def test_wrong_key_without_any_edge_hangs_up() -> None:
    caller = asked(tries=1, next="")
    caller.presses("7")
    assert caller.switch.all(Hangup) == [Hangup(leg_id=caller.leg_id)]


def test_hangup_node_ends_the_call_with_its_cause_and_says_so_once() -> None:
    caller = asked()
    caller.presses("1")
    assert caller.switch.last(Hangup).cause == "USER_BUSY"
    caller.switch_obeys()
    assert (caller.left, caller.is_over(), caller.call.ended_by_ccd) == (["hung_up"], True, True)
    assert caller.switch.awaited == 0


def test_hangup_that_was_lost_with_the_link_is_ordered_again() -> None:
    caller = asked()
    caller.switch.down = SwitchGone("fs1 is down")
    caller.presses("1")
    caller.silence(10.1)
    caller.silence(10.1)
    assert len(caller.switch.all(Hangup)) == 3
    caller.switch_obeys()
    assert caller.left == ["hung_up"]


@pytest.mark.parametrize("error", [SwitchGone("down"), SwitchRefused("-ERR")])
def test_prompt_that_the_switch_will_not_play_holds_nobody_up(error: SwitchRefused) -> None:
    caller = Caller(MENU)
    caller.switch.refuses[Play] = error
    caller.begins()
    caller.presses("1")
    assert caller.path == ["menu", "sales"]


def test_prompt_without_end_is_broken_off() -> None:
    caller = asked()
    caller.silence(601)
    assert caller.broken_off == 1


QUEUE = {
    "start": "answer",
    "nodes": {
        "answer": {"type": "answer", "next": "queue"},
        "queue": {"type": "queue", "queue": "support", "priority": 3, "next": "bye", "timed_out": "sorry"},
        "bye": {"type": "hangup"},
        "sorry": {"type": "hangup"},
    },
}


def queued(document: dict[str, Any] = QUEUE, **more: Any) -> Caller:
    caller = Caller(document, **more).begins()
    caller.answered()
    return caller


@pytest.mark.parametrize(("how", "goes_to"), [("connected", "bye"), ("timed_out", "sorry")])
def test_queue_leaves_by_what_became_of_it(how: str, goes_to: str) -> None:
    caller = queued()
    assert (caller.entered, caller.heard) == ([("support", 3)], ["local_stream://moh"])
    caller.queue_done(how)
    assert caller.path == ["answer", "queue", goes_to]
    assert caller.broken_off == (0 if how == "connected" else 1)


def test_who_is_removed_from_the_queue_is_hung_up() -> None:
    caller = queued()
    caller.queue_done("removed")
    assert caller.switch.all(Hangup)


def test_who_waited_too_long_hears_the_queues_words_where_the_flow_has_none() -> None:
    node = {"type": "queue", "queue": "support"}
    caller = Caller({"start": "queue", "nodes": {"queue": node}}).begins()
    caller.queue_done("timed_out")
    assert caller.heard == ["local_stream://moh", "support_timeout"]
    caller.prompt_ends()
    assert caller.switch.all(Hangup)


@pytest.mark.parametrize(("point", "answers"), [("at_once", ["answer"]), ("at_queue", ["queue"]), ("at_agent", [])])
def test_call_is_answered_where_its_route_says(point: str, answers: list[str]) -> None:
    caller = Caller(QUEUE, answer_point=point).begins()
    orders = len(caller.switch.all(Answer))
    assert orders == len(answers)
    assert caller.path[-1:] == (answers or ["queue"])
    caller.answered()
    assert caller.entered


def test_answer_of_which_no_word_comes_does_not_hold_the_call() -> None:
    caller = Caller(QUEUE).begins()
    caller.silence(10.1)
    assert caller.path == ["answer", "queue"]


def test_music_goes_on_when_it_ends_and_when_the_caller_comes_back() -> None:
    caller = queued()
    caller.silence(60)
    caller.prompt_ends()
    assert len(caller.heard) == 2
    caller.waits = False
    caller.prompt_ends("break")
    assert len(caller.heard) == 2
    caller.waits = True
    caller.parked()
    assert len(caller.heard) == 3


def test_caller_who_is_parked_before_his_agents_end_is_known_is_not_left_in_silence() -> None:
    """Seen on the switch: the caller's PARK comes before the hang-up of the agent who answered."""
    caller = queued()
    caller.waits = False
    caller.prompt_ends("break")
    caller.parked()
    assert len(caller.heard) == 1
    caller.waits = True
    caller.silence(0.25)
    assert len(caller.heard) == 2
    caller.silence(60)
    assert len(caller.heard) == 2


def test_music_that_is_broken_is_tried_once_a_second_not_in_a_storm() -> None:
    caller = queued()
    for _ in range(5):
        caller.prompt_ends("PLAYBACK ERROR")
    assert len(caller.heard) == 1
    caller.silence(1.01)
    assert len(caller.heard) == 2


def test_call_found_again_begins_at_its_node() -> None:
    caller = Caller(QUEUE).begins(start="queue")
    assert caller.path == ["queue"]
    assert caller.facts[0].resumed


def test_call_found_after_its_talk_leaves_by_the_edge() -> None:
    assert Caller(QUEUE).begins(start="queue", edge="next").path == ["bye"]


def test_call_found_after_its_talk_with_nowhere_to_go_is_hung_up() -> None:
    caller = Caller({"start": "q", "nodes": {"q": {"type": "queue", "queue": "support"}}}).begins(
        start="q", edge="next"
    )
    assert (caller.path, len(caller.switch.all(Hangup))) == ([], 1)
    caller.switch_obeys()
    assert caller.left == ["hung_up"]


def test_node_that_is_gone_begins_anew() -> None:
    assert Caller(QUEUE).begins(start="retired").path == ["answer"]


def test_flow_that_turns_in_circles_is_ended() -> None:
    caller = Caller(
        {"start": "a", "nodes": {"a": {"type": "answer", "next": "b"}, "b": {"type": "answer", "next": "a"}}}
    )
    caller.leg.answered_at = 1
    caller.begins()
    for _ in range(MAX_STEPS // 20):
        caller.breathe()
    assert len(caller.path) == MAX_STEPS
    assert caller.switch.last(Hangup).cause == "NORMAL_TEMPORARY_FAILURE"


def test_queue_that_there_is_not_is_one_line_and_the_flow_goes_on() -> None:
    nodes = {
        "sales": {"type": "queue", "queue": "sales", "next": "menu", "timed_out": "bye"},
        "menu": {"type": "menu", "prompt": "ask", "choices": {"1": "sales"}, "next": "bye"},
        "bye": {"type": "hangup"},
    }
    caller = Caller({"start": "sales", "nodes": nodes})
    caller.lacks.add("sales")
    with capture_logs() as lines:
        caller.begins()
        caller.presses("1")
        caller.silence(1.1)
        caller.presses("1")
        caller.presses("2")
        caller.silence(1.1)
    assert caller.path == ["sales", "menu", "sales", "menu", "sales", "menu"]
    assert caller.entered == []
    assert [(line["event"], line["queue"], line["call_id"]) for line in lines] == [
        ("flow_no_such_queue", "sales", "c1")
    ]


def test_flow_that_goes_round_by_a_queue_that_there_is_not_takes_its_time() -> None:
    caller = Caller({"start": "sales", "nodes": {"sales": {"type": "queue", "queue": "sales", "next": "sales"}}})
    caller.lacks.add("sales")
    with capture_logs() as lines:
        caller.begins()
        assert len(caller.path) == 2, "the first time costs nothing"
        for _ in range(5):
            caller.silence(1.0)
    assert len(caller.path) == 7
    assert [line["event"] for line in lines] == ["flow_no_such_queue"]
    caller.hangs_up()


def test_prompt_without_a_file_is_told_of_once_an_hour_however_many_callers_hear_nothing() -> None:
    clock = FakeClock()
    unheard = Unheard(clock)
    with capture_logs() as lines:
        for _ in range(3):
            Caller(MENU, unheard=unheard).begins().prompt_ends("FILE NOT FOUND")
        assert [(line["event"], line["audio"]) for line in lines] == [("prompt_not_played", "/sounds/ask.wav")]
        clock.advance(3601)
        Caller(MENU, unheard=unheard).begins().prompt_ends("FILE NOT FOUND")
    assert len(lines) == 2


@pytest.mark.parametrize("response", ["FILE PLAYED", "PLAYBACK ERROR", "REFUSED", "LOST"])
def test_prompt_that_was_broken_off_is_no_fault(response: str) -> None:
    with capture_logs() as lines:
        Caller(MENU).begins().prompt_ends(response)
    assert lines == []


def test_music_without_a_file_is_told_of_though_it_is_tried_again_and_again() -> None:
    with capture_logs() as lines:
        caller = queued()
        for _ in range(5):
            caller.prompt_ends("FILE NOT FOUND")
            caller.silence(1.01)
    assert len(caller.heard) == 6
    assert [(line["event"], line["audio"]) for line in lines] == [("prompt_not_played", "local_stream://moh")]


TARGETS = st.sampled_from(["n0", "n1", "n2", "n3", ""])
NODES = st.one_of(
    st.builds(lambda n: {"type": "answer", "next": n}, TARGETS.filter(bool)),
    st.builds(lambda n, b: {"type": "play", "prompt": "p", "next": n, "barge_in": b}, TARGETS, st.booleans()),
    st.builds(
        lambda k, n, i, t, b: {"type": "menu", "prompt": "p", "choices": k, "next": n, "no_input": i, "tries": t, "barge_in": b},
        st.dictionaries(st.sampled_from(["1", "2", "star"]), st.sampled_from(["n0", "n1", "n2", "n3"]), min_size=1),
        TARGETS, TARGETS, st.integers(1, 3), st.booleans(),
    ),
    st.builds(lambda n, t: {"type": "queue", "queue": "q", "next": n, "timed_out": t}, TARGETS, TARGETS),
    st.just({"type": "hangup"}),
)  # fmt: skip
DEEDS = st.sampled_from(
    ["answered", "prompt_ends", "1", "2", "*", "9", "silence", "parked", "connected", "timed_out", "removed"]
)


@settings(max_examples=60, deadline=None)
@given(st.tuples(NODES, NODES, NODES, NODES), st.lists(DEEDS, max_size=25), st.booleans())
def test_any_caller_in_any_flow_comes_to_an_end(
    nodes: tuple[dict[str, Any], ...], deeds: list[str], waits: bool
) -> None:
    caller = Caller(
        {"start": "n0", "nodes": {f"n{number}": node for number, node in enumerate(nodes)}}, waits=waits
    ).begins()
    for deed in deeds:
        match deed:
            case "answered":
                caller.answered()
            case "prompt_ends" if caller.switch.all(Play):
                caller.prompt_ends()
            case "silence":
                caller.silence(11)
            case "parked":
                caller.parked()
            case "connected" | "timed_out" | "removed":
                caller.queue_done(deed)
            case "1" | "2" | "*" | "9":
                caller.presses(deed)
    for _ in range(60):  # a flow may turn in circles for its thousand steps first
        caller.breathe()
    caller.hangs_up()
    for _ in range(60):
        caller.breathe()
    assert caller.is_over()
    assert caller.greenlet is not None
    assert caller.greenlet.exception is None
    assert len(caller.left) == 1
    assert caller.switch.awaited == 0
    assert caller.clock.pending() == 0
