"""Reports drawn in the terminal: a bar a row, as long as its number is part of the largest."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

import click

from ccd.cli.output import time_text

WIDTH = 60
# what a bar is made of, in this order: key, sign, colour
VISITS = (("answered", "█", "green"), ("lost", "▓", "red"), ("other", "▒", "yellow"), ("waiting", "░", "blue"))
WORK = (
    ("talk_ms", "█", "green"),
    ("wrap_up_ms", "▓", "yellow"),
    ("ring_ms", "▒", "blue"),
    ("join_ms", "▚", "cyan"),
    ("break_ms", "░", "red"),
)
_NAMES = {
    "talk_ms": "talk",
    "wrap_up_ms": "wrap-up",
    "ring_ms": "ring",
    "join_ms": "join",
    "break_ms": "break",
    "lost": "abandoned",
}


def plot(rows: Sequence[Mapping[str, Any]], label: str) -> None:
    """Visits by what became of them; agents by how they spent their time."""
    if not rows:
        click.echo("nothing to report")
        return
    from rich.cells import cell_len, set_cell_size
    from rich.console import Console
    from rich.text import Text

    kinds, whole = (WORK, "signed_in_ms") if label == "agent" else (VISITS, "offered")
    shown = [dict(row) if label == "agent" else _split(row) for row in rows]
    most = max([1, *(sum(row[key] for key, _, _ in kinds) for row in shown)])
    space = max(cell_len(str(row[label])) for row in shown)
    console = Console(width=None if sys.stdout.isatty() else 200, highlight=False)
    console.print(Text.assemble(*[(f"{sign} {_NAMES.get(key, key)}  ", colour) for key, sign, colour in kinds]))
    for row in shown:
        line = Text(f"{set_cell_size(str(row[label]), space)} ")
        for (_, sign, colour), length in zip(kinds, _lengths([row[key] for key, _, _ in kinds], most), strict=True):
            line.append(sign * length, colour)
        line.append(f" {row[whole]}" if whole == "offered" else f" {time_text(row[whole])}")
        console.print(line, soft_wrap=True)


def _split(row: Mapping[str, Any]) -> dict[str, Any]:
    lost = row["abandoned"] + row["short_abandoned"]
    other = row["offered"] - row["answered"] - lost - row["waiting"]
    return {**row, "lost": lost, "other": other}


def _lengths(parts: list[int], most: int) -> list[int]:
    """Whole signs for each part; together they are as long as the sum says."""
    ends = [round(sum(parts[: number + 1]) * WIDTH / most) for number in range(len(parts))]
    return [end - begin for begin, end in zip([0, *ends], ends, strict=False)]
