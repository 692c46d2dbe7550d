"""weighted-random: any of them, some more often."""

from __future__ import annotations

from typing import Any

from ccd.acd.strategies import Candidate, Draws, strategy


@strategy("weighted-random", "加权随机", draws=Draws.BY_WEIGHT)
def weighted_random(candidate: Candidate) -> Any:
    """Any ready agent of the lowest open level, one of weight 20 twice as likely as one of weight 10."""
    return 0
