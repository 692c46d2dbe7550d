"""Complaint 8: Changing status while it rings makes a tight loop of invites and cancels.

https://github.com/signalwire/freeswitch/issues/800

A minute in which something changes ten times a second, while a caller waits and the phone rings or says no. The INVITEs are
counted.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ccd.acd.agent_states import AgentState
from ccd.acd.model import Presence
from ccd.switch.commands import Originate
from tests.builders import World, new_leg, queue, tier
from tests.complaints.seeding import assert_fails_with

NAMES, TIERS = ["ann"], [tier("support", "ann"), tier("sales", "ann")]
QUEUES = [queue("support", refused_again_ms=0), queue("sales")]
PRIVATE = new_leg()


def pauses(world: World, turn: int) -> None:
    world.acd.roster.resume("a-ann") if turn % 2 else world.acd.roster.pause("a-ann", "lunch")


def signs_out(world: World, turn: int) -> None:
    if turn % 2:
        world.acd.roster.login("a-ann")
    else:
        world.acd.roster.logout("a-ann")


def next_is_a_break(world: World, turn: int) -> None:
    if turn % 2:
        world.acd.duties.clear_next("a-ann")
    elif world.agent("ann").presence is Presence.AVAILABLE and world.agent("ann").activity != "idle":
        world.acd.duties.next("a-ann", "on_break", "lunch")


def telephones(world: World, turn: int) -> None:
    if turn % 2:
        world.hung_up(PRIVATE)
    else:
        world.created(PRIVATE, inbound=True, number="ann", context="ccd_agents", name="sofia/internal/ann@x")


def reload(world: World, turn: int) -> None:
    world.configure(QUEUES, NAMES, TIERS if turn % 2 else TIERS[:1])


def loses_her_place(world: World, turn: int) -> None:
    world.configure(QUEUES, NAMES, TIERS if turn % 2 else [])


def link_flaps(world: World, turn: int) -> None:
    world.is_up = bool(turn % 2)
    world.acd.refresh_all()


FLAPS = [pauses, signs_out, next_is_a_break, telephones, reload, loses_her_place, link_flaps]
Flap = Callable[[World, int], None]


def invites_of_a_minute(flap: Flap | None, *, says_no: bool) -> int:
    """How often the phone was rung."""
    world = World()
    world.configure(QUEUES, NAMES, TIERS)
    world.ready("ann")
    world.caller_queues()
    for turn in range(600):
        leg = world.ringing("ann")
        if leg and world.registry.legs[leg].ordered:
            world.phone_rings("ann")
        if flap is not None:
            flap(world, turn)
        if leg and says_no and leg in world.registry.legs:
            world.hung_up(leg, "CALL_REJECTED", sip="sip:603", rang=True)
        world.clock.advance(0.1)
        world.switch_obeys()
    return len(world.switch.all(Originate))


def a_phone_that_rings_is_let_ring(flap: Flap) -> None:
    """As often as if nothing had changed: for the ring time, and then again after a moment."""
    assert invites_of_a_minute(None, says_no=False) == 3
    assert 1 <= invites_of_a_minute(flap, says_no=False) <= 3


@pytest.mark.parametrize("flap", FLAPS)
def test_no_change_of_status_cancels_what_rings(flap: Flap) -> None:
    a_phone_that_rings_is_let_ring(flap)


def a_phone_that_says_no_is_left_alone(flap: Flap) -> None:
    """Never rung twice within half a second, though nobody else is there and the caller may be offered her again."""
    assert 1 <= invites_of_a_minute(flap, says_no=True) <= 60 / 0.5


@pytest.mark.parametrize("flap", FLAPS)
def test_no_change_of_status_makes_a_phone_ring_at_once_again(flap: Flap) -> None:
    a_phone_that_says_no_is_left_alone(flap)


def a_mover_makes_no_loop_either() -> None:
    """Somebody moves a caller to and fro: each move stops the phone, and it has its pause."""
    invites = invites_of_a_minute(_moves, says_no=False)
    assert invites <= 60 / 0.5


def _moves(world: World, turn: int) -> None:
    here, there = ("support", "sales") if turn % 2 else ("sales", "support")
    world.acd.operating.move(here, there)


def test_moving_a_caller_to_and_fro_makes_no_loop() -> None:
    a_mover_makes_no_loop_either()


def no_pause_between_offers(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(AgentState, "rests", lambda self, *moment: False)


def test_the_scenario_fails_on_the_complaint() -> None:
    assert_fails_with(no_pause_between_offers, a_mover_makes_no_loop_either)
    assert_fails_with(no_pause_between_offers, lambda: a_phone_that_says_no_is_left_alone(pauses))
