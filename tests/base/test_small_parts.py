"""Clock, bus, greenlets, ids."""

from __future__ import annotations

import uuid

import gevent
import pytest

from ccd.base.bus import Bus
from ccd.base.clock import FakeClock, SystemClock, as_datetime, iso, ms_between
from ccd.base.greenlets import spawn
from ccd.base.ids import new_id


def test_timers_run_in_the_order_of_their_due_times_each_at_its_own() -> None:
    clock = FakeClock(now=1_000_000)
    ran: list[tuple[str, int]] = []
    clock.call_later(2, lambda: ran.append(("late", clock.now())))
    clock.call_later(1, lambda: ran.append(("early", clock.now())))
    clock.call_later(1, lambda: clock.call_later(0.5, lambda: ran.append(("from a timer", clock.now()))))
    clock.call_later(1.2, lambda: ran.append(("cancelled", 0))).cancel()
    assert clock.pending() == 3
    clock.advance(2)
    assert ran == [("early", 2_000_000), ("from a timer", 2_500_000), ("late", 3_000_000)]
    assert clock.pending() == 0


def test_stepping_the_wall_clock_moves_no_timer() -> None:
    clock = FakeClock()
    ran: list[int] = []
    clock.call_later(10, lambda: ran.append(1))
    clock.step_wall_clock(3600)
    clock.advance(9.9)
    assert ran == []
    clock.advance(0.1)
    assert ran == [1]


def test_system_timers_run_are_cancelled_and_survive_a_crash() -> None:
    clock, ran = SystemClock(), gevent.event.Event()
    cancelled = clock.call_later(0.0, lambda: pytest.fail("was cancelled"))
    cancelled.cancel()
    cancelled.cancel()

    def crash() -> None:
        raise ValueError("meant")

    clock.call_later(0.0, crash)
    timer = clock.call_later(0.001, ran.set)
    assert ran.wait(5)
    timer.cancel()


def test_moments_as_people_read_them() -> None:
    assert iso(1_800_000_000_123_456) == "2027-01-15T08:00:00.123Z"
    assert iso(None) is None
    assert as_datetime(0).isoformat() == "1970-01-01T00:00:00+00:00"
    assert (ms_between(1_000, 3_999), ms_between(5_000, 1_000)) == (2, 0)


def test_ids_are_uuid7_and_sort_by_time() -> None:
    ids = [new_id() for _ in range(100)]
    parsed = [uuid.UUID(one) for one in ids]
    assert {one.version for one in parsed} == {7}
    assert {one.variant for one in parsed} == {uuid.RFC_4122}
    assert len(set(ids)) == 100
    assert [one.int >> 80 for one in parsed] == sorted(one.int >> 80 for one in parsed)


def test_listener_that_fails_silences_nobody() -> None:
    bus, seen = Bus(), []

    def broken(fact: str) -> None:
        raise ValueError("meant")

    bus.on(str, broken)
    stop = bus.on(str, seen.append)
    bus.publish("a")
    bus.publish(1)
    stop()
    stop()
    bus.publish("b")
    assert seen == ["a"]
    assert bus.failures == 2


def test_listener_may_unsubscribe_while_it_is_told() -> None:
    bus, seen = Bus(), []
    stops = [bus.on(str, lambda fact: (seen.append(fact), stops[0]()))]
    bus.on(str, seen.append)
    bus.publish("a")
    bus.publish("b")
    assert seen == ["a", "a", "b"]


def test_greenlet_that_crashes_is_handed_on() -> None:
    crashes: list[Exception] = []

    def crash(what: str) -> None:
        raise ValueError(what)

    spawn("call", crash, "meant", on_crash=crashes.append, call_id="c1").join(5)
    spawn("call", crash, "nobody listens").join(5)
    assert [str(one) for one in crashes] == ["meant"]
