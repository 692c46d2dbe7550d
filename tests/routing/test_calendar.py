"""Opening hours: whether, why and until when; on short days, long days, holidays and days that are swapped for them."""

from __future__ import annotations

import datetime as dt
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ccd.routing.calendar import Calendar, Reason, Span
from ccd.routing.written import calendar_of
from ccd.settings.model import Calendar as Written

MINUTE = 60_000_000
OFFICE: dict[str, Any] = {
    "zone": "Asia/Shanghai",
    "weekly": {"mon-fri": "09:00-12:00 13:30-18:00", "sat": "10:00-16:00"},
    "holidays": {"2027-02-06..2027-02-12": "春节", "2027-02-14": "情人节"},
    "special": {"2027-02-14": "09:00-18:00", "2027-02-20": "closed", "2027-03-01": "20:00-24:00"},
}


def calendar(zone: str = "Asia/Shanghai", **parts: Any) -> Calendar:
    return calendar_of(Written.model_validate({"zone": zone, **parts}))


def moment(zone: str, text: str) -> int:
    """A moment by the clock there; `B` at the end is the second time in autumn."""
    wall = dt.datetime.fromisoformat(text.removesuffix("B")).replace(tzinfo=ZoneInfo(zone), fold=text.endswith("B"))
    return int(wall.timestamp()) * 1_000_000


@pytest.mark.parametrize(
    ("at", "is_open", "reason", "until"),
    [
        ("2027-02-01T09:00", True, "hours", "2027-02-01T12:00"),
        ("2027-02-01T08:59:59", False, "closed_hours", "2027-02-01T09:00"),
        ("2027-02-01T12:00", False, "closed_hours", "2027-02-01T13:30"),
        ("2027-02-01T17:59:59", True, "hours", "2027-02-01T18:00"),
        ("2027-01-30T16:00", False, "closed_hours", "2027-02-01T09:00"),  # Saturday: past Sunday
        ("2027-02-06T10:00", False, "holiday", "2027-02-13T10:00"),  # Spring Festival, to its Saturday
        ("2027-02-12T23:59", False, "holiday", "2027-02-13T10:00"),
        ("2027-02-13T00:00", False, "closed_hours", "2027-02-13T10:00"),
        ("2027-02-14T10:00", True, "special", "2027-02-14T18:00"),  # a Sunday that is worked; special beats holiday
        ("2027-02-14T18:00", False, "special", "2027-02-15T09:00"),
        ("2027-02-20T11:00", False, "special", "2027-02-22T09:00"),  # a Saturday off
        ("2027-03-01T10:00", False, "special", "2027-03-01T20:00"),  # special beats weekly
        ("2027-03-01T23:59", True, "special", "2027-03-02T00:00"),  # 24:00 is the end of the day
        ("2028-02-29T09:00", True, "hours", "2028-02-29T12:00"),  # a leap day is a Tuesday like any other
        ("2028-02-28T18:00", False, "closed_hours", "2028-02-29T09:00"),
    ],
)
def test_office_in_shanghai(at: str, is_open: bool, reason: str, until: str) -> None:
    answer = calendar(**OFFICE).is_open(moment("Asia/Shanghai", at))
    assert (answer.open, answer.reason, answer.until) == (is_open, reason, moment("Asia/Shanghai", until))
    assert answer.note == ("春节" if reason == "holiday" else "")


NIGHT = {"mon-sun": "22:00-06:00"}
EARLY = {"mon-sun": "01:30-02:30"}


@pytest.mark.parametrize(
    ("zone", "weekly", "at", "is_open", "until"),
    [
        ("Europe/Berlin", NIGHT, "2027-03-27T23:00", True, "2027-03-28T06:00"),  # 6 hours: the night of 23
        ("Europe/Berlin", NIGHT, "2027-10-30T23:00", True, "2027-10-31T06:00"),
        ("Europe/Berlin", EARLY, "2027-03-28T01:59", True, "2027-03-28T03:00"),  # 02:00 is 03:00
        ("Europe/Berlin", EARLY, "2027-10-31T01:30", True, "2027-10-31T02:30"),
        ("Europe/Berlin", EARLY, "2027-10-31T02:45", False, "2027-10-31T02:00B"),  # the clock goes back: open again
        ("Europe/Berlin", EARLY, "2027-10-31T02:00B", True, "2027-10-31T02:30B"),
        ("Europe/Berlin", {"mon-sun": "02:10-02:50"}, "2027-03-28T01:00", False, "2027-03-29T02:10"),  # never came
        ("Europe/Berlin", {"mon-sun": "02:00-03:00"}, "2027-10-31T02:00", True, "2027-10-31T03:00"),  # two hours
        ("America/New_York", EARLY, "2027-03-14T01:30", True, "2027-03-14T03:00"),
        ("America/New_York", {"sun": "01:00-02:00"}, "2027-11-07T01:59", True, "2027-11-07T02:00"),
        ("America/New_York", {"sun": "00:00-24:00"}, "2027-11-07T12:00", True, "2027-11-08T00:00"),
        ("America/Havana", {"sun": "00:30-01:00"}, "2027-11-07T00:59", True, "2027-11-07T00:00B"),  # at midnight
        ("Africa/Cairo", {"fri": "00:00-01:30"}, "2027-04-29T23:00", False, "2027-04-30T01:00"),  # no midnight at all
    ],
)
def test_days_of_23_and_25_hours(zone: str, weekly: dict[str, str], at: str, is_open: bool, until: str) -> None:
    answer = calendar(zone, weekly=weekly).is_open(moment(zone, at))
    assert (answer.open, answer.until) == (is_open, moment(zone, until))


def test_a_night_shift_belongs_to_the_day_on_which_it_begins() -> None:
    """Who came on Friday evening is there until Saturday morning, holiday or not; Saturday evening nobody comes."""
    night = calendar(weekly=NIGHT, holidays={"2027-05-01": "劳动节"})
    assert night.state(moment(night.zone, "2027-05-01T05:59")) == (True, Reason.HOURS)
    assert night.state(moment(night.zone, "2027-05-01T06:00")) == (False, Reason.HOLIDAY)
    assert night.state(moment(night.zone, "2027-05-01T23:00")) == (False, Reason.HOLIDAY)
    assert night.state(moment(night.zone, "2027-05-02T05:00")) == (False, Reason.CLOSED_HOURS)


@pytest.mark.parametrize("weekly", [{}, {"mon-sun": "00:00-24:00"}, {"mon-sun": "06:00-14:00 14:00-22:00 22:00-06:00"}])
def test_a_calendar_that_never_changes_says_so(weekly: dict[str, str]) -> None:
    answer = calendar(weekly=weekly).is_open(moment("Asia/Shanghai", "2027-02-01T09:00"))
    assert (answer.open, answer.until) == (bool(weekly), 0)


def test_a_calendar_travels_as_plain_json() -> None:
    office = calendar(**OFFICE)
    data = msgspec.json.encode(msgspec.to_builtins(office))
    assert msgspec.convert(msgspec.json.decode(data), Calendar) == office


@pytest.mark.parametrize(
    "wrong", [{"zone": "Asia/Shang"}, {"weekly": []}, {"weekly": [[[600, 600]], [], [], [], [], [], []]}]
)
def test_a_calendar_that_cannot_be_is_refused_on_the_way(wrong: dict[str, Any]) -> None:
    plain = msgspec.to_builtins(calendar(**OFFICE)) | wrong
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(plain, Calendar)


def test_a_moment_is_read_by_the_calendars_own_clock() -> None:
    office = calendar("Europe/Berlin")
    assert office.moment("2027-01-01T12:00") == office.moment("2027-01-01T11:00+00:00")
    for nonsense in ("tomorrow", "9999-12-31T23:59", "0001-01-01T00:00", ""):
        with pytest.raises(ValueError, match=r"."):
            office.moment(nonsense)


# --- against an oracle that knows nothing but the wall clock ----------------------------------------------------------

DATES = {
    "Asia/Shanghai": dt.date(2027, 2, 5),
    "Europe/Berlin": dt.date(2027, 3, 27),
    "America/New_York": dt.date(2027, 11, 6),
    "Australia/Lord_Howe": dt.date(2027, 4, 3),  # goes back by half an hour
    "America/Havana": dt.date(2027, 11, 6),
}


def says(one: Calendar, at: int) -> tuple[bool, str]:
    """The naive oracle: what a person with a clock and a list of hours would say."""
    wall = dt.datetime.fromtimestamp(at / 1e6, ZoneInfo(one.zone)).replace(tzinfo=None)
    for days_ago in (0, 1):
        day = wall.date() - dt.timedelta(days=days_ago)
        begins = dt.datetime.combine(day, dt.time())
        spans = [] if day in one.holidays else one.weekly[day.weekday()]
        for start, end in one.special.get(day, spans):
            if begins + dt.timedelta(minutes=start) <= wall < begins + dt.timedelta(minutes=end):
                return True, "special" if day in one.special else "hours"
    today = wall.date()
    return False, "special" if today in one.special else "holiday" if today in one.holidays else "closed_hours"


span = st.builds(lambda start, length: Span(start, start + length), st.integers(0, 1439), st.integers(1, 1440))
day_of_spans = st.lists(span, max_size=2).map(tuple)


@st.composite
def calendars(draw: st.DrawFn) -> Calendar:
    zone = draw(st.sampled_from(sorted(DATES)))
    near = st.integers(-2, 3).map(lambda days: DATES[zone] + dt.timedelta(days=days))
    return Calendar(
        zone=zone,
        weekly=tuple(draw(day_of_spans) for _ in range(7)),
        holidays=draw(st.dictionaries(near, st.just("holiday"), max_size=2)),
        special=draw(st.dictionaries(near, day_of_spans, max_size=2)),
    )


def agrees_minute_by_minute(one: Calendar, minutes: int) -> None:
    """Nothing changes before `until`, and at `until` it does."""
    at = moment(one.zone, DATES[one.zone].isoformat()) + minutes * MINUTE
    answer = one.is_open(at)
    assert (answer.open, answer.reason) == says(one, at)
    walked = at
    while walked < at + 4 * 1440 * MINUTE and (not answer.until or walked < answer.until):
        assert says(one, walked)[0] is answer.open, f"changed already {one.local(walked)}"
        walked += MINUTE
    if answer.until:
        assert says(one, answer.until)[0] is not answer.open
        assert says(one, answer.until - 1_000_000)[0] is answer.open


@settings(max_examples=50, deadline=None)
@given(calendars(), st.integers(0, 3 * 1440))
@example(Calendar(zone="Europe/Berlin", weekly=((Span(120, 180),),) * 7), 1440)
def test_the_calendar_agrees_with_the_wall_clock_minute_by_minute(one: Calendar, minutes: int) -> None:
    agrees_minute_by_minute(one, minutes)


@pytest.mark.long
@settings(max_examples=1_000, deadline=None)
@given(calendars(), st.integers(0, 3 * 1440))
def test_a_thousand_calendars_agree_with_the_wall_clock(one: Calendar, minutes: int) -> None:
    agrees_minute_by_minute(one, minutes)
