"""`ccd why`."""

from __future__ import annotations

from functools import partial
from typing import Any

import click

from ccd.cli.exits import printable
from ccd.cli.moments import PAST, in_zone
from ccd.cli.options import client, json_option
from ccd.cli.output import show_json

language_option = click.option("--language", type=click.Choice(["en", "zh"]), help="Else the site's.")


@click.group()
def why() -> None:
    """Why a call was offered to whom, and why an agent got nobody."""


@why.command()
@click.argument("call_id")
@language_option
@json_option
@click.pass_context
def call(context: click.Context, call_id: str, language: str | None, as_json: bool) -> None:
    """Say of each offer of a call why it went to whom. The first 8 characters of its id may be enough."""
    _show(client(context).get("why", "calls", call_id, **_given(language=language)), as_json)


@why.command("agent")
@click.argument("agent")
@click.option("--at", type=PAST, help="The moment to look back from; else now.")
@click.option("--minutes", type=click.IntRange(1, 120), help="So many minutes before it; else 15.")
@language_option
@json_option
@click.pass_context
def agent_(context: click.Context, /, agent: str, as_json: bool, **window: Any) -> None:
    """Say why an agent was offered whom he was, and why nobody else."""
    _show(client(context).get("why", "agents", agent, **_given(**window)), as_json)


def _given(**options: Any) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value is not None}


def _show(body: dict[str, Any], as_json: bool) -> None:
    if as_json:
        show_json(body)
        return
    local = partial(in_zone, zone=body["zone"], timespec="milliseconds")
    if not body["exact"]:
        click.echo("WARNING: the journal does not lead to these decisions:", err=True)
        for one in body["differences"]:
            click.echo(printable(f"  {local(one['at'])}  {one['code']}: {one['journal']} / {one['replay']}"), err=True)
    if not body.get("current", True):
        click.echo("WARNING: what happened last is not in the database yet; ask again in a moment", err=True)
    for event in body["events"]:
        click.echo(printable(f"{local(event['at'])}  {event['text']}"))
        for heading in ("others", "passed_over", "callers"):
            for one in event.get(heading, ()):
                click.echo(printable(f"    {one['text']}"))
    if body["left_out"]:
        click.echo(f"and {body['left_out']} more")
