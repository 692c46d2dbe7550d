"""skills-best-match: the best at what is asked for."""

from __future__ import annotations

from typing import Any

from ccd.acd.strategies import Candidate, Forgets, strategy


@strategy("skills-best-match", "技能优先", remembers="since when each has been idle", forgets=Forgets.LOGIN)
def skills_best_match(candidate: Candidate) -> Any:
    """The agent with the highest levels in the skills asked for, of equals the one who has been idle longest."""
    return (-candidate.match, candidate.idle_since)
