"""What ccd concluded about calendars and routes. `calendar` is a name, or `*` for all of them."""

from __future__ import annotations

from ccd.calls.facts import Fact


class CalendarClosed(Fact, tag="calendar_closed", frozen=True, kw_only=True):
    """Somebody closed a calendar, whatever its hours say, until it is opened."""

    calendar: str
    reason: str = ""


class CalendarOpened(Fact, tag="calendar_opened", frozen=True, kw_only=True):
    """A closed calendar goes by its hours again."""

    calendar: str


class RouteClosed(Fact, tag="route_closed", frozen=True, kw_only=True):
    """Somebody closed the routes of a number, whatever their hours say; `dialled` is as ccd.yaml writes it, or `all`."""

    dialled: str
    reason: str = ""


class RouteOpened(Fact, tag="route_opened", frozen=True, kw_only=True):
    """Closed routes go by their hours again."""

    dialled: str


class CallRouted(Fact, tag="call_routed", frozen=True, kw_only=True):
    """A call got its route. What is told of the caller is as it was then, and stays so for this call.

    `dialled` is what the route is for, as ccd.yaml writes it. `closed` is '' or why the call went where closed routes lead:
    by_hand or hours. `repeat_calls` are calls from his number in the window before; `last_agent` is who talked with him last.
    """

    call_id: str
    dialled: str
    flow: str
    trunk: str = ""
    caller_class: str = ""
    closed: str = ""
    repeat_calls: int = 0
    last_agent: str = ""
