"""agent-with-fewest-calls: the number of conversations is kept even."""

from __future__ import annotations

from typing import Any

from ccd.acd.strategies import Candidate, Forgets, strategy


@strategy(
    "agent-with-fewest-calls",
    "最少接听",
    remembers="how many conversations each has had today",
    forgets=Forgets.MIDNIGHT,
)
def agent_with_fewest_calls(candidate: Candidate) -> Any:
    """The agent with the fewest conversations today, of these the one who has been idle longest."""
    return (candidate.calls, candidate.idle_since)
