"""The join as core wires it: the caller's own flow tells him who it is, and what agents hear is said in the site's language."""

from __future__ import annotations

from typing import Any

from ccd.acd.facts import CallerConnected
from ccd.core.join_desk import JoinDesk
from ccd.switch.commands import Bridge, Play, StopPlaying
from ccd.switch.events import ApplicationEnded
from tests.builders import queue, tier
from tests.core.switchboard import Switchboard

FLOW: dict[str, Any] = {
    "start": "hello",
    "nodes": {
        "hello": {"type": "answer", "next": "line"},
        "line": {"type": "queue", "queue": "support", "next": "bye"},
        "bye": {"type": "hangup"},
    },
}
SPOKEN = "file_string:///srv/sounds/zh/agent_number.wav!/srv/sounds/zh/say/"


def opened(**settings: Any) -> tuple[Switchboard, str]:
    """A caller hears music in a queue of agents 1001 and 1002, who are on break."""
    board = Switchboard(FLOW)
    world = board.world
    names = ["1001", "1002"]
    world.configure(
        [queue(**({"caller_hears": "agent_number"} | settings))], names, [tier("support", name) for name in names]
    )
    world.tell_flow = JoinDesk(world.registry, board.site).door().introduce
    caller = board.calls()
    assert plays(board, caller) == "local_stream://moh"
    return board, caller


def plays(board: Switchboard, leg: str) -> str:
    """What a leg was told to play last."""
    return board.world.switch.last(Play, leg).audio


def heard(board: Switchboard, leg: str) -> None:
    order = board.world.switch.last(Play, leg)
    board.world.say(
        ApplicationEnded(
            leg_id=leg,
            at=board.world.clock.now(),
            execution_id=order.execution_id,
            application="playback",
            response="FILE PLAYED",
        )
    )
    board.breathe()


def answers(board: Switchboard, name: str) -> str:
    board.world.ready(name)
    leg = board.world.phone_answers(name)
    board.breathe()
    return leg


def test_the_caller_is_told_the_agents_number_and_then_hears_music_until_the_agent_has_heard_his() -> None:
    board, caller = opened(agent_prompt="sales")
    leg = answers(board, "1001")
    assert board.world.switch.last(StopPlaying).leg_id == caller, "music makes room"
    assert plays(board, caller).startswith(SPOKEN)
    assert plays(board, caller).endswith("!/srv/sounds/zh/agent_number_after.wav")
    board.breathe(2)
    heard(board, caller)
    assert plays(board, caller) == "local_stream://moh", "the agent still hears his prompt"
    assert board.world.switch.all(Bridge) == []
    board.breathe(1)
    heard(board, leg)
    (bridge,) = board.world.switch.all(Bridge)
    assert (bridge.leg_id, bridge.other_id) == (caller, leg)
    board.world.bridged(caller, leg)
    assert board.world.of(CallerConnected)[0].join_ms == 3_000
    board.goes_home()


def test_no_music_is_begun_when_the_bridge_follows_what_he_was_told() -> None:
    board, caller = opened()
    answers(board, "1001")
    told = len(board.world.switch.all(Play, caller))
    heard(board, caller)
    assert len(board.world.switch.all(Bridge)) == 1
    assert len(board.world.switch.all(Play, caller)) == told
    board.world.caller_hangs_up(caller)
    board.world.switch_obeys()
    board.goes_home()


def test_when_that_agent_hangs_up_he_hears_music_again_and_then_who_really_comes() -> None:
    board, caller = opened()
    leg = answers(board, "1001")
    first = plays(board, caller)
    board.ends(leg)
    assert plays(board, caller) == "local_stream://moh"
    answers(board, "1002")
    assert plays(board, caller).startswith(SPOKEN)
    assert plays(board, caller) != first
    board.world.caller_hangs_up(caller)
    board.world.switch_obeys()
    board.goes_home()


def test_numbers_are_said_in_the_sites_language_and_a_call_is_known_by_what_it_brought() -> None:
    board, caller = opened()
    door = JoinDesk(board.world.registry, board.site).door()
    assert door.audio(("agent_waited", 12, "unit_seconds")).startswith("file_string:///srv/sounds/zh/agent_waited.wav!")
    assert door.audio(("agent_waited", 12, "unit_seconds")).count("/srv/sounds/zh/say/") >= 1
    assert door.audio(()) == ""
    assert door.audio(("a:b", "agent_waited")) == "/srv/sounds/zh/agent_waited.wav", (
        "a name that is no file's is left out"
    )
    assert door.about(board.world.registry.legs[caller].call_id).dialled == "4008"
    assert door.about("nobody").dialled == ""
    assert not door.introduce("nobody", "1001")
    board.world.caller_hangs_up(caller)
    board.goes_home()


def test_the_end_of_what_he_was_told_of_one_agent_is_not_the_end_for_the_next() -> None:
    board, caller = opened()
    leg = answers(board, "1001")
    joins = board.world.acd.offers.joins
    board.world.hung_up(leg)
    board.world.ready("1002")
    second = board.world.phone_answers("1002")
    joins.introduced(caller, "1001")
    board.breathe()
    assert board.world.switch.all(Bridge) == [], "he is still being told who it is"
    heard(board, caller)
    assert [order.other_id for order in board.world.switch.all(Bridge)] == [second]
    board.world.caller_hangs_up(caller)
    board.world.switch_obeys()
    board.goes_home()


def test_nothing_is_told_any_more_when_the_two_are_already_being_bridged() -> None:
    board, caller = opened()
    board.world.ready("1001")
    leg = board.world.phone_answers("1001")
    board.world.clock.advance(20)  # the flow was kept from running all the time
    told = len(board.world.switch.told)
    board.breathe()
    assert [order.other_id for order in board.world.switch.all(Bridge)] == [leg]
    assert all(getattr(one, "leg_id", "") != caller for one in board.world.switch.told[told:])
    board.world.caller_hangs_up(caller)
    board.world.switch_obeys()
    board.goes_home()


def test_music_that_was_told_before_he_stood_parked_again_is_not_there_twice() -> None:
    """His agent hangs up in the midst of the bridge: the end of the music, the agent's and his own park come in one breath."""
    board, caller = opened(caller_hears="music")
    world = board.world
    world.clock.advance(5)
    world.ready("1001")
    leg = world.phone_answers("1001")
    music = world.switch.last(Play, caller)
    world.hung_up(leg)
    world.say(
        ApplicationEnded(
            leg_id=caller,
            at=world.clock.now(),
            execution_id=music.execution_id,
            application="playback",
            response="FILE PLAYED",
        )
    )
    world.parked(caller)
    board.breathe()
    told = [
        one for one in world.switch.told if getattr(one, "leg_id", "") == caller and isinstance(one, Play | StopPlaying)
    ]
    assert [type(one) for one in told] == [Play, Play, StopPlaying, Play]
    world.caller_hangs_up(caller)
    board.goes_home()
