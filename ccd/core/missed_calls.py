"""What a call costs an agent that he did not take while ccd was away: the same as before its eyes, less the time since then."""

from __future__ import annotations

import msgspec

from ccd.acd.callers import QueuedCaller
from ccd.acd.causes import penalty_of, refused_ms
from ccd.acd.facts import NOT_HIS, OfferResult
from ccd.acd.service import Acd
from ccd.base.clock import Moment, ms_between


def charge(acd: Acd, caller: QueuedCaller, agent_id: str, result: OfferResult, *, at: Moment, now: Moment) -> Moment:
    """An agent did not take a caller, who still waits; returns until when he is not asked for him again, 0 for at once."""
    queue = acd.queues[caller.queue_id].settings
    agent = acd.roster.agents.get(agent_id)
    ago_ms = ms_between(at, now)
    penalty = penalty_of(result, queue)
    if agent is not None:
        agent.count(penalty.cause)
        left = {name: max(getattr(penalty, name) - ago_ms, 0) for name in ("delay_ms", "gap_ms")}
        acd.roster.rest(agent, msgspec.structs.replace(penalty, **left))
    if result not in NOT_HIS:
        acd.deciding.refused(caller, agent_id, refused_ms(result, queue) - ago_ms)
    if agent is not None:
        acd.roster.limit(agent, penalty)
    return caller.refused.get(agent_id, 0)
