"""What a decision costs, in calls made by the interpreter: it must not grow with the lines."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest

from tests.builders import World, queue, tier


def operations(work: Callable[[], object]) -> int:
    """How many calls, of Python and of C, `work` makes."""
    count = 0

    def seen(frame: object, event: str, argument: object) -> None:
        nonlocal count
        if event in ("call", "c_call"):
            count += 1

    sys.setprofile(seen)
    try:
        work()
    finally:
        sys.setprofile(None)
    return count


class Quiet(World):
    """A world that keeps no facts and checks none: only the decision is measured."""

    def publish(self, fact: object) -> None:
        self.bus.publish(fact)


def quiet(agents: int) -> Quiet:
    world = Quiet()
    names = [f"n{number}" for number in range(agents)]
    world.configure([queue()], names, [tier("support", name) for name in names])
    return world


def waiting(callers: int) -> int:
    """An agent becomes free, is offered the first, does not answer: the caller goes back and the next agent is asked."""
    world = quiet(2)
    for _ in range(callers):
        world.caller_queues()
    return operations(lambda: world.acd.roster.login("a-n0")) + operations(
        lambda: world.hung_up(world.ringing("n0"), "USER_BUSY")
    )


def idle(agents: int) -> int:
    """A caller comes, is offered, hangs up: the agent goes back to the pool; another's private call ends."""
    world = quiet(agents)
    world.ready(*(f"n{number}" for number in range(agents)))
    caller = world.caller_arrives()
    cost = operations(lambda: world.enter(caller))
    leg = world.ringing("n0")
    cost += operations(lambda: world.caller_hangs_up(caller))
    cost += operations(lambda: world.hung_up(leg, "ORIGINATOR_CANCEL"))
    private = "c8c4f0a4-0000-4000-8000-000000000000"
    world.created(private, inbound=True, number="n1", context="ccd_agents", name="sofia/internal/n1@x")
    return cost + operations(lambda: world.hung_up(private))


def pausing(agents: int) -> int:
    """An agent signs in, takes a break, comes back and signs out."""
    world = quiet(agents)
    world.ready(*(f"n{number}" for number in range(agents - 1)))
    last = f"a-n{agents - 1}"
    roster = world.acd.roster

    def shift() -> None:
        roster.login(last)
        roster.pause(last, "lunch")
        roster.resume(last)
        roster.logout(last)

    return operations(shift)


@pytest.mark.parametrize(("cost", "few", "many"), [(waiting, 10, 10_000), (idle, 10, 5_000), (pausing, 10, 5_000)])
def test_cost_of_a_decision_does_not_grow(cost: Callable[[int], int], few: int, many: int) -> None:
    assert cost(many) <= 2 * cost(few)
