"""What a benchmark gives back, and how it is shown: a table for people, one JSON object for programs."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True, slots=True)
class Row:
    """One figure: `target` says what it is held against, `met` whether it is reached (None: not measurable here)."""

    what: str
    figure: str
    target: str = ""
    met: bool | None = None


@dataclass(slots=True)
class Result:
    """The figures of one benchmark. `faults` are things that make them worthless."""

    title: str
    values: dict[str, Any] = field(default_factory=dict)
    rows: list[Row] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)


def show(result: Result) -> None:
    """The table."""
    table = Table(title=result.title, title_justify="left")
    for column in ("what", "measured", "target", ""):
        table.add_column(column)
    for row in result.rows:
        table.add_row(row.what, row.figure, row.target, {True: "met", False: "missed", None: ""}[row.met])
    console = Console(width=110)
    console.print(table)
    for fault in result.faults:
        console.print(f"fault: {fault}")


def percentile(values: Sequence[float], share: float) -> float | None:
    """The smallest value that at least `share` of all values do not exceed; None of nothing."""
    if not values:
        return None
    ordered = sorted(values)
    return ordered[max(0, -int(-share * len(ordered) // 1) - 1)]


def median(values: Iterable[float | None]) -> float | None:
    """The median of what was measured; None when something was not."""
    known = [value for value in values if value is not None]
    return statistics.median(known) if known else None


def ratio(ours: float | None, theirs: float | None) -> float | None:
    """How many times `theirs` is in `ours`."""
    return round(ours / theirs, 2) if ours and theirs else None
