"""Routes: which flow a call goes to, by dialled number, class of the caller and trunk; the most specific route wins. Pure.

More specific is: the number itself before a beginning of it, the one that leaves fewer digits open first, any before `*`;
then a route for the caller's class before one for all; then one for the trunk before one for any; and last the whole number
before the digits that the trunk sent. No two routes that ccd.yaml may hold are equal by that, so their order says nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from ccd.base.dialled import Dialled
from ccd.routing.trunks import Trunks

REST = "*"
REPEAT = "repeat"


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """A dialled number and the flow it leads to; `answer` is at_once, at_queue or at_agent. `dialled` '*' is the rest.

    `trunk`, `caller_class`: '' is any. Outside the hours of `calendar` it leads to `closed_flow`; '' is the built-in one.
    `dtmf`: '' is as the trunk says.
    """

    dialled: str
    flow: str
    answer: str = "at_once"
    record: str = "no"
    consent: str = "no"
    keep_days: int = 0
    trunk: str = ""
    caller_class: str = ""
    calendar: str = ""
    closed_flow: str = ""
    dtmf: str = ""


class Match(msgspec.Struct, frozen=True):
    """A route that a call may take; `how` is number, as_sent, beginning or rest."""

    route: Route
    how: str


_Rows = dict[tuple[str, str], Route]


class RouteTable:
    """The routes of a site, to be asked at each call: the time it takes does not grow with their number."""

    def __init__(self, routes: Iterable[Route] = (), trunks: Trunks | None = None) -> None:
        self.routes = tuple(routes)
        self._trunks = trunks or Trunks()
        self._whole: dict[str, _Rows] = {}
        self._sent: dict[str, _Rows] = {}
        self._beginnings: dict[str, _Rows] = {}
        self._longest = 0
        self._rest: _Rows = {}
        for route in self.routes:
            self._add(route)

    def choose(self, sent: str, trunk: str = "", caller_class: str = "") -> Route | None:
        """The route of a call to the number that its trunk sent; None where there is none."""
        found = next(self.matches(self._trunks.dialled(sent, trunk), trunk, caller_class), None)
        return found.route if found else None

    def matches(self, number: Dialled, trunk: str, caller_class: str) -> Iterator[Match]:
        """Every route that fits, the one that is taken first."""
        whose = tuple(dict.fromkeys([(caller_class, trunk), (caller_class, ""), ("", trunk), ("", "")]))
        told: set[int] = set()
        for level in self._levels(number):
            for who in whose:
                for how, rows in level:
                    route = rows.get(who)
                    if route is not None and id(route) not in told:
                        told.add(id(route))
                        yield Match(route, how)

    def named(self, written: str) -> list[Route]:
        """The routes for a number, however either is written; for a beginning, as it is written."""
        same = [route for route in self.routes if route.dialled == written]
        if same or written.endswith(REST):
            return same
        key = self._trunks.dialled(written, "").key
        return [
            route
            for route in self.routes
            if not route.dialled.endswith(REST) and self._trunks.dialled(route.dialled, route.trunk).key == key
        ]

    def _levels(self, number: Dialled) -> Iterator[list[tuple[str, _Rows]]]:
        """Rows of routes that are equally specific as to the number, the most specific first."""
        as_sent = self._sent if number.sent != number.full else {}
        yield _present(("number", self._whole.get(number.key)), ("as_sent", as_sent.get(number.sent)))
        if self._beginnings:
            forms = number.forms
            first = min((len(form) - self._longest for form in forms), default=0)  # what is sent may be of any length
            for left in range(max(first, 0), max(map(len, forms), default=0)):
                beginnings = [form[: len(form) - left] for form in forms if left < len(form) <= left + self._longest]
                yield _present(*(("beginning", self._beginnings.get(one)) for one in beginnings))
        yield [("rest", self._rest)]

    def _add(self, route: Route) -> None:
        who = (route.caller_class, route.trunk)
        if route.dialled == REST:
            self._rest.setdefault(who, route)
        elif route.dialled.endswith(REST):
            text = route.dialled.removesuffix(REST)
            beginning = f"+{text[2:]}" if text.startswith("00") else text
            self._beginnings.setdefault(beginning, {}).setdefault(who, route)
            self._longest = max(self._longest, len(beginning))
        else:
            number = self._trunks.dialled(route.dialled, route.trunk)
            self._whole.setdefault(number.key, {}).setdefault(who, route)
            self._sent.setdefault(route.dialled, {}).setdefault(who, route)


def _present(*rows: tuple[str, _Rows | None]) -> list[tuple[str, _Rows]]:
    return [(how, found) for how, found in rows if found]
