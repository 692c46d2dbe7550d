"""What a command prints: a table for people, or the API's body with --json."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Mapping
from typing import Any

import click

from ccd.cli.exits import printable
from ccd.cli.moments import in_site_zone

_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


def show_json(body: Any) -> None:
    """The API's body, as it came."""
    click.echo(json.dumps(body, ensure_ascii=False, indent=2 if sys.stdout.isatty() else None))


def show_table(rows: Iterable[Mapping[str, Any]], columns: Mapping[str, str], nothing: str) -> None:
    """A table of `columns` (heading → key); `nothing` is said when there are no rows."""
    rows = list(rows)
    if not rows:
        click.echo(nothing)
        return
    from rich.console import Console

    from ccd.cli.fitting import print_table

    cells = [[cell(row.get(key), key) for key in columns.values()] for row in rows]
    print_table(list(columns), cells, Console().width if sys.stdout.isatty() else None)


def show_record(record: Mapping[str, Any]) -> None:
    """One thing, a line for each of its values."""
    width = max((len(key) for key in record), default=0)
    for key, value in record.items():
        if isinstance(value, list) and all(isinstance(item, str | int) for item in value):
            click.echo(f"{key:<{width}}  {cell(', '.join(map(str, value)))}")
        elif isinstance(value, list | dict) and value:
            click.echo(f"{key}:")
            for item in value if isinstance(value, list) else [value]:
                pairs = item.items() if isinstance(item, dict) else [("", item)]
                click.echo("  " + "  ".join(f"{name}={cell(inner, name)}" for name, inner in pairs).strip())
        else:
            click.echo(f"{key:<{width}}  {cell(value, key)}")


def time_text(ms: int) -> str:
    """How long something took, as people read it: `4.3 s`, from a minute on `1:45`, from an hour on `8:03:20`."""
    if ms < 59_950:  # what is rounded to a minute is one
        return f"{ms / 1000:.1f}".removesuffix(".0") + " s"
    minutes, seconds = divmod(round(ms / 1000), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def cell(value: Any, key: str = "") -> str:
    """A value in a table: nothing as a dash, durations with their unit, moments in the site's zone."""
    if value is None or value in ("", []):
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if key.endswith("_ms") and isinstance(value, int):
        return f"{value / 1000:g} s"
    if isinstance(value, list | dict):
        return printable(json.dumps(value, ensure_ascii=False))
    text = printable(str(value))
    return in_site_zone(text) if _MOMENT.fullmatch(text) else text
