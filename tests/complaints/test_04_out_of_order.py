"""Complaint 4: The eighth waiting caller is served before the first.

https://github.com/signalwire/freeswitch/issues/2511

Eight callers wait, and everything happens to them that may: they are refused, given back, moved away and back, reordered and
put right again, the site reloads and agents come and go. They are served in the order in which they came.
"""

from __future__ import annotations

import random

import pytest

from ccd.acd import deciding
from ccd.acd.callers import QueuedCaller
from ccd.acd.facts import CallerConnected
from ccd.acd.service import Acd
from tests.builders import World, queue, tier
from tests.complaints.seeding import Plant, assert_fails_with

NO_LONGER = dict.fromkeys(("reject_delay_ms", "busy_delay_ms", "fault_delay_ms", "reoffer_gap_ms"), 200)
QUEUES = [queue("support", refused_again_ms=0, ring_ms=600_000, progress_ms=600_000, **NO_LONGER), queue("sales")]
TIERS = [tier("support", "ann")]
CALLERS = 8


class Line:
    """Eight callers of support, one agent."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.world = World()
        self.world.configure(QUEUES, ["ann"], TIERS)
        self.callers = [self.world.caller_queues() for _ in range(CALLERS)]
        self.calls = [self.world.registry.legs[one].call_id for one in self.callers]
        self.world.ready("ann")

    def happens(self) -> None:
        """One thing that must not change anybody's place."""
        getattr(self, self.chance.choice(["refused", "given_back", "moved", "reordered", "reloaded", "on_break"]))()
        self.world.switch_obeys()
        self.world.clock.advance(1)  # whoever was left alone for it is ready again

    def refused(self) -> None:
        if leg := self.world.ringing("ann"):
            self.world.hung_up(leg, self.chance.choice(["CALL_REJECTED", "USER_BUSY"]), rang=True)

    def given_back(self) -> None:
        """She answers and is gone at once."""
        if caller := next((one for one in self.callers if self.world.offered_to(one)), ""):
            leg = self.world.connect(caller, "ann")
            self.world.agent_hangs_up(caller, leg)

    def moved(self) -> None:
        """Away and back again; whoever is being rung for, too."""
        waiting = [one.call_id for one in self.world.acd.callers.values() if not one.connected_at]
        call_id = self.chance.choice(waiting)
        self.world.acd.operating.move("support", "sales", call_id=call_id)
        self.world.clock.advance(self.chance.choice([0, 3]))
        self.world.acd.operating.move("sales", "support", call_id=call_id)

    def reordered(self) -> None:
        """Somebody is put first, and somebody else thinks better of it."""
        call_id = self.chance.choice([one.call_id for one in self.world.acd.callers.values() if not one.connected_at])
        operating, ringing = self.world.acd.operating, self.world.ringing("ann")
        if ringing:
            operating.prioritise(call_id, 5)
            operating.prioritise(call_id, 0)

    def reloaded(self) -> None:
        self.world.configure(QUEUES, ["ann"], TIERS)

    def on_break(self) -> None:
        self.world.acd.roster.pause("a-ann", "lunch")
        self.world.acd.roster.resume("a-ann")

    def next_is_served(self) -> None:
        while not self.world.ringing("ann"):
            self.world.clock.advance(1)
            self.world.switch_obeys()
        caller = next(one for one in self.callers if self.world.offered_to(one))
        leg = self.world.connect(caller, "ann")
        self.world.clock.advance(30)
        self.world.agent_hangs_up(caller, leg)
        self.world.caller_hangs_up(caller)

    def served(self) -> list[str]:
        """The calls in the order in which they got an agent for good."""
        last = {fact.call_id: fact.at for fact in self.world.of(CallerConnected)}
        return sorted(last, key=lambda call_id: last[call_id])


def first_come_first_served(seed: int) -> None:
    line = Line(seed)
    for _ in range(CALLERS):
        for _ in range(line.chance.randint(0, 4)):
            line.happens()
        line.next_is_served()
    assert line.served() == line.calls


@pytest.mark.parametrize("seed", range(12))
def test_callers_are_served_in_the_order_in_which_they_came(seed: int) -> None:
    first_come_first_served(seed)


def the_last_one_first(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(deciding, "place_of", lambda joined_at, priority, **more: -joined_at)


def back_at_the_end_of_the_line(patch: pytest.MonkeyPatch) -> None:
    """Whoever waits again waits anew."""
    right = Acd.wait

    def wrong(self: Acd, caller: QueuedCaller) -> None:
        caller.joined_at = self._ports.clock.now()
        right(self, caller)

    patch.setattr(Acd, "wait", wrong)


@pytest.mark.parametrize("defect", [the_last_one_first, back_at_the_end_of_the_line])
def test_the_scenario_fails_on_the_complaint(defect: Plant) -> None:
    assert_fails_with(defect, lambda: first_come_first_served(3))
