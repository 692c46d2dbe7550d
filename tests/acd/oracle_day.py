"""A day in a call centre, played on the real queue and judged, offer by offer, by the oracle."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import msgspec

from ccd.acd import strategies
from ccd.acd.facts import (
    AgentChanged,
    CallerConnected,
    CallerLeft,
    CallerQueued,
    CallerReturned,
    OfferEnded,
    OfferMade,
    OfferResult,
    TalkEnded,
)
from ccd.acd.matching.stages import Ask
from ccd.acd.model import Agent, Presence, Queue, Tier
from ccd.calls.facts import Fact
from tests.builders import World, new_leg, queue, station, tier
from tests.oracle import Customer, Line, Oracle, Person, Seat

SKILLS = ["english", "loans"]
MOST_AGENTS, MOST_CALLS = 12, 60
ENDS = {
    "USER_BUSY": OfferResult.BUSY,
    "CALL_REJECTED": OfferResult.REJECTED,
    "NO_ANSWER": OfferResult.NO_ANSWER,
    "USER_NOT_REGISTERED": OfferResult.NOT_REGISTERED,
}
# As docs/queues.md has it: how long an agent's phone is left alone, and whether he is not asked for this caller again so soon.
RESTS_MS = {"busy": 10_000, "rejected": 10_000, "redirected": 10_000, "no_answer": 2_000, "not_registered": 30_000}
RESTS_MS |= {"unreachable": 30_000, "unknown_user": 30_000}
REFUSED_MS = {"rejected": 30_000, "redirected": 30_000}
TRIED = set(RESTS_MS)
ONE_MORE_MS = 10_000
REOFFER_GAP_MS = 500


class WrongOffer(AssertionError):
    """The queue offered somebody whom the rules do not name, or nobody where they name one."""


class Staff(msgspec.Struct):
    """Who works there: queues, agents, tiers."""

    queues: list[Queue]
    agents: list[Agent]
    tiers: list[Tier]


def a_staff(chance: random.Random, of: list[str] | None = None) -> Staff:
    """One to three queues, one to twelve agents, any strategies, or only some."""
    queues = []
    for name in ["support", "sales", "vip"][: chance.randint(1, 3)]:
        asks = []
        if chance.random() < 0.5:
            asks.append(Ask(required=((chance.choice(SKILLS), chance.randint(1, 5)),), preferred=(("loans", 3),)))
            asks.append(Ask(after_ms=chance.choice([5_000, 20_000]), preferred=(("english", 2),)))
        queues.append(
            queue(
                name,
                strategy=chance.choice(of or strategies.names()),
                ageing_ms=chance.choice([60_000, 60_000, 0, 5_000]),
                head_start_ms=chance.choice([0, 0, 15_000]),
                tier_wait_ms=chance.choice([0, 0, 8_000]),
                tier_one_by_one=chance.random() < 0.5,
                skip_empty_tiers=chance.random() < 0.7,
                wrap_up_ms=chance.choice([0, 4_000]),
                max_wait_ms=chance.choice([0, 0, 90_000]),
                last_agent_ms=chance.choice([0, 0, 12_000]),
                busy_elsewhere=chance.random() < 0.8,
                asks=tuple(asks),
            )
        )
    agents, tiers = [], []
    for number in range(chance.randint(1, MOST_AGENTS)):
        name = f"n{number:02}"
        skills = {skill: chance.randint(1, 6) for skill in SKILLS if chance.random() < 0.6}
        agents.append(Agent(agent_id=f"a-{name}", name=name, station_id=f"s-{name}", skills=skills))
        for one in queues:
            if chance.random() < 0.75:
                tiers.append(
                    tier(
                        one.name,
                        name,
                        chance.randint(1, 3),
                        chance.randint(1, 4),
                        weight=chance.choice([1, 10, 100]),
                        specialist=chance.random() < 0.3,
                    )
                )
    return Staff(queues, agents, tiers)


class Day:
    """The world and the oracle, side by side."""

    def __init__(self, staff: Staff) -> None:
        self.world = World()
        self.world.acd.configure(tuple(staff.queues))
        seats = [station(agent.name) for agent in staff.agents]
        self.world.acd.roster.configure(staff.agents, seats, staff.tiers)
        self.names = [agent.name for agent in staff.agents]
        self.queues = [one.name for one in staff.queues]
        self.oracle = Oracle(
            [_line(one) for one in staff.queues], [_person(agent, staff.tiers) for agent in staff.agents]
        )
        self.seen = 0
        self.offers = 0
        self.calls = 0
        self.asked: dict[str, int] = {}
        self.last_agent = ""
        self.gaps: dict[str, int] = {}

    def do(self, step: Callable[[], object]) -> None:
        """Something happens; what follows from it is judged."""
        step()
        self.judge()

    def judge(self) -> None:
        """Every offer since was the right one, and none is lacking."""
        while self.seen < len(self.world.facts):
            fact = self.world.facts[self.seen]
            self.seen += 1
            self._follow(fact)
        customer, agents = self._as_if_alone(self.world.clock.now())
        if customer:
            raise WrongOffer(f"nobody was offered {customer}, and {sorted(agents)} could have been")

    def _follow(self, fact: Fact) -> None:
        match fact:
            case CallerQueued():
                queue_name = fact.queue_id.removeprefix("q-")
                stay = self.world.acd.callers.get(fact.entry_id)
                vip = stay.vip if stay is not None else False
                asks = _asks(stay.asks) if stay is not None else []
                customer = Customer(fact.entry_id, queue_name, fact.at, fact.priority, vip, asks=asks)
                self.oracle.joins(customer, self.last_agent)
            case AgentChanged():
                person = self._person(fact)
                gap = self.gaps.get(person.name, 0)
                person.available = fact.presence == Presence.AVAILABLE
                if not person.available:
                    self.oracle.goes(person)
                person.busy = fact.activity != "idle"
                person.idle_since = fact.idle_since
                if fact.cause in ("login", "resume"):
                    person.rests_until = gap if gap > fact.at else 0
            case OfferMade():
                self._made(fact)
            case OfferEnded():
                self._ended(fact)
            case CallerConnected():
                self._person(fact).calls += 1
                self._take(fact.entry_id)
            case CallerReturned():
                self.gaps[self._person(fact).name] = fact.at + REOFFER_GAP_MS * 1000
                self._person(fact).rests_until = fact.at + RESTS_MS["rejected"] * 1000
                if customer := self.oracle.customers.get(fact.entry_id):
                    customer.taken = False
                    customer.rung.clear()
                    customer.waits_for = ""
                    customer.tried.add(fact.agent_id.removeprefix("a-"))
                    customer.refused_until[fact.agent_id.removeprefix("a-")] = fact.at + REFUSED_MS["rejected"] * 1000
            case TalkEnded():
                self._person(fact).talk_ms += fact.talk_ms
                self.oracle.customers.pop(fact.entry_id, None)
            case CallerLeft():
                self.oracle.customers.pop(fact.entry_id, None)
            case _:
                pass

    def _made(self, fact: OfferMade) -> None:
        agent = fact.agent_id.removeprefix("a-")
        person = self.oracle.people[agent]
        was_busy, person.busy = person.busy, False  # the fact of his being offered came just before
        customer, agents = self.oracle.next_offers(fact.at)
        if customer != fact.entry_id or agent not in agents:
            customer, agents = self._as_if_alone(fact.at, person)
        if customer != fact.entry_id or agent not in agents:
            raise WrongOffer(
                f"{agent} was offered {fact.entry_id}; the rules say {customer or 'nobody'} to {sorted(agents)}"
            )
        person.busy = was_busy
        queue_name = fact.queue_id.removeprefix("q-")
        self.asked[queue_name] = self.asked.get(queue_name, 0) + 1
        person.seats[queue_name].asked = self.asked[queue_name]
        waiting = self.oracle.customers[fact.entry_id]
        waiting.rung.add(agent)
        waiting.one_more_at = fact.at + ONE_MORE_MS * 1000
        self.offers += 1

    def _as_if_alone(self, now: int, person: Person | None = None) -> tuple[str, set[str]]:
        """What is right before whatever else is due at this very moment has been looked at."""
        resting = [one for one in self.oracle.people.values() if one.rests_until == now and one is not person]
        ringing = [one for one in self.oracle.customers.values() if one.one_more_at == now and one.rung]
        for rest in resting:
            rest.rests_until += 1
        for ring in ringing:
            ring.one_more_at += 1
        found = self.oracle.next_offers(now)
        for rest in resting:
            rest.rests_until -= 1
        for ring in ringing:
            ring.one_more_at -= 1
        return found

    def _ended(self, fact: OfferEnded) -> None:
        agent, result = fact.agent_id.removeprefix("a-"), str(fact.result)
        person = self.oracle.people[agent]
        if fact.result not in (OfferResult.ACCEPTED, OfferResult.LOST_RACE):
            self.gaps[agent] = fact.at + REOFFER_GAP_MS * 1000
            person.rests_until = max(person.rests_until, fact.at + RESTS_MS.get(result, REOFFER_GAP_MS) * 1000)
        customer = self.oracle.customers.get(fact.entry_id)
        if customer is None or fact.result is OfferResult.ACCEPTED:
            return
        customer.rung.discard(agent)
        if result in TRIED:
            customer.one_more_at = fact.at  # a phone that stops ringing is replaced at once
            customer.tried.add(agent)
            if customer.waits_for == agent:
                customer.waits_for = ""
        if refused := REFUSED_MS.get(result):
            customer.refused_until[agent] = fact.at + refused * 1000
        stay = self.world.acd.callers.get(fact.entry_id)
        customer.taken = stay is not None and bool(stay.winner)

    def _take(self, entry_id: str) -> None:
        customer = self.oracle.customers[entry_id]
        customer.taken = True
        customer.tried.clear()
        customer.refused_until.clear()

    def _person(self, fact: Any) -> Person:
        return self.oracle.people[fact.agent_id.removeprefix("a-")]

    # --- what may happen --------------------------------------------------------------------------

    def caller_comes(
        self, queue_name: str, priority: int, *, vip: bool, asks: tuple[Ask, ...] = (), last_agent: str = ""
    ) -> None:
        leg_id = self.world.caller_arrives()
        self.calls += 1
        self.last_agent = last_agent
        told = {"vip": vip, "asks": asks, "last_agent_id": f"a-{last_agent}"}
        self.do(lambda: self.world.enter(leg_id, queue_name, priority, **told))

    def phone_fails(self, name: str, cause: str) -> None:
        self.do(lambda: self.world.hung_up(self.world.phone_rings(name), cause, rang=True))

    def phone_answered(self, name: str) -> None:
        offer = self.world.acd.offers.out[self.world.agent(name).offer_id]
        customer = self.oracle.customers.get(offer.entry_id)
        if customer is not None and name in customer.rung and offer.withdrawn is None:
            customer.taken = True
        self.do(lambda: self.world.phone_answers(name))

    def answered_and_gone(self, name: str) -> None:
        self.phone_answered(name)
        if leg_id := self.world.ringing(name):
            self.do(lambda: self.world.hung_up(leg_id))

    def talks(self, name: str) -> None:
        """He answers, the two are joined, and whoever else was rung is told to stop."""
        self.phone_answered(name)
        offer = self.world.acd.offers.out.get(self.world.agent(name).offer_id)
        caller = self.world.acd.callers.get(offer.entry_id) if offer is not None else None
        if offer is not None and caller is not None and caller.winner == offer.offer_id:
            self.do(lambda: self.world.bridged(caller.leg_id, offer.leg_id))
        self.do(lambda: self.world.clock.advance(0.3))
        self.do(self.world.switch_obeys)


def _line(one: Queue) -> Line:
    return Line(
        name=one.name,
        strategy=one.strategy,
        ageing_ms=one.ageing_ms,
        head_start_ms=one.head_start_ms,
        vip_priority=one.vip_priority,
        tier_wait_ms=one.tier_wait_ms,
        one_by_one=one.tier_one_by_one,
        skip_empty=one.skip_empty_tiers,
        asks=_asks(one.asks),
        last_agent_ms=one.last_agent_ms,
        busy_elsewhere=one.busy_elsewhere,
    )


def _asks(asks: tuple[Ask, ...]) -> list[tuple[int, dict[str, int], dict[str, int]]]:
    return [(ask.after_ms, dict(ask.required), dict(ask.preferred)) for ask in asks]


def _person(agent: Agent, tiers: list[Tier]) -> Person:
    seats = {
        one.queue_id.removeprefix("q-"): Seat(one.level, one.position, one.weight, one.specialist)
        for one in tiers
        if one.agent_id == agent.agent_id
    }
    return Person(agent.name, seats, dict(agent.skills))


def play(chance: random.Random, steps: int, of: list[str] | None = None) -> Day:
    """A whole day by chance; WrongOffer where the queue did not do what the rules say."""
    day = Day(a_staff(chance, of))
    world = day.world
    for name in day.names:
        if chance.random() < 0.6:
            day.do(lambda name=name: world.ready(name))  # type: ignore[misc]
    for _ in range(steps):
        _something_happens(day, chance)
        day.do(lambda: world.clock.advance(0.001))  # no two things are due at the same moment
    return day


def _something_happens(day: Day, chance: random.Random) -> None:
    world, name = day.world, chance.choice(day.names)
    legs = [call.leg_id for call in world.registry.calls.values()]
    ringing = [one for one in day.names if world.ringing(one)]
    roster = world.acd.roster
    match chance.choices(
        ["call", "talk", "fail", "gone", "hang_up", "done", "login", "logout", "pause", "resume", "private", "time"],
        [8, 6, 3, 1, 2, 5, 3, 1, 1, 2, 1, 6],
    )[0]:
        case "call" if day.calls < MOST_CALLS:
            own = (Ask(required=(("english", 2),)), Ask(after_ms=7_000)) if chance.random() < 0.15 else ()
            day.caller_comes(
                chance.choice(day.queues),
                chance.randint(0, 2),
                vip=chance.random() < 0.2,
                asks=own,
                last_agent=name if chance.random() < 0.3 else "",
            )
        case "talk" if ringing:
            day.talks(chance.choice(ringing))
        case "fail" if ringing:
            day.phone_fails(chance.choice(ringing), chance.choice(list(ENDS)))
        case "gone" if ringing:
            day.answered_and_gone(chance.choice(ringing))
        case "hang_up" if legs:
            gone = chance.choice(legs)
            day.do(lambda: world.caller_hangs_up(gone))
            day.do(world.switch_obeys)
        case "done":
            talking = [leg for leg in world.registry.legs.values() if leg.agent_id and leg.bridged_to]
            if talking:
                leg = chance.choice(talking)
                day.do(lambda: world.agent_hangs_up(leg.bridged_to, leg.leg_id))
        case "login":
            day.do(lambda: world.ready(name))
        case "logout":
            day.do(lambda: roster.logout(f"a-{name}"))
        case "pause" if world.agent(name).presence is not Presence.LOGGED_OUT:
            day.do(lambda: roster.pause(f"a-{name}", "lunch"))
        case "resume" if world.agent(name).presence is not Presence.LOGGED_OUT:
            day.do(lambda: roster.resume(f"a-{name}"))
        case "private":
            _private_call(day, name)
        case "time":
            for _ in range(chance.randint(1, 10)):
                day.do(lambda: world.clock.advance(chance.choice([0.5, 1, 3])))
        case _:
            pass


def _private_call(day: Day, name: str) -> None:
    """He dials somebody himself; or that call ends."""
    world, person = day.world, day.oracle.people[name]
    legs = list(world.acd.roster.seats.phones.legs_of(name))
    seated = world.agent(name).station is not None
    if legs:
        person.on_other_call = False
        day.do(lambda: world.hung_up(legs[0]))
    elif seated:
        person.on_other_call = True
        day.do(
            lambda: world.created(
                new_leg(), inbound=True, number=name, context="ccd_agents", name=f"sofia/internal/{name}@x"
            )
        )
