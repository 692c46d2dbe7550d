"""random: any of them."""

from __future__ import annotations

from typing import Any

from ccd.acd.strategies import Candidate, Draws, strategy


@strategy("random", "随机", draws=Draws.EVENLY)
def random(candidate: Candidate) -> Any:
    """Any ready agent of the lowest open level, each as likely as the others; the draw can be replayed."""
    return 0
