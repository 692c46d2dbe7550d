"""Complaint 7: An unregistered or rejecting agent keeps being offered, with one counter for all causes.

https://github.com/signalwire/freeswitch/issues/152 https://github.com/signalwire/freeswitch/issues/153
https://github.com/fusionpbx/fusionpbx/issues/2831 https://github.com/FreePBX/issue-tracker/issues/816
https://github.com/mikopbx/Core/issues/1043

How often a phone is rung is counted as the switch is told, over an hour in which callers wait.
"""

from __future__ import annotations

import pytest

from ccd.acd import offer_endings
from ccd.acd.agent_states import AgentState
from ccd.acd.causes import Penalty
from ccd.acd.deciding import Deciding
from ccd.acd.model import Presence
from ccd.switch.commands import Originate
from tests.builders import World, queue, tier
from tests.complaints.seeding import Plant, assert_fails_with

# the switch's word, the SIP status, whether it rang
HOW = {
    "no_answer": ("NO_ANSWER", "", True),
    "rejected": ("CALL_REJECTED", "sip:603", True),
    "busy": ("USER_BUSY", "sip:486", False),
    "not_registered": ("USER_NOT_REGISTERED", "", False),
    "unreachable": ("RECOVERY_ON_TIMER_EXPIRE", "sip:408", False),
}


def staffed(*names: str, **settings: object) -> World:
    world = World()
    world.configure([queue(**settings)], list(names), [tier("support", name) for name in names])
    world.ready(*names)
    return world


def fails(world: World, name: str, cause: str) -> None:
    word, sip, rang = HOW[cause]
    world.hung_up(world.phone_rings(name), word, sip=sip, rang=rang)


def a_phone_that_is_not_there() -> None:
    """Three times, half a minute apart, then its agent is on break, for that reason."""
    world = staffed("ann")
    for _ in range(3):
        world.caller_queues()
    for _ in range(720):
        if world.ringing("ann"):
            fails(world, "ann", "not_registered")
        world.clock.advance(5)
        assert len(world.switch.all(Originate)) <= 3
    assert (world.agent("ann").presence, world.agent("ann").reason) == (Presence.ON_BREAK, "not_registered")


def test_a_phone_that_is_not_there_is_not_asked_for_ever() -> None:
    a_phone_that_is_not_there()


def who_rejects_a_caller() -> None:
    """Is not asked for him again for half a minute, though he is alone; for others he is, after ten seconds."""
    world = staffed("ann")
    caller = world.caller_queues()
    fails(world, "ann", "rejected")
    asked = []
    for second in range(59):
        world.clock.advance(1)
        if world.ringing("ann"):
            asked.append(second + 1)
            fails(world, "ann", "rejected")
    assert asked == [30], f"asked for {caller} again after so many seconds"
    other = world.caller_queues()
    assert world.offered_to(other) == "ann"


def test_who_rejects_a_caller_is_not_asked_for_him_at_once() -> None:
    who_rejects_a_caller()


def another_agent_gets_a_rejected_caller() -> None:
    world = staffed("ann", "ben")
    caller = world.caller_queues()
    fails(world, "ann", "rejected")
    assert world.offered_to(caller) == "ben"
    fails(world, "ben", "busy")
    world.clock.advance(10)
    assert world.offered_to(caller) == "ben", "ann has said no, ben was only busy"


def test_a_rejected_caller_goes_to_another() -> None:
    another_agent_gets_a_rejected_caller()


def each_cause_counts_for_itself() -> None:
    """Busy and away all day, and only calls that he let ring send him on break."""
    world = staffed("ann", max_no_answers=2, refused_again_ms=0, progress_ms=60_000)
    world.caller_queues()
    missed = {"busy": 4, "rejected": 3, "unreachable": 2, "no_answer": 1}
    for cause, times in missed.items():
        for _ in range(times):
            fails(world, "ann", cause)
            world.clock.advance(30)
    assert world.agent("ann").missed == missed
    assert world.agent("ann").presence is Presence.AVAILABLE
    fails(world, "ann", "no_answer")
    assert (world.agent("ann").presence, world.agent("ann").reason) == (Presence.ON_BREAK, "no_answer")


def test_each_cause_has_a_counter_of_its_own() -> None:
    each_cause_counts_for_itself()


def failures_cost_nothing(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(offer_endings, "penalty_of", lambda result, queue: Penalty())


def one_counter_for_all(patch: pytest.MonkeyPatch) -> None:
    right = AgentState.count
    patch.setattr(AgentState, "count", lambda self, cause: right(self, "no_answer" if cause else ""))


def refusals_are_forgotten(patch: pytest.MonkeyPatch) -> None:
    right = Deciding.refused
    patch.setattr(Deciding, "refused", lambda self, caller, agent_id, again_ms: right(self, caller, agent_id, 0))


DEFECTS = [
    (failures_cost_nothing, a_phone_that_is_not_there),
    (one_counter_for_all, each_cause_counts_for_itself),
    (refusals_are_forgotten, who_rejects_a_caller),
    (refusals_are_forgotten, another_agent_gets_a_rejected_caller),
]


@pytest.mark.parametrize(("defect", "story"), DEFECTS)
def test_the_scenario_fails_on_the_complaint(defect: Plant, story: Plant) -> None:
    assert_fails_with(defect, story)
