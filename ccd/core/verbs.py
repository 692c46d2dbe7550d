"""The verbs of core's command socket: one row each. Thin: look up, call the service, tell in plain values."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import msgspec

from ccd import __version__
from ccd.acd.agent_states import AgentState
from ccd.acd.callers import QueuedCaller
from ccd.base.clock import iso, ms_between
from ccd.base.errors import NotFound, Refused
from ccd.calls.model import Call
from ccd.journal.configuration import Configuration
from ccd.journal.records import Position
from ccd.switch.commands import Hangup

if TYPE_CHECKING:
    from ccd.core.house import House

Verb = Callable[["House", dict[str, Any]], Any]


def _text(given: dict[str, Any], key: str, default: str | None = None) -> str:
    value = given.get(key, default)
    if not isinstance(value, str) or (default is None and not value):
        raise Refused(f"{key} is missing")
    if len(value) > 200:
        raise Refused(f"{key} is too long")
    return value


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
        "agents": len(house.acd.roster.agents),
        "configuration": house.site.configuration.version,
        "facts": house.publisher.published,
        "spool_pending": house.spool.pending,
        "leases": sum(node.guards.held() for node in house.nodes.values()),
    }


def call_row(house: House, call: Call) -> dict[str, Any]:
    """A live call as the API shows it."""
    caller = house.acd.caller_of(call.leg_id)
    now = house.clock.now()
    row: dict[str, Any] = {
        "call_id": call.call_id,
        "leg_id": call.leg_id,
        "node": call.node,
        "caller_number": call.caller_number,
        "caller_e164": house.registry.e164(call.caller_number),
        "caller_name": call.caller_name,
        "dialled": call.dialled,
        "arrived_at": iso(call.arrived_at),
        "answered_at": iso(call.answered_at or None),
        "duration_ms": ms_between(call.arrived_at, now),
        "place": "flow",
        "queue": "",
        "agent": "",
        "waited_ms": 0,
        "recorded": call.leg_id in house.recordings.running,
    }
    if caller is not None:
        row |= _stay(house, caller)
    return row


def _stay(house: House, caller: QueuedCaller) -> dict[str, Any]:
    queue = house.acd.queues[caller.queue_id]
    agent = house.acd.roster.agents.get(caller.agent_id)
    until = caller.connected_at or house.clock.now()
    return {
        "place": str(caller.stay),
        "queue": queue.settings.name,
        "position": queue.line.position(caller.entry_id),
        "priority": caller.priority,
        "joined_at": iso(caller.joined_at),
        "waited_ms": ms_between(caller.joined_at, until),
        "agent": agent.settings.name if agent else "",
    }


def _calls_list(house: House, given: dict[str, Any]) -> list[dict[str, Any]]:
    calls = sorted(house.registry.calls.values(), key=lambda call: call.arrived_at)
    return [call_row(house, call) for call in calls]


def _call(house: House, given: dict[str, Any]) -> Call:
    call_id = _text(given, "call_id")
    call = house.registry.calls.get(call_id)
    if call is None:
        raise NotFound(f"no live call {call_id}")
    return call


def _calls_show(house: House, given: dict[str, Any]) -> dict[str, Any]:
    call = _call(house, given)
    legs = [house.registry.legs[leg_id] for leg_id in sorted(call.legs) if leg_id in house.registry.legs]
    return call_row(house, call) | {
        "legs": [
            {
                "leg_id": leg.leg_id,
                "role": str(leg.role),
                "node": leg.node,
                "number": leg.number,
                "created_at": iso(leg.created_at or None),
                "answered_at": iso(leg.answered_at or None),
                "bridged_to": leg.bridged_to,
            }
            for leg in legs
        ]
    }


def _calls_hangup(house: House, given: dict[str, Any]) -> dict[str, Any]:
    call = _call(house, given)
    call.ended_by_ccd = True
    house.nodes[call.node].switch.ask(Hangup(leg_id=call.leg_id))
    return {"call_id": call.call_id}


def agent_row(house: House, agent: AgentState) -> dict[str, Any]:
    """An agent as the API shows him."""
    return {
        "agent_id": agent.agent_id,
        "name": agent.settings.name,
        "display_name": agent.settings.display_name,
        "presence": str(agent.presence),
        "reason": agent.reason,
        "activity": "busy_elsewhere" if agent.elsewhere and agent.activity == "idle" else str(agent.activity),
        "ready": agent.in_pool,
        "since": iso(max(agent.presence_since, agent.activity_since) or None),
        "station": agent.station.name if agent.station else "",
        "contact": agent.station.contact if agent.station else "",
        "call_id": agent.call_id,
        "no_answers": agent.no_answers,
        "queues": sorted(
            house.acd.queues[tier.queue_id].settings.name for tier in agent.tiers if tier.queue_id in house.acd.queues
        ),
    }


def _agents_list(house: House, given: dict[str, Any]) -> list[dict[str, Any]]:
    agents = sorted(house.acd.roster.agents.values(), key=lambda agent: agent.settings.name)
    return [agent_row(house, agent) for agent in agents]


def _agents_login(house: House, given: dict[str, Any]) -> dict[str, Any]:
    return agent_row(house, house.acd.roster.login(_text(given, "agent_id"), _text(given, "station_id", "")))


def _agents_logout(house: House, given: dict[str, Any]) -> dict[str, Any]:
    return agent_row(house, house.acd.roster.logout(_text(given, "agent_id")))


def _agents_pause(house: House, given: dict[str, Any]) -> dict[str, Any]:
    return agent_row(house, house.acd.roster.pause(_text(given, "agent_id"), _text(given, "reason", "")))


def _agents_resume(house: House, given: dict[str, Any]) -> dict[str, Any]:
    return agent_row(house, house.acd.roster.resume(_text(given, "agent_id")))


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
                "ready_agents": len(queue.ready),
                "longest_wait_ms": ms_between(min(waiting), now) if waiting else 0,
            }
        )
    return rows


def _calendar_row(house: House, name: str, at: int | None = None) -> dict[str, Any]:
    """A calendar as the API shows it: whether it is open, why and until when, also by the clock on its wall."""
    calendar, answer = house.calendars.named(name), house.calendars.answer(name, at)
    moment = house.clock.now() if at is None else at
    return {
        "calendar": name,
        "zone": calendar.zone,
        "open": answer.open,
        "reason": str(answer.reason),
        "note": answer.note,
        "at": iso(moment),
        "local": f"{calendar.local(moment):%a %Y-%m-%d %H:%M}",
        "until": iso(answer.until or None),
        "local_until": f"{calendar.local(answer.until):%a %Y-%m-%d %H:%M}" if answer.until else "",
    }


def _calendars_list(house: House, given: dict[str, Any]) -> list[dict[str, Any]]:
    return [_calendar_row(house, name) for name in house.calendars.names()]


def _calendars_show(house: House, given: dict[str, Any]) -> dict[str, Any]:
    name, text = _text(given, "calendar"), _text(given, "at", "")
    try:
        at = house.calendars.named(name).moment(text) if text else None
    except (ValueError, OverflowError):
        raise Refused(f"{text[:40]!r} is no moment; like 2027-02-06T10:00") from None
    return _calendar_row(house, name, at)


def _calendars_close(house: House, given: dict[str, Any]) -> dict[str, Any]:
    house.calendars.close(_text(given, "calendar"), _text(given, "reason", ""))
    return {"calendars": _calendars_list(house, {})}


def _calendars_open(house: House, given: dict[str, Any]) -> dict[str, Any]:
    house.calendars.open(_text(given, "calendar"))
    return {"calendars": _calendars_list(house, {})}


def _recordings_mask(house: House, given: dict[str, Any]) -> dict[str, Any]:
    house.recordings.mask(_text(given, "call_id"), masked=True)
    return {"call_id": given["call_id"], "masked": True}


def _recordings_unmask(house: House, given: dict[str, Any]) -> dict[str, Any]:
    house.recordings.mask(_text(given, "call_id"), masked=False)
    return {"call_id": given["call_id"], "masked": False}


def _configuration_put(house: House, given: dict[str, Any]) -> dict[str, Any]:
    try:
        configuration = msgspec.convert(given.get("configuration", given), Configuration)
    except msgspec.ValidationError as wrong:
        raise Refused(f"configuration: {wrong}") from wrong
    house.take_configuration(configuration)
    return {"version": configuration.version}


def _configuration_get(house: House, given: dict[str, Any]) -> Any:
    return msgspec.to_builtins(house.site.configuration)


def _journal_committed(house: House, given: dict[str, Any]) -> dict[str, Any]:
    house.committed(Position(int(given.get("segment", 0)), int(given.get("offset", 0))))
    return {}


def _stop(house: House, given: dict[str, Any]) -> dict[str, Any]:
    house.stop_soon()
    return {}


VERBS: dict[str, Verb] = {
    "status": _status,
    "calls.list": _calls_list,
    "calls.show": _calls_show,
    "calls.hangup": _calls_hangup,
    "agents.list": _agents_list,
    "agents.login": _agents_login,
    "agents.logout": _agents_logout,
    "agents.pause": _agents_pause,
    "agents.resume": _agents_resume,
    "queues.list": _queues_list,
    "calendars.list": _calendars_list,
    "calendars.show": _calendars_show,
    "calendars.close": _calendars_close,
    "calendars.open": _calendars_open,
    "recordings.mask": _recordings_mask,
    "recordings.unmask": _recordings_unmask,
    "configuration.put": _configuration_put,
    "configuration.get": _configuration_get,
    "journal.committed": _journal_committed,
    "stop": _stop,
}
