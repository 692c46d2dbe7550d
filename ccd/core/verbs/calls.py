"""Verbs of live calls."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ccd.acd.callers import QueuedCaller
from ccd.base.clock import iso, ms_between
from ccd.base.errors import NotFound
from ccd.calls.model import Call
from ccd.core.verbs.given import text
from ccd.ivr.transfers import Stage
from ccd.switch.commands import Hangup

if TYPE_CHECKING:
    from ccd.core.house import House
    from ccd.core.verbs import Verb


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
        "caller_class": call.caller_class,
        "class_reason": call.class_reason,
        "dialled": call.dialled,
        "dialled_e164": call.dialled_e164,
        "trunk": call.trunk,
        "repeat_calls": call.repeat_calls,
        "last_agent": call.last_agent,
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
    elif (transfer := house.dialling.of_caller(call.leg_id)) is not None:
        row["place"] = "talking" if transfer.stage is Stage.TALKING else "transfer"
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
    call_id = text(given, "call_id")
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


VERBS: dict[str, Verb] = {
    "calls.list": _calls_list,
    "calls.show": _calls_show,
    "calls.hangup": _calls_hangup,
}
