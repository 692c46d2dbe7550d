"""What protects callers from a dead ccd."""

from __future__ import annotations

import pytest

from ccd.base.clock import FakeClock
from ccd.switch.commands import Command, DropLease, Lease, MarkAlive
from ccd.switch.guards import Guards
from tests.builders import new_leg
from tests.fakes import FakeSwitch


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def switch() -> FakeSwitch:
    return FakeSwitch()


@pytest.fixture
def guards(switch: FakeSwitch, clock: FakeClock) -> Guards:
    guards = Guards(switch, clock)
    guards.start(first_lease_s=30)
    switch.forget()
    return guards


def leases(told: list[Command], leg_id: str) -> int:
    """How many leases of a leg stand on the switch after these commands; never two."""
    standing = 0
    for one in told:
        if isinstance(one, DropLease) and one.leg_id == leg_id:
            standing = 0
        elif isinstance(one, Lease) and one.leg_id == leg_id:
            standing += 1
            assert standing == 1, "two leases at once"
    return standing


def test_lease_is_renewed_every_ten_seconds(guards: Guards, switch: FakeSwitch, clock: FakeClock) -> None:
    leg = new_leg()
    guards.hold(leg, leased=False)
    assert switch.all(Lease) == [Lease(leg_id=leg, seconds=30)]
    for _ in range(60):
        clock.advance(1)
        assert leases(switch.told, leg) == 1
    assert len(switch.all(Lease, leg)) in (6, 7)


def test_lease_that_the_dialplan_has_just_given_is_renewed_when_it_is_due(
    guards: Guards, switch: FakeSwitch, clock: FakeClock
) -> None:
    leg = new_leg()
    guards.hold(leg, leased=True)
    assert switch.told == []
    for _ in range(11):
        clock.advance(1)
    assert switch.all(Lease) == [Lease(leg_id=leg, seconds=30)]
    assert leases(switch.told, leg) == 1


@pytest.mark.parametrize("first_lease_s", [0, 1, 19])
def test_lease_of_a_dialplan_that_makes_it_short_is_renewed_at_once(
    guards: Guards, switch: FakeSwitch, first_lease_s: int
) -> None:
    """A site may have changed ccd_lease_s and not ccd.yaml; or the switch does not say what it is."""
    guards.start(first_lease_s)
    leg = new_leg()
    guards.hold(leg, leased=True)
    assert leases(switch.told, leg) == 1


def test_no_lease_is_older_than_eleven_seconds(guards: Guards, switch: FakeSwitch, clock: FakeClock) -> None:
    legs = [new_leg() for _ in range(30)]
    for leg in legs:
        guards.hold(leg, leased=False)
        clock.advance(0.7)
    switch.forget()
    clock.advance(11)
    for leg in legs:
        assert leases(switch.told, leg) == 1


@pytest.mark.parametrize("voided", [True, False])
def test_dropped_or_forgotten_lease_is_not_renewed(
    guards: Guards, switch: FakeSwitch, clock: FakeClock, voided: bool
) -> None:
    leg = new_leg()
    guards.hold(leg, leased=False)
    guards.drop(leg) if voided else guards.forget(leg)
    assert leases(switch.told, leg) == (0 if voided else 1)
    switch.forget()
    clock.advance(60)
    assert switch.all(Lease) == []
    assert guards.held() == 0


def test_ccd_says_that_it_lives_every_two_seconds(guards: Guards, switch: FakeSwitch, clock: FakeClock) -> None:
    clock.advance(10)
    assert switch.all(MarkAlive) == [MarkAlive()] * 5


def test_nothing_is_sent_while_the_link_is_down_and_everything_when_it_is_back(
    guards: Guards, switch: FakeSwitch, clock: FakeClock
) -> None:
    leg = new_leg()
    guards.hold(leg, leased=False)
    guards.pause()
    switch.forget()
    clock.advance(25)
    assert switch.told == []
    guards.start(30)
    assert switch.told[0] == MarkAlive()
    assert leases(switch.told, leg) == 1
    switch.forget()
    clock.advance(10.5)
    assert len(switch.all(Lease, leg)) == 1
    assert len(switch.all(MarkAlive)) == 5


def test_connecting_twice_does_not_beat_twice(guards: Guards, switch: FakeSwitch, clock: FakeClock) -> None:
    guards.start(30)
    switch.forget()
    clock.advance(10)
    assert len(switch.all(MarkAlive)) == 5


def test_stopping_on_purpose_sends_new_callers_to_the_fallback_at_once(
    guards: Guards, switch: FakeSwitch, clock: FakeClock
) -> None:
    guards.hold(new_leg(), leased=True)
    guards.stop()
    switch.forget()
    clock.advance(60)
    assert switch.told == []
    assert clock.pending() == 0
