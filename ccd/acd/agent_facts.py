"""An agent's whole state as a fact, and back: the latest fact is enough to know him. For ccd.acd.roster."""

from __future__ import annotations

from ccd.acd import resting
from ccd.acd.agent_states import AgentState
from ccd.acd.facts import AgentChanged
from ccd.acd.model import Presence
from ccd.base.clock import Clock


def changed(agent: AgentState, cause: str, clock: Clock) -> AgentChanged:
    """The agent's whole state as a fact."""
    return AgentChanged(
        at=clock.now(),
        agent_id=agent.agent_id,
        presence=agent.presence,
        activity=agent.activity,
        cause=cause,
        reason=agent.reason,
        session_id=agent.session_id,
        station_id=agent.station.station_id if agent.station else "",
        presence_since=agent.presence_since,
        activity_since=agent.activity_since,
        idle_since=agent.idle_since,
        call_id=agent.call_id,
        queue_id=agent.queue_id,
        no_answers=agent.no_answers,
        until=agent.wrap_up_until,
        missed=agent.missed,
        next_presence=agent.next_presence,
        next_reason=agent.next_reason,
        overrun_at=agent.overrun_at,
        offer_id=agent.wraps_up,
        rests_until=resting.until(agent.not_before, clock),
        gap_until=resting.until(agent.gap_until, clock),
        standing=agent.standing,
    )


def recall(agent: AgentState, last: AgentChanged) -> None:
    """What people said of him, as his last fact tells; his seat, his rests and his wrap-up are the roster's."""
    agent.presence, agent.reason = Presence(last.presence), last.reason
    agent.presence_since, agent.idle_since = last.presence_since, last.idle_since
    agent.session_id, agent.activity_since = last.session_id, last.activity_since
    agent.missed = dict(last.missed) or ({"no_answer": last.no_answers} if last.no_answers else {})
    agent.next_presence, agent.next_reason = last.next_presence, last.next_reason
    agent.overrun_at = last.overrun_at
    agent.standing = last.standing
    agent.signed_out_by = last.cause if agent.presence is Presence.LOGGED_OUT else ""
