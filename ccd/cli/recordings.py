"""`ccd recordings`."""

from __future__ import annotations

import click

from ccd.cli.call_record import ranges
from ccd.cli.options import client, json_option, limit_option
from ccd.cli.output import show_json, show_table

COLUMNS = {
    "recording": "recording_id",
    "call": "call_id",
    "started": "started_at",
    "duration": "duration_ms",
    "bytes": "size_bytes",
    "masked": "masked",
    "state": "state",
    "file": "path",
}


@click.group()
def recordings() -> None:
    """What was recorded."""


@recordings.command("list")
@click.option("--call", help="Only those of one call.")
@limit_option
@json_option
@click.pass_context
def list_(context: click.Context, call: str | None, limit: int, as_json: bool) -> None:
    """List recordings, newest first."""
    body = client(context).get("recordings", call=call, limit=limit)
    if as_json:
        show_json(body)
    else:
        rows = [{**row, "masked": ranges(row.get("masked"))} for row in body["recordings"]]
        show_table(rows, COLUMNS, "no recordings")


@recordings.command()
@click.argument("call_id")
@json_option
@click.pass_context
def mask(context: click.Context, call_id: str, as_json: bool) -> None:
    """Record silence from now on, as while a caller says a card number."""
    _said(client(context).post("recordings", call_id, "mask"), f"the recording of {call_id} is silent now", as_json)


@recordings.command()
@click.argument("call_id")
@json_option
@click.pass_context
def unmask(context: click.Context, call_id: str, as_json: bool) -> None:
    """Record sound again."""
    _said(client(context).post("recordings", call_id, "unmask"), f"the recording of {call_id} has sound again", as_json)


def _said(body: object, sentence: str, as_json: bool) -> None:
    if as_json:
        show_json(body)
    else:
        click.echo(sentence)
