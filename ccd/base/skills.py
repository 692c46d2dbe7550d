"""Skills as people ask for them: their names and levels, and demands that relax as a caller waits. Pure; anybody may use it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

LEAST, BEST = 1, 10
MOST = 20
MOST_STEPS = 10
LONGEST_WAIT_MS = 86_400_000
_SKILL = re.compile(r"[^\W_][\w-]{0,39}")


class Step(NamedTuple):
    """What is asked of agents from `after_ms` of waiting on, with the least level of each; it replaces what was asked before."""

    after_ms: int
    skills: Mapping[str, int]
    prefer: Mapping[str, int]


def checked_levels(levels: Mapping[str, int]) -> dict[str, int]:
    """Skills with their levels, by name.

    Raises:
        ValueError: a name that is none, a level outside 1 to 10, or too many.
    """
    for skill, level in levels.items():
        if not _SKILL.fullmatch(skill):
            raise ValueError(f"{skill[:40]!r} is no name of a skill: letters, digits, - and _, at most 40")
        if not LEAST <= level <= BEST:
            raise ValueError(f"{skill} has level {level}; levels are from {LEAST} to {BEST}")
    if len(levels) > MOST:
        raise ValueError(f"at most {MOST} skills, not {len(levels)}")
    return dict(sorted(levels.items()))


def checked_steps(steps: Iterable[Step]) -> tuple[Step, ...]:
    """Demands in the order of their times; () where nothing is asked.

    What is required may only relax: else a caller who has waited longer could be passed over for having waited.

    Raises:
        ValueError: a demand that gets stricter, a time that is negative or named twice, or a level that is none.
    """
    in_order = sorted(steps, key=lambda step: step.after_ms)
    if len(in_order) > MOST_STEPS:
        raise ValueError(f"at most {MOST_STEPS} steps, not {len(in_order)}")
    made: list[Step] = []
    before: Mapping[str, int] = {}
    for number, step in enumerate(in_order):
        if not 0 <= step.after_ms <= LONGEST_WAIT_MS:
            raise ValueError(f"a step begins after 0 to {seconds(LONGEST_WAIT_MS)} of waiting, not {step.after_ms} ms")
        if number and step.after_ms == in_order[number - 1].after_ms:
            raise ValueError(f"two steps begin after {seconds(step.after_ms)}")
        here = Step(step.after_ms, checked_levels(step.skills), checked_levels(step.prefer))
        if step.after_ms:
            _only_relaxes(before, here)
        made.append(here)
        before = here.skills
    return () if not any(step.skills or step.prefer for step in made) else tuple(made)


def _only_relaxes(before: Mapping[str, int], step: Step) -> None:
    for skill, level in step.skills.items():
        if level > before.get(skill, 0):
            asked = f"{skill} {before[skill]}" if skill in before else f"no {skill}"
            raise ValueError(
                f"{skill} {level} is asked for after {seconds(step.after_ms)}, and {asked} before: what is asked may only relax"
            )


def seconds(ms: int) -> str:
    """A duration for a sentence."""
    return f"{ms / 1000:g}s"
