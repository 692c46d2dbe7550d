"""Verbs of routes: which there are, which one a number takes and why, closing and opening them."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from ccd.base.clock import iso
from ccd.base.errors import Refused
from ccd.core.verbs.given import text
from ccd.routing.closings import ALL, CLOSED_FLOW_NAME, Standing
from ccd.routing.routes import Route

if TYPE_CHECKING:
    from ccd.core.house import House
    from ccd.core.verbs import Verb

WHY = {
    "number": "it is for this number",
    "as_sent": "it is for the digits that the trunk sends",
    "beginning": "the number begins so",
    "rest": "it is for every other number",
}


def route_row(house: House, route: Route, at: int | None = None) -> dict[str, Any]:
    """A route as the API shows it, and how it stands: open, or closed and why."""
    standing = house.routes.standing(route, at)
    return {
        "dialled": route.dialled,
        "dialled_e164": "" if "*" in route.dialled else house.site.trunks.dialled(route.dialled, route.trunk).e164,
        "trunk": route.trunk,
        "caller_class": route.caller_class,
        "flow": route.flow,
        "calendar": route.calendar,
        "closed_flow": route.closed_flow,
        "answer": route.answer,
        "record": route.record,
        "dtmf": route.dtmf,
        "open": not standing.closed,
        "closed": standing.closed,
        "reason": standing.reason,
        "note": standing.note,
        "closed_since": iso(standing.since or None),
        "until": iso(standing.until or None),
        "local_until": _on_the_wall(house, route, standing),
        "leads_to": _leads_to(route, standing),
    }


def _on_the_wall(house: House, route: Route, standing: Standing) -> str:
    """Until when, by the clock of the route's calendar."""
    if not standing.until:
        return ""
    return f"{house.calendars.named(route.calendar).local(standing.until):%a %Y-%m-%d %H:%M}"


def _leads_to(route: Route, standing: Standing) -> str:
    return (route.closed_flow or CLOSED_FLOW_NAME) if standing.closed else route.flow


def _routes_list(house: House, given: dict[str, Any]) -> dict[str, Any]:
    known = {route.dialled for route in house.site.routes.routes}
    closings = house.routes.closed_by_hand()
    return {
        "routes": [route_row(house, route) for route in house.site.routes.routes],
        "all_closed": ALL in closings,
        "closed_without_route": sorted(closings.keys() - known - {ALL}),
    }


def _routes_show(house: House, given: dict[str, Any]) -> dict[str, Any]:
    """Every route that fits the number, the one that is taken first."""
    dialled, trunk, caller_class = text(given, "dialled"), text(given, "trunk", ""), text(given, "caller_class", "")
    if trunk and house.site.trunks.named(trunk) is None:
        known = ", ".join(one.name for one in house.site.configuration.trunks) or "none"
        raise Refused(f"no trunk {trunk[:40]!r}; there are {known}")
    number = house.site.trunks.dialled(dialled, trunk)
    matches = list(house.site.routes.matches(number, trunk, caller_class))
    at = _moment(house, text(given, "at", ""), matches[0].route if matches else None)
    rows = [route_row(house, one.route, at) | {"why": _why(one.how, one.route)} for one in matches]
    return {
        "dialled": dialled,
        "full": number.full,
        "dialled_e164": number.e164,
        "trunk": trunk,
        "caller_class": caller_class,
        "at": iso(house.clock.now() if at is None else at),
        "route": rows[0] if rows else None,
        "others": rows[1:],
    }


def _why(how: str, route: Route) -> str:
    words = [WHY[how]]
    if route.caller_class:
        words.append(f"for {route.caller_class} callers")
    if route.trunk:
        words.append(f"by trunk {route.trunk}")
    return ", ".join(words)


def _moment(house: House, written: str, route: Route | None) -> int | None:
    """A moment as somebody wrote it, by the clock of the route's calendar; without one it must say its offset."""
    if not written:
        return None
    try:
        if route is not None and route.calendar:
            return house.calendars.named(route.calendar).moment(written)
        return _with_offset(written)
    except (ValueError, OverflowError):
        raise Refused(
            f"{written[:40]!r} is no moment; like 2027-02-06T10:00, with +08:00 where the route has no calendar"
        ) from None


def _with_offset(written: str) -> int:
    read = dt.datetime.fromisoformat(written)
    if read.tzinfo is None or not 1970 < read.year < 9000:
        raise ValueError(written)
    return int(read.timestamp()) * 1_000_000


def _routes_close(house: House, given: dict[str, Any]) -> dict[str, Any]:
    closed = house.routes.close(text(given, "dialled"), text(given, "reason", ""))
    return {"closed": closed, **_routes_list(house, {})}


def _routes_open(house: House, given: dict[str, Any]) -> dict[str, Any]:
    opened = house.routes.open(text(given, "dialled"))
    return {"opened": opened, **_routes_list(house, {})}


def _trunks_list(house: House, given: dict[str, Any]) -> list[dict[str, Any]]:
    calls = [call.trunk for call in house.registry.calls.values()]
    return [
        {
            "name": trunk.name,
            "profile": trunk.profile,
            "gateway": trunk.gateway,
            "source": " ".join(trunk.sources),
            "span": " ".join(trunk.spans),
            "dialled_digits": str(trunk.digits or "all"),
            "prefix": trunk.prefix,
            "answer_within_ms": trunk.answer_within_ms,
            "dtmf": trunk.dtmf,
            "calls": calls.count(trunk.name),
        }
        for trunk in house.site.configuration.trunks
    ]


VERBS: dict[str, Verb] = {
    "routes.list": _routes_list,
    "routes.show": _routes_show,
    "routes.close": _routes_close,
    "routes.open": _routes_open,
    "trunks.list": _trunks_list,
}
