"""ring-progressively: one telephone more each while."""

from __future__ import annotations

from typing import Any

from ccd.acd.strategies import Candidate, Rings, strategy


@strategy("ring-progressively", "逐个加振", rings=Rings.PROGRESSIVELY)
def ring_progressively(candidate: Candidate) -> Any:
    """The first of the list, and after each pause (`ring_progressively_delay`) one more while the others ring on."""
    return candidate.position
