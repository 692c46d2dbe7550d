"""Verbs of people who operate queues: doors, and the callers in line. `who` is whom side saw at the other end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ccd.acd.callers import QueuedCaller
from ccd.acd.queue_states import QueueState
from ccd.base.clock import iso
from ccd.base.errors import Refused
from ccd.core.verbs.given import text

if TYPE_CHECKING:
    from ccd.core.house import House
    from ccd.core.verbs import Verb


def standing_of(house: House, queue: QueueState) -> dict[str, Any]:
    """How a queue's door stands: open, draining or closed; who closed it, when and why."""
    closing = house.acd.operating.closing(queue.settings.queue_id)
    return {
        "door": "open" if closing is None else "draining" if queue.draining else "closed",
        "closed_at": iso(closing.at) if closing is not None else None,
        "closed_by": closing.who if closing is not None else "",
        "closed_why": closing.reason if closing is not None else "",
    }


def _door(house: House, queue: QueueState) -> dict[str, Any]:
    queue_id = queue.settings.queue_id
    inside = sum(caller.queue_id == queue_id for caller in house.acd.callers.values())
    return {"queue": queue.settings.name, "inside": inside} | standing_of(house, queue)


def _queues_open(house: House, given: dict[str, Any]) -> dict[str, Any]:
    queue = house.acd.operating.open(text(given, "queue"), reason=text(given, "reason", ""), who=text(given, "who", ""))
    return _door(house, queue)


def _queues_close(house: House, given: dict[str, Any]) -> dict[str, Any]:
    return _closed(house, given, drain=False)


def _queues_drain(house: House, given: dict[str, Any]) -> dict[str, Any]:
    return _closed(house, given, drain=True)


def _closed(house: House, given: dict[str, Any], *, drain: bool) -> dict[str, Any]:
    reason, who = text(given, "reason", ""), text(given, "who", "")
    return _door(house, house.acd.operating.close(text(given, "queue"), reason=reason, who=who, drain=drain))


def _queues_move(house: House, given: dict[str, Any]) -> dict[str, Any]:
    source, target, call_id = text(given, "queue"), text(given, "target"), text(given, "call_id", "")
    first, who = _number(given, "first"), text(given, "who", "")
    moved = house.acd.operating.move(source, target, call_id=call_id, first=first, who=who)
    return {"queue": source, "target": target, "moved": [caller.call_id for caller in moved]}


def _calls_priority(house: House, given: dict[str, Any]) -> dict[str, Any]:
    priority, who = _number(given, "priority"), text(given, "who", "")
    return _place(house, house.acd.operating.prioritise(text(given, "call_id"), priority, who=who))


def _calls_kick(house: House, given: dict[str, Any]) -> dict[str, Any]:
    call_id, to_fallback = text(given, "call_id"), bool(given.get("to_fallback"))
    caller = house.acd.operating.kick(call_id, tell=not to_fallback, who=text(given, "who", ""))
    leg = house.registry.legs.get(caller.leg_id)
    if to_fallback and leg is not None:
        house.desk.send_away(leg, "kicked")
    return {"call_id": call_id, "kicked": True, "to_fallback": to_fallback}


def _place(house: House, caller: QueuedCaller) -> dict[str, Any]:
    queue = house.acd.queues[caller.queue_id]
    return {
        "call_id": caller.call_id,
        "queue": queue.settings.name,
        "priority": caller.priority,
        "position": queue.line.position(caller.entry_id),
    }


def _number(given: dict[str, Any], key: str) -> int:
    value = given.get(key, 0)
    if not isinstance(value, int) or isinstance(value, bool):
        raise Refused(f"{key} is no whole number")
    return value


VERBS: dict[str, Verb] = {
    "queues.open": _queues_open,
    "queues.close": _queues_close,
    "queues.drain": _queues_drain,
    "queues.move": _queues_move,
    "calls.priority": _calls_priority,
    "calls.kick": _calls_kick,
}
