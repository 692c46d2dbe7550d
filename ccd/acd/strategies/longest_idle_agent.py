"""longest-idle-agent: lower tier level first, within it whoever has been idle longest."""

from __future__ import annotations

from typing import Any

from ccd.acd.strategies import Candidate, strategy


@strategy("longest-idle-agent")
def longest_idle_agent(candidate: Candidate) -> Any:
    """Order by level, then by the end of the last conversation (log-in where there was none)."""
    return (candidate.level, candidate.idle_since, candidate.position)
