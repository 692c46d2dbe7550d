"""Skills and demands as they are typed: `--skill english=5`, `--ask "30s english:1 prefer loans:2"`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import click

from ccd.base.skills import Step
from ccd.settings.units import duration_ms, duration_text

Callback = Callable[[click.Context, click.Parameter, tuple[str, ...]], Any]
PREFER = "prefer"


def skill_levels(_: click.Context, param: click.Parameter, given: tuple[str, ...]) -> dict[str, int | None] | None:
    """`english=5` as a level, `english=` as None, which takes the skill away; None where nothing is given."""
    levels: dict[str, int | None] = {}
    for one in given:
        skill, equals, level = one.partition("=")
        if not skill or not equals or (level and not _is_level(level)):
            raise click.BadParameter(f"{one[:60]!r}: write SKILL=LEVEL, as in english=5, or SKILL= to take it away")
        if skill in levels:
            raise click.BadParameter(f"{skill[:60]} is given twice")
        levels[skill] = int(level) if level else None
    return levels or None


def steps(_: click.Context, param: click.Parameter, given: tuple[str, ...]) -> list[dict[str, Any]] | None:
    """Each `--ask` as a step; a single empty one asks nothing. None where nothing is given."""
    if not given:
        return None
    return [step_of(one)._asdict() for one in given if one.strip()]


def step_of(text: str) -> Step:
    """`30s english:1 prefer loans:2`: from when on, what is required, what is preferred; each may be left out."""
    words, text = text.split(), text[:60]
    after_ms = 0
    if words and ":" not in words[0] and words[0] != PREFER:
        try:
            after_ms = duration_ms(words[0])
        except ValueError:
            raise click.BadParameter(
                f"{text!r}: {words[0][:60]!r} is neither a duration like 30s nor SKILL:LEVEL like english:3"
            ) from None
        words = words[1:]
    place = words.index(PREFER) if PREFER in words else len(words)
    return Step(after_ms, _levels(text, words[:place]), _levels(text, words[place + 1 :]))


def _levels(text: str, words: Iterable[str]) -> dict[str, int]:
    levels: dict[str, int] = {}
    for word in words:
        skill, colon, level = word.partition(":")
        if not skill or not colon or not _is_level(level):
            raise click.BadParameter(f"{text!r}: {word[:60]!r} is no SKILL:LEVEL, as in english:3")
        if skill in levels:
            raise click.BadParameter(f"{text!r}: {skill[:60]} is named twice")
        levels[skill] = int(level)
    return levels


def _is_level(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 3


def asked_text(step: Mapping[str, Any]) -> str:
    """What a step asks, as it is typed: `english:3 prefer loans:2`."""
    required = [f"{skill}:{level}" for skill, level in step["skills"].items()]
    preferred = [f"{skill}:{level}" for skill, level in step["prefer"].items()]
    return " ".join(required + ([PREFER, *preferred] if preferred else []))


def steps_text(given: Iterable[Mapping[str, Any]]) -> str:
    """All steps of a queue, in one line."""
    shown = [f"{duration_text(one['after_ms']) if one['after_ms'] else ''} {asked_text(one)}".strip() for one in given]
    return ", ".join(shown)


def levels_text(levels: Mapping[str, int]) -> str:
    """An agent's skills, as they are typed."""
    return " ".join(f"{skill}={level}" for skill, level in levels.items())
