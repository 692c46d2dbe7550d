"""Complaint 15: Announcements fall silent, or come when they should not.

https://github.com/asterisk/asterisk/issues/1386 https://github.com/asterisk/asterisk/issues/1568

Callers at places 1 to n listen for ten minutes: each is told his place and the queue's message, in time and in turn. A place
that has risen silences that one announcement, not all that follow. While a phone rings for him, a caller hears nothing but
music.
"""

from __future__ import annotations

import itertools
import re

import pytest

from ccd.acd.exits import Exits
from ccd.ivr.doors import Hears
from ccd.switch.commands import Play
from ccd.switch.events import ApplicationEnded
from tests.builders import queue, tier
from tests.complaints.seeding import Plant, assert_fails_with
from tests.core.switchboard import Switchboard

MAIN = {
    "language": "en",
    "start": "q",
    "nodes": {"q": {"type": "queue", "queue": "support", "next": "bye"}, "bye": {"type": "hangup"}},
}
MUSIC = "local_stream://moh"
EVERY_S = 30


class Hall:
    """Callers who wait and write down what they hear besides the music."""

    def __init__(self, callers: int, **settings: object) -> None:
        self.board = Switchboard(MAIN)
        self.world = self.board.world
        announced = {"announce_every_ms": EVERY_S * 1000, "announce_position": 20, "announce_prompts": ("queue_wait",)}
        self.world.configure([queue(**(announced | settings))], ["ann"], [tier("support", "ann")])
        self.callers = [self._comes(number) for number in range(callers)]
        self._heard = 0
        self.diaries: dict[str, list[str]] = {caller: [] for caller in self.callers}

    def _comes(self, number: int) -> str:
        self.world.clock.advance(0.001)
        return self.board.calls(number=f"1380000{number:04}")

    def listens(self, seconds: int) -> None:
        """Time passes; what is played ends after five seconds, music never."""
        for _ in range(seconds // 5):
            self.board.breathe(5)
            said = [
                one for one in self.world.switch.told[self._heard :] if isinstance(one, Play) and one.audio != MUSIC
            ]
            self._heard = len(self.world.switch.told)
            for one in said:
                self.diaries[one.leg_id].append(one.audio)
                now = self.world.clock.now()
                self.world.say(
                    ApplicationEnded(
                        leg_id=one.leg_id,
                        at=now,
                        execution_id=one.execution_id,
                        application="playback",
                        response="FILE PLAYED",
                    )
                )
            self.board.breathe()

    def places(self, caller: str) -> list[int]:
        """The places that a caller was told."""
        told = (re.search(r"queue_position\.wav!(.+)!", one) for one in self.diaries[caller])
        return [int("".join(re.findall(r"/(\d+)\.wav", one[1]))) for one in told if one]

    def messages(self, caller: str) -> int:
        """How often he heard the queue's message."""
        return sum("queue_wait" in one for one in self.diaries[caller])


def places_one_to_n(callers: int) -> None:
    """Nobody is served: each is told the place where he stands, every time and as often as the queue says."""
    hall = Hall(callers)
    hall.listens(3 * EVERY_S + 5)
    for place, caller in enumerate(hall.callers, 1):
        assert hall.places(caller) == [place] * 3
        assert hall.messages(caller) == 3


@pytest.mark.parametrize("callers", [1, 2, 9])
def test_everybody_is_told_his_place(callers: int) -> None:
    places_one_to_n(callers)


def the_line_grows_shorter() -> None:
    hall = Hall(4)
    for gone in hall.callers[:3]:
        hall.listens(EVERY_S)
        hall.world.caller_hangs_up(gone)
        hall.board.breathe()
    hall.listens(EVERY_S + 5)
    assert hall.places(hall.callers[3]) == [4, 3, 2, 1]


def test_places_fall_as_callers_leave() -> None:
    the_line_grows_shorter()


def somebody_is_put_before_him() -> None:
    """His place has risen: it is not told, the message is; when it is what he knows again, it is told again."""
    hall = Hall(2)
    second = hall.callers[1]
    hall.listens(EVERY_S + 5)
    first_of_all = hall.board.calls(number="13900000000")
    hall.world.acd.operating.prioritise(hall.world.registry.legs[first_of_all].call_id, 10)
    hall.diaries[first_of_all] = []
    hall.listens(2 * EVERY_S)
    assert (hall.places(second), hall.messages(second)) == ([2], 3)
    hall.world.caller_hangs_up(first_of_all)
    hall.listens(EVERY_S)
    assert (hall.places(second), hall.messages(second)) == ([2, 2], 4)
    assert all(before >= after for before, after in itertools.pairwise(hall.places(second)))


def test_a_place_that_rises_silences_one_announcement_only() -> None:
    somebody_is_put_before_him()


def the_head_of_the_line_while_an_agent_is_rung() -> None:
    """Her phone rings for the first caller over two announcements: he hears music, the others are told as always."""
    hall = Hall(2, ring_ms=120_000, announce_every_ms=20_000)
    hall.world.ready("ann")
    hall.world.phone_rings("ann")
    hall.listens(65)
    first, second = hall.callers
    assert hall.diaries[first] == []
    assert hall.places(second) == [2, 2, 2], "who is rung for stands in line as well"


def test_nothing_is_announced_to_a_caller_for_whom_a_phone_rings() -> None:
    the_head_of_the_line_while_an_agent_is_rung()


def risen_once_silent_for_ever(patch: pytest.MonkeyPatch) -> None:
    right = Exits.place_to_tell

    def wrong(self: Exits, leg_id: str) -> int | None:
        place, caller = right(self, leg_id), self._acd.caller_of(leg_id)
        if place is not None and caller is not None and caller.announced and place > caller.announced:
            caller.announced = -1
        return None if caller is not None and caller.announced == -1 else place

    patch.setattr(Exits, "place_to_tell", wrong)


def any_place_is_told(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Hears, "tells", lambda self, place: True)


def told_while_it_rings(patch: pytest.MonkeyPatch) -> None:
    def wrong(self: Exits, leg_id: str) -> int | None:
        caller = self._acd.caller_of(leg_id)
        return self.position(caller) if caller is not None else None

    patch.setattr(Exits, "place_to_tell", wrong)


DEFECTS = [
    (risen_once_silent_for_ever, somebody_is_put_before_him),
    (any_place_is_told, somebody_is_put_before_him),
    (told_while_it_rings, the_head_of_the_line_while_an_agent_is_rung),
]


@pytest.mark.parametrize(("defect", "story"), DEFECTS)
def test_the_scenario_fails_on_the_complaint(defect: Plant, story: Plant) -> None:
    assert_fails_with(defect, story)
