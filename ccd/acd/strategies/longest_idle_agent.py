"""longest-idle-agent: whoever has been idle longest."""

from __future__ import annotations

from typing import Any

from ccd.acd.strategies import Candidate, Forgets, strategy


@strategy("longest-idle-agent", "最长空闲", remembers="since when each has been idle", forgets=Forgets.LOGIN)
def longest_idle_agent(candidate: Candidate) -> Any:
    """The agent whose last conversation or wrap-up ended longest ago; for who has had none, it is his log-in that counts."""
    return candidate.idle_since
