"""Routes that are closed: by somebody's hand or by the hours of their calendar. A closing by hand is a fact, and outlives us."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from ccd.base.clock import Clock, Moment
from ccd.base.errors import NotFound, Refused
from ccd.routing.calendar import Answer
from ccd.routing.facts import RouteClosed, RouteOpened
from ccd.routing.routes import Route, RouteTable

ALL = "all"
BY_HAND = "by_hand"
HOURS = "hours"
CLOSED_FLOW_NAME = "closed_route"
CLOSED_FLOW: dict[str, Any] = {
    "start": "answer",
    "nodes": {"answer": {"type": "answer", "next": "closed"}, "closed": {"type": "hangup", "prompt": "closed"}},
}
"""Where callers of a closed route go that has no flow for it; when it answers is the route's to say, as ever."""


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """How a route stands at a moment. `closed` is '', by_hand or hours; `reason` is the calendar's word; `until` as it tells.

    `note` is what was said when somebody closed it, or the holiday's name.
    """

    closed: str = ""
    reason: str = ""
    note: str = ""
    since: Moment = 0
    until: Moment = 0


class RouteClosings:
    """Which routes are closed. `closings` are the latest facts of those closed by hand, as the ledger kept them.

    `hours` answers for a calendar at a moment, now where None is given; NotFound where there is none of that name.
    """

    def __init__(
        self,
        clock: Clock,
        publish: Callable[[Any], None],
        closings: Mapping[str, RouteClosed],
        hours: Callable[[str, Moment | None], Answer],
    ) -> None:
        self._clock = clock
        self._publish = publish
        self._closings = dict(closings)
        self._hours = hours
        self._table = RouteTable()

    def configure(self, table: RouteTable) -> None:
        """Go by these routes from now on; what is closed stays closed."""
        self._table = table

    def closed_by_hand(self) -> dict[str, RouteClosed]:
        """The closings in force by dialled number as ccd.yaml writes it, `all` for all."""
        return dict(self._closings)

    def standing(self, route: Route, at: Moment | None = None) -> Standing:
        """How a route stands now, or at a moment: then a closing by hand counts only if it is of before."""
        closing = self._closings.get(ALL) or self._closings.get(route.dialled)
        if closing is not None and (at is None or at >= closing.at):
            return Standing(closed=BY_HAND, note=closing.reason, since=closing.at)
        if not route.calendar:
            return Standing()
        try:
            answer = self._hours(route.calendar, at)
        except NotFound:  # as in a flow: a calendar that there is not is closed
            return Standing(closed=HOURS, reason="no_calendar")
        return Standing(
            closed="" if answer.open else HOURS, reason=str(answer.reason), note=answer.note, until=answer.until
        )

    def close(self, written: str, reason: str = "") -> list[str]:
        """Close the routes of a number, or all by `all`, from this moment on; closing again changes what is said of it.

        Returns:
            What was closed, as ccd.yaml writes it.

        Raises:
            NotFound: there is no route for that number.
        """
        chosen = [ALL] if written == ALL else self._named(written)
        for dialled in chosen:
            fact = RouteClosed(at=self._clock.now(), dialled=dialled, reason=reason)
            self._closings[dialled] = fact
            self._publish(fact)
        return chosen

    def open(self, written: str) -> list[str]:
        """End a closing by hand; `all` ends every one. Harmless where nothing was closed.

        Raises:
            Refused: all are closed together; one alone cannot be let out.
            NotFound: there is no route for that number.
        """
        if written == ALL:
            chosen = sorted(self._closings)
        else:
            chosen = [written] if written in self._closings else self._named(written)
            if ALL in self._closings:
                raise Refused("all routes are closed together; `ccd routes open --all` opens them")
        for dialled in chosen:
            if self._closings.pop(dialled, None) is not None:
                self._publish(RouteOpened(at=self._clock.now(), dialled=dialled))
        return chosen

    def _named(self, written: str) -> list[str]:
        found = list(dict.fromkeys(route.dialled for route in self._table.named(written)))
        if not found:
            known = ", ".join(dict.fromkeys(route.dialled for route in self._table.routes[:20]))
            raise NotFound(f"no route is for {written[:40]!r}" + (f"; there are {known}" if known else ""))
        return found
