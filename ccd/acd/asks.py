"""What a queue asks of agents, as SQL and API write it, and as the matcher has it. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from ccd.acd.matching.needs import Graded
from ccd.acd.matching.stages import Ask
from ccd.base.skills import Step, checked_steps


class _Written(msgspec.Struct):
    after_ms: int = 0
    skills: dict[str, int] = {}
    prefer: dict[str, int] = {}


_decode = msgspec.json.Decoder(list[_Written]).decode


def asks_of(steps: Iterable[Step]) -> tuple[Ask, ...]:
    """Steps, checked, as the matcher has them; ValueError says what is wrong."""
    return tuple(
        Ask(after_ms=step.after_ms, required=graded(step.skills), preferred=graded(step.prefer))
        for step in checked_steps(steps)
    )


def steps_of(asks: Iterable[Ask]) -> tuple[Step, ...]:
    """The way back."""
    return tuple(Step(ask.after_ms, dict(ask.required), dict(ask.preferred)) for ask in asks)


def graded(levels: Mapping[str, int]) -> Graded:
    """Skills ordered by name, so that equal demands are equal."""
    return tuple(sorted(levels.items()))


def as_json(asks: Iterable[Ask]) -> list[dict[str, Any]]:
    """`[{"after_ms": 0, "skills": {"english": 3}, "prefer": {}}]`, for SQL and API."""
    return [step._asdict() for step in steps_of(asks)]


def written_asks(asks: tuple[Ask, ...]) -> str:
    """For a channel; '' where nothing is asked."""
    return json.dumps(as_json(asks), separators=(",", ":"), ensure_ascii=False) if asks else ""


def read_asks(text: str) -> tuple[Ask, ...]:
    """The way back; what is broken asks nothing."""
    try:
        return asks_of(Step(one.after_ms, one.skills, one.prefer) for one in _decode(text)) if text else ()
    except (msgspec.DecodeError, ValueError):
        return ()


def from_json(steps: Iterable[Mapping[str, Any]]) -> tuple[Ask, ...]:
    """The way back; a key that is left out asks nothing."""
    return asks_of(Step(one.get("after_ms", 0), one.get("skills", {}), one.get("prefer", {})) for one in steps)
