"""Which parts of a recording are silent: the marks that facts left in its row, read as ranges. For the stores here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any


def masked_ranges(marks: Iterable[Mapping[str, Any]]) -> list[dict[str, int | None]]:
    """`[{"from_ms", "to_ms"}]` in their order; `to_ms` is None when the silence lasts to the end of the file.

    The marks may stand in any order, and more than one on a millisecond: a mask can only be set where there is none, so
    that what is told twice changes nothing, and an end without a beginning silences nothing.
    """
    counts: dict[int, Counter[str]] = {}
    for mark in marks:
        counts.setdefault(int(mark["at_ms"]), Counter())[str(mark["mark"])] += 1
    ranges: list[dict[str, int | None]] = []
    since: int | None = None
    for at, seen in sorted(counts.items()):
        begun, ended = seen["masked"], seen["unmasked"]
        if since is None and begun > ended:
            since = at
        elif since is not None and ended > begun:
            ranges.append({"from_ms": since, "to_ms": at})
            since = None
    return ranges if since is None else [*ranges, {"from_ms": since, "to_ms": None}]
