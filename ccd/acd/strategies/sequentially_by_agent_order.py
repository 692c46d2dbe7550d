"""sequentially-by-agent-order: always the first of the list who is ready."""

from __future__ import annotations

from typing import Any

from ccd.acd.strategies import Candidate, strategy


@strategy("sequentially-by-agent-order", "固定顺序")
def sequentially_by_agent_order(candidate: Candidate) -> Any:
    """The first of the list who is ready, for every caller and after every refusal anew."""
    return candidate.position
