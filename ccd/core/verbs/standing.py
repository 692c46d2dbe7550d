"""Who stands where: the callers of a queue in order, and what strategies know of an agent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ccd.acd import strategies
from ccd.acd.agent_states import AgentState
from ccd.acd.callers import QueuedCaller, Stay
from ccd.acd.model import Tier
from ccd.acd.strategies import Forgets
from ccd.base.clock import iso, ms_between
from ccd.base.errors import NotFound, Refused
from ccd.core.verbs.given import text

if TYPE_CHECKING:
    from ccd.core.house import House
    from ccd.core.verbs import Verb

MOST_SHOWN = 1000
_IN_LINE = (Stay.WAITING, Stay.OFFERED, Stay.RETURNING)


def _queues_waiting(house: House, given: dict[str, Any]) -> list[dict[str, Any]]:
    queue_id, limit = text(given, "queue_id"), given.get("limit", MOST_SHOWN)
    if queue_id not in house.acd.queues:
        raise NotFound(f"no queue {queue_id}")
    if not isinstance(limit, int) or not 1 <= limit <= MOST_SHOWN:
        raise Refused(f"limit: from 1 to {MOST_SHOWN}")
    stays = [one for one in house.acd.callers.values() if one.queue_id == queue_id and one.stay in _IN_LINE]
    stays.sort(key=lambda one: (house.acd.deciding.place(one), one.joined_at, one.entry_id))
    return [_caller_row(house, one, place) for place, one in enumerate(stays[:limit], 1)]


def _caller_row(house: House, caller: QueuedCaller, place: int) -> dict[str, Any]:
    now, needs = house.clock.now(), house.acd.deciding.needs_of(caller)
    return {
        "place": place,
        "call_id": caller.call_id,
        "number": caller.number,
        "priority": caller.priority,
        "vip": caller.vip,
        "waited_ms": ms_between(caller.joined_at, now),
        "skills": dict(needs.required),
        "prefer": dict(needs.preferred),
        "waits_for": _name(house, caller.bound_to) if caller.bound_to and caller.bound_until > now else "",
        "ringing": [_name(house, agent_id) for agent_id in caller.ringing.values()],
        "refused": [_name(house, agent_id) for agent_id, until in caller.refused.items() if until > now],
    }


def _name(house: House, agent_id: str) -> str:
    agent = house.acd.roster.agents.get(agent_id)
    return agent.settings.name if agent is not None else agent_id


def _agents_remembered(house: House, given: dict[str, Any]) -> dict[str, Any]:
    agent = house.acd.roster.find(text(given, "agent_id"))
    queues = [_memory_row(house, agent, tier) for tier in agent.tiers if tier.queue_id in house.acd.queues]
    return {
        "idle_since": iso(agent.idle_since or None),
        "remembered": sorted(queues, key=lambda row: str(row["queue"])),
    }


def _memory_row(house: House, agent: AgentState, tier: Tier) -> dict[str, Any]:
    """What the strategy of one queue knows of him; None where that is nothing to it."""
    queue, remembered = house.acd.queues[tier.queue_id].settings, house.acd.deciding.remembered
    strategy = strategies.named(queue.strategy)
    row: dict[str, Any] = {"queue": queue.name, "strategy": strategy.name, "forgets": strategy.forgets.value}
    today = remembered.today(agent.agent_id, queue.zone or house.acd.zone, house.clock.now())
    counts = strategy.forgets is Forgets.MIDNIGHT
    last = remembered.offered_seq(tier.queue_id, agent.agent_id)
    made = remembered.asked[tier.queue_id].count if last else 0
    return row | {
        "calls_today": today.calls if counts else None,
        "talk_today_ms": today.talk_ms if counts else None,
        "offers_since": made - last if last and strategy.forgets is Forgets.NEVER else None,
    }


VERBS: dict[str, Verb] = {
    "queues.waiting": _queues_waiting,
    "agents.remembered": _agents_remembered,
}
