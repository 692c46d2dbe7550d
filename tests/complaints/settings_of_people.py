"""What the settings of agents, stations, places in a queue and reasons for breaks do; and the names of queues."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from ccd.acd.facts import BreakOverrun, OfferMade
from ccd.acd.matching.stages import Ask
from ccd.acd.model import Agent, BreakReason, Station, Tier
from ccd.base.errors import CcdError
from ccd.switch.commands import Originate
from tests.builders import World, agent, queue, station, tier
from tests.complaints.settings_of_callers import confirmed, recorded
from tests.complaints.settings_of_offers import rings_for_a_minute, wrap_up
from tests.complaints.settings_stage import Proof, agent_with, centre, of, order, passes, q, row


def signs_in(who: Agent) -> Any:
    world = centre(agents=[who], seats=[station("ann"), station("ben")], ready=False)
    try:
        world.acd.roster.login("a-ann")
    except CcdError as refused:
        return str(refused)
    state = world.agent("ann")
    return state.station.name if state.station else "", row(world)


def known_by_id(agent_id: str) -> Any:
    world = centre(agents=[agent_with(agent_id=agent_id)], tiers=[tier("support", "ann")], ready=False)
    world.acd.roster.login(agent_id)
    world.caller_queues()
    return order(world)


def rung_at(seat: Station) -> Any:
    """What is ordered, and of which switch."""
    world = centre(seats=[seat], ready=False)
    try:
        world.acd.roster.login("a-ann")
    except CcdError as refused:
        return str(refused)
    world.caller_queues()
    state = world.agent("ann")
    made = [(one.contact, one.node) for one in world.of(OfferMade)]
    return made, state.station.name if state.station else "", len(world.switch.all(Originate))


def places(value: Tier) -> str:
    """Ann's place is the value; Ben's is the second, and he has been idle longer."""
    world = centre(
        q(strategy="top-down"),
        queue("sales"),
        agents=[agent("ben"), agent("ann")],
        tiers=[tier("support", "ben", 2, 5), value],
    )
    world.caller_queues()
    return order(world)


def weights(weight: int) -> str:
    world = centre(
        q(strategy="weighted-random"),
        agents=[agent("ann"), agent("ben")],
        tiers=[tier("support", "ann", weight=weight), tier("support", "ben", weight=10)],
    )
    for _ in range(40):
        caller = world.caller_queues()
        world.caller_hangs_up(caller)
        world.switch_obeys()
        world.clock.advance(1)
    return order(world)


def specialist(value: bool) -> str:
    world = centre(
        q(strategy="vip-first"),
        agents=[agent("ann"), agent("ben")],
        tiers=[tier("support", "ann", specialist=value), tier("support", "ben")],
    )
    world.caller_queues()
    return order(world)


def breaks(reason: BreakReason) -> Any:
    world = centre()
    world.acd.roster.breaks.configure([reason], world.acd.roster.agents.values())
    try:
        world.acd.roster.pause("a-ann", "lunch")
    except CcdError as refused:
        return str(refused)
    world.clock.advance(100)
    return row(world), len(world.of(BreakOverrun))


def reason(**settings: Any) -> BreakReason:
    return BreakReason(**({"break_id": "b1", "name": "lunch"} | settings))


def queue_known_by(queue_id: str) -> Any:
    world = centre(replace(queue(), queue_id=queue_id), tiers=[tier("support", "ann")])
    return list(world.acd.queues), row(world)["queues"]


def _own_ring(ms: int) -> Any:
    world = centre(agents=[agent_with(ring_ms=ms)])
    world.caller_queues()
    return passes(world, 30)


def _with_skills(skills: dict[str, int]) -> World:
    world = centre(q(asks=(Ask(required=(("english", 3),)),)), agents=[agent_with(skills=skills)])
    world.caller_queues()
    return world


PROOFS: dict[str, Proof] = {
    "queue.queue_id": Proof(queue_known_by, "q-support", "q-other"),
    "queue.name": Proof(lambda name: row(centre(replace(queue(), name=name)))["queues"], "support", "help"),
    "agent.agent_id": Proof(known_by_id, "a-ann", "a-other"),
    "agent.name": Proof(lambda name: signs_in(agent_with(name=name)), "ann", "anna"),
    "agent.display_name": Proof(lambda name: signs_in(agent_with(display_name=name)), "", "Ann 王"),
    "agent.station_id": Proof(lambda seat: signs_in(agent_with(station_id=seat)), "s-ann", "s-ben"),
    "agent.record": Proof(lambda word: recorded({}, agent_with(record=word)), "no", "agent"),
    "agent.skills": Proof(lambda skills: order(_with_skills(skills)), {}, {"english": 5}),
    "agent.ring_ms": Proof(_own_ring, 0, 8_000),
    "agent.wrap_up_ms": Proof(
        lambda ms: wrap_up(centre(q(wrap_up_ms=5_000), agents=[agent_with(wrap_up_ms=ms)])), -1, 40_000
    ),
    "station.station_id": Proof(lambda seat: rung_at(replace(station("ann"), station_id=seat)), "s-ann", "s-x"),
    "station.name": Proof(lambda name: rung_at(replace(station("ann"), name=name)), "desk ann", "front desk"),
    "station.contact": Proof(lambda to: rung_at(replace(station("ann"), contact=to)), "user/1@d", "user/2@d"),
    "station.kind": Proof(
        lambda kind: rings_for_a_minute({}, rings=False, seat=replace(station("ann"), kind=kind)), "sip", "external"
    ),
    "station.node": Proof(lambda node: rung_at(replace(station("ann"), node=node)), "", "fs2"),
    "station.confirm": Proof(of(confirmed, "confirm"), False, True),
    "station.standing": Proof(lambda value: rung_at(replace(station("ann"), standing=value)), False, True),
    "tier.queue_id": Proof(
        lambda where: places(replace(tier("support", "ann"), queue_id=where)), "q-support", "q-sales"
    ),
    "tier.agent_id": Proof(lambda who: places(replace(tier("support", "ann"), agent_id=who)), "a-ann", "a-nobody"),
    "tier.level": Proof(lambda level: places(tier("support", "ann", level)), 1, 3),
    "tier.position": Proof(lambda position: places(tier("support", "ann", 2, position)), 1, 9),
    "tier.weight": Proof(weights, 10, 100),
    "tier.specialist": Proof(specialist, False, True),
    "breakreason.name": Proof(lambda name: breaks(reason(name=name)), "lunch", "training"),
    "breakreason.limit_ms": Proof(lambda ms: breaks(reason(limit_ms=ms)), 0, 60_000),
    "breakreason.allowed": Proof(lambda value: breaks(reason(allowed=value)), True, False),
}
