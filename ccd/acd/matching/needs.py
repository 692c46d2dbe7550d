"""What a caller demands of the agent who takes him."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

ALL_LEVELS = -1
Graded = tuple[tuple[str, int], ...]
"""Skills with the least level of each, ordered by name."""


class Needs(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One demand; callers with equal ones stand in one pool.

    `required`: an agent without these takes nobody. `preferred`: who has more of these comes first. `steps`: so many levels
    of tiers are open beyond the first that is staffed, ALL_LEVELS for every one. `vip`: for strategies that keep
    specialists for VIP callers.
    """

    required: Graded = ()
    preferred: Graded = ()
    steps: int = ALL_LEVELS
    vip: bool = False

    def are_met_by(self, skills: Mapping[str, int]) -> bool:
        """Whether an agent has what is required."""
        return all(skills.get(skill, 0) >= least for skill, least in self.required)

    def preferred_met(self, skills: Mapping[str, int]) -> int:
        """How many of the preferred skills an agent has."""
        return sum(skills.get(skill, 0) >= least for skill, least in self.preferred)

    def match(self, skills: Mapping[str, int]) -> int:
        """How good an agent is at what is asked for: the sum of his levels in it."""
        asked = {skill for skill, _ in self.required + self.preferred}
        return sum(skills.get(skill, 0) for skill in asked)

    def open_levels(self, levels: tuple[int, ...]) -> tuple[int, ...]:
        """Those of a queue's levels, in order, whose agents may be asked now."""
        return levels if self.steps == ALL_LEVELS else levels[: self.steps + 1]
