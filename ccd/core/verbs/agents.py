"""Verbs of agents: they change nothing but what he does now."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ccd.acd.agent_states import AgentState
from ccd.base.clock import iso
from ccd.base.errors import Refused
from ccd.core.verbs.given import text

if TYPE_CHECKING:
    from ccd.core.house import House
    from ccd.core.verbs import Verb


def agent_row(house: House, agent: AgentState) -> dict[str, Any]:
    """An agent as the API shows him."""
    return {
        "agent_id": agent.agent_id,
        "name": agent.settings.name,
        "display_name": agent.settings.display_name,
        "presence": str(agent.presence),
        "reason": agent.reason,
        "activity": "busy_elsewhere" if agent.elsewhere and agent.activity == "idle" else str(agent.activity),
        "ready": house.acd.deciding.matcher.is_ready(agent.agent_id),
        "since": iso(max(agent.presence_since, agent.activity_since) or None),
        "station": agent.station.name if agent.station else "",
        "contact": agent.station.contact if agent.station else "",
        "standing": agent.standing,
        "line": str(agent.line),
        "signed_out_by": agent.signed_out_by if agent.presence == "logged_out" else "",
        "call_id": agent.call_id,
        "no_answers": agent.no_answers,
        "missed": agent.missed,
        "wrap_up_until": iso(agent.wrap_up_until or None),
        "next": agent.next_presence,
        "next_reason": agent.next_reason,
        "break_limit_ms": house.acd.roster.breaks.limit_ms(agent),
        "overrun_since": iso(agent.overrun_at or None),
        "queues": sorted(
            house.acd.queues[tier.queue_id].settings.name for tier in agent.tiers if tier.queue_id in house.acd.queues
        ),
    }


def _agents_list(house: House, given: dict[str, Any]) -> list[dict[str, Any]]:
    agents = sorted(house.acd.roster.agents.values(), key=lambda agent: agent.settings.name)
    return [agent_row(house, agent) for agent in agents]


def _agents_login(house: House, given: dict[str, Any]) -> dict[str, Any]:
    standing = given.get("standing")
    if standing is not None and not isinstance(standing, bool):
        raise Refused("standing is true or false")
    return agent_row(house, house.acd.roster.login(text(given, "agent_id"), text(given, "station_id", ""), standing))


def _agents_logout(house: House, given: dict[str, Any]) -> dict[str, Any]:
    return agent_row(house, house.acd.roster.logout(text(given, "agent_id")))


def _agents_pause(house: House, given: dict[str, Any]) -> dict[str, Any]:
    return agent_row(house, house.acd.roster.pause(text(given, "agent_id"), text(given, "reason", "")))


def _agents_resume(house: House, given: dict[str, Any]) -> dict[str, Any]:
    return agent_row(house, house.acd.roster.resume(text(given, "agent_id")))


VERBS: dict[str, Verb] = {
    "agents.list": _agents_list,
    "agents.login": _agents_login,
    "agents.logout": _agents_logout,
    "agents.pause": _agents_pause,
    "agents.resume": _agents_resume,
}
