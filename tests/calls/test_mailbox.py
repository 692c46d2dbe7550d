"""A leg's own mailbox: in order, bounded, and whoever waits learns at once that the leg is gone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gevent
import pytest

from ccd.base.clock import FakeClock
from ccd.base.errors import LegGone
from ccd.calls.mailbox import LIMIT, Mailbox


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def box(clock: FakeClock) -> Mailbox:
    return Mailbox("leg", clock)


def waiting(run: Callable[[], Any]) -> gevent.Greenlet:
    """Somebody who waits already."""
    greenlet = gevent.spawn(run)
    gevent.sleep(0)
    assert not greenlet.dead
    return greenlet


def test_events_come_in_order_and_others_are_passed_over(box: Mailbox) -> None:
    for event in (1, "a", 2.5, "b"):
        box.put(event)
    assert [box.wait(str), box.wait(str), box.wait(str, timeout=0)] == ["a", "b", None]


def test_waiter_wakes_for_his_kind_only(box: Mailbox) -> None:
    waiter = waiting(lambda: box.wait(str))
    box.put(1)
    gevent.sleep(0)
    assert not waiter.dead
    box.put("x")
    assert waiter.get(timeout=5) == "x"


def test_wait_ends_when_its_time_is_over_and_not_before(box: Mailbox, clock: FakeClock) -> None:
    waiter = waiting(lambda: box.wait(str, timeout=5))
    clock.advance(4.9)
    box.put(1)
    gevent.sleep(0)
    gevent.sleep(0)
    assert not waiter.dead
    clock.advance(0.2)
    assert waiter.get(timeout=5) is None
    assert clock.pending() == 0


def test_leg_that_ends_ends_every_wait_at_once(box: Mailbox, clock: FakeClock) -> None:
    waiter = waiting(lambda: box.wait(str, timeout=60))
    box.put("too late")
    box.close("NORMAL_CLEARING")
    with pytest.raises(LegGone, match="NORMAL_CLEARING"):
        waiter.get(timeout=5)
    with pytest.raises(LegGone):
        box.wait(str, timeout=0)
    assert clock.pending() == 0


def test_box_is_bounded_and_counts_what_it_drops(box: Mailbox) -> None:
    for number in range(LIMIT + 3):
        box.put(number)
    assert box.dropped == 3
    assert box.wait(int) == 3
