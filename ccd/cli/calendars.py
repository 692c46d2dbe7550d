"""`ccd calendars`."""

from __future__ import annotations

from typing import Any

import click

from ccd.cli.changes import faults_by_option, said
from ccd.cli.options import client, json_option
from ccd.cli.output import show_json, show_record, show_table

COLUMNS = {
    "calendar": "calendar",
    "open": "open",
    "why": "reason",
    "note": "note",
    "now there": "local",
    "until": "local_until",
    "zone": "zone",
}
_ALL = "*"
_all_option = click.option("--all", "all_", is_flag=True, help="All calendars, also those that come later.")


@click.group()
def calendars() -> None:
    """Opening hours, and closing in an emergency."""


@calendars.command("list")
@json_option
@click.pass_context
def list_(context: click.Context, as_json: bool) -> None:
    """List calendars: open or closed now, why, and until when by their own clocks."""
    body = client(context).get("calendars")
    if as_json:
        show_json(body)
    else:
        show_table(body["calendars"], COLUMNS, "no calendars; ccd.yaml names them under calendars")


@calendars.command()
@click.argument("name")
@click.option("--at", help="Another moment by its own clock, as in 2027-02-06T10:00.")
@json_option
@click.pass_context
def show(context: click.Context, /, *, name: str, at: str | None, as_json: bool) -> None:
    """Show one calendar: open or closed, why, and until when."""
    body = client(context).get("calendars", name, at=at)
    if as_json:
        show_json(body)
    else:
        headings = COLUMNS | {"at": "local"}
        del headings["now there"]
        show_record({heading: body.get(key) for heading, key in headings.items()})


@calendars.command()
@click.argument("name", required=False)
@_all_option
@click.option("--reason", help="Why; `list` shows it.")
@json_option
@click.pass_context
def close(context: click.Context, /, *, name: str | None, all_: bool, reason: str | None, as_json: bool) -> None:
    """Close a calendar, or --all, at once and until `open`: callers take the emergency edge of hours nodes."""
    which = _one_or_all(context, name, all_)
    with faults_by_option(context):
        body = client(context).post("calendars", which, "close", reason=reason)
    said(body, f"{name or 'every calendar'} is closed", as_json)


@calendars.command("open")
@click.argument("name", required=False)
@_all_option
@json_option
@click.pass_context
def open_(context: click.Context, /, *, name: str | None, all_: bool, as_json: bool) -> None:
    """End a closing: the calendar, or --all, goes by its hours again."""
    body: dict[str, Any] = client(context).post("calendars", _one_or_all(context, name, all_), "open")
    said(body, f"{name or 'every calendar'} goes by its hours again", as_json)


def _one_or_all(context: click.Context, name: str | None, all_: bool) -> str:
    if all_ == (name is not None):
        raise click.UsageError("name one calendar, or say --all", context)
    return name or _ALL
