"""What people write of opening hours: `09:00-12:00 13:30-18:00`, `mon-fri`, `2027-02-06..2027-02-12`. Pure.

ValueErrors say what is wrong in words for the person who wrote it.
"""

from __future__ import annotations

import datetime as dt
import itertools
import re
import zoneinfo

DAY = 24 * 60
LONGEST_HOLIDAY_DAYS = 366
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
CLOSED = "closed"
_SPAN = re.compile(r"(\d\d):(\d\d)-(\d\d):(\d\d)", re.ASCII)
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


def zone(text: str) -> str:
    """The name of a time zone as it is."""
    try:
        zoneinfo.ZoneInfo(text)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"{text[:60]!r} is no time zone; like Asia/Shanghai or Europe/Berlin") from None
    return text


def spans(text: str) -> tuple[tuple[int, int], ...]:
    """Spans of a day in minutes, in order; an end beyond 1440 is on the next day. `closed` has none."""
    if text.strip() == CLOSED:
        return ()
    found = sorted(_span(one) for one in text.split())
    if not found:
        raise ValueError(f"must be hours like 09:00-18:00, several with blanks between them, or {CLOSED}")
    for (start, end), (later, its_end) in itertools.pairwise(found):
        if later < end:
            raise ValueError(f"{_shown(start, end)} and {_shown(later, its_end)} overlap")
    return tuple(found)


def _span(text: str) -> tuple[int, int]:
    read = _SPAN.fullmatch(text)
    if read is None:
        raise ValueError(f"{text[:40]!r} are no hours; like 09:00-18:00, with two digits each")
    start, end = (int(hour) * 60 + int(minute) for hour, minute in (read.group(1, 2), read.group(3, 4)))
    if start >= DAY or end > DAY or int(read[2]) > 59 or int(read[4]) > 59:
        raise ValueError(f"{text}: a day goes from 00:00 to 24:00")
    if start == end:
        raise ValueError(f"{text}: begins when it ends; a whole day is 00:00-24:00")
    return start, end if end > start else end + DAY


def _shown(start: int, end: int) -> str:
    return "-".join(f"{minute // 60:02}:{minute % 60:02}" for minute in (start, end if end <= DAY else end - DAY))


def weekdays(text: str) -> tuple[int, ...]:
    """`mon`, `mon-fri`, `sat-mon` or `mon,wed` as numbers from Monday 0."""
    found: list[int] = []
    for part in text.split(","):
        first, _, last = part.strip().partition("-")
        for day in (first, last or first):
            if day not in WEEKDAYS:
                raise ValueError(f"{day[:20]!r} is no weekday: {', '.join(WEEKDAYS)}, or a range like mon-fri")
        begin, end = WEEKDAYS.index(first), WEEKDAYS.index(last or first)
        found += [day % 7 for day in range(begin, (end if end >= begin else end + 7) + 1)]
    return tuple(found)


def date(text: str) -> dt.date:
    """`2027-02-14`."""
    try:
        if not _DATE.fullmatch(text):
            raise ValueError
        return dt.date.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text[:40]!r} is no date; like 2027-02-14") from None


def dates(text: str) -> tuple[dt.date, ...]:
    """`2027-02-14`, or `2027-02-06..2027-02-12` with both ends."""
    first, dots, last = text.partition("..")
    begin = date(first)
    end = date(last) if dots else begin
    length = (end - begin).days + 1
    if length < 1:
        raise ValueError(f"{text}: ends before it begins")
    if length > LONGEST_HOLIDAY_DAYS:
        raise ValueError(f"{text}: longer than {LONGEST_HOLIDAY_DAYS} days")
    return tuple(begin + dt.timedelta(days=day) for day in range(length))
