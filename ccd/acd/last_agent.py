"""The agent who served a caller last: for a while the caller waits for him alone. Pure."""

from __future__ import annotations

from ccd.acd.agent_states import AgentState
from ccd.acd.model import Presence, Queue
from ccd.base.clock import Moment


def comes(agent: AgentState | None, queue_id: str) -> bool:
    """Whether it makes sense to wait for an agent: he serves the queue, and is neither on break nor signed out."""
    return (
        agent is not None
        and agent.presence is Presence.AVAILABLE
        and any(tier.queue_id == queue_id for tier in agent.tiers)
    )


def bound_until(queue: Queue, agent: AgentState | None, now: Moment) -> Moment:
    """Until when a caller who joins now waits for the agent who served him last; 0 where he does not."""
    return now + queue.last_agent_ms * 1000 if queue.last_agent_ms and comes(agent, queue.queue_id) else 0
