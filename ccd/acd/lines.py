"""Waiting callers and ready agents, kept in order, so that a decision costs the same however many there are. Pure."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator
from typing import Any


class Ordered:
    """Ids kept in the order of their keys; adding and removing move memory only, the first is at hand."""

    def __init__(self) -> None:
        self._rows: list[tuple[Any, str]] = []
        self._keys: dict[str, Any] = {}

    def add(self, id_: str, key: Any) -> None:
        """Put `id_` in its place, or move it there."""
        self.remove(id_)
        insort(self._rows, (key, id_))
        self._keys[id_] = key

    def remove(self, id_: str) -> None:
        """Take `id_` out, if it is there."""
        if id_ in self._keys:
            row = (self._keys.pop(id_), id_)
            del self._rows[bisect_left(self._rows, row)]

    def first(self) -> str | None:
        """The id with the smallest key."""
        return self._rows[0][1] if self._rows else None

    def at(self, index: int) -> str:
        """The id at a place counted from 0."""
        return self._rows[index][1]

    def key_of(self, id_: str) -> Any:
        """The key of an id that is in it."""
        return self._keys[id_]

    def first_key(self) -> Any:
        """The smallest key; only where there is one."""
        return self._rows[0][0]

    def count_below(self, key: Any, id_: str = "") -> int:
        """How many have a smaller key, or the same one and an id before `id_`: how many stand before it."""
        return bisect_left(self._rows, (key, id_))

    def position(self, id_: str) -> int:
        """The place in line, from 1; 0 when not in it."""
        if id_ not in self._keys:
            return 0
        return bisect_left(self._rows, (self._keys[id_], id_)) + 1

    def __contains__(self, id_: str) -> bool:
        return id_ in self._keys

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[str]:
        return (id_ for _, id_ in self._rows)
