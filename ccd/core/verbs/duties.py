"""Verbs of agents at work: wrap-up, what comes after this call, and putting a stuck one right."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import structlog

from ccd.acd.agent_states import AgentState
from ccd.base.errors import Refused, SwitchError
from ccd.core.looking import dump_channels
from ccd.core.verbs.agents import agent_row
from ccd.core.verbs.given import text

if TYPE_CHECKING:
    from ccd.core.house import House
    from ccd.core.verbs import Verb

log = structlog.get_logger(__name__)


def _extend_wrap_up(house: House, given: dict[str, Any]) -> dict[str, Any]:
    by_ms = given.get("by_ms")
    if not isinstance(by_ms, int):
        raise Refused("by_ms is missing")
    return agent_row(house, house.acd.duties.extend_wrap_up(text(given, "agent_id"), by_ms))


def _end_wrap_up(house: House, given: dict[str, Any]) -> dict[str, Any]:
    return agent_row(house, house.acd.duties.end_wrap_up(text(given, "agent_id")))


def _hang_up(house: House, given: dict[str, Any]) -> dict[str, Any]:
    return agent_row(house, house.acd.duties.hang_up(text(given, "agent_id")))


def _next(house: House, given: dict[str, Any]) -> dict[str, Any]:
    agent = house.acd.duties.next(text(given, "agent_id"), text(given, "presence"), text(given, "reason", ""))
    return agent_row(house, agent)


def _clear_next(house: House, given: dict[str, Any]) -> dict[str, Any]:
    return agent_row(house, house.acd.duties.clear_next(text(given, "agent_id")))


def _reset(house: House, given: dict[str, Any]) -> dict[str, Any]:
    agent = house.acd.roster.find(text(given, "agent_id"))
    gone = _what_is_gone(house, agent)
    who, why = text(given, "who", ""), text(given, "why", "")
    log.warning("agent_reset", agent=agent.settings.name, who=who, why=why, legs_gone=len(gone))
    return agent_row(house, house.acd.duties.reset(agent.agent_id, who=who, why=why, gone=gone))


def _what_is_gone(house: House, agent: AgentState) -> tuple[str, ...]:
    """Each leg that holds him is asked for: those that the switch does not have."""
    legs = house.registry.legs
    held = {leg.leg_id for leg in legs.values() if leg.agent_id == agent.agent_id and not leg.ordered} | agent.elsewhere
    gone = {leg_id for leg_id in held if leg_id not in legs}
    for node in house.nodes.values():
        here = [leg_id for leg_id in held - gone if legs[leg_id].node == node.name]
        if not here:
            continue
        try:
            alive = dump_channels(node.switch, here, known=legs)
        except SwitchError as away:
            log.warning("agent_reset_without_switch", agent=agent.settings.name, node=node.name, reason=str(away))
            continue
        gone |= set(here) - set(alive)
    return tuple(sorted(gone))


VERBS: dict[str, Verb] = {
    "agents.extend_wrap_up": _extend_wrap_up,
    "agents.end_wrap_up": _end_wrap_up,
    "agents.hangup": _hang_up,
    "agents.next": _next,
    "agents.clear_next": _clear_next,
    "agents.reset": _reset,
}
