"""Complaint 12: Overload near 20 calls a second, stuck channels.

https://github.com/signalwire/freeswitch/issues/2458

mod_callcenter walks all members and agents in one thread, over SQL; more processors do not help. Here a call costs the same
number of operations in a small centre and in a large one, counted in calls that the interpreter makes, and core never touches
SQL. How many calls a second that is on a given machine, `scripts/bench load` says.
"""

from __future__ import annotations

import subprocess
import sys

import pytest

from ccd.acd.matching.matcher import Matcher
from tests.acd.test_cost import operations, quiet
from tests.builders import World, queue, tier
from tests.complaints.seeding import assert_fails_with


def a_whole_call(agents: int, waiting: int) -> int:
    """Operations of one call from its arrival to its end, while so many others wait and so many agents sit there.

    The others ask for a skill that nobody has free: they wait, and are in the way wherever somebody looks at all of them.
    """
    world = quiet(agents)
    world.acd.configure((queue(), queue("busy")))
    world.acd.roster.configure(
        [one.settings for one in world.acd.roster.agents.values()],
        list(world.acd.roster.seats.stations.values()),
        [tier("support", f"n{number}") for number in range(agents)],
    )
    for _ in range(waiting):
        world.caller_queues("busy")
    world.ready(*(f"n{number}" for number in range(agents)))
    return min(operations(lambda: _call(world)) for _ in range(3))  # now and then the journal gets a whole picture


def _call(world: World) -> None:
    world.switch.forget()  # whose list of commands the phones look through
    caller = world.caller_queues()
    leg = world.connect(caller, world.offered_to(caller))
    world.clock.advance(1)
    world.agent_hangs_up(caller, leg)
    world.caller_hangs_up(caller)


def a_call_costs_the_same_in_a_large_centre() -> None:
    small = a_whole_call(agents=5, waiting=5)
    assert a_whole_call(agents=200, waiting=5) <= 2 * small
    assert a_whole_call(agents=5, waiting=1500) <= 2 * small


def test_a_call_costs_the_same_however_many_wait_and_work() -> None:
    a_call_costs_the_same_in_a_large_centre()


def nothing_is_left_of_a_thousand_calls() -> None:
    """No channel is stuck, and nothing grows."""
    world = quiet(5)
    world.ready(*(f"n{number}" for number in range(5)))
    for _ in range(200):
        _call(world)
        world.switch.forget()
    for number in range(5):
        world.acd.roster.logout(f"a-n{number}")
    world.clock.advance(60)
    assert (world.registry.legs, world.registry.calls, world.acd.callers, world.acd.offers.out) == ({}, {}, {}, {})
    assert world.clock.pending() == 0


def test_many_calls_leave_nothing_behind() -> None:
    nothing_is_left_of_a_thousand_calls()


def test_who_decides_never_asks_sql() -> None:
    """The deciding process does not even load it."""
    look = "import sys, ccd.core.house; print([one for one in sys.modules if one.split('.')[0] in ('sqlalchemy', 'psycopg')])"
    assert subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True).stdout == "[]\n"


def all_callers_are_walked(patch: pytest.MonkeyPatch) -> None:
    right = Matcher.for_agent

    def wrong(self: Matcher, agent_id: str) -> str:
        for one in self.all_waiting():
            self.waits(one.entry_id)
        return right(self, agent_id)

    patch.setattr(Matcher, "for_agent", wrong)


def test_the_scenario_fails_on_the_complaint() -> None:
    assert_fails_with(all_callers_are_walked, a_call_costs_the_same_in_a_large_centre)
