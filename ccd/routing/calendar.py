"""Opening hours: one calendar says whether it is open at a moment, why, and until when. Pure; knows no clock.

Hours are wall time. The hour that a clock repeats in autumn is open both times, the hour it skips in spring never comes.
A span belongs to the day on which it begins: the night shift of Friday goes on to Saturday morning, holiday or not.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from enum import StrEnum
from typing import NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from ccd.base.clock import Moment
from ccd.settings import hours

SEARCH_DAYS = 400
SECOND = 1_000_000
_DAY = dt.timedelta(days=1)
_FARTHEST_ZONE_S = 15 * 3600  # the widest offset from UTC that any zone had


class Reason(StrEnum):
    """Why a calendar is open or closed; the same words in API and CLI."""

    HOURS = "hours"
    CLOSED_HOURS = "closed_hours"
    HOLIDAY = "holiday"
    SPECIAL = "special"
    EMERGENCY = "emergency"


class Span(NamedTuple):
    """Minutes after the midnight of the day on which it begins; an `end` beyond 1440 is on the next day."""

    start: int
    end: int


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """Whether it is open, why, and the moment at which open becomes closed or closed becomes open; 0: none is known.

    `note` is the holiday's name, or what was said when somebody closed it.
    """

    open: bool
    reason: Reason
    until: Moment = 0
    note: str = ""


class Calendar(msgspec.Struct, frozen=True, kw_only=True):
    """The hours of one place: `weekly` by weekday from Monday, `holidays` closed, `special` days with hours of their own.

    Special beats holiday beats weekly.
    """

    zone: str
    weekly: tuple[tuple[Span, ...], ...]
    holidays: dict[dt.date, str] = {}
    special: dict[dt.date, tuple[Span, ...]] = {}

    def __post_init__(self) -> None:
        hours.zone(self.zone)
        if len(self.weekly) != 7:
            raise ValueError("a week has seven days")
        for spans in (*self.weekly, *self.special.values()):
            for start, end in spans:
                if not (0 <= start < hours.DAY and start < end <= start + hours.DAY):
                    raise ValueError(f"{start}-{end} are no minutes of a day")

    def is_open(self, at: Moment) -> Answer:
        """The answer for a moment. `until` is looked for within `SEARCH_DAYS`."""
        is_open, reason = self.state(at)
        note = self.holidays.get(self.local(at).date(), "") if reason is Reason.HOLIDAY else ""
        return Answer(open=is_open, reason=reason, until=self._next_change(at, is_open), note=note)

    def state(self, at: Moment) -> tuple[bool, Reason]:
        """Whether it is open, and why, without looking ahead."""
        local = self.local(at)
        day, minute = local.date(), local.hour * 60 + local.minute
        for begun, passed in ((day, minute), (day - _DAY, minute + hours.DAY)):
            if any(start <= passed < end for start, end in self._spans(begun)):
                return True, Reason.SPECIAL if begun in self.special else Reason.HOURS
        if day in self.special:
            return False, Reason.SPECIAL
        return False, Reason.HOLIDAY if day in self.holidays else Reason.CLOSED_HOURS

    def local(self, at: Moment) -> dt.datetime:
        """A moment as the clock on the wall there shows it, to the second."""
        return dt.datetime.fromtimestamp(at // SECOND, ZoneInfo(self.zone))

    def moment(self, text: str) -> Moment:
        """The moment of `2027-02-06T10:00` there; a text with an offset of its own is taken as it is.

        Raises:
            ValueError: it is no such text, or of a year that calendars do not reach.
        """
        read = dt.datetime.fromisoformat(text)
        if not 1970 < read.year < 9000:
            raise ValueError(f"no calendar reaches the year {read.year}")
        return int((read if read.tzinfo else read.replace(tzinfo=ZoneInfo(self.zone))).timestamp()) * SECOND

    def _spans(self, day: dt.date) -> tuple[Span, ...]:
        special = self.special.get(day)
        if special is not None:
            return special
        return () if day in self.holidays else self.weekly[day.weekday()]

    def _next_change(self, at: Moment, is_open: bool) -> Moment:
        today = self.local(at).date()
        for day in (today + ahead * _DAY for ahead in range(SEARCH_DAYS)):
            if self._is_plain(day, is_open):
                continue
            for second in sorted(self._seams(day)):
                if second * SECOND > at and self.state(second * SECOND)[0] is not is_open:
                    return second * SECOND
        return 0

    def _is_plain(self, day: dt.date, is_open: bool) -> bool:
        """Whether a day is open, or closed, from end to end at first sight: a line that never closes costs no search."""
        night = [(start - hours.DAY, end - hours.DAY) for start, end in self._spans(day - _DAY) if end > hours.DAY]
        spans = sorted([*night, *self._spans(day)])
        if not is_open:
            return not spans
        reached = 0
        for start, end in spans:
            if start <= reached:
                reached = max(reached, end)
        return reached >= hours.DAY

    def _seams(self, day: dt.date) -> Iterator[int]:
        """The seconds of a local day at which something may change: ends of spans, and leaps of the clock."""
        zone, midnight = ZoneInfo(self.zone), dt.datetime.combine(day, dt.time())
        minutes = {minute for span in self._spans(day) for minute in span}
        minutes |= {end - hours.DAY for _, end in self._spans(day - _DAY)}
        for minute in {0} | {minute for minute in minutes if 0 <= minute < hours.DAY}:
            wall = (midnight + dt.timedelta(minutes=minute)).replace(tzinfo=zone)
            for fold in (0, 1):
                second = int(wall.replace(fold=fold).timestamp())
                if _on(second, zone).date() == day:  # a time in a gap may come out on another day
                    yield second
        leap = _leap(int(midnight.replace(tzinfo=dt.UTC).timestamp()), zone)
        if leap is not None and _on(leap, zone).date() == day:
            yield leap


def _on(second: int, zone: ZoneInfo) -> dt.datetime:
    return dt.datetime.fromtimestamp(second, zone)


def _leap(midnight: int, zone: ZoneInfo) -> int | None:
    """The second at which a zone's clock leaps around the day that begins at `midnight` UTC; None on an ordinary day."""
    early, late = midnight - _FARTHEST_ZONE_S, midnight + 24 * 3600 + _FARTHEST_ZONE_S
    before = _on(early, zone).utcoffset()
    if before == _on(late, zone).utcoffset():
        return None
    while late - early > 1:
        middle = (early + late) // 2
        if _on(middle, zone).utcoffset() == before:
            early = middle
        else:
            late = middle
    return late
