"""Strategies by name: each file of this folder registers one; adding a file edits nothing else.

A strategy is a pure function from a candidate to a sort key; the candidate with the smallest key is offered first.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from typing import Any

import msgspec

from ccd.base.errors import Refused


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """An agent who may be offered now, as a strategy sees him."""

    agent_id: str
    level: int
    position: int
    idle_since: int


Strategy = Callable[[Candidate], Any]
_STRATEGIES: dict[str, Strategy] = {}


def strategy(name: str) -> Callable[[Strategy], Strategy]:
    """Register a strategy under the name that YAML, SQL and CLI use."""

    def register(function: Strategy) -> Strategy:
        _STRATEGIES[name] = function
        return function

    return register


def named(name: str) -> Strategy:
    """The strategy called `name`; an unknown one is refused, never replaced by another."""
    if name not in _STRATEGIES:
        raise Refused(f"unknown strategy {name!r}; known: {', '.join(names())}")
    return _STRATEGIES[name]


def names() -> list[str]:
    """All strategies, by name."""
    return sorted(_STRATEGIES)


for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")
