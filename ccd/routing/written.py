"""Calendars as ccd.yaml writes them, made into what answers."""

from __future__ import annotations

from ccd.routing.calendar import Calendar, Span
from ccd.settings import hours
from ccd.settings.model import Calendar as Written


def calendar_of(written: Written) -> Calendar:
    """The calendar that somebody wrote; the model has checked every text of it."""
    week: list[tuple[Span, ...]] = [()] * 7
    for days, text in written.weekly.items():
        for day in hours.weekdays(days):
            week[day] = _spans(text)
    return Calendar(
        zone=written.zone,
        weekly=tuple(week),
        holidays={day: name for dates, name in written.holidays.items() for day in hours.dates(dates)},
        special={day: _spans(text) for dates, text in written.special.items() for day in hours.dates(dates)},
    )


def _spans(text: str) -> tuple[Span, ...]:
    return tuple(Span(start, end) for start, end in hours.spans(text))
