"""Of one decision: why this agent came before the others, and why callers before this one were passed over. Pure.

A reason is a dictionary: `code`, and the values that go with it. Ids are ids here; the stories put names in their place.
"""

from __future__ import annotations

from typing import Any

from ccd.acd.inputs import Unready, WhyNot
from ccd.acd.matching.model import Post, Ready, Rules, Waiting
from ccd.acd.matching.pools import Pool
from ccd.acd.model import Tier
from ccd.acd.strategies import Draws, Rings
from ccd.base.clock import Moment
from ccd.side.why.replay import Replay

Reason = dict[str, Any]
Part = tuple[Ready, Post]

MEASURES = {
    "round-robin": "offered_seq",
    "agent-with-fewest-calls": "calls",
    "agent-with-least-talk-time": "talk_ms",
    "skills-best-match": "match",
    "vip-first": "specialist",
}
_KEYS = ("level", "preferred", "strategy", "position")
MOST_PASSED_OVER = 20


def tiers_of(replay: Replay, queue_id: str) -> dict[str, Tier]:
    """Who serves a queue, by agent."""
    return {
        agent_id: tier for agent_id, tiers in replay.people.tiers.items() for tier in tiers if tier.queue_id == queue_id
    }


def post_of(replay: Replay, agent_id: str, queue_id: str) -> Part | None:
    """A ready agent's part in a queue, if he may be offered callers of it."""
    ready = replay.matcher.agent(agent_id)
    posts = [post for post in ready.posts if post.queue_id == queue_id] if ready is not None else []
    return (ready, posts[0]) if ready is not None and posts else None


def why_unready(unready: Unready | None) -> Reason:
    """Why an agent may not be offered anybody; of whom nothing was ever told has not logged in."""
    if unready is None:
        return {"code": WhyNot.LOGGED_OUT.value}
    values = {"detail": unready.detail, "not_ready_since": unready.since, "until": unready.until}
    return {"code": unready.why.value} | {key: value for key, value in values.items() if value}


def excluded(replay: Replay, agent_id: str, waiting: Waiting) -> Reason | None:
    """Why an agent could not have been offered a caller at all, None if he could."""
    if replay.matcher.agent(agent_id) is None:
        return why_unready(replay.unready.get(agent_id))
    found = post_of(replay, agent_id, waiting.queue_id)
    if found is None:
        served = any(tier.queue_id == waiting.queue_id for tier in replay.people.tiers.get(agent_id, ()))
        return {"code": "on_another_call" if served else "not_in_queue"}
    if waiting.bound_to == agent_id and agent_id not in waiting.refused | waiting.ringing:
        return None
    return _not_for_him(replay, agent_id, waiting, *found)


def _not_for_him(replay: Replay, agent_id: str, waiting: Waiting, ready: Ready, post: Post) -> Reason | None:
    if agent_id in waiting.refused:
        return {"code": "refused_caller"}
    if agent_id in waiting.ringing:
        return {"code": "rings_already"}
    if waiting.bound_to:
        return {"code": "bound", "bound_to": waiting.bound_to}
    for skill, least in waiting.needs.required:
        if ready.skills.get(skill, 0) < least:
            return {"code": "skill", "skill": skill, "has": ready.skills.get(skill, 0), "needs": least}
    open_levels = waiting.needs.open_levels(replay.matcher.rules_of(waiting.queue_id).levels)
    if post.level not in open_levels:
        return {"code": "level_closed", "level": post.level, "open": list(open_levels)}
    return None


def outranked(replay: Replay, agent_id: str, chosen: str, waiting: Waiting, at: Moment) -> Reason:
    """By which rule another agent came before this one, who could have been offered the caller as well."""
    rules = replay.matcher.rules_of(waiting.queue_id)
    mine, other = post_of(replay, agent_id, waiting.queue_id), post_of(replay, chosen, waiting.queue_id)
    if mine is None or other is None:
        return {"code": "order"}
    if rules.strategy.rings is Rings.ALL:
        return {"code": "rings_all"}
    tried = [one in waiting.tried for one in (agent_id, chosen)]
    if rules.strategy.again_last and tried[0] and not tried[1]:
        return {"code": "asked_before"}
    return _first_difference(rules, waiting, mine, other, at)


def _first_difference(rules: Rules, waiting: Waiting, mine: Part, other: Part, at: Moment) -> Reason:
    """The two stand at different places because of the first part of their keys that differs."""
    pool, drawn = Pool(rules, waiting.needs), rules.strategy.draws is not Draws.NO
    keys = [pool.key_of(post, ready) for ready, post in (mine, other)]
    differing = [(name, *values) for name, *values in zip(_KEYS, *keys, strict=True) if values[0] != values[1]]
    name, own, others = differing[0] if differing else ("", 0, 0)
    if name == "preferred":
        return {"code": "preferred", "value": -own, "first": -others}
    if drawn and name != "level":
        return {"code": "drawn", "value": mine[1].weight, "first": other[1].weight}
    if name == "strategy":
        return _by_strategy(rules.strategy.name, waiting, mine, other, at)
    return {"code": name, "value": own, "first": others} if name else {"code": "order"}


def _by_strategy(name: str, waiting: Waiting, mine: Part, other: Part, at: Moment) -> Reason:
    measure = MEASURES.get(name, "idle_ms")
    values = [_measured(measure, waiting, *one, at) for one in (mine, other)]
    if values[0] == values[1]:
        measure = "idle_ms"
        values = [_measured(measure, waiting, *one, at) for one in (mine, other)]
    if values[0] == values[1]:
        return {"code": "position", "value": mine[1].position, "first": other[1].position}
    return {"code": measure, "value": values[0], "first": values[1]}


def _measured(measure: str, waiting: Waiting, ready: Ready, post: Post, at: Moment) -> Any:
    match measure:
        case "match":
            return waiting.needs.match(ready.skills)
        case "offered_seq" | "calls" | "talk_ms" | "specialist":
            return getattr(post, measure)
        case _:
            return (at - ready.idle_since) // 1000


def everybody_else(replay: Replay, chosen: str, waiting: Waiting, at: Moment) -> list[Reason]:
    """Each other agent of a caller's queue, and what excluded or outranked him."""
    reasons = []
    for agent_id in tiers_of(replay, waiting.queue_id):
        if agent_id == chosen:
            continue
        reason = excluded(replay, agent_id, waiting)
        if reason is None:
            reason = outranked(replay, agent_id, chosen, waiting, at) if chosen else {"code": "order"}
        reasons.append({"agent_id": agent_id, **reason})
    return reasons


def rule_of(replay: Replay, chosen: str, waiting: Waiting, others: list[Reason]) -> Reason:
    """Which rule put the chosen agent first: what told him from those who could have been asked too."""
    if waiting.bound_to == chosen:
        return {"code": "bound"}
    beaten = [one for one in others if "first" in one or one["code"] in ("order", "asked_before", "rings_all")]
    if not beaten:
        return {"code": "only_one"}
    codes = {one["code"] for one in beaten}
    if "rings_all" in codes:
        return {"code": "rings_all"}
    strategy = replay.matcher.rules_of(waiting.queue_id).strategy.name
    order = ["drawn", "idle_ms", *MEASURES.values(), "preferred", "level", "position", "asked_before", "order"]
    code = next(code for code in order if code in codes)
    return {"code": code, "strategy": strategy}


def passed_over(replay: Replay, chosen: str, waiting: Waiting) -> list[Reason]:
    """Callers with an earlier place, in queues that the agent serves, and why he did not get them instead."""
    ready = replay.matcher.agent(chosen)
    serves = frozenset(post.queue_id for post in ready.posts) if ready is not None else frozenset[str]()
    reasons = []
    for entry_id in replay.matcher.in_line(serves):
        other = replay.matcher.caller(entry_id)
        if (other.key(), entry_id) >= (waiting.key(), waiting.entry_id):
            break
        reason = excluded(replay, chosen, other) or {"code": "order"}
        reasons.append({"call_id": replay.calls.get(entry_id, ""), **reason})
        if len(reasons) == MOST_PASSED_OVER:
            break
    return reasons


def strategy_of(replay: Replay, queue_id: str) -> str:
    """The strategy of a queue."""
    return replay.matcher.rules_of(queue_id).strategy.name
