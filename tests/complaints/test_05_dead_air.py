"""Complaint 5: The agent hears dead air until the announcement ends.

https://github.com/signalwire/freeswitch/issues/1148 https://github.com/signalwire/freeswitch/issues/1170

The caller is being told something long when the agent answers. The two are joined at once, and what he was told is broken
off; on a real FreeSWITCH: tests/live/test_overflow.py, `test_an_agent_who_answers_breaks_an_announcement_off`.
"""

from __future__ import annotations

import pytest

from ccd.acd.bridging import Bridging
from ccd.acd.callers import Offer
from ccd.switch.commands import Bridge, Play
from ccd.switch.events import ApplicationEnded
from tests.builders import queue, tier
from tests.complaints.seeding import assert_fails_with
from tests.core.switchboard import Switchboard

MAIN = {
    "language": "en",
    "start": "q",
    "nodes": {"q": {"type": "queue", "queue": "support", "next": "bye"}, "bye": {"type": "hangup"}},
}


def an_agent_answers_in_the_middle_of_an_announcement(position: int = 5) -> Switchboard:
    board = Switchboard(MAIN)
    world = board.world
    announced = queue(announce_first_ms=5_000, announce_position=position, announce_prompts=("queue_wait",))
    world.configure([announced], ["ann"], [tier("support", "ann")])
    caller = board.calls()
    board.breathe(5)
    announcement = world.switch.last(Play, caller)
    assert "queue_wait" in announcement.audio, "he is being told something"
    world.ready("ann")
    world.phone_rings("ann")
    board.breathe(3)
    world.phone_answers("ann")
    board.breathe()
    assert len(world.switch.all(Bridge)) == 1, "joined at once, whatever he was being told"
    plays = len(world.switch.all(Play, caller))
    now = world.clock.now()
    world.say(  # what the switch says of a playback that a bridge breaks off
        ApplicationEnded(
            leg_id=caller,
            at=now,
            execution_id=announcement.execution_id,
            application="playback",
            response="PLAYBACK ERROR",
        )
    )
    world.bridged(caller, world.switch.last(Bridge).other_id)
    board.breathe(60)
    assert len(world.switch.all(Play, caller)) == plays, "and he is told nothing while he talks"
    return board


@pytest.mark.parametrize("position", [0, 5])
def test_an_answer_ends_the_announcement(position: int) -> None:
    an_agent_answers_in_the_middle_of_an_announcement(position)


def the_bridge_waits_for_the_announcement(patch: pytest.MonkeyPatch) -> None:
    right = Bridging.bridge

    def wrong(self: Bridging, offer: Offer) -> None:
        self._ports.clock.call_later(4.0, lambda: right(self, offer))

    patch.setattr(Bridging, "bridge", wrong)


def test_the_scenario_fails_on_the_complaint() -> None:
    assert_fails_with(the_bridge_waits_for_the_announcement, an_agent_answers_in_the_middle_of_an_announcement)
