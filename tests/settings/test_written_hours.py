"""Opening hours as people write them in ccd.yaml, and what they are told when they slip."""

from __future__ import annotations

from pathlib import Path

import pytest

from ccd.base.errors import SettingsError
from ccd.routing.calendar import Span
from ccd.routing.written import calendar_of
from ccd.settings import hours
from ccd.settings.example import ccd_yaml
from ccd.settings.load import load
from ccd.settings.model import Settings

YAML = """\
calendars:
  office:
    zone: Asia/Shanghai
    weekly: {mon-fri: 09:00-12:00 13:30-18:00, sat: 10:00-16:00}
    holidays: {2027-02-06..2027-02-12: 春节, 2027-05-01: 劳动节}
    special: {2027-02-14: 09:00-18:00, 2027-02-20: closed}
  night: {zone: Europe/Berlin, weekly: {"sat-mon,wed": "22:00-06:00"}}
  never: {zone: UTC}
"""


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "ccd.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_hours_need_no_quotes_and_mean_what_they_say(tmp_path: Path) -> None:
    settings = load(written(tmp_path, YAML), environ={})
    office, night, never = (calendar_of(settings.calendars[name]) for name in ("office", "night", "never"))
    assert office.weekly[0] == office.weekly[4] == (Span(540, 720), Span(810, 1080))
    assert office.weekly[5:] == ((Span(600, 960),), ())
    assert len(office.holidays) == 8
    assert office.holidays[hours.date("2027-02-12")] == "春节"
    assert list(office.special.values()) == [(Span(540, 1080),), ()]
    assert [day for day in range(7) if night.weekly[day]] == [0, 2, 5, 6]
    assert night.weekly[0] == (Span(1320, 1800),)
    assert never.weekly == ((),) * 7


def test_calendars_survive_being_written_and_read_again(tmp_path: Path) -> None:
    """`ccd init` and the demo write settings as text."""
    settings = load(written(tmp_path, YAML), environ={})
    again = load(written(tmp_path, ccd_yaml(Settings(calendars=settings.calendars))), environ={})
    assert again.calendars == settings.calendars


@pytest.mark.parametrize(
    ("part", "says"),
    [
        ("zone: Asia/Shang", ":3:11: calendars.office.zone: 'Asia/Shang' is no time zone"),
        ("zone: ../../etc/passwd", "is no time zone"),
        ("weekly: {mon: 9-18}", ":3:19: calendars.office.weekly.mon: '9-18' are no hours; like 09:00-18:00"),
        ("weekly: {mon: 09:00-24:01}", "a day goes from 00:00 to 24:00"),
        ("weekly: {mon: 24:00-06:00}", "a day goes from 00:00 to 24:00"),
        ("weekly: {mon: 09:60-10:00}", "a day goes from 00:00 to 24:00"),
        ("weekly: {mon: 09:00-09:00}", "a whole day is 00:00-24:00"),
        ("weekly: {mon: 09:00-12:00 11:00-13:00}", "09:00-12:00 and 11:00-13:00 overlap"),
        ("weekly: {mon: ''}", "must be hours like 09:00-18:00"),
        ("weekly: {mon: ٠9:00-10:00}", "are no hours"),
        ("weekly: {monday: 09:00-10:00}", "'monday' is no weekday: mon, tue, wed"),
        ("weekly: {mon-fri: 09:00-10:00, fri: closed}", "fri stands twice: in 'mon-fri' and in 'fri'"),
        ("holidays: {2027-02-30: x}", "'2027-02-30' is no date; like 2027-02-14"),
        ("holidays: {2027-02-12..2027-02-06: x}", "ends before it begins"),
        ("holidays: {2027-01-01..2037-02-06: x}", "longer than 366 days"),
        ("special: {2027-02-01..2027-02-03: closed, 2027-02-02: closed}", "2027-02-02 stands twice"),
        ("special: {2027-02-14: maybe}", "'maybe' are no hours"),
        ("weekdays: {}", ":3:5: calendars.office.weekdays: unknown key; did you mean 'weekly'?"),
        ("weekly: {}", "zone: is missing"),
    ],
)
def test_slips_are_explained_at_their_place(tmp_path: Path, part: str, says: str) -> None:
    zone = "" if part.startswith("zone") or "missing" in says else "    zone: UTC\n"
    path = written(tmp_path, f"calendars:\n  office:\n    {part}\n{zone}")
    with pytest.raises(SettingsError) as refused:
        load(path, environ={})
    assert any(says in fault for fault in refused.value.faults), refused.value.faults
    assert all(fault.startswith(f"{path}:") for fault in refused.value.faults)


@pytest.mark.parametrize(
    "text", ["calendars: {'a b': {zone: UTC}}\n", "calendars: []\n", "calendars: {office: closed}\n"]
)
def test_what_is_no_calendar(tmp_path: Path, text: str) -> None:
    with pytest.raises(SettingsError):
        load(written(tmp_path, text), environ={})


def test_no_calendars_are_no_fault(tmp_path: Path) -> None:
    assert load(written(tmp_path, "calendars:\n"), environ={}).calendars == {}
