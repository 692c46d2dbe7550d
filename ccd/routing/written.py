"""Calendars, trunks and routes as ccd.yaml writes them, made into what answers."""

from __future__ import annotations

from ccd.routing.calendar import Calendar, Span
from ccd.routing.routes import Route
from ccd.routing.trunks import Trunk
from ccd.settings import hours
from ccd.settings.model import Calendar as Written
from ccd.settings.routes import Route as WrittenRoute
from ccd.settings.trunks import Trunk as WrittenTrunk


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


def route_of(written: WrittenRoute) -> Route:
    """The route that somebody wrote: the same fields."""
    return Route(**written.model_dump())


def trunk_of(written: WrittenTrunk) -> Trunk:
    """The trunk that somebody wrote."""
    return Trunk(
        name=written.name,
        profile=written.profile,
        gateway=written.gateway,
        sources=tuple(written.source.split()),
        spans=tuple(written.span.split()),
        digits=written.digits,
        prefix=written.prefix,
        answer_within_ms=written.answer_within_ms,
        dtmf=written.dtmf,
    )


def _spans(text: str) -> tuple[Span, ...]:
    return tuple(Span(start, end) for start, end in hours.spans(text))
