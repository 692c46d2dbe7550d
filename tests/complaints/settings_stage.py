"""The stage of the stories of settings: a queue with its agents, time that goes by, and what is seen of it."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, NamedTuple, cast

from msgspec.structs import replace

from ccd.acd.facts import CallerLeft, OfferEnded, OfferMade
from ccd.acd.model import Agent, Queue, Station, Tier
from ccd.core.house import House
from ccd.core.verbs.agents import agent_row
from tests.builders import World, agent, queue, station, tier

Story = Callable[[Any], Any]


class Proof(NamedTuple):
    """A story, and two values with which it comes out differently."""

    story: Story
    one: Any
    other: Any


def centre(
    q: Queue | None = None,
    *more: Queue,
    agents: list[Agent] | None = None,
    seats: list[Station] | None = None,
    tiers: list[Tier] | None = None,
    record_at: str = "no",
    ready: bool = True,
) -> World:
    """One queue, support, with ann, unless it says otherwise."""
    world = World(record_at=record_at)
    world.acd.configure((q or queue(), *more))
    people = agents or [agent("ann")]
    world.acd.roster.configure(
        people, seats or [station(one.name) for one in people], tiers or [tier("support", one.name) for one in people]
    )
    if ready:
        world.ready(*(one.name for one in people))
    return world


def passes(world: World, seconds: int, rings: bool = True) -> list[tuple[int, str]]:
    """Time goes by; when phones were ordered to ring and callers left. `rings`: a phone that is ordered rings."""
    begun, seen = world.clock.now(), len(world.facts)
    for _ in range(seconds * 2):
        for leg_id, leg in list(world.registry.legs.items()):
            if rings and leg.ordered:
                world.phone_rings(world.acd.offers._by_leg[leg_id].agent_id.removeprefix("a-"))
        world.clock.advance(0.5)
        world.switch_obeys()
    kinds = (OfferMade, OfferEnded, CallerLeft)
    return [((fact.at - begun) // 1000, _what(fact)) for fact in world.facts[seen:] if isinstance(fact, kinds)]


def _what(fact: Any) -> str:
    return f"{type(fact).__name__} {getattr(fact, 'result', getattr(fact, 'reason', ''))}"


def order(world: World) -> str:
    """Whose phones were rung, in their order."""
    return " ".join(fact.agent_id.removeprefix("a-") for fact in world.of(OfferMade))


def row(world: World, name: str = "ann") -> dict[str, Any]:
    """An agent as he is shown."""
    shown = agent_row(cast(House, SimpleNamespace(acd=world.acd, clock=world.clock)), world.agent(name))
    return {key: shown[key] for key in ("name", "display_name", "presence", "reason", "activity", "ready", "queues")}


def q(**settings: Any) -> Queue:
    return queue(**settings)


def talked(world: World, name: str = "ann", seconds: float = 10) -> World:
    caller = world.caller_queues()
    leg = world.connect(caller, name)
    world.clock.advance(seconds)
    world.agent_hangs_up(caller, leg)
    world.caller_hangs_up(caller)
    return world


def of(story: Callable[..., Any], name: str) -> Story:
    """The story of one setting among those that a story takes as a dictionary."""
    return lambda value: story({name: value})


def agent_with(**settings: Any) -> Agent:
    return replace(agent("ann"), **settings)
