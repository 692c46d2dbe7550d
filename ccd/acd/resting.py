"""Rests after calls not taken: monotonic while we live, moments in the facts, so that what is left of one outlives us."""

from __future__ import annotations

import math
from collections.abc import Callable

from ccd.acd.agent_states import AgentState
from ccd.acd.facts import AgentChanged
from ccd.base.clock import Clock, Moment


def until(deadline: float, clock: Clock) -> Moment:
    """When a rest is over; 0 for one that is, or that lasts only as long as a reset."""
    left_s = deadline - clock.monotonic()
    return clock.now() + round(left_s * 1e6) if 0 < left_s < math.inf else 0


def restore(agent: AgentState, last: AgentChanged, clock: Clock, on_change: Callable[[AgentState], None]) -> None:
    """What is left of his rests, as his last fact tells them. `on_change` hears of it when one is over."""
    left_s = [max(moment - clock.now(), 0) / 1e6 for moment in (last.rests_until, last.gap_until)]
    agent.not_before, agent.gap_until = (clock.monotonic() + left if left else 0.0 for left in left_s)
    for left in left_s:
        if left:
            clock.call_later(left, lambda: on_change(agent))
