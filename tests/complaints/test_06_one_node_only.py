"""Complaint 6: Several nodes are impossible, the instance is hard coded.

https://github.com/signalwire/freeswitch/issues/3091 https://github.com/signalwire/freeswitch/issues/1674

The caller's switch is one, the agent's telephone hangs on another. Every row of a leg says which switch it was, also that of
a phone that never got as far as a channel.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from ccd.acd.facts import OfferMade
from ccd.journal.records import SpooledFact
from ccd.switch.commands import Originate
from ccd.switch.events import SwitchEvent
from tests.builders import NODE, World, queue, station, tier
from tests.side.report_days import Books, with_uuids

OTHER = "fs2"
ROWS = {
    "calls": "SELECT node FROM ccd.calls",
    "legs": "SELECT node FROM ccd.legs ORDER BY role",
    "queue_entries": "SELECT node FROM ccd.queue_entries",
    "offers": "SELECT node FROM ccd.offers ORDER BY offered_at",
}


class TwoSwitches(World):
    """Each leg's events come from the switch that has it."""

    def say(self, event: SwitchEvent) -> None:
        leg = self.registry.legs.get(event.leg_id)
        self.registry.apply(event, leg.node if leg is not None else NODE)


@pytest.fixture
def books(database: str, tmp_path: Path) -> Iterator[Books]:
    found = Books(database, tmp_path)
    yield found
    found.close()


def a_call_over_two_switches() -> TwoSwitches:
    """The first order to ring comes to nothing, without any channel; the second is taken."""
    world = TwoSwitches()
    desk = station("ann", node=OTHER)
    world.configure([queue(fault_delay_ms=1_000)], ["ann"], [tier("support", "ann")], ann=desk)
    world.ready("ann")
    caller = world.caller_queues()
    world.job_failed(world.ringing("ann"), "USER_NOT_REGISTERED")
    world.clock.advance(1)
    leg = world.connect(caller, "ann")
    world.clock.advance(20)
    world.agent_hangs_up(caller, leg)
    world.caller_hangs_up(caller)
    return world


def test_every_row_of_a_leg_names_its_switch(books: Books) -> None:
    world = a_call_over_two_switches()
    assert len(world.switch.all(Originate)) == len(world.of(OfferMade)) == 2
    books.staffed(["q-support"], ["a-ann"])
    for seq, fact in enumerate(world.facts, 1):  # each in a batch of its own: nothing may wait for what comes later
        books.write([SpooledFact("boot-a", seq, with_uuids(fact))])
    with books.engine.connect() as connection:
        rows = {name: [row[0] for row in connection.execute(text(question))] for name, question in ROWS.items()}
    assert rows == {"calls": [NODE], "legs": [OTHER, OTHER, NODE], "queue_entries": [NODE], "offers": [OTHER, OTHER]}
