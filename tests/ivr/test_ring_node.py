"""ring: a caller hears ringing and is not answered."""

from __future__ import annotations

from typing import Any

import pytest

from ccd.ivr.ringing import RINGBACK
from ccd.switch.commands import Answer, Play, RingReady, StopPlaying
from tests.ivr.caller import Caller


def ringing(*, answered: bool = False, before: str = "", **fields: Any) -> Caller:
    node = {"type": "ring", "for": "4s", "next": "ask", **fields}
    ask = {"type": "menu", "prompt": "ask", "choices": {"1": "end"}, "next": "end"}
    nodes = {"ring": node, "ask": ask, "end": {"type": "hangup"}}
    if before:
        nodes["before"] = {"type": "play", "prompt": before, "next": "ring"}
    caller = Caller({"start": "before" if before else "ring", "nodes": nodes}, answer_point="at_agent")
    if answered:
        caller.leg.answered_at = 1
    return caller.begins()


def test_his_own_network_rings_for_the_time_that_the_flow_says() -> None:
    caller = ringing()
    assert (caller.switch.all(RingReady), caller.switch.all(Play)) == ([RingReady(leg_id=caller.leg_id)], [])
    caller.silence(3.9)
    assert caller.path == ["ring"]
    caller.silence(0.2)
    assert caller.path == ["ring", "ask"]
    assert (caller.switch.all(Answer), caller.switch.all(StopPlaying)) == ([], [])


@pytest.mark.parametrize(
    "how",
    [{"with": "tone"}, {"answered": True}, {"before": "welcome"}],
    ids=["the flow says tone", "he is answered", "he has heard something"],
)
def test_else_he_hears_our_tone_which_ends_with_the_time(how: dict[str, Any]) -> None:
    caller = ringing(**how)
    if "before" in how:
        caller.prompt_ends()
    assert caller.switch.last(Play).audio == RINGBACK
    assert caller.switch.all(RingReady) == []
    caller.silence(4.1)
    assert (caller.broken_off, caller.path[-1]) == (1, "ask")
    assert caller.switch.all(Answer) == []


def test_keys_pressed_while_it_rings_count_for_the_next_input() -> None:
    caller = ringing(**{"with": "tone"})
    caller.presses("1")
    assert caller.path == ["ring"]
    caller.silence(4.1)
    assert caller.path == ["ring", "ask", "end"]


def test_a_tone_that_ends_by_itself_is_begun_again_but_not_in_a_storm() -> None:
    caller = ringing(**{"with": "tone"})
    caller.prompt_ends("PLAYBACK ERROR")
    assert len(caller.switch.all(Play)) == 1
    caller.silence(1.1)
    assert len(caller.switch.all(Play)) == 2
    caller.prompt_ends("PLAYBACK ERROR")
    caller.silence(0.2)
    assert len(caller.switch.all(Play)) == 2


def test_a_caller_who_hangs_up_meanwhile_is_gone() -> None:
    caller = ringing()
    caller.hangs_up()
    assert (caller.left, caller.is_over()) == (["caller_gone"], True)
