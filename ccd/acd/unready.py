"""Why an agent may not be offered a caller, in the words of the journal. For ccd.acd.deciding; pure."""

from __future__ import annotations

from ccd.acd.agent_states import AgentState
from ccd.acd.inputs import Unready, WhyNot
from ccd.acd.model import Activity, Presence
from ccd.base.clock import Moment

_BUSY = {Activity.OFFERED: WhyNot.OFFERED, Activity.TALKING: WhyNot.TALKING, Activity.WRAP_UP: WhyNot.WRAP_UP}


def not_his_word(cause: str) -> str:
    """What signed an agent out if no person did: how his standing leg ended."""
    return cause if cause.startswith("standing_") else ""


def why_not(agent: AgentState, now: Moment, monotonic: float, *, node_up: bool) -> Unready:
    """Why he has no post; the first reason of those that hold, what people declare before what phones do."""
    if agent.presence is not Presence.AVAILABLE:
        signed_out = agent.presence is Presence.LOGGED_OUT
        why, detail = (
            (WhyNot.LOGGED_OUT, not_his_word(agent.signed_out_by)) if signed_out else (WhyNot.ON_BREAK, agent.reason)
        )
        return Unready(why=why, detail=detail, since=agent.presence_since)
    if agent.activity is not Activity.IDLE:
        why = _BUSY.get(agent.activity, WhyNot.OTHER)
        return Unready(why=why, since=agent.activity_since, until=agent.wrap_up_until)
    if agent.station is None or not agent.is_reachable:
        return Unready(why=WhyNot.NO_LINE if agent.station else WhyNot.NO_STATION, since=now)
    if agent.rests(monotonic):
        rests_until = max(agent.not_before, min(agent.gap_until, monotonic + 60))
        return Unready(why=WhyNot.RESTING, since=now, until=now + round((rests_until - monotonic) * 1e6))
    if not node_up:
        return Unready(why=WhyNot.NODE_DOWN, detail=agent.station.node, since=now)
    without_call = WhyNot.OTHER if agent.tiers else WhyNot.NO_QUEUE
    return Unready(why=WhyNot.ON_ANOTHER_CALL if agent.elsewhere else without_call, since=now)
