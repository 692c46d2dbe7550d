"""collect as callers type it: what counts, what is asked again, what is never kept."""

from __future__ import annotations

from typing import Any

import pytest
from structlog.testing import capture_logs

from ccd.ivr.keys import MOST_WAITING
from ccd.switch.commands import Hangup
from ccd.switch.events import ChannelAnswered, DigitPressed
from tests.ivr.caller import Caller

COLLECT = {"type": "collect", "prompt": "ask", "into": "account", "length": "2..4", "next": "right"}
AFTER = {
    "right": {"type": "menu", "prompt": "menu", "choices": {"1": "end", "pound": "end"}, "next": "end"},
    "silent": {"type": "hangup"},
    "wrong": {"type": "hangup"},
    "end": {"type": "hangup"},
}


def document(**more: Any) -> dict[str, Any]:
    edges = {"no_input": "silent", "no_match": "wrong"}
    return {"start": "collect", "nodes": {"collect": COLLECT | edges | more, **AFTER}}


def asked(**more: Any) -> Caller:
    return Caller(document(**more)).begins()


def typed(caller: Caller) -> str | None:
    value = caller.talk.values.readable().get("account")
    return None if value is None else str(value)


# --- when an entry is whole -------------------------------------------------------------------------


@pytest.mark.parametrize(("keys", "value"), [("12#", "12"), ("123#", "123"), ("1234", "1234")])
def test_an_entry_ends_by_its_terminator_or_its_length(keys: str, value: str) -> None:
    caller = asked()
    caller.prompt_ends()
    caller.presses(keys)
    assert (caller.path, typed(caller)) == (["collect", "right"], value)


def test_an_entry_that_is_long_enough_ends_by_silence() -> None:
    caller = asked(digit_timeout="2s")
    caller.prompt_ends()
    caller.presses("12")
    caller.silence(1.9)
    assert caller.path == ["collect"]
    caller.presses("3")
    caller.silence(1.9)
    assert caller.path == ["collect"]
    caller.silence(0.2)
    assert (caller.path, typed(caller)) == (["collect", "right"], "123")


def test_the_first_key_breaks_the_prompt_off_and_is_the_first_digit() -> None:
    caller = asked()
    caller.presses("1")
    assert (caller.broken_off, caller.path) == (1, ["collect"])
    caller.presses("2#")
    assert typed(caller) == "12"


def test_without_barge_in_the_prompt_is_heard_to_its_end_and_the_keys_count_then() -> None:
    caller = asked(barge_in="no")
    caller.presses("12#")
    assert (caller.broken_off, caller.path) == (0, ["collect"])
    caller.prompt_ends()
    assert typed(caller) == "12"


def test_star_can_end_an_entry_and_pound_is_then_a_key_like_any_other() -> None:
    caller = asked(terminator="star", pattern="[0-9#]+")
    caller.presses("1#2*")
    assert typed(caller) == "1#2"


def test_without_a_terminator_pound_is_a_key() -> None:
    caller = asked(terminator="none", length=4, pattern="[0-9]{3}#")
    caller.presses("123#")
    assert typed(caller) == "123#"


def test_a_terminator_behind_a_full_entry_belongs_to_it() -> None:
    """Callers are told to end with pound, and do, though the last digit has ended the entry already."""
    caller = asked(length="4")
    caller.presses("1234")
    assert caller.heard == ["ask", "menu"]
    caller.presses("#")
    assert (caller.path, caller.broken_off) == (["collect", "right"], 1), "the menu's prompt goes on"
    caller.presses("#")
    assert caller.path == ["collect", "right", "end"], "the second one is the menu's"


def test_a_terminator_typed_ahead_behind_a_full_entry_belongs_to_it() -> None:
    caller = asked(length="4", barge_in="no")
    caller.presses("1234#1")
    caller.prompt_ends()
    assert caller.path == ["collect", "right", "end"]


def test_a_terminator_that_comes_late_is_the_next_inputs() -> None:
    caller = asked(length="4")
    caller.presses("1234")
    caller.silence(3.1)
    caller.presses("#")
    assert caller.path == ["collect", "right", "end"]


# --- what is wrong ----------------------------------------------------------------------------------


def test_silence_is_told_and_asked_again_and_leaves_by_no_input() -> None:
    caller = asked(tries=2)
    caller.prompt_ends()
    caller.silence(5.1)
    assert caller.heard == ["ask", "entry_missing"]
    caller.prompt_ends()
    assert caller.heard == ["ask", "entry_missing", "ask"]
    caller.prompt_ends()
    caller.silence(5.1)
    assert (caller.path, typed(caller)) == (["collect", "silent"], None)


@pytest.mark.parametrize("keys", ["1#", "#", "12*4", "1*3#"])
def test_what_is_too_short_or_no_digit_is_told_and_leaves_by_no_match(keys: str) -> None:
    caller = asked(tries=2)
    for _ in range(2):
        caller.prompt_ends()
        caller.presses(keys)
        caller.prompt_ends()
    assert caller.heard[:3] == ["ask", "entry_invalid", "ask"]
    assert (caller.path, typed(caller)) == (["collect", "wrong"], None)


def test_a_broken_off_entry_is_wrong_not_silent() -> None:
    caller = asked(tries=1)
    caller.prompt_ends()
    caller.presses("1")
    caller.silence(3.1)
    assert caller.path == ["collect", "wrong"]


@pytest.mark.parametrize(("keys", "path"), [("6222#", "right"), ("7222#", "wrong"), ("622#", "wrong")])
def test_the_pattern_holds_for_the_whole_entry(keys: str, path: str) -> None:
    caller = asked(tries=1, pattern="6[0-9]{3}", length="2..5")
    caller.presses(keys)
    assert caller.path == ["collect", path]


def test_the_last_of_three_tries_counts() -> None:
    caller = asked()
    for _ in range(2):
        caller.presses("1#")
        caller.prompt_ends()
    caller.presses("123#")
    assert (caller.path, typed(caller)) == (["collect", "right"], "123")


def test_a_key_breaks_the_excuse_off_and_is_the_first_digit_of_the_next_try() -> None:
    caller = asked()
    caller.presses("1#")
    assert caller.heard == ["ask", "entry_invalid"]
    caller.presses("12#")
    assert (caller.heard, typed(caller)) == (["ask", "entry_invalid", "menu"], "12")


def test_keys_left_over_from_a_wrong_entry_are_not_the_next_try() -> None:
    """Twelve keys where four are asked for must not be three tries, of which the caller hears nothing."""
    caller = asked(length="4", pattern="0000", barge_in="no")
    caller.presses("123456789012")
    caller.prompt_ends()
    assert caller.heard == ["ask", "entry_invalid"]
    caller.prompt_ends()
    assert caller.heard == ["ask", "entry_invalid", "ask"]


def test_without_edges_for_what_went_wrong_the_call_is_ended() -> None:
    caller = asked(tries=1, no_input="")
    caller.prompt_ends()
    caller.silence(5.1)
    assert caller.switch.all(Hangup) == [Hangup(leg_id=caller.leg_id)]


def test_empty_excuses_are_not_played() -> None:
    caller = asked(tries=2, no_input_prompt="", no_match_prompt="")
    caller.presses("1#")
    assert caller.heard == ["ask", "ask"]


@pytest.mark.parametrize(("edges", "path"), [({"failed": "end"}, "end"), ({}, "wrong")])
def test_a_value_that_a_full_call_cannot_keep_leaves_by_failed(edges: dict[str, str], path: str) -> None:
    caller = Caller(document(**edges))
    caller.talk.values.put({f"v{number}": number for number in range(64)})
    with capture_logs() as lines:
        caller.begins()
        caller.presses("12#")
    assert caller.path == ["collect", path]
    assert [line["event"] for line in lines] == ["entry_not_kept"]


# --- type-ahead -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("type_ahead", "heard"), [("keep", ["first"]), ("flush", ["first", "ask"])])
def test_keys_typed_before_an_input_begins_are_kept_or_dropped(type_ahead: str, heard: list[str]) -> None:
    nodes = {"first": {"type": "play", "prompt": "first", "barge_in": "no", "next": "collect"}}
    flow = document(type_ahead=type_ahead)
    caller = Caller({"start": "first", "nodes": nodes | flow["nodes"]}).begins()
    caller.presses("12#")
    caller.prompt_ends()
    assert caller.heard[: len(heard)] == heard
    assert typed(caller) == ("12" if type_ahead == "keep" else None)


def test_flush_drops_keys_that_nobody_has_looked_at_yet() -> None:
    flow = {"start": "answer", "nodes": {"answer": {"type": "answer", "next": "menu"}}}
    menu = {"type": "menu", "prompt": "menu", "choices": {"1": "end"}, "next": "end", "type_ahead": "flush"}
    flow["nodes"] |= {"menu": menu, "end": {"type": "hangup"}}  # type: ignore[operator]
    caller = Caller(flow).begins()
    caller.leg.answered_at = 1
    caller.mailbox.put(ChannelAnswered(leg_id=caller.leg_id, at=1))
    caller.mailbox.put(DigitPressed(leg_id=caller.leg_id, at=2, digit="1"))
    caller.breathe()
    assert (caller.path, caller.heard) == (["answer", "menu"], ["menu"])


def test_keys_typed_while_the_flow_waits_for_something_else_are_kept() -> None:
    """Here for the switch to answer the call; a request or a transfer waits the same way."""
    caller = Caller(
        {"start": "answer", "nodes": {"answer": {"type": "answer", "next": "collect"}} | document()["nodes"]}
    )
    caller.begins()
    caller.presses("34#")
    caller.answered()
    assert (caller.heard, typed(caller)) == (["menu"], "34")


def test_a_key_that_comes_too_late_is_the_next_inputs() -> None:
    caller = asked(tries=1, no_input="right")
    caller.prompt_ends()
    caller.silence(5.1)
    assert caller.path == ["collect", "right"]
    caller.presses("1")
    assert caller.path == ["collect", "right", "end"]


def test_whoever_leans_on_the_telephone_fills_no_memory() -> None:
    caller = asked(barge_in="no")
    caller.presses("7" * 150)
    assert len(caller.talk.typed) == MOST_WAITING


def test_keys_pressed_in_a_queue_are_nobodys() -> None:
    nodes = {"queue": {"type": "queue", "queue": "support", "next": "collect"}}
    caller = Caller({"start": "queue", "nodes": nodes | document()["nodes"]}).begins()
    caller.presses("12#")
    caller.queue_done("connected")
    assert (caller.heard[-1], typed(caller)) == ("ask", None)


# --- after a restart --------------------------------------------------------------------------------


def test_a_call_that_is_found_in_the_middle_of_an_entry_hears_that_it_must_be_entered_again() -> None:
    caller = Caller(document()).begins(start="collect")
    assert caller.heard == ["entry_again"]
    caller.prompt_ends()
    assert caller.heard == ["entry_again", "ask"]
    caller.presses("12#")
    assert typed(caller) == "12"


def test_a_key_ends_these_words_too() -> None:
    caller = Caller(document()).begins(start="collect")
    caller.presses("12#")
    assert (caller.heard, typed(caller)) == (["entry_again", "menu"], "12")


def test_a_flow_may_leave_these_words_out() -> None:
    assert Caller(document(again_prompt="")).begins(start="collect").heard == ["ask"]


def test_only_the_node_where_a_call_is_found_says_so() -> None:
    first = {"first": {"type": "play", "prompt": "first", "next": "collect"}}
    caller = Caller({"start": "first", "nodes": first | document()["nodes"]}).begins(start="first")
    caller.prompt_ends()
    assert caller.heard == ["first", "ask"]


def test_a_call_that_goes_on_behind_its_node_enters_nothing_again() -> None:
    queue = {"queue": {"type": "queue", "queue": "support", "next": "collect"}}
    caller = Caller({"start": "queue", "nodes": queue | document()["nodes"]}).begins(start="queue", edge="next")
    assert caller.heard == ["ask"]
