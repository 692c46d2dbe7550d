"""The site's calendars, and which of them somebody closed. Every closing is a fact, so that it outlives this process."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ccd.base.clock import Clock, Moment
from ccd.base.errors import NotFound, Refused
from ccd.routing.calendar import Answer, Calendar, Reason
from ccd.routing.facts import CalendarClosed, CalendarOpened

ALL = "*"
_EDGES = {Reason.HOLIDAY: "holiday", Reason.EMERGENCY: "emergency"}


class Calendars:
    """Answers by name. `closings` are the latest facts of those that are closed, as the ledger kept them."""

    def __init__(self, clock: Clock, publish: Callable[[Any], None], closings: Mapping[str, CalendarClosed]) -> None:
        self._clock = clock
        self._publish = publish
        self._calendars: dict[str, Calendar] = {}
        self._closings = dict(closings)

    def configure(self, calendars: Mapping[str, Calendar]) -> None:
        """Go by these from now on; what is closed stays closed."""
        self._calendars = dict(calendars)

    def names(self) -> list[str]:
        """All names, sorted."""
        return sorted(self._calendars)

    def named(self, name: str) -> Calendar:
        """The calendar of that name; NotFound."""
        if name not in self._calendars:
            known = f"; there are {', '.join(self.names())}" if self._calendars else "; ccd.yaml names none"
            raise NotFound(f"no calendar {name!r}{known}")
        return self._calendars[name]

    def answer(self, name: str, at: Moment | None = None) -> Answer:
        """Whether a calendar is open; now, unless a moment is given: then closings count only if they are of before it."""
        calendar, moment = self.named(name), self._clock.now() if at is None else at
        closing = self._closing(name)
        if closing is not None and (at is None or at >= closing.at):
            return Answer(open=False, reason=Reason.EMERGENCY, note=closing.reason)
        return calendar.is_open(moment)

    def edge(self, name: str) -> str:
        """Where a flow goes now: open, closed, holiday or emergency. NotFound."""
        calendar = self.named(name)
        if self._closing(name) is not None:
            return _EDGES[Reason.EMERGENCY]
        is_open, reason = calendar.state(self._clock.now())
        return "open" if is_open else _EDGES.get(reason, "closed")

    def closed_by_hand(self) -> dict[str, CalendarClosed]:
        """The closings in force by name, `*` for all."""
        return dict(self._closings)

    def close(self, name: str, reason: str = "") -> None:
        """Close one, or all by `*`, from this moment on; closing again changes what is said of it."""
        if name != ALL:
            self.named(name)
        fact = CalendarClosed(at=self._clock.now(), calendar=name, reason=reason)
        self._closings[name] = fact
        self._publish(fact)

    def open(self, name: str) -> None:
        """End a closing; `*` ends every one. Harmless where nothing was closed.

        Raises:
            Refused: all are closed together; one alone cannot be let out.
            NotFound: there is no such calendar.
        """
        if name != ALL:
            if name not in self._closings:
                self.named(name)
            if ALL in self._closings:
                raise Refused("all calendars are closed together; `ccd calendars open --all` opens them")
        for one in sorted(self._closings) if name == ALL else [name]:
            if self._closings.pop(one, None) is not None:
                self._publish(CalendarOpened(at=self._clock.now(), calendar=one))

    def _closing(self, name: str) -> CalendarClosed | None:
        return self._closings.get(ALL) or self._closings.get(name)
