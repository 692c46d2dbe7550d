"""Doors that people close and open, as the ledger folds them: queues, calendars, routes. For ccd.core.ledger alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from ccd.acd.facts import QueueClosed, QueueDrained, QueueOpened
from ccd.routing.facts import CalendarClosed, CalendarOpened, RouteClosed, RouteOpened

if TYPE_CHECKING:
    from ccd.core.ledger import Ledger


def _queue_closed(ledger: Ledger, fact: QueueClosed) -> None:
    ledger.queue_closings[fact.queue_id] = fact


def _queue_drained(ledger: Ledger, fact: QueueDrained) -> None:
    if closing := ledger.queue_closings.get(fact.queue_id):
        ledger.queue_closings[fact.queue_id] = msgspec.structs.replace(closing, draining=False)


def _queue_opened(ledger: Ledger, fact: QueueOpened) -> None:
    ledger.queue_closings.pop(fact.queue_id, None)


def _calendar_closed(ledger: Ledger, fact: CalendarClosed) -> None:
    ledger.closings[fact.calendar] = fact


def _calendar_opened(ledger: Ledger, fact: CalendarOpened) -> None:
    ledger.closings.pop(fact.calendar, None)


def _route_closed(ledger: Ledger, fact: RouteClosed) -> None:
    ledger.route_closings[fact.dialled] = fact


def _route_opened(ledger: Ledger, fact: RouteOpened) -> None:
    ledger.route_closings.pop(fact.dialled, None)


DOORS: dict[type, Any] = {
    QueueClosed: _queue_closed,
    QueueDrained: _queue_drained,
    QueueOpened: _queue_opened,
    CalendarClosed: _calendar_closed,
    CalendarOpened: _calendar_opened,
    RouteClosed: _route_closed,
    RouteOpened: _route_opened,
}
