"""Verbs of queues."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ccd.base.clock import ms_between
from ccd.core.verbs.operating import standing_of

if TYPE_CHECKING:
    from ccd.core.house import House
    from ccd.core.verbs import Verb


def _queues_list(house: House, given: dict[str, Any]) -> list[dict[str, Any]]:
    now = house.clock.now()
    rows = []
    for queue in sorted(house.acd.queues.values(), key=lambda one: one.settings.name):
        stays = [one for one in house.acd.callers.values() if one.queue_id == queue.settings.queue_id]
        waiting = [one.joined_at for one in stays if not one.connected_at]
        rows.append(
            {
                "queue_id": queue.settings.queue_id,
                "name": queue.settings.name,
                "strategy": queue.settings.strategy,
                "waiting": len(waiting),
                "talking": len(stays) - len(waiting),
                "ready_agents": house.acd.deciding.matcher.ready_in(queue.settings.queue_id),
                "longest_wait_ms": ms_between(min(waiting), now) if waiting else 0,
                **standing_of(house, queue),
            }
        )
    return rows


VERBS: dict[str, Verb] = {
    "queues.list": _queues_list,
}
