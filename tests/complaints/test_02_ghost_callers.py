"""Complaint 2: Callers are listed as answered hours after they hung up.

https://github.com/signalwire/freeswitch/issues/1973

Caller and agent hang up in the same instant, and the two ends of their conversation are told in any order, or one of them
never.
"""

from __future__ import annotations

import itertools
from types import SimpleNamespace
from typing import Any, cast

import pytest

from ccd.acd.talks import Talks
from ccd.core.house import House
from ccd.core.recovery import Recovery
from ccd.core.verbs.queues import VERBS
from ccd.switch.events import ChannelParked, ChannelUnbridged, SwitchEvent
from tests.complaints.field import Field
from tests.complaints.seeding import Plant, assert_fails_with


def listed(world: Field) -> tuple[int, int]:
    """Who waits and who talks, as `ccd queues list` shows it."""
    (row,) = VERBS["queues.list"](cast(House, SimpleNamespace(acd=world.acd, clock=world.clock)), {})
    return row["waiting"], row["talking"]


def both_hang_up_at_once() -> None:
    """The endings are told in every order, and also where one of them is lost."""
    for order in itertools.permutations(["agent's end", "caller's end", "unbridged"]):
        for lost in ("", *order):
            world = Field(["ann"], wrap_up_ms=0)
            caller = world.caller_queues()
            world.passes(1)
            world.picks_up("ann")
            (leg,) = world.legs_of("ann")
            world.passes(30)
            assert listed(world) == (0, 1)
            for what in order:
                world.loses = lambda _, what=what, lost=lost: what == lost  # type: ignore[misc]
                if what == "unbridged":
                    world.say(ChannelUnbridged(leg_id=caller, at=world.clock.now(), other_id=leg))
                else:
                    world.hung_up(leg if what == "agent's end" else caller, disposition="send_bye")
            world.loses = lambda _: False
            world.quiet()
            assert listed(world) == (0, 0), f"{lost or 'nothing'} was lost of {order}"
            assert world.states() == {"ann": "idle"}
            assert world.acd.queues["q-support"].line.count_below((1 << 62, 0)) == 0


def test_nobody_is_listed_who_is_gone() -> None:
    both_hang_up_at_once()


def a_caller_who_stays_on_the_line_is_the_flows_again(kind: type[SwitchEvent] | None) -> Field:
    """The agent hangs up, the caller does not; one of the events of it is lost."""
    world = Field(["ann"])
    caller = world.caller_queues()
    world.passes(1)
    world.picks_up("ann")
    world.passes(30)
    world.loses = lambda event: kind is not None and isinstance(event, kind) and event.leg_id == caller
    world.puts_down("ann")
    world.loses = lambda _: False
    world.quiet()
    return world


@pytest.mark.parametrize("lost", [None, ChannelUnbridged, ChannelParked])
def test_who_stays_on_the_line_leaves_the_list_as_well(lost: Any) -> None:
    world = a_caller_who_stays_on_the_line_is_the_flows_again(lost)
    assert listed(world) == (0, 0)
    assert [why for _, why in world.done] == ["connected"]


def the_callers_end_means_nothing(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Talks, "see_off", lambda self, caller: None)
    patch.setattr(Recovery, "reconcile", lambda self, node: None)
    patch.setattr(Recovery, "look_at", lambda self, node, leg_id: None)


@pytest.mark.parametrize("defect", [the_callers_end_means_nothing])
def test_the_scenario_fails_on_the_complaint(defect: Plant) -> None:
    assert_fails_with(defect, both_hang_up_at_once)
