"""Spans of time that reports count in: quarters of an hour to days of a zone, where a day may have 23 or 25 hours. Pure."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from ccd.base.clock import Moment
from ccd.base.errors import Refused

STEPS = {"15m": 900_000_000, "30m": 1_800_000_000, "60m": 3_600_000_000, "day": 0}
MOST = 5_000
_GRAIN = timedelta(minutes=15)

Span = tuple[Moment, Moment]


def midnight(day: date, zone: str) -> Moment:
    """The first moment of a day in a zone: where the clocks change at midnight, the first of two, or whatever comes first."""
    where = ZoneInfo(zone)
    begins = datetime(day.year, day.month, day.day, tzinfo=where).astimezone(UTC)
    while begins.astimezone(where).date() < day:
        begins += _GRAIN
    return int(begins.timestamp()) * 1_000_000


def day_of(at: Moment, zone: str) -> date:
    """The day of a moment in a zone."""
    return datetime.fromtimestamp(at / 1e6, ZoneInfo(zone)).date()


def today(now: Moment, zone: str) -> Moment:
    """When the day of `now` began in a zone."""
    return midnight(day_of(now, zone), zone)


def spans(since: Moment, until: Moment, interval: str, zone: str) -> list[Span]:
    """The spans that hold all moments from `since` to before `until`; the first and the last may reach beyond them.

    They begin anew at each local midnight, so that the last one of a day may be shorter.

    Raises:
        Refused: they are too many.
    """
    found: list[Span] = []
    step = STEPS[interval]
    day = day_of(since, zone)
    begins = midnight(day, zone)
    while begins < until:
        day += timedelta(days=1)
        ends = midnight(day, zone)
        at = begins if not step or since < begins else begins + (since - begins) // step * step
        while at < min(ends, until):
            after = min(at + step, ends) if step else ends
            if after > since:
                found.append((at, after))
            at = after
            if len(found) > MOST:
                raise Refused(f"more than {MOST} intervals; ask for a shorter time or longer intervals")
        begins = ends
    return found
