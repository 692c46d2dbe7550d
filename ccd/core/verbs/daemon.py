"""Verbs between side and core: state, configuration, journal, the end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from ccd import __version__
from ccd.base.clock import iso
from ccd.base.errors import Refused
from ccd.journal.configuration import Configuration
from ccd.journal.records import Position

if TYPE_CHECKING:
    from ccd.core.house import House
    from ccd.core.verbs import Verb


def _status(house: House, given: dict[str, Any]) -> dict[str, Any]:
    return {
        "version": __version__,
        "node": house.settings.node_name,
        "started_at": iso(house.started_at),
        "boot_id": house.boot_id,
        "switches": [
            {
                "name": node.name,
                "up": node.link.is_up,
                "ready": node.is_ready,
                "why": node.why,
                "core_uuid": node.core_uuid,
                "clock_offset_ms": node.clock_offset_ms,
            }
            for node in house.nodes.values()
        ],
        "calls": len(house.registry.calls),
        "legs": len(house.registry.legs),
        "waiting": sum(len(queue.line) for queue in house.acd.queues.values()),
        "closed_queues": sorted(queue.settings.name for queue in house.acd.queues.values() if queue.closed),
        "agents": len(house.acd.roster.agents),
        "configuration": house.site.configuration.version,
        "recordings": house.recordings.status(),
        "facts": house.publisher.published,
        "spool_pending": house.spool.pending,
        "leases": sum(node.guards.held() for node in house.nodes.values()),
    }


def _configuration_put(house: House, given: dict[str, Any]) -> dict[str, Any]:
    try:
        configuration = msgspec.convert(given.get("configuration", given), Configuration)
    except msgspec.ValidationError as wrong:
        raise Refused(f"configuration: {wrong}") from wrong
    house.configuring.take(configuration)
    return {"version": configuration.version}


def _configuration_get(house: House, given: dict[str, Any]) -> Any:
    return msgspec.to_builtins(house.site.configuration)


def _journal_committed(house: House, given: dict[str, Any]) -> dict[str, Any]:
    house.memory.committed(Position(int(given.get("segment", 0)), int(given.get("offset", 0))))
    return {}


def _stop(house: House, given: dict[str, Any]) -> dict[str, Any]:
    house.stop_soon()
    return {}


VERBS: dict[str, Verb] = {
    "status": _status,
    "configuration.put": _configuration_put,
    "configuration.get": _configuration_get,
    "journal.committed": _journal_committed,
    "stop": _stop,
}
