"""A day by chance, and a kill -9 at any of its facts: the core that comes back is as the one that lived on would be."""

from __future__ import annotations

import random
from contextlib import suppress
from typing import Any

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ccd.acd import resting
from ccd.acd.agent_states import AgentState
from ccd.acd.callers import QueuedCaller, Stay
from ccd.acd.model import Activity, BreakReason, Presence, Queue
from ccd.acd.overflow_words import read
from ccd.base.errors import Refused
from ccd.calls.facts import CallArrived
from ccd.side.reports.folding import KINDS, fold
from ccd.switch.commands import Bridge
from tests.builders import World, queue, tier
from tests.core.reborn import Reborn

NAMES = ["alice", "bob", "carol"]
TIERS = [tier("support", "alice"), tier("support", "bob", 2), tier("sales", "bob"), tier("sales", "carol")]
TIERS.append(tier("night", "carol"))
OVERFLOWS = {"support": ["20s queue:sales", "key 1 queue:night"], "sales": ["30s queue:night"], "night": []}
JOINS = {
    "support": ["full queue:sales", "no_agents queue:sales", "closed queue:night"],
    "sales": ["position 2 queue:night", "full voicemail:box"],
    "night": ["none_available edge", "closed number:13800138000"],
}
NUMBERS = ["13800000001", "13800000002", "13800000003"]
RESUME_MS = 20_000
LUNCH = BreakReason(break_id="b", name="lunch", limit_ms=10_000)
STRATEGIES = ["longest-idle-agent", "ring-all", "ring-progressively", "round-robin", "top-down", "random"]
CAUSES = ["NO_ANSWER", "USER_BUSY", "CALL_REJECTED", "NORMAL_CIRCUIT_CONGESTION", "USER_NOT_REGISTERED"]
GO_ON_S = 35
ON_THE_WAY = (Stay.RETURNING, Stay.ENDING, Stay.TALKED)


def opened(chance: random.Random) -> tuple[World, list[Queue]]:
    """Three queues by chance, of which one overflows into the next."""
    world = World()
    queues = [
        queue(
            name,
            strategy=chance.choice(STRATEGIES),
            wrap_up_ms=chance.choice([0, 6_000]),
            max_no_answers=chance.choice([0, 2]),
            last_agent_ms=chance.choice([0, 12_000]),
            tier_wait_ms=chance.choice([0, 5_000]),
            max_waiting=chance.choice([0, 0, 2]),
            resume_ms=RESUME_MS,
            overflow=tuple(read(rule) for rule in [*rules, *chance.choice([[], JOINS[name]])]),
        )
        for name, rules in OVERFLOWS.items()
    ]
    world.configure(queues, NAMES, TIERS)
    world.acd.roster.breaks.configure([LUNCH], world.acd.roster.agents.values())
    world.ready(*NAMES)
    return world, queues


def something_happens(world: World, chance: random.Random) -> None:
    """What callers, agents, phones, the switch and supervisors do."""
    what = chance.choices(list(HAPPENS), [weight for _, weight in HAPPENS.values()])[0]
    HAPPENS[what][0](world, chance)
    world.clock.advance(0.001)


def call(world: World, chance: random.Random) -> None:
    leg_id = world.caller_arrives(chance.choice(NUMBERS))
    leg = world.registry.legs[leg_id]
    queue_id = f"q-{chance.choice(['support', 'support', 'sales'])}"
    e164 = world.registry.calls[leg.call_id].caller_e164
    world.acd.enqueue(
        call_id=leg.call_id,
        leg_id=leg_id,
        node=leg.node,
        number=leg.number,
        queue_id=queue_id,
        joined_at=world.acd.left_places.place(e164, queue_id, RESUME_MS, world.clock.now()),
        priority=chance.randint(0, 2),
        answered=True,
        vip=chance.random() < 0.2,
        last_agent_id=f"a-{chance.choice(NAMES)}" if chance.random() < 0.3 else "",
    )


def answer(world: World, chance: random.Random) -> None:
    ringing = [name for name in NAMES if (leg := world.ringing(name)) and not world.registry.legs[leg].answered_at]
    if ringing:
        world.phone_answers(chance.choice(ringing))


def bridge(world: World, chance: random.Random) -> None:
    legs = world.registry.legs
    for order in world.switch.all(Bridge):
        if all(one in legs and legs[one].parked for one in (order.leg_id, order.other_id)):
            world.bridged(order.leg_id, order.other_id)


def fail(world: World, chance: random.Random) -> None:
    if ringing := [name for name in NAMES if world.ringing(name)]:
        world.hung_up(world.ringing(chance.choice(ringing)), chance.choice(CAUSES), rang=chance.random() < 0.5)


def agent_done(world: World, chance: random.Random) -> None:
    legs = world.registry.legs
    talking = [leg for leg in legs.values() if leg.agent_id and leg.bridged_to in legs]
    if talking:
        leg = chance.choice(talking)
        world.agent_hangs_up(leg.bridged_to, leg.leg_id)


def caller_gone(world: World, chance: random.Random) -> None:
    if world.registry.calls:
        world.caller_hangs_up(chance.choice([one.leg_id for one in world.registry.calls.values()]))


def presence(world: World, chance: random.Random) -> None:
    name = chance.choice(NAMES)
    roster = world.acd.roster
    if world.agent(name).presence is Presence.LOGGED_OUT:
        world.ready(name)
    elif world.agent(name).presence is Presence.ON_BREAK:
        roster.resume(f"a-{name}")
    else:
        chance.choice([lambda: roster.logout(f"a-{name}"), lambda: roster.pause(f"a-{name}", "lunch")])()


def next_status(world: World, chance: random.Random) -> None:
    name = chance.choice(NAMES)
    if world.agent(name).presence is not Presence.LOGGED_OUT:
        world.acd.duties.next(f"a-{name}", *chance.choice([("on_break", "lunch"), ("logged_out", "")]))


def wrap_up(world: World, chance: random.Random) -> None:
    name = chance.choice(NAMES)
    with suppress(Refused):  # he is in none, or in the longest that there is
        if chance.random() < 0.7:
            world.acd.duties.extend_wrap_up(f"a-{name}", 5_000)
        else:
            world.acd.duties.end_wrap_up(f"a-{name}")


def door(world: World, chance: random.Random) -> None:
    name, operating = chance.choice(list(OVERFLOWS)), world.acd.operating
    match chance.choice(["close", "drain", "open", "open"]):
        case "open":
            operating.open(name, who="li")
        case how:
            operating.close(name, drain=how == "drain", who="li")


def supervisor(world: World, chance: random.Random) -> None:
    stays = [one for one in world.acd.callers.values() if one.stay in (Stay.WAITING, Stay.OFFERED)]
    if not stays:
        return
    stay = chance.choice(stays)
    operating = world.acd.operating
    source = world.acd.queues[stay.queue_id].settings.name
    with suppress(Refused):  # he is just being joined
        match chance.choice(["move", "priority", "key", "kick", "all"]):
            case "move" if source != "night":
                operating.move(source, "night", call_id=stay.call_id, who="chen")
            case "all":
                operating.move(source, chance.choice([one for one in OVERFLOWS if one != source]), who="chen")
            case "kick":
                operating.kick(stay.call_id, tell=chance.random() < 0.5, who="chen")
            case "priority":
                operating.prioritise(stay.call_id, chance.randint(-3, 3))
            case _:
                world.acd.exits.press(stay.leg_id, "1")


HAPPENS: dict[str, tuple[Any, int]] = {
    "call": (call, 8),
    "answer": (answer, 7),
    "bridge": (bridge, 7),
    "fail": (fail, 4),
    "agent_done": (agent_done, 5),
    "caller_gone": (caller_gone, 2),
    "presence": (presence, 3),
    "next_status": (next_status, 1),
    "supervisor": (supervisor, 3),
    "wrap_up": (wrap_up, 2),
    "door": (door, 1),
    "obeys": (lambda world, chance: world.switch_obeys(), 6),
    "time": (lambda world, chance: world.clock.advance(chance.choice([0.3, 1, 4, 11])), 6),
}


# --- what must be the same --------------------------------------------------------------------------


def of_agent(agent: AgentState, world: World) -> dict[str, Any]:
    clock = world.clock
    return {
        "presence": (agent.presence, agent.reason, agent.presence_since, agent.session_id, agent.station),
        "missed": agent.missed,
        "next": (agent.next_presence, agent.next_reason),
        "overrun_at": agent.overrun_at,
        "idle_since": agent.idle_since,
        "activity": agent.activity,
        "wrap_up": (agent.wrap_up_until, agent.wraps_up),
        "rests": tuple((resting.until(one, clock) + 50) // 100 for one in (agent.not_before, agent.gap_until)),
        "about": (agent.call_id, agent.queue_id) if agent.activity is not Activity.IDLE else (),
        "offer": agent.offer_id,
    }


def of_caller(caller: QueuedCaller, world: World) -> dict[str, Any]:
    now, waits = world.clock.now(), caller.stay in (Stay.WAITING, Stay.OFFERED)
    return {
        "stay": caller.stay,
        "place": (caller.queue_id, caller.joined_at, caller.entered_at, caller.priority, caller.vip, caller.asks),
        "kept": (caller.hops, caller.announced),
        "refused": {agent: until for agent, until in caller.refused.items() if until > now},
        "tried": caller.tried,
        "bound": (caller.bound_to, caller.bound_until)
        if waits and caller.bound_to and caller.bound_until > now
        else (),
        "ringing": {one for one in caller.ringing if world.acd.offers.out[one].withdrawn is None},
        "winner": caller.winner,
        "agent": caller.agent_id if caller.winner else "",
        "connected_at": caller.connected_at,
    }


def is_settled(world: World) -> bool:
    """Nothing is under way that the switch alone knows: an order that it has not carried out, a leg on its way back."""
    offers, callers = world.acd.offers.out.values(), world.acd.callers
    races = (
        one for one in offers if one.entry_id in callers and callers[one.entry_id].winner not in ("", one.offer_id)
    )
    if any(races):  # who has lost one is told so 200 ms later; a restart tells him at once
        return False
    return all(one.withdrawn is None for one in offers) and all(one.stay not in ON_THE_WAY for one in callers.values())


def assert_the_same(live: World, reborn: Reborn) -> None:
    for name in NAMES:
        assert of_agent(reborn.agent(name), reborn) == of_agent(live.agent(name), live), name
    assert set(reborn.acd.callers) == set(live.acd.callers)
    for entry_id, caller in live.acd.callers.items():
        assert of_caller(reborn.acd.callers[entry_id], reborn) == of_caller(caller, live), entry_id
    for queue_id, state in live.acd.queues.items():
        again = reborn.acd.queues[queue_id]
        assert list(again.line) == list(state.line)
        assert (again.closed, again.draining) == (state.closed, state.draining), queue_id
    assert reborn.ledger.left_places == live.ledger.left_places
    assert reborn.ledger.remembered == live.ledger.remembered


def whom(world: World) -> dict[str, Any]:
    """Who is offered whom, who waits where, and what agents do."""
    agents = {
        name: (
            state.presence,
            state.reason,
            state.activity,
            state.call_id if state.activity is not Activity.IDLE else "",
        )
        for name in NAMES
        for state in [world.agent(name)]
    }
    callers = {
        one.call_id: (one.queue_id, one.stay, one.joined_at, one.hops, sorted(one.ringing.values()))
        for one in world.acd.callers.values()
    }
    return {"agents": agents, "callers": callers}


def assert_they_go_on_alike(live: World, reborn: Reborn) -> None:
    """Nobody does anything; what is due, is due at the same moment."""
    for _ in range(GO_ON_S):
        for world in (live, reborn):
            world.clock.advance(1)
        assert whom(reborn) == whom(live), f"after {(live.clock.now() - 1_800_000_000_000_000) / 1e6} s"


def assert_nobody_is_lost(live: World, reborn: Reborn, facts: list[Any]) -> None:
    """Each call that lives stands in one place, and each visit has one outcome or a caller."""
    told = [*facts, *reborn.facts]
    known = {fact.call_id for fact in told if isinstance(fact, CallArrived)}
    for one in live.registry.calls.values():
        if one.call_id in known:
            stays = reborn.acd.caller_of(one.leg_id)
            assert stays is not None or one.leg_id in reborn.goes_on
    rows = [msgspec.to_builtins(fact) for fact in told]
    visits = fold(row for row in rows if row["kind"] in KINDS).visits
    open_ = {entry_id for entry_id, visit in visits.items() if not visit.outcome}
    stand = {one.entry_id for one in reborn.acd.callers.values() if one.stay not in (Stay.TALKING, *ON_THE_WAY)}
    assert open_ == stand
    talking = {one.agent_id for one in reborn.acd.callers.values() if one.stay is Stay.TALKING}
    for agent in reborn.acd.roster.agents.values():
        assert (agent.activity is Activity.TALKING) == (agent.agent_id in talking)
        offered = {one.agent_id for one in reborn.acd.offers.out.values()}
        assert (agent.activity is Activity.OFFERED) == (agent.agent_id in offered)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 1_000_000), steps=st.integers(5, 60))
def test_at_any_moment_of_any_day(seed: int, steps: int) -> None:
    chance = random.Random(seed)
    world, queues = opened(chance)
    for _ in range(steps):
        something_happens(world, chance)
    reborn = Reborn(world, world.facts, queues, NAMES, TIERS, LUNCH)
    assert_nobody_is_lost(world, reborn, world.facts)
    if is_settled(world):
        assert_the_same(world, reborn)
    before = len(world.facts)
    something_happens(world, chance)
    cuts = range(before, len(world.facts))
    for cut in chance.sample(cuts, min(3, len(cuts))):
        facts = world.facts[:cut]
        assert_nobody_is_lost(world, Reborn(world, facts, queues, NAMES, TIERS, LUNCH), facts)


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 1_000_000), steps=st.integers(5, 60))
def test_what_comes_later_comes_as_if_nothing_had_been(seed: int, steps: int) -> None:
    chance = random.Random(seed)
    world, queues = opened(chance)
    for _ in range(steps):
        something_happens(world, chance)
    if is_settled(world) and not world.acd.offers.out:
        assert_they_go_on_alike(world, Reborn(world, world.facts, queues, NAMES, TIERS, LUNCH))
