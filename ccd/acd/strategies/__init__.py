"""Strategies by name: each file of this folder registers one; adding a file edits nothing else.

A strategy is a pure function from a candidate to a sort key: among the agents of the lowest open level, and of these the ones
with the most preferred skills, the smallest key is asked first. What else a strategy is stands beside its name:

- `rings`: one agent at a time, all at once, or one more each while.
- `draws`: the next one is drawn among equals, all alike or by their weight, instead of taken in order.
- `remembers`, `forgets`: what it knows of agents from before, and what clears that.
- `again_last`: whoever has been asked for this caller is asked again only when nobody else is ready.
- `vip`: it tells VIP callers from others, and serves them first.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from enum import StrEnum
from typing import Any

import msgspec

from ccd.base.errors import Refused


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """An agent who may be offered a caller, as a strategy sees him.

    `offered_seq`: when this queue last offered him a caller, counted in its offers (0 never). `calls`, `talk_ms`: what he has
    talked since midnight in the queue's zone, for whatever queue. `match`: the sum of his levels in the skills asked for.
    """

    agent_id: str
    level: int = 1
    position: int = 1
    specialist: bool = False
    idle_since: int = 0
    offered_seq: int = 0
    calls: int = 0
    talk_ms: int = 0
    match: int = 0
    vip: bool = False


class Rings(StrEnum):
    """How many telephones a caller may ring at the same time."""

    ONE = "one"
    ALL = "all"
    PROGRESSIVELY = "progressively"


class Draws(StrEnum):
    """Whether the next one is drawn."""

    NO = "no"
    EVENLY = "evenly"
    BY_WEIGHT = "by weight"


class Forgets(StrEnum):
    """When a strategy forgets what it knows of an agent. Nothing else clears it: no break, no restart, no reload."""

    NOTHING = "nothing to forget"
    NEVER = "never"
    LOGIN = "at log-in"
    MIDNIGHT = "at midnight in the queue's zone"


Key = Callable[[Candidate], Any]


class Strategy(msgspec.Struct, frozen=True, kw_only=True):
    """One strategy: its names, its order and what else it is (see the module)."""

    name: str
    also: tuple[str, ...]
    key: Key
    rings: Rings
    draws: Draws
    remembers: str
    forgets: Forgets
    again_last: bool
    vip: bool

    @property
    def says(self) -> str:
        """What it does, in one sentence."""
        return (self.key.__doc__ or "").split("\n\n")[0].strip().replace("\n    ", " ")


_STRATEGIES: dict[str, Strategy] = {}
_BY_ANY_NAME: dict[str, Strategy] = {}


def strategy(
    name: str,
    *also: str,
    remembers: str = "",
    forgets: Forgets = Forgets.NOTHING,
    rings: Rings = Rings.ONE,
    draws: Draws = Draws.NO,
    again_last: bool = False,
    vip: bool = False,
) -> Callable[[Key], Key]:
    """Register a strategy under the names that YAML, SQL and CLI use; the first is the one that is kept and shown."""
    if bool(remembers) is (forgets is Forgets.NOTHING):
        raise AssertionError(f"{name}: what is remembered is forgotten at some time, or never")

    def register(key: Key) -> Key:
        made = Strategy(
            name=name,
            also=also,
            key=key,
            rings=rings,
            draws=draws,
            remembers=remembers,
            forgets=forgets,
            again_last=again_last,
            vip=vip,
        )
        for one in (name, *also):
            if one in _BY_ANY_NAME:
                raise AssertionError(f"two strategies are called {one}")
            _BY_ANY_NAME[one] = made
        _STRATEGIES[name] = made
        return key

    return register


def named(name: str) -> Strategy:
    """The strategy called `name`; an unknown one is refused, never replaced by another."""
    found = _BY_ANY_NAME.get(name)
    if found is None:
        raise Refused(f"unknown strategy {name[:60]!r}; known: {', '.join(names())}")
    return found


def names() -> list[str]:
    """All strategies, by the names that are kept."""
    return sorted(_STRATEGIES)


def all_of_them() -> list[Strategy]:
    """Every strategy, by name."""
    return [_STRATEGIES[name] for name in names()]


for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")
