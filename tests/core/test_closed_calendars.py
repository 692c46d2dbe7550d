"""Calendars in the hands of core: closed by one command, and still closed after kill -9."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import msgspec
import pytest

from ccd.base.errors import CcdError, NotFound, Refused
from ccd.core.house import House
from ccd.journal.configuration import Configuration
from ccd.routing.calendar import Calendar, Span
from tests.core.homes import Homes

DAY = (Span(9 * 60, 18 * 60),)
OFFICE = Calendar(zone="Asia/Shanghai", weekly=(DAY,) * 5 + ((),) * 2)


@pytest.fixture
def house(homes: Homes, tmp_path: Path) -> House:
    house = homes.start(tmp_path / "a")
    house.configuring.take(Configuration(version=1, calendars={"office": OFFICE, "annexe": OFFICE}))
    return house


def reasons(house: House) -> dict[str, str]:
    return {row["calendar"]: row["reason"] for row in house.do("calendars.list", {})}


def test_a_calendar_says_why_and_until_when(house: House) -> None:
    row = house.do("calendars.show", {"calendar": "office"})
    assert (row["open"], row["reason"], row["local"]) == (True, "hours", "Fri 2027-01-15 16:00")
    assert (row["until"], row["local_until"]) == ("2027-01-15T10:00:00.000Z", "Fri 2027-01-15 18:00")
    later = house.do("calendars.show", {"calendar": "office", "at": "2027-01-16T10:00"})
    assert (later["open"], later["reason"], later["local_until"]) == (False, "closed_hours", "Mon 2027-01-18 09:00")


def test_closing_takes_effect_for_the_next_caller_and_opening_as_well(house: House) -> None:
    assert house.calendars.edge("office") == "open"
    house.do("calendars.close", {"calendar": "office", "reason": "台风"})
    assert (house.calendars.edge("office"), house.calendars.edge("annexe")) == ("emergency", "open")
    assert house.do("calendars.show", {"calendar": "office"})["note"] == "台风"
    before = house.do("calendars.show", {"calendar": "office", "at": "2027-01-15T10:00"})
    assert before["reason"] == "hours"  # it was open this morning
    house.do("calendars.open", {"calendar": "office"})
    assert house.calendars.edge("office") == "open"


def test_all_are_closed_together_with_those_that_come_later(house: House) -> None:
    house.do("calendars.close", {"calendar": "office"})
    house.do("calendars.close", {"calendar": "*"})
    house.configuring.take(Configuration(version=2, calendars={"office": OFFICE, "annexe": OFFICE, "new": OFFICE}))
    assert set(reasons(house).values()) == {"emergency"}
    with pytest.raises(Refused, match="--all"):
        house.do("calendars.open", {"calendar": "office"})
    house.do("calendars.open", {"calendar": "*"})
    assert set(reasons(house).values()) == {"hours"}


@pytest.mark.parametrize(
    ("verb", "given", "error"),
    [
        ("calendars.show", {"calendar": "offcie"}, NotFound),
        ("calendars.close", {"calendar": "offcie"}, NotFound),
        ("calendars.open", {"calendar": "offcie"}, NotFound),
        ("calendars.close", {}, Refused),
        ("calendars.close", {"calendar": "office", "reason": "x" * 201}, Refused),
        ("calendars.show", {"calendar": "office", "at": "soon"}, Refused),
        ("calendars.show", {"calendar": "office", "at": "9999-12-31T23:59"}, Refused),
    ],
)
def test_what_is_refused_changes_nothing(house: House, verb: str, given: dict[str, Any], error: type[CcdError]) -> None:
    with pytest.raises(error):
        house.do(verb, given)
    assert set(reasons(house).values()) == {"hours"}


def test_a_closing_survives_kill_9(house: House, homes: Homes, tmp_path: Path) -> None:
    """Nothing was saved in an orderly way: what stands on the disk at that moment is all there is."""
    house.do("calendars.close", {"calendar": "office", "reason": "fire"})
    house.do("calendars.close", {"calendar": "annexe"})
    house.do("calendars.open", {"calendar": "annexe"})
    shutil.copytree(tmp_path / "a" / "state", tmp_path / "b" / "state")
    again = homes.start(tmp_path / "b")
    assert reasons(again) == {"office": "emergency", "annexe": "hours"}
    again.do("calendars.open", {"calendar": "office"})
    shutil.copytree(tmp_path / "b" / "state", tmp_path / "c" / "state")
    assert set(reasons(homes.start(tmp_path / "c")).values()) == {"hours"}


def test_a_closing_survives_an_orderly_restart(house: House, homes: Homes, tmp_path: Path) -> None:
    house.do("calendars.close", {"calendar": "*"})
    homes.close()
    assert set(reasons(homes.start(tmp_path / "a")).values()) == {"emergency"}


def test_a_configuration_of_before_calendars_still_loads(house: House) -> None:
    old = msgspec.to_builtins(Configuration(version=3))
    del old["calendars"]
    house.do("configuration.put", old)
    assert house.do("calendars.list", {}) == []
