"""Verbs of calendars."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ccd.base.clock import iso
from ccd.base.errors import Refused
from ccd.core.verbs.given import text as text_of

if TYPE_CHECKING:
    from ccd.core.house import House
    from ccd.core.verbs import Verb


def _calendar_row(house: House, name: str, at: int | None = None) -> dict[str, Any]:
    """A calendar as the API shows it: whether it is open, why and until when, also by the clock on its wall."""
    calendar, answer = house.calendars.named(name), house.calendars.answer(name, at)
    moment = house.clock.now() if at is None else at
    return {
        "calendar": name,
        "zone": calendar.zone,
        "open": answer.open,
        "reason": str(answer.reason),
        "note": answer.note,
        "at": iso(moment),
        "local": f"{calendar.local(moment):%a %Y-%m-%d %H:%M}",
        "until": iso(answer.until or None),
        "local_until": f"{calendar.local(answer.until):%a %Y-%m-%d %H:%M}" if answer.until else "",
    }


def _calendars_list(house: House, given: dict[str, Any]) -> list[dict[str, Any]]:
    return [_calendar_row(house, name) for name in house.calendars.names()]


def _calendars_show(house: House, given: dict[str, Any]) -> dict[str, Any]:
    name, text = text_of(given, "calendar"), text_of(given, "at", "")
    try:
        at = house.calendars.named(name).moment(text) if text else None
    except (ValueError, OverflowError):
        raise Refused(f"{text[:40]!r} is no moment; like 2027-02-06T10:00") from None
    return _calendar_row(house, name, at)


def _calendars_close(house: House, given: dict[str, Any]) -> dict[str, Any]:
    house.calendars.close(text_of(given, "calendar"), text_of(given, "reason", ""))
    return {"calendars": _calendars_list(house, {})}


def _calendars_open(house: House, given: dict[str, Any]) -> dict[str, Any]:
    house.calendars.open(text_of(given, "calendar"))
    return {"calendars": _calendars_list(house, {})}


VERBS: dict[str, Verb] = {
    "calendars.list": _calendars_list,
    "calendars.show": _calendars_show,
    "calendars.close": _calendars_close,
    "calendars.open": _calendars_open,
}
