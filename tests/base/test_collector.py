"""The garbage collector runs when nobody is held up by it, and in a house that never sleeps once too much has gathered."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator

import pytest
from structlog.testing import capture_logs

from ccd.base import collector
from ccd.base.clock import FakeClock
from ccd.base.collector import Collector


class Loop:
    """What counting alone does not free."""

    def __init__(self) -> None:
        self.itself = self


class House:
    def __init__(self) -> None:
        self.clock = FakeClock()
        self.calls = 0
        self.collector = Collector(self.clock, lambda: self.calls)
        self.collector.start()

    def a_minute_later(self) -> None:
        self.clock.advance(collector.LOOK_EVERY_S)


@pytest.fixture
def house() -> Iterator[House]:
    """Leaves Python's collector as it was."""
    made = House()
    yield made
    made.collector.stop()


def garbage(objects: int) -> weakref.ref[Loop]:
    """As many loops; a look at the last of them."""
    for _ in range(objects - 1):
        Loop()
    last = Loop()
    return weakref.ref(last)


def test_nothing_is_collected_while_somebody_talks(house: House) -> None:
    house.calls = 1
    left = garbage(collector.WORTH_IT)
    house.a_minute_later()
    assert left() is not None


def test_it_is_collected_in_the_first_minute_without_a_call(house: House) -> None:
    house.calls = 1
    left = garbage(collector.WORTH_IT)
    house.a_minute_later()
    house.calls = 0
    house.a_minute_later()
    assert left() is None


def test_a_little_is_not_worth_a_look(house: House) -> None:
    left = garbage(10)
    house.a_minute_later()
    assert left() is not None


def test_a_house_that_never_sleeps_collects_once_too_much_has_gathered_and_says_so(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(collector, "TOO_MANY", 2 * collector.WORTH_IT)
    house.calls = 3
    left = garbage(collector.TOO_MANY)
    with capture_logs() as lines:
        house.a_minute_later()
    assert left() is None
    (line,) = lines
    assert (line["event"], line["log_level"], line["calls"]) == ("garbage_collected", "warning", 3)
    assert line["garbage"] >= collector.TOO_MANY


def test_python_has_it_back_afterwards() -> None:
    house = House()
    assert not gc.isenabled()
    house.collector.stop()
    assert gc.isenabled()
    assert gc.get_freeze_count() == 0
