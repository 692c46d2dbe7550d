"""Who should have been offered to whom, from the rules as written for people (docs/queues.md): slow, and without ccd.acd.

Every caller is held against every agent, again for every offer. Times are microseconds, as facts have them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

FOR_EVER = 10**15
LISTED = ("top-down", "sequentially-by-agent-order", "ring-all", "ring-progressively")


@dataclass
class Seat:
    """An agent's part in a queue, and what the queue knows of him."""

    level: int = 1
    position: int = 1
    weight: int = 10
    specialist: bool = False
    asked: int = 0


@dataclass
class Person:
    """An agent. `rests_until`: a phone that failed is left alone for a while."""

    name: str
    seats: dict[str, Seat]
    skills: dict[str, int] = field(default_factory=dict)
    available: bool = False
    busy: bool = False
    on_other_call: bool = False
    rests_until: int = 0
    idle_since: int = 0
    calls: int = 0
    talk_ms: int = 0

    def ready(self, now: int) -> bool:
        return self.available and not self.busy and now >= self.rests_until


@dataclass
class Customer:
    """A caller in a queue."""

    name: str
    queue: str
    joined_at: int
    priority: int = 0
    vip: bool = False
    refused_until: dict[str, int] = field(default_factory=dict)
    tried: set[str] = field(default_factory=set)
    rung: set[str] = field(default_factory=set)
    taken: bool = False
    one_more_at: int = 0
    asks: list[tuple[int, dict[str, int], dict[str, int]]] = field(default_factory=list)
    waits_for: str = ""
    waits_until: int = 0


@dataclass
class Line:
    """A queue's rules. `asks` are (after_ms, required, preferred), the first from 0 on."""

    name: str
    strategy: str = "longest-idle-agent"
    ageing_ms: int = 60_000
    head_start_ms: int = 0
    vip_priority: int = 10
    tier_wait_ms: int = 0
    one_by_one: bool = False
    skip_empty: bool = True
    asks: list[tuple[int, dict[str, int], dict[str, int]]] = field(default_factory=list)
    last_agent_ms: int = 0
    busy_elsewhere: bool = True


class Oracle:
    """Everything there is, and what ought to be offered next."""

    def __init__(self, lines: Iterable[Line], people: Iterable[Person]) -> None:
        self.lines = {line.name: line for line in lines}
        self.people = {person.name: person for person in people}
        self.customers: dict[str, Customer] = {}

    # --- callers ----------------------------------------------------------------------------------

    def stands_since(self, customer: Customer) -> int:
        """From when on he counts as waiting: his moment, less what his priority and his queue are worth."""
        line = self.lines[customer.queue]
        points = customer.priority
        if customer.vip and line.strategy == "vip-first":
            points += line.vip_priority
        worth = line.ageing_ms * 1000 if line.ageing_ms else FOR_EVER
        return customer.joined_at - points * worth - line.head_start_ms * 1000

    def wants_somebody(self, customer: Customer, now: int) -> bool:
        """Nobody has him; one phone rings for him at most, unless his queue rings several."""
        if customer.taken:
            return False
        strategy = self.lines[customer.queue].strategy
        if not customer.rung or strategy == "ring-all":
            return True
        return strategy == "ring-progressively" and now >= customer.one_more_at

    def joins(self, customer: Customer, last_agent: str) -> None:
        """He waits for who served him last, where that one serves the queue and is there."""
        self.customers[customer.name] = customer
        person, line = self.people.get(last_agent), self.lines[customer.queue]
        if line.last_agent_ms and person is not None and person.available and customer.queue in person.seats:
            customer.waits_for = last_agent
            customer.waits_until = customer.joined_at + line.last_agent_ms * 1000

    def goes(self, person: Person) -> None:
        """He signs out or goes on break: nobody waits for him any more."""
        person.available = False
        for customer in self.customers.values():
            if customer.waits_for == person.name:
                customer.waits_for = ""

    # --- agents for a caller ----------------------------------------------------------------------

    def levels(self, line: Line) -> list[int]:
        """The levels that count: those with somebody signed in and not on break, or all where empty ones are not skipped."""
        return sorted(
            {
                person.seats[line.name].level
                for person in self.people.values()
                if line.name in person.seats and (person.available or not line.skip_empty)
            }
        )

    def open_levels(self, customer: Customer, now: int) -> list[int]:
        line, waited_ms = self.lines[customer.queue], (now - customer.joined_at) // 1000
        levels = self.levels(line)
        if line.tier_wait_ms == 0:
            return levels
        passed = waited_ms // line.tier_wait_ms
        if not line.one_by_one and passed:
            return levels
        return levels[: 1 + (passed if line.one_by_one else 0)]

    def asked_for(self, customer: Customer, now: int) -> tuple[dict[str, int], dict[str, int]]:
        waited_ms = (now - customer.joined_at) // 1000
        required: dict[str, int] = {}
        preferred: dict[str, int] = {}
        for after_ms, must, may in sorted(customer.asks or self.lines[customer.queue].asks, key=lambda ask: ask[0]):
            if waited_ms >= after_ms:
                required, preferred = must, may
        return required, preferred

    def may_take(self, person: Person, customer: Customer, now: int) -> bool:
        seat = person.seats.get(customer.queue)
        if seat is None or not person.ready(now) or person.name in customer.rung:
            return False
        if person.on_other_call and self.lines[customer.queue].busy_elsewhere:
            return False
        if customer.refused_until.get(person.name, 0) > now:
            return False
        if customer.waits_for and now < customer.waits_until:
            return person.name == customer.waits_for
        if seat.level not in self.open_levels(customer, now):
            return False
        required, _ = self.asked_for(customer, now)
        return all(person.skills.get(skill, 0) >= least for skill, least in required.items())

    def comes_before(self, person: Person, customer: Customer, now: int) -> tuple[object, ...]:
        """What orders the agents who may take a caller; the smallest is asked first."""
        line, seat = self.lines[customer.queue], person.seats[customer.queue]
        required, preferred = self.asked_for(customer, now)
        has = sum(person.skills.get(skill, 0) >= least for skill, least in preferred.items())
        again = line.strategy == "top-down" and person.name in customer.tried
        own: tuple[object, ...]
        match line.strategy:
            case "longest-idle-agent":
                own = (person.idle_since,)
            case "round-robin":
                own = (seat.asked,)
            case "agent-with-fewest-calls":
                own = (person.calls, person.idle_since)
            case "agent-with-least-talk-time":
                own = (person.talk_ms, person.idle_since)
            case "skills-best-match":
                own = (-sum(person.skills.get(skill, 0) for skill in {*required, *preferred}), person.idle_since)
            case "vip-first":
                own = (seat.specialist is not customer.vip, person.idle_since)
            case listed if listed in LISTED:
                own = ()
            case _:  # drawn: all of the first group are as good as each other
                return (again, seat.level, -has)
        return (again, seat.level, -has, *own, seat.position, person.name)

    # --- the answer -------------------------------------------------------------------------------

    def next_offers(self, now: int) -> tuple[str, set[str]]:
        """The caller whose turn it is, and the agents who are right for him (several only where one is drawn); ('', {}) none."""
        in_order = sorted(
            (one for one in self.customers.values() if self.wants_somebody(one, now)),
            key=lambda one: (self.stands_since(one), one.joined_at, one.name),
        )
        for customer in in_order:
            able = [person for person in self.people.values() if self.may_take(person, customer, now)]
            if able:
                if self.lines[customer.queue].strategy == "ring-all":
                    return customer.name, {one.name for one in able}
                first = min(self.comes_before(person, customer, now) for person in able)
                return customer.name, {one.name for one in able if self.comes_before(one, customer, now) == first}
        return "", set()
