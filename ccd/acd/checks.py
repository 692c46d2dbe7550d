"""What may be configured of a queue, an agent and a tier: one clear line, `key: what is wrong`, for what may not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from ccd.acd import phrases, shown, strategies
from ccd.acd.asks import asks_of, from_json, steps_of
from ccd.acd.matching.needs import Graded, Needs
from ccd.acd.model import Agent, Queue, Tier
from ccd.acd.overflow import leaves_in_time
from ccd.base.codes import BadInput
from ccd.base.errors import Refused
from ccd.base.skills import checked_levels

HEAVIEST = 100
LAST_RANK = 1000
_LEAVE = "give that queue a longest wait (max_wait_ms), or an overflow by waiting time"


def checked_queue(queue: Queue) -> Queue:
    """The queue as it is kept: its strategy by its name, its demands in order.

    Raises:
        BadInput: a setting that is none, or two that do not go together.
    """
    try:
        strategy = strategies.named(queue.strategy).name
    except Refused as error:
        raise BadInput(f"strategy: {error}") from None
    try:
        asks = asks_of(steps_of(queue.asks))
    except ValueError as error:
        raise BadInput(f"asks: {error}") from None
    negative = [key for key in queue.__struct_fields__ if key.endswith("_ms") and getattr(queue, key) < 0]
    if negative:
        raise BadInput(f"{negative[0]}: must not be negative")
    _check_zone(queue.zone)
    _check_nobody_waits_for_ever(queue)
    _check_join(queue)
    return msgspec.structs.replace(queue, strategy=strategy, asks=asks)


def with_asks(options: Mapping[str, Any]) -> dict[str, Any]:
    """Settings of a queue as people give them, its demands as ccd.acd.model.Queue has them; BadInput for one that is none."""
    if "asks" not in options:
        return dict(options)
    try:
        return {**options, "asks": msgspec.to_builtins(from_json(options["asks"]))}
    except ValueError as error:
        raise BadInput(f"asks: {error}") from None


def _check_zone(zone: str) -> None:
    try:
        if zone:
            ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise BadInput(f"zone: no time zone {zone[:40]!r}; like Asia/Shanghai") from None


def _check_join(queue: Queue) -> None:
    if fault := shown.fault_of(queue.shown_name):
        raise BadInput(f"shown_name: {fault}")
    for key, value, known in (
        ("shown_number", (queue.shown_number,), shown.NUMBERS),
        ("agent_hears", queue.agent_hears, phrases.PARTS),
        ("caller_hears", (queue.caller_hears,), phrases.CALLER_HEARS),
    ):
        if unknown := [one for one in value if one not in known]:
            raise BadInput(f"{key}: no {unknown[0][:20]!r}; there are {', '.join(known)}")


def _check_nobody_waits_for_ever(queue: Queue) -> None:
    if queue.ageing_ms == 0 and not leaves_in_time(queue):
        raise BadInput(
            "ageing_ms: without ageing callers of lower priority could wait for ever: "
            "give a longest wait (max_wait_ms) with it, or an overflow by waiting time"
        )


def checked_agent(agent: Agent) -> Agent:
    """The agent with his skills by name; BadInput for a name or a level that is none."""
    try:
        return msgspec.structs.replace(agent, skills=checked_levels(agent.skills))
    except ValueError as error:
        raise BadInput(f"skills: {error}") from None


def with_skills(before: Mapping[str, int], changed: Mapping[str, int | None]) -> dict[str, int]:
    """An agent's skills after a change; None takes one away, and only one that he has."""
    for skill, level in changed.items():
        if level is None and skill not in before:
            raise BadInput(f"skills: he does not have {skill[:40]!r}")
    after = {**before, **changed}
    return {skill: level for skill, level in after.items() if level is not None}


def checked_tier(tier: Tier) -> Tier:
    """The tier; BadInput for a level, a position or a weight that is none."""
    for key, value, most in (
        ("level", tier.level, LAST_RANK),
        ("position", tier.position, LAST_RANK),
        ("weight", tier.weight, HEAVIEST),
    ):
        if not 1 <= value <= most:
            raise BadInput(f"{key}: from 1 to {most}, not {value}")
    return tier


def check_skills_exist(queue: Queue, agents: Iterable[Agent]) -> None:
    """BadInput for a skill that a queue asks for and no agent has: callers would wait for nobody, or it is a slip."""
    known = {skill for agent in agents for skill in agent.skills}
    for step in steps_of(queue.asks):
        for skill in {**step.skills, **step.prefer}:
            if skill not in known:
                there = f"agents have {', '.join(sorted(known)[:20])}" if known else "no agent has any"
                raise BadInput(
                    f"asks: no agent has the skill {skill!r}; {there} (`ccd agents set NAME --skill {skill}=5`)"
                )


def check_nobody_starves(queue: Queue, others: Iterable[Queue], tiers: Iterable[Tier], agents: Iterable[Agent]) -> None:
    """BadInput where callers could wait for ever by what is configured, whoever is signed in.

    That is: no agent has what a queue still asks for in the end; or a queue in which no waiting outweighs a priority shares an
    agent with one that nobody leaves by time, so that a flood of important callers there keeps those here for ever.
    """
    staff = {agent.agent_id: agent for agent in agents}
    least = queue.asks[-1].required if queue.asks else ()
    if least and not leaves_in_time(queue) and not any(_meets(agent, least) for agent in staff.values()):
        wanted = ", ".join(f"{skill} {level}" for skill, level in least)
        raise BadInput(f"asks: no agent has {wanted}, and nothing relaxes it: callers could wait for ever; {_LEAVE}")
    serve: dict[str, set[str]] = {}
    for tier in tiers:
        serve.setdefault(tier.queue_id, set()).add(tier.agent_id)
    for other in others:
        shared = serve.get(queue.queue_id, set()) & serve.get(other.queue_id, set())
        for strict, ages in ((queue, other), (other, queue)):
            if shared and strict.ageing_ms == 0 and not leaves_in_time(ages):
                names = sorted(staff[one].name for one in shared if one in staff)
                raise BadInput(
                    f"ageing_ms: no waiting outweighs a priority in {strict.name}, which shares {', '.join(names[:3])} with "
                    f"{ages.name}, whose callers could then wait for ever; {_LEAVE}"
                )


def _meets(agent: Agent, least: Graded) -> bool:
    return Needs(required=least).are_met_by(agent.skills)
