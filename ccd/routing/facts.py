"""What ccd concluded about calendars. `calendar` is a name, or `*` for all of them."""

from __future__ import annotations

from ccd.calls.facts import Fact


class CalendarClosed(Fact, tag="calendar_closed", frozen=True, kw_only=True):
    """Somebody closed a calendar, whatever its hours say, until it is opened."""

    calendar: str
    reason: str = ""


class CalendarOpened(Fact, tag="calendar_opened", frozen=True, kw_only=True):
    """A closed calendar goes by its hours again."""

    calendar: str
