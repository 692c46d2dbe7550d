"""Complaint 16: Wrap-up ends early, is lost after a transfer, and nobody sees it.

https://github.com/asterisk/asterisk/issues/1006 https://github.com/asterisk/asterisk/issues/607
https://github.com/asterisk/asterisk/issues/1377 https://github.com/onCloud-Cloudspire/cloudspire-feedback/issues/51

An agent of two queues has thirty seconds for herself after a call, whatever happens meanwhile, and both queues and everybody
who looks know of it.
"""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import pytest

from ccd.acd.model import Activity, Queue
from ccd.acd.posts import Posts
from ccd.acd.roster import Roster
from ccd.core.house import House
from ccd.core.verbs.agents import agent_row
from tests.builders import World, agent, new_leg, queue, station, tier
from tests.complaints.seeding import Plant, assert_fails_with

WRAP_UP_S = 30


def queues(**settings: Any) -> list[Queue]:
    return [queue("support", wrap_up_ms=WRAP_UP_S * 1000, **settings), queue("sales", wrap_up_ms=0)]


TIERS = [tier("support", "ann"), tier("sales", "ann")]


def a_call_that_ended(how: str = "agent") -> World:
    """Ann has talked for support, and it has just ended."""
    world = World()
    world.configure(queues(), ["ann"], TIERS)
    world.ready("ann")
    caller = world.caller_queues("support")
    leg = world.connect(caller, "ann")
    world.clock.advance(60)
    if how == "agent":
        world.agent_hangs_up(caller, leg)
    elif how == "caller":
        world.caller_hangs_up(caller)
    else:  # the switch takes her caller on to somebody else: his leg lives, hers ends
        world.hung_up(leg, disposition="send_bye")
        world.parked(caller)
    return world


def nothing(world: World) -> None:
    pass


def reload(world: World) -> None:
    world.configure(queues(), ["ann"], TIERS)


def the_queue_has_none_any_more(world: World) -> None:
    world.configure([queue("support"), queue("sales")], ["ann"], TIERS)


def the_queue_is_gone(world: World) -> None:
    world.configure(queues()[1:], ["ann"], TIERS[1:])


def a_break_and_back(world: World) -> None:
    world.acd.roster.pause("a-ann", "lunch")
    world.acd.roster.resume("a-ann")


def a_private_call(world: World) -> None:
    leg = new_leg()
    world.created(leg, inbound=True, number="ann", context="ccd_agents", name="sofia/internal/ann@x")
    world.clock.advance(1)
    world.hung_up(leg)


def somebody_waits_in_both(world: World) -> None:
    world.caller_queues("support")
    world.caller_queues("sales", priority=100)


def logs_in_again(world: World) -> None:
    world.acd.roster.login("a-ann")


def the_link_flaps(world: World) -> None:
    for up in (False, True):
        world.is_up = up
        world.acd.refresh_all()


MEANWHILE = [
    nothing,
    reload,
    the_queue_has_none_any_more,
    the_queue_is_gone,
    a_break_and_back,
    a_private_call,
    somebody_waits_in_both,
    logs_in_again,
    the_link_flaps,
]


def thirty_seconds_for_herself(how: str, meanwhile: Callable[[World], None]) -> None:
    """Neither a second more nor less, for both queues, and it is shown."""
    world = a_call_that_ended(how)
    ends = world.clock.now() + WRAP_UP_S * 1_000_000
    meanwhile(world)
    caller = world.caller_queues("sales")
    house = cast(House, SimpleNamespace(acd=world.acd, clock=world.clock))
    row = agent_row(house, world.agent("ann"))
    assert (row["activity"], row["ready"]) == ("wrap_up", False)
    assert row["wrap_up_until"]
    world.clock.advance((ends - world.clock.now()) / 1e6 - 0.01)
    assert (world.agent("ann").activity, world.ringing("ann")) == ("wrap_up", "")
    world.clock.advance(0.02)
    assert world.ringing("ann")
    assert agent_row(house, world.agent("ann"))["wrap_up_until"] is None
    assert world.acd.caller_of(caller) is not None


@pytest.mark.parametrize("how", ["agent", "caller", "taken on"])
def test_wrap_up_lasts_as_long_as_it_should_however_the_call_ended(how: str) -> None:
    thirty_seconds_for_herself(how, nothing)


@pytest.mark.parametrize("meanwhile", MEANWHILE)
def test_nothing_ends_wrap_up_early(meanwhile: Plant) -> None:
    thirty_seconds_for_herself("agent", meanwhile)  # type: ignore[arg-type]


def a_restart_in_the_midst_of_it() -> None:
    """Ten seconds are over when ccd dies, ten more when it is back: ten are left."""
    before = a_call_that_ended()
    before.clock.advance(10)
    again = World(ledger=before.ledger)
    again.clock.advance((before.clock.now() - again.clock.now()) / 1e6 + 10)
    again.acd.configure(tuple(queues()))
    again.acd.roster.configure([agent("ann")], [station("ann")], TIERS)
    again.acd.roster.restore(before.ledger.agents["a-ann"])
    again.caller_queues("sales")
    again.clock.advance(9.9)
    assert again.agent("ann").activity == "wrap_up"
    again.clock.advance(0.2)
    assert again.ringing("ann")


def test_a_restart_keeps_what_is_left_of_it() -> None:
    a_restart_in_the_midst_of_it()


def only_its_own_queue_knows(patch: pytest.MonkeyPatch) -> None:
    """What app_queue did without shared_lastcall."""
    right = Posts.ready

    def wrong(self: Posts, agent: Any) -> Any:
        was, agent.activity = agent.activity, Activity.IDLE if agent.activity is Activity.WRAP_UP else agent.activity
        try:
            return right(self, agent)
        finally:
            agent.activity = was

    patch.setattr(Posts, "ready", wrong)


def ended_by_a_resume(patch: pytest.MonkeyPatch) -> None:
    right = Roster.resume

    def wrong(self: Roster, agent_id: str) -> Any:
        self.ready(self.agents[agent_id])
        return right(self, agent_id)

    patch.setattr(Roster, "resume", wrong)


def lost_at_a_restart(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Roster, "start_wrap_up_timer", lambda self, agent: self.ready(agent))


@pytest.mark.parametrize(
    ("defect", "story"),
    [
        (only_its_own_queue_knows, lambda: thirty_seconds_for_herself("agent", a_private_call)),
        (ended_by_a_resume, lambda: thirty_seconds_for_herself("agent", a_break_and_back)),
        (lost_at_a_restart, a_restart_in_the_midst_of_it),
    ],
)
def test_the_scenario_fails_on_the_complaint(defect: Plant, story: Callable[[], None]) -> None:
    assert_fails_with(defect, story)
