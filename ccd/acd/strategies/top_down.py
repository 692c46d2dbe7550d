"""top-down: from the top of the list for each caller, further down as agents do not take him."""

from __future__ import annotations

from typing import Any

from ccd.acd.strategies import Candidate, strategy


@strategy("top-down", "班长策略", again_last=True)
def top_down(candidate: Candidate) -> Any:
    """The lead first (level 1, position 1), then the next in the list; who did not take this caller is asked again last."""
    return candidate.position
