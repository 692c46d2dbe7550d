"""round-robin: each in turn."""

from __future__ import annotations

from typing import Any

from ccd.acd.strategies import Candidate, Forgets, strategy


@strategy("round-robin", "轮巡策略", remembers="whom the queue asked when", forgets=Forgets.NEVER)
def round_robin(candidate: Candidate) -> Any:
    """The agent whom this queue has not asked for longest; who is busy when his turn comes keeps it."""
    return candidate.offered_seq
