"""ring-all: every telephone at once."""

from __future__ import annotations

from typing import Any

from ccd.acd.strategies import Candidate, Rings, strategy


@strategy("ring-all", "强接策略", rings=Rings.ALL)
def ring_all(candidate: Candidate) -> Any:
    """Every ready agent of the open levels at once, also who becomes ready meanwhile; the first to answer has the caller."""
    return candidate.position
