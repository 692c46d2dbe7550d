"""Tables that fit a terminal: words are never cut up. For `ccd.cli.output` alone.

What nobody has is left out first, then moments become short, then the table is turned where that fits; else its lines run
on behind the edge, as `| less -S` shows them. Where there is no terminal a table is always whole.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from functools import partial

from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

NOTHING = "-"
UNBOUNDED = 400
_PROSE = 30  # a cell that is longer and has blanks may be folded between its words, at best to _NARROW, at worst to _NARROWEST
_NARROW, _NARROWEST = 24, 10
_BETWEEN = 3
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)")

Rows = Sequence[Sequence[str]]


def print_table(headings: Sequence[str], rows: Rows, width: int | None) -> None:
    """Print rows of cells below their headings, for a terminal of this width; None: there is no terminal."""
    if width is None:
        _print(headings, rows, UNBOUNDED)
        return
    forms = _forms(headings, rows)
    for measured in (_natural, _least, partial(_least, prose=_NARROWEST)):
        for these, those in forms:
            if measured(these, those) <= width:
                _print(these, those, width)
                return
    headings, rows = forms[1]
    _print(headings, rows, _least(headings, rows))


def _forms(headings: Sequence[str], rows: Rows) -> Sequence[tuple[Sequence[str], Rows]]:
    used = [at for at in range(len(headings)) if at == 0 or any(row[at] != NOTHING for row in rows)]
    headings, rows = [headings[at] for at in used], [[row[at] for at in used] for row in rows]
    short = [[_short(cell) for cell in row] for row in rows]
    turned = [list(column) for column in zip(headings, *short, strict=True)]
    return [(headings, rows), (headings, short), (turned[0], turned[1:])]


def _short(cell: str) -> str:
    """A moment of today as its time, another one to the minute."""
    if not _MOMENT.fullmatch(cell):
        return cell
    at = dt.datetime.fromisoformat(cell)
    utc = "Z" if cell.endswith("Z") else ""
    if at.date() != dt.datetime.now(at.tzinfo).date():
        return f"{at:%Y-%m-%dT%H:%M}{utc}"
    return f"{at:%H:%M:%S}{utc}" if cell.count(":") > 2 or utc else f"{at:%H:%M}"


def _natural(headings: Sequence[str], rows: Rows) -> int:
    """How wide a table is whose cells are whole."""
    columns = zip(headings, *rows, strict=True)
    return sum(max(map(cell_len, column)) + _BETWEEN for column in columns) - 1


def _least(headings: Sequence[str], rows: Rows, prose: int = _NARROW) -> int:
    """How narrow it may be with only its prose folded."""
    columns = [list(column) for column in zip(headings, *rows, strict=True)]
    return sum((prose if _is_prose(column) else max(map(cell_len, column))) + _BETWEEN for column in columns) - 1


def _is_prose(column: Sequence[str]) -> bool:
    return any(len(cell) > _PROSE and " " in cell for cell in column)


def _print(headings: Sequence[str], rows: Rows, width: int) -> None:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading, *cells in zip(headings, *rows, strict=True):
        table.add_column(heading, overflow="fold", no_wrap=not _is_prose(cells))
    for row in rows:
        table.add_row(*map(Text, row))  # Text: markup in a name stays text
    Console(width=width, highlight=False, soft_wrap=False).print(table)
