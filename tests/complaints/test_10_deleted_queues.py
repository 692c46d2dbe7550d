"""Complaint 10: A deleted queue comes back, or floods the log.

https://github.com/signalwire/freeswitch/issues/1822 https://github.com/fusionpbx/fusionpbx/issues/1043

A queue with callers in it is not removed: drain it, or move them. Where it is gone from the configuration all the same,
whoever is inside is served to the end, nobody else gets in, and with the last one it is gone.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from structlog.testing import capture_logs

from ccd.acd.facts import CallerLeft, LeftReason, QueueDrained
from ccd.acd.gone_queues import GoneQueues
from ccd.acd.service import Acd
from ccd.base.errors import NotFound, Refused
from ccd.calls import onchannel
from ccd.calls.onchannel import Place
from ccd.core.closing import Closing
from ccd.core.node import Node
from ccd.core.stays import Stays, as_known
from ccd.switch.found import read_dump
from tests.builders import World, queue, tier
from tests.complaints.seeding import Plant, assert_fails_with
from tests.office_world import World as Office

HOUR_S = 3600


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    office = Office(tmp_path)
    yield office
    office.close()


def test_whoever_removes_a_queue_with_callers_is_told_to_drain_it(office: Office) -> None:
    (sales,) = office.staffed().tables.queues
    row = {"queue_id": sales.queue_id, "name": "sales", "waiting": 1, "talking": 0}
    office.core.answers["queues.list"] = [row]
    with pytest.raises(Refused, match=r"queue sales is in use: 1 waiting, 0 talking.*drain"):
        office.delete("queues", "sales")
    assert office.tables.queues == [sales]


def drained_and_removed() -> None:
    """The way that it says: nobody gets in, the last one's end is told, and then it goes."""
    world = staffed()
    caller = world.caller_queues()
    world.acd.operating.close("support", drain=True)
    refused = world.caller_queues()
    assert world.left(refused) == [LeftReason.CLOSED]
    served(world, caller)
    assert len(world.of(QueueDrained)) == 1
    world.configure([queue("sales")], ["ann"], [tier("sales", "ann")])
    assert list(world.acd.queues) == ["q-sales"]


def test_a_queue_is_drained_before_it_is_removed() -> None:
    drained_and_removed()


def staffed() -> World:
    world = World()
    world.configure([queue("support"), queue("sales")], ["ann"], [tier("support", "ann"), tier("sales", "ann")])
    return world


def served(world: World, caller: str) -> None:
    world.ready("ann")
    leg = world.connect(caller, "ann")
    world.clock.advance(30)
    world.agent_hangs_up(caller, leg)
    world.caller_hangs_up(caller)
    world.clock.advance(1)


def gone_with_callers_in_it() -> None:
    """For an hour nobody can serve them, the site reloads, callers come: the log is quiet, and nobody joins what is gone."""
    world = staffed()
    first, second = world.caller_queues(), world.caller_queues()
    with capture_logs() as lines:
        for _ in range(60):
            world.configure([queue("sales")], ["ann"], [tier("sales", "ann")])
            world.clock.advance(HOUR_S / 60)
            with pytest.raises(NotFound):
                world.acd.queue_named("support", joins=True)
    assert lines == []
    assert [world.acd.caller_of(one) is not None for one in (first, second)] == [True, True], "nobody is thrown out"
    world.acd.operating.move("support", "sales", first=1)
    served(world, first)
    assert "q-support" in world.acd.queues
    world.caller_hangs_up(second)
    world.clock.advance(0.1)
    assert list(world.acd.queues) == ["q-sales"], "it went with its last caller, without a reload"
    world.acd.roster.logout("a-ann")
    world.assert_at_rest()


def test_a_queue_that_is_gone_is_empty_some_time_and_then_away() -> None:
    gone_with_callers_in_it()


def another_of_the_same_name() -> None:
    """Callers of today join the queue of today, although some still wait in the old one."""
    world = staffed()
    world.caller_queues()
    new = queue("support").__class__(queue_id="q-new", name="support")
    world.configure([new], ["ann"], [])
    assert world.acd.queue_named("support", joins=True).settings.queue_id == "q-new"


def test_a_new_queue_of_the_same_name_is_not_the_old_one() -> None:
    another_of_the_same_name()


def its_phone_rings_as_it_goes() -> None:
    """The agent whom it had is nobody's prisoner."""
    world = staffed()
    world.ready("ann")
    caller = world.caller_queues()
    world.phone_rings("ann")
    world.configure([queue("sales")], ["ann"], [tier("sales", "ann")])
    world.caller_hangs_up(caller)
    world.switch_obeys()
    world.clock.advance(1)
    assert list(world.acd.queues) == ["q-sales"]
    assert world.agent("ann").activity == "idle"
    assert world.offered_to(world.caller_queues("sales")) == "ann"


def test_its_removal_holds_no_agent() -> None:
    its_phone_rings_as_it_goes()


def restarted_without_it(tmp_path: Path) -> Any:
    """ccd dies while somebody waits in a queue that the next configuration does not have: his visit ends, his flow goes on."""
    before = staffed()
    leg_id = before.caller_queues()
    past = before.ledger.calls[before.registry.legs[leg_id].call_id]
    after = World(ledger=before.ledger)
    after.configure([queue("sales")], ["ann"], [tier("sales", "ann")])
    closing = Closing(
        clock=after.clock,
        registry=after.registry,
        acd=after.acd,
        ledger=after.ledger,
        publish=after.publish,
        cdr_path=str(tmp_path),
        close_transfer=lambda past, at: None,
    )
    stays = Stays(
        clock=after.clock,
        registry=after.registry,
        acd=after.acd,
        ledger=after.ledger,
        closing=closing,
        publish=after.publish,
    )
    found = read_dump(f'{{"Unique-ID": "{leg_id}", "Channel-State": "CS_EXECUTE"}}')
    place = as_known(Place(call_id=past.call_id, role="customer"), past)
    assert place.queued, onchannel.variables(call_id=past.call_id)
    edge = stays.find(cast(Node, SimpleNamespace(name="fs1")), found, place, {})
    return edge, [(fact.reason, fact.call_id) for fact in after.of(CallerLeft)], past.call_id


def test_a_restart_closes_the_visits_of_a_queue_that_is_gone(tmp_path: Path) -> None:
    edge, left, call_id = restarted_without_it(tmp_path)
    assert (edge, left) == ("closed", [(LeftReason.CLOSED, call_id)])


def it_stays_until_somebody_reloads(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(GoneQueues, "look_soon", lambda self: None)


def it_comes_back(patch: pytest.MonkeyPatch) -> None:
    """Whoever names it is let in."""

    def wrong(self: Acd, name: str, *, joins: bool = False) -> Any:
        for state in self.queues.values():
            if state.settings.name == name:
                return state
        raise NotFound(name)

    patch.setattr(Acd, "queue_named", wrong)


DEFECTS = [
    (it_stays_until_somebody_reloads, gone_with_callers_in_it),
    (it_stays_until_somebody_reloads, its_phone_rings_as_it_goes),
    (it_comes_back, another_of_the_same_name),
]


@pytest.mark.parametrize(("defect", "story"), DEFECTS)
def test_the_scenario_fails_on_the_complaint(defect: Plant, story: Plant) -> None:
    assert_fails_with(defect, story)
