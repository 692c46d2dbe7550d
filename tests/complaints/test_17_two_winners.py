"""Complaint 17: Two agents both answer and both are connected.

https://github.com/asterisk/asterisk/issues/176 https://github.com/asterisk/asterisk/issues/1557

Two telephones are answered at the same moment, or up to a second apart. One agent gets the caller, the other is told
"answered elsewhere", has missed nothing and is ready; the others ring until it is certain. On a real FreeSWITCH:
tests/live/test_race.py.
"""

from __future__ import annotations

import pytest

from ccd.acd.facts import CallerConnected, OfferEnded
from ccd.acd.facts import OfferResult as R
from ccd.acd.offer_endings import OfferEndings
from ccd.acd.race import Race
from ccd.switch.commands import Bridge, Hangup
from tests.builders import World, queue, tier
from tests.complaints.seeding import Plant, assert_fails_with

NAMES = ["ann", "ben", "cat"]


def three_phones_ring() -> tuple[World, str]:
    world = World()
    world.configure([queue(strategy="ring-all")], NAMES, [tier("support", name) for name in NAMES])
    world.ready(*NAMES)
    caller = world.caller_queues()
    for name in NAMES:
        world.phone_rings(name)
    return world, caller


def two_answer(apart_ms: int) -> None:
    """The first has him. The other's leg ends as answered elsewhere; who did not answer rings until it is certain."""
    world, caller = three_phones_ring()
    first = world.phone_answers("ann")
    assert world.switch.all(Hangup) == [], "until the first is certain the others ring on"
    world.clock.advance(apart_ms / 1000)
    second = world.ringing("ben")
    if second in world.registry.legs and not world.switch.all(Hangup, second):
        world.phone_answers("ben")
    world.bridged(caller, first)
    world.clock.advance(1)
    world.switch_obeys()
    assert {one.other_id for one in world.switch.all(Bridge)} == {first}, "one bridge"
    assert [fact.agent_id for fact in world.of(CallerConnected)] == ["a-ann"]
    assert {one.cause for one in world.switch.all(Hangup)} == {"LOSE_RACE"}
    assert sorted(world.results()) == [("ann", R.ACCEPTED), ("ben", R.LOST_RACE), ("cat", R.LOST_RACE)]
    for name in ("ben", "cat"):
        assert (world.agent(name).missed, world.agent(name).activity) == ({}, "idle")
        assert world.acd.deciding.matcher.is_ready(f"a-{name}")
    world.clock.advance(30)
    world.agent_hangs_up(caller, first)
    world.caller_hangs_up(caller)
    world.assert_at_rest()


@pytest.mark.parametrize("apart_ms", [0, 1, 20, 50, 199, 200, 1000])
def test_of_two_who_answer_one_has_the_caller(apart_ms: int) -> None:
    two_answer(apart_ms)


def the_winner_is_gone_at_once() -> None:
    """He answered first and hangs up before they are joined: who answered second has him, or he is rung for again."""
    world, caller = three_phones_ring()
    first = world.phone_answers("ann")
    second = world.phone_answers("ben")
    world.hung_up(first, disposition="recv_bye")
    world.parked(caller)
    world.switch_obeys()
    world.clock.advance(1)
    if second not in {
        one.other_id for one in world.switch.all(Bridge)
    }:  # he was let go already: the caller is rung for again
        assert world.offered_to(caller) in ("ben", "cat")
        return
    world.bridged(caller, second)
    world.clock.advance(1)
    world.switch_obeys()
    assert [fact.agent_id for fact in world.of(CallerConnected)] == ["a-ben"]
    assert [fact.result for fact in world.of(OfferEnded, agent_id="a-cat")] == [R.LOST_RACE]


def test_the_second_has_him_when_the_first_is_lost() -> None:
    the_winner_is_gone_at_once()


def everybody_who_answers_wins(patch: pytest.MonkeyPatch) -> None:
    right = Race.answered

    def wrong(self: Race, offer: object) -> None:
        caller = self._acd.callers.get(offer.entry_id)  # type: ignore[attr-defined]
        if caller is not None:
            caller.winner = ""
        right(self, offer)  # type: ignore[arg-type]

    patch.setattr(Race, "answered", wrong)


def losers_are_never_told(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(OfferEndings, "withdraw_all", lambda self, caller, result, but="": None)


def losers_have_missed_a_call(patch: pytest.MonkeyPatch) -> None:
    from ccd.acd import offer_endings

    patch.setitem(offer_endings._CAUSE, R.LOST_RACE, "NO_ANSWER")


@pytest.mark.parametrize("defect", [everybody_who_answers_wins, losers_are_never_told, losers_have_missed_a_call])
def test_the_scenario_fails_on_the_complaint(defect: Plant) -> None:
    assert_fails_with(defect, lambda: two_answer(20))
