"""Who stands where, as the verbs tell it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from ccd.acd.matching.stages import Ask
from ccd.acd.model import Agent
from ccd.base.errors import NotFound, Refused
from ccd.core.house import House
from ccd.core.verbs.standing import VERBS
from tests.builders import World, queue, station, tier

ASKS = (Ask(required=(("english", 3),)), Ask(after_ms=30_000, preferred=(("loans", 2),)))


@pytest.fixture
def world() -> World:
    world = World()
    world.acd.configure((queue(strategy="round-robin", asks=ASKS), queue("sales", strategy="agent-with-fewest-calls")))
    people = [
        Agent(agent_id=f"a-{name}", name=name, station_id=f"s-{name}", skills={"english": 5})
        for name in ("alice", "bob")
    ]
    tiers = [tier(line, one.name) for one in people for line in ("support", "sales")]
    world.acd.roster.configure(people, [station(one.name) for one in people], tiers)
    return world


def ask(world: World, verb: str, **given: Any) -> Any:
    return VERBS[verb](cast(House, SimpleNamespace(acd=world.acd, clock=world.clock)), given)


def test_callers_stand_in_the_order_in_which_they_are_served_with_what_is_asked_now(world: World) -> None:
    first = world.caller_queues()
    world.clock.advance(30)
    world.caller_queues()
    sooner = world.caller_queues(priority=5)
    world.ready("alice")
    rows = ask(world, "queues.waiting", queue_id="q-support")
    assert [row["place"] for row in rows] == [1, 2, 3]
    assert world.offered_to(sooner) == "alice"
    assert (rows[0]["priority"], rows[0]["ringing"], rows[0]["skills"]) == (5, ["alice"], {"english": 3})
    old = rows[1]
    assert old["call_id"] == world.registry.legs[first].call_id
    assert (old["waited_ms"] // 1000, old["skills"], old["prefer"]) == (30, {}, {"loans": 2})
    world.hung_up(world.phone_rings("alice"), "CALL_REJECTED", sip="sip:603", rang=True)
    assert ask(world, "queues.waiting", queue_id="q-support")[0]["refused"] == ["alice"]
    assert len(ask(world, "queues.waiting", queue_id="q-support", limit=2)) == 2


def test_who_talks_stands_in_line_no_more_and_what_is_not_there_is_refused(world: World) -> None:
    world.ready("alice")
    world.connect(world.caller_queues(), "alice")
    assert ask(world, "queues.waiting", queue_id="q-support") == []
    with pytest.raises(NotFound):
        ask(world, "queues.waiting", queue_id="q-nowhere")
    for limit in (0, 1001, "many"):
        with pytest.raises(Refused):
            ask(world, "queues.waiting", queue_id="q-support", limit=limit)


def test_what_each_queues_strategy_remembers_of_an_agent(world: World) -> None:
    world.ready("alice", "bob")
    for line in ("support", "support", "sales"):
        caller = world.caller_queues(line)
        name = world.offered_to(caller)
        leg = world.connect(caller, name)
        world.clock.advance(60)
        world.agent_hangs_up(caller, leg)
        world.caller_hangs_up(caller)
    rows = {row["queue"]: row for row in ask(world, "agents.remembered", agent_id="a-alice")["remembered"]}
    assert (rows["support"]["strategy"], rows["support"]["offers_since"], rows["support"]["calls_today"]) == (
        "round-robin",
        1,
        None,
    )
    assert (rows["sales"]["calls_today"], rows["sales"]["talk_today_ms"], rows["sales"]["offers_since"]) == (
        2,
        120_000,
        None,
    )
    with pytest.raises(NotFound):
        ask(world, "agents.remembered", agent_id="a-nobody")
