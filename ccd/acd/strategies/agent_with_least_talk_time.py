"""agent-with-least-talk-time: the time in conversations is kept even."""

from __future__ import annotations

from typing import Any

from ccd.acd.strategies import Candidate, Forgets, strategy


@strategy(
    "agent-with-least-talk-time", "最少通话", remembers="how long each has talked today", forgets=Forgets.MIDNIGHT
)
def agent_with_least_talk_time(candidate: Candidate) -> Any:
    """The agent who has talked least today, of equals the one who has been idle longest."""
    return (candidate.talk_ms, candidate.idle_since)
