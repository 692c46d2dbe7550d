"""What each setting does, as a short story that comes out differently with another value; for test_14.

A story is given the value and returns what was seen. `PLAYED_ELSEWHERE` names the tests of settings that act in SQL or on paper.
"""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, NamedTuple, cast

from msgspec.structs import replace

from ccd.acd.cause_rules import CauseRule
from ccd.acd.facts import BreakOverrun, CallerLeft, OfferEnded, OfferMade
from ccd.acd.matching.stages import Ask
from ccd.acd.model import Agent, BreakReason, Queue, Station, Tier
from ccd.acd.overflow_words import read
from ccd.base.errors import CcdError
from ccd.core.house import House
from ccd.core.ledger import Ledger
from ccd.core.queue_door import QueueDesk
from ccd.core.verbs.agents import agent_row
from ccd.recording.facts import RecordingStarted
from ccd.switch.commands import Hangup, Originate, Play
from tests.builders import World, agent, new_leg, queue, station, tier

Story = Callable[[Any], Any]


class Proof(NamedTuple):
    """A story, and two values with which it comes out differently."""

    story: Story
    one: Any
    other: Any


NO_SETTINGS = {"breakreason.break_id"}
"""Ids that only tell rows apart."""

PLAYED_ELSEWHERE = {
    "queue.keep_days": "tests/db/test_recording_keeping.py",
    "queue.service_level_ms": "tests/side/test_reports.py",
    "breakreason.zh": "tests/http/test_duties.py",
    "breakreason.en": "tests/http/test_duties.py",
}


# --- the stage ----------------------------------------------------------------------------------------


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


# --- queue: offers ----------------------------------------------------------------------------------------


def rings_for_a_minute(settings: dict[str, Any], rings: bool = True, seat: Station | None = None) -> Any:
    world = centre(q(**settings), seats=[seat or station("ann")])
    world.caller_queues()
    return passes(world, 60, rings), world.agent("ann").presence


def fails_again_and_again(cause: str, sip: str, *, rang: bool, **settings: Any) -> Any:
    world = centre(q(refused_again_ms=settings.pop("refused_again_ms", 0), **settings))
    world.caller_queues()
    made = []
    for second in range(80):
        if world.ringing("ann"):
            made.append(second)
            world.hung_up(world.phone_rings("ann"), cause, sip=sip, rang=rang)
        world.clock.advance(1)
    return made, world.agent("ann").presence


def cancelled(reoffer_gap_ms: int) -> Any:
    world = centre(q(reoffer_gap_ms=reoffer_gap_ms))
    world.caller_hangs_up(world.caller_queues())
    world.switch_obeys()
    world.caller_queues()
    return passes(world, 4)


def gone_after(seconds: float) -> Story:
    """An agent who is gone so soon after the bridge."""

    def story(min_talk_ms: int) -> Any:
        world = centre(q(min_talk_ms=min_talk_ms))
        caller = world.caller_queues()
        leg = world.connect(caller, "ann")
        world.clock.advance(seconds)
        world.agent_hangs_up(caller, leg)
        return world.left(caller)

    return story


def talked(world: World, name: str = "ann", seconds: float = 10) -> World:
    caller = world.caller_queues()
    leg = world.connect(caller, name)
    world.clock.advance(seconds)
    world.agent_hangs_up(caller, leg)
    world.caller_hangs_up(caller)
    return world


def wrap_up(world: World) -> int:
    return talked(world).agent("ann").wrap_up_until - world.clock.now()


def extended(most_ms: int) -> int:
    world = talked(centre(q(wrap_up_ms=10_000, wrap_up_max_ms=most_ms)))
    return world.acd.duties.extend_wrap_up("a-ann", 600_000).wrap_up_until - world.clock.now()


def one_more_each_while(delay_ms: int) -> Any:
    world = centre(
        q(strategy="ring-progressively", ring_progressively_delay_ms=delay_ms), agents=[agent("ann"), agent("ben")]
    )
    world.caller_queues()
    return passes(world, 15)


# --- queue: places and tiers ----------------------------------------------------------------------------


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
    leg_id = world.caller_arrives()
    leg = world.registry.legs[leg_id]
    world.acd.enqueue(
        call_id=leg.call_id,
        leg_id=leg_id,
        node=leg.node,
        number="",
        queue_id="q-support",
        priority=0,
        answered=True,
        vip=True,
    )
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
    leg_id = world.caller_arrives()
    leg = world.registry.legs[leg_id]
    world.acd.enqueue(
        call_id=leg.call_id,
        leg_id=leg_id,
        node=leg.node,
        number="",
        queue_id="q-support",
        priority=0,
        answered=True,
        last_agent_id="a-ben",
    )
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


# --- queue: callers ---------------------------------------------------------------------------------------


def waits_a_minute(settings: dict[str, Any]) -> Any:
    world = centre(q(**settings), agents=[agent("ann")], ready=False)
    legs = [world.caller_queues() for _ in range(2)]
    seen = passes(world, 60)
    return seen, [world.left(leg) for leg in legs], [world.sent_to.get(leg) for leg in legs]


def hangs_up_after_ten_seconds(short_abandon_ms: int) -> Any:
    world = centre(q(short_abandon_ms=short_abandon_ms), ready=False)
    caller = world.caller_queues()
    world.clock.advance(10)
    world.caller_hangs_up(caller)
    return world.of(CallerLeft)[0].reason


def calls_again(resume_ms: int) -> int:
    """The place that he has, in seconds since he first came."""
    ledger = Ledger()
    world = World(ledger=ledger)
    world.acd.configure((q(resume_ms=resume_ms),))
    caller = world.caller_queues()
    number = world.registry.calls[world.registry.legs[caller].call_id].caller_e164
    began = world.clock.now()
    world.clock.advance(10)
    world.caller_hangs_up(caller)
    world.clock.advance(10)
    place = world.acd.left_places.place(number, "q-support", resume_ms, world.clock.now())
    return place - began if place else 0


def hears(settings: dict[str, Any]) -> Any:
    """What a flow is told to play to a caller of the queue."""
    world = centre(q(**settings), ready=False)
    caller = world.caller_queues()
    desk = QueueDesk(clock=world.clock, acd=world.acd, nodes={}, screen=lambda call, queue: None)
    door = desk.door()
    heard = door.hears(caller)
    assert heard is not None
    return heard, heard.due_ms(0), heard.due_ms(1), heard.tells(1), door.timeout_prompt("support")


def recorded(settings: dict[str, Any], who: Agent | None = None) -> Any:
    world = centre(q(**settings), agents=[who or agent("ann")])
    caller = world.caller_queues()
    world.connect(caller, "ann")
    return [fact.from_point for fact in world.of(RecordingStarted)]


def consent(value: str) -> Any:
    """Nothing is recorded of who has not been told."""
    world = centre(q(record="queue", consent=value))
    caller = world.caller_arrives()
    call = world.registry.calls[world.registry.legs[caller].call_id]
    return world.points.consent_due(call, "support")


# --- queue: the join --------------------------------------------------------------------------------------


def shown(settings: dict[str, Any]) -> tuple[str, str]:
    world = centre(q(**settings))
    world.caller_queues()
    told = world.switch.last(Originate)
    return told.caller_name, told.caller_number


def heard_at_the_join(settings: dict[str, Any]) -> Any:
    world = centre(q(**settings), agents=[agent("1001")])
    caller = world.caller_queues()
    world.phone_rings("1001")
    world.clock.advance(7)
    leg = world.phone_answers("1001")
    return [one.audio for one in world.switch.all(Play, leg)], [
        told for told in world.introductions if told[0] == caller
    ]


def confirmed(value: dict[str, Any]) -> Any:
    """Somebody picks up and presses nothing."""
    world = centre(
        q(confirm_ms=value.get("confirm_ms", 10_000)),
        seats=[replace(station("ann"), confirm=value.get("confirm", True))],
    )
    world.caller_queues()
    world.phone_answers("ann")
    passes(world, 8)
    return [one.cause for one in world.switch.all(Hangup)], world.agent("ann").activity


# --- agents, stations, places, reasons ------------------------------------------------------------------


def agent_with(**settings: Any) -> Agent:
    return replace(agent("ann"), **settings)


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


def of(story: Callable[..., Any], name: str) -> Story:
    """The story of one setting among those that a story takes as a dictionary."""
    return lambda value: story({name: value})


def _own_ring(ms: int) -> Any:
    world = centre(agents=[agent_with(ring_ms=ms)])
    world.caller_queues()
    return passes(world, 30)


REJECTED = ("CALL_REJECTED", "sip:603")

PROOFS: dict[str, Proof] = {
    "queue.queue_id": Proof(queue_known_by, "q-support", "q-other"),
    "queue.name": Proof(lambda name: row(centre(replace(queue(), name=name)))["queues"], "support", "help"),
    "queue.strategy": Proof(lambda name: levels({"strategy": name})[1], "top-down", "ring-all"),
    "queue.music": Proof(of(hears, "music"), "local_stream://moh", "local_stream://sales"),
    "queue.ring_ms": Proof(of(rings_for_a_minute, "ring_ms"), 20_000, 10_000),
    "queue.wrap_up_ms": Proof(lambda ms: wrap_up(centre(q(wrap_up_ms=ms))), 5_000, 30_000),
    "queue.max_wait_ms": Proof(of(waits_a_minute, "max_wait_ms"), 0, 30_000),
    "queue.timeout_prompt": Proof(of(hears, "timeout_prompt"), "queue_timeout", "sorry"),
    "queue.max_no_answers": Proof(of(rings_for_a_minute, "max_no_answers"), 3, 1),
    "queue.no_answer_delay_ms": Proof(of(rings_for_a_minute, "no_answer_delay_ms"), 2_000, 10_000),
    "queue.reject_delay_ms": Proof(
        lambda ms: fails_again_and_again(*REJECTED, rang=True, reject_delay_ms=ms), 10_000, 20_000
    ),
    "queue.busy_delay_ms": Proof(
        lambda ms: fails_again_and_again("USER_BUSY", "sip:486", rang=False, busy_delay_ms=ms), 10_000, 20_000
    ),
    "queue.fault_delay_ms": Proof(
        lambda ms: fails_again_and_again("USER_NOT_REGISTERED", "", rang=False, fault_delay_ms=ms), 30_000, 10_000
    ),
    "queue.refused_again_ms": Proof(
        lambda ms: fails_again_and_again(*REJECTED, rang=True, refused_again_ms=ms), 0, 30_000
    ),
    "queue.causes": Proof(
        lambda rule: fails_again_and_again(*REJECTED, rang=True, causes={"rejected": rule} if rule else {}),
        None,
        CauseRule(delay_ms=1_000, limit=2),
    ),
    "queue.reoffer_gap_ms": Proof(cancelled, 500, 3_000),
    "queue.min_talk_ms": Proof(gone_after(2), 500, 5_000),
    "queue.record": Proof(of(recorded, "record"), "no", "queue"),
    "queue.consent": Proof(consent, "no", "announce"),
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
    "queue.ring_progressively_delay_ms": Proof(one_more_each_while, 10_000, 3_000),
    "queue.last_agent_ms": Proof(last_agent, 0, 20_000),
    "queue.busy_elsewhere": Proof(on_another_call, True, False),
    "queue.progress_ms": Proof(lambda ms: rings_for_a_minute({"progress_ms": ms}, rings=False), 5_000, 12_000),
    "queue.progress_outside_ms": Proof(
        lambda ms: rings_for_a_minute(
            {"progress_outside_ms": ms}, rings=False, seat=replace(station("ann"), kind="external")
        ),
        15_000,
        8_000,
    ),
    "queue.wrap_up_max_ms": Proof(extended, 60_000, 120_000),
    "queue.short_abandon_ms": Proof(hangs_up_after_ten_seconds, 5_000, 15_000),
    "queue.overflow": Proof(of(waits_a_minute, "overflow"), (), (read("20s flow:later"),)),
    "queue.max_waiting": Proof(of(waits_a_minute, "max_waiting"), 0, 1),
    "queue.resume_ms": Proof(calls_again, 0, 60_000),
    "queue.announce_first_ms": Proof(of(hears, "announce_first_ms"), 5_000, 9_000),
    "queue.announce_every_ms": Proof(of(hears, "announce_every_ms"), 0, 30_000),
    "queue.announce_position": Proof(of(hears, "announce_position"), 0, 5),
    "queue.announce_prompts": Proof(of(hears, "announce_prompts"), (), ("queue_wait",)),
    "queue.shown_name": Proof(of(shown, "shown_name"), "", "{queue} {wait}"),
    "queue.shown_number": Proof(of(shown, "shown_number"), "full", "masked"),
    "queue.agent_prompt": Proof(of(heard_at_the_join, "agent_prompt"), "", "for_support"),
    "queue.agent_hears": Proof(of(heard_at_the_join, "agent_hears"), (), ("wait",)),
    "queue.caller_hears": Proof(of(heard_at_the_join, "caller_hears"), "music", "agent_number"),
    "queue.confirm_ms": Proof(of(confirmed, "confirm_ms"), 10_000, 5_000),
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


def _with_skills(skills: dict[str, int]) -> World:
    world = centre(q(asks=(Ask(required=(("english", 3),)),)), agents=[agent_with(skills=skills)])
    world.caller_queues()
    return world
