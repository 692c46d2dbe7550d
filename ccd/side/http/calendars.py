"""/v1/calendars: opening hours as core answers by them, and closing them by hand. `*` as a name is all of them."""

from __future__ import annotations

import falcon
import msgspec

from ccd.side.http.exchange import answer, audited, body, free_text, name
from ccd.side.http.office import Office

ALL = "*"


class Calendars:
    """GET /v1/calendars."""

    def __init__(self, office: Office) -> None:
        self._office = office

    def on_get(self, _: falcon.Request, response: falcon.Response) -> None:
        """Every calendar: open or closed now, why and until when."""
        answer(response, {"calendars": self._office.core.ask("calendars.list")})


class Calendar:
    """GET /v1/calendars/{calendar}."""

    def __init__(self, office: Office) -> None:
        self._office = office

    def on_get(self, request: falcon.Request, response: falcon.Response, calendar: str) -> None:
        """One calendar, now or at `?at=2027-02-06T10:00` by its own clock."""
        at = free_text(request.get_param("at", default=""), "at")
        answer(response, self._office.core.ask("calendars.show", calendar=name(calendar, "calendar"), at=at))


class Close(msgspec.Struct, forbid_unknown_fields=True):
    """The body of a closing."""

    reason: str = ""


class Nothing(msgspec.Struct, forbid_unknown_fields=True):
    """A body that says nothing."""


class CalendarVerb:
    """POST /v1/calendars/{calendar}/close and open."""

    def __init__(self, office: Office) -> None:
        self._office = office

    def on_post_close(self, request: falcon.Request, response: falcon.Response, calendar: str) -> None:
        """Closed from this moment on, whatever its hours say."""
        reason = free_text(body(request, Close).reason, "reason")
        wanted = _one_or_all(calendar)
        with audited(request, "calendars.close", wanted):
            rows = self._office.core.ask("calendars.close", calendar=wanted, reason=reason)
        answer(response, rows)

    def on_post_open(self, request: falcon.Request, response: falcon.Response, calendar: str) -> None:
        """By its hours again."""
        body(request, Nothing)
        wanted = _one_or_all(calendar)
        with audited(request, "calendars.open", wanted):
            rows = self._office.core.ask("calendars.open", calendar=wanted)
        answer(response, rows)


def _one_or_all(calendar: str) -> str:
    return calendar if calendar == ALL else name(calendar, "calendar")
