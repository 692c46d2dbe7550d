"""What the settings of a queue do to who is served first, and by whom: places, levels, skills and strategies."""

from __future__ import annotations

from typing import Any

from ccd.acd.matching.stages import Ask
from tests.builders import World, agent, new_leg, queue, tier
from tests.complaints.settings_stage import Proof, centre, of, order, passes, q, talked


def which_queue_first(settings: dict[str, Any]) -> str:
    """A caller of another queue, half a minute later one of support, and much later one with a point of priority."""
    world = centre(
        q(**({"max_wait_ms": 10**9} | settings)),
        queue("sales"),
        tiers=[tier("support", "ann"), tier("sales", "ann")],
        ready=False,
    )
    callers = {world.caller_queues("sales"): "other"}
    world.clock.advance(30)
    callers[world.caller_queues("support")] = "old"
    world.clock.advance(120)
    callers[world.caller_queues("support", priority=1)] = "urgent"
    world.ready("ann")
    return next(name for leg, name in callers.items() if world.offered_to(leg))


def a_vip(vip_priority: int) -> str:
    world = centre(q(strategy="vip-first", vip_priority=vip_priority), ready=False)
    old = world.caller_queues()
    world.enter(world.caller_arrives(), vip=True)
    world.ready("ann")
    return "ordinary" if world.offered_to(old) else "vip"


def levels(settings: dict[str, Any], away: str = "") -> Any:
    """Agents of three levels; the first talks, another may be on break."""
    names = ["ann", "ben", "cat"]
    tiers = [tier("support", name, level) for level, name in enumerate(names, 1)]
    world = centre(q(**settings), agents=[agent(name) for name in names], tiers=tiers)
    if away:
        world.acd.roster.pause(f"a-{away}", "lunch")
    world.connect(world.caller_queues(), world_first(world))
    world.caller_queues()
    return passes(world, 25), order(world)


def the_first_is_at_lunch(skip_empty_tiers: bool) -> str:
    people, tiers = [agent("ann"), agent("ben")], [tier("support", "ann", 1), tier("support", "ben", 2)]
    world = centre(q(tier_wait_ms=10_000, skip_empty_tiers=skip_empty_tiers), agents=people, tiers=tiers)
    world.acd.roster.pause("a-ann", "lunch")
    world.caller_queues()
    return order(world)


def world_first(world: World) -> str:
    return order(world).split()[-1]


def asked_for(asks: tuple[Ask, ...]) -> str:
    people = [agent("ann"), agent("ben", skills={"english": 5})]
    world = centre(q(asks=asks), agents=people)
    world.caller_queues()
    return order(world)


def last_agent(last_agent_ms: int) -> str:
    world = centre(q(last_agent_ms=last_agent_ms), agents=[agent("ann"), agent("ben")])
    world.enter(world.caller_arrives(), last_agent_id="a-ben")
    return order(world)


def on_another_call(busy_elsewhere: bool) -> str:
    world = centre(q(busy_elsewhere=busy_elsewhere))
    world.created(new_leg(), inbound=True, number="ann", context="ccd_agents", name="sofia/internal/ann@x")
    world.caller_queues()
    return order(world)


def midnight(zone: str) -> str:
    """Who has talked today is forgotten at the queue's midnight: eight hours from now in Shanghai, sixteen in London."""
    people = [agent("ann"), agent("ben")]
    world = centre(q(strategy="agent-with-fewest-calls", zone=zone), agents=people, ready=False)
    world.ready("ann")
    world.clock.advance(7.9 * 3600)
    talked(world)
    world.ready("ben")
    world.clock.advance(600)
    world.caller_queues()
    return order(world)


PROOFS: dict[str, Proof] = {
    "queue.strategy": Proof(lambda name: levels({"strategy": name})[1], "top-down", "ring-all"),
    "queue.zone": Proof(midnight, "Asia/Shanghai", "Europe/London"),
    "queue.head_start_ms": Proof(of(which_queue_first, "head_start_ms"), 0, 10**6),
    "queue.ageing_ms": Proof(of(which_queue_first, "ageing_ms"), 60_000, 0),
    "queue.vip_priority": Proof(a_vip, 10, 0),
    "queue.tier_wait_ms": Proof(of(levels, "tier_wait_ms"), 0, 10_000),
    "queue.tier_one_by_one": Proof(
        lambda value: levels({"tier_wait_ms": 10_000, "tier_one_by_one": value, "skip_empty_tiers": False}, "ben"),
        False,
        True,
    ),
    "queue.skip_empty_tiers": Proof(the_first_is_at_lunch, True, False),
    "queue.asks": Proof(asked_for, (), (Ask(required=(("english", 3),)),)),
    "queue.last_agent_ms": Proof(last_agent, 0, 20_000),
    "queue.busy_elsewhere": Proof(on_another_call, True, False),
}
