"""`ccd calls`."""

from __future__ import annotations

import click
from click.core import ParameterSource

from ccd.cli.call_record import show_call
from ccd.cli.options import client, json_option, limit_option
from ccd.cli.output import show_json, show_table

LIVE = {
    "call": "call_id",
    "from": "caller_number",
    "name": "caller_name",
    "class": "caller_class",
    "dialled": "dialled",
    "trunk": "trunk",
    "place": "place",
    "queue": "queue",
    "agent": "agent",
    "arrived": "arrived_at",
    "waited": "waited_ms",
}
ENDED = {
    "call": "call_id",
    "from": "caller_number",
    "class": "caller_class",
    "dialled": "dialled",
    "outcome": "outcome",
    "cause": "cause",
    "ended by": "ended_by",
    "arrived": "arrived_at",
    "duration": "duration_ms",
}


@click.group()
def calls() -> None:
    """Calls, living and ended."""


@calls.command("list")
@click.option("--ended", is_flag=True, help="Calls that ended, newest first, instead of those that live.")
@limit_option
@json_option
@click.pass_context
def list_(context: click.Context, ended: bool, limit: int, as_json: bool) -> None:
    """List calls, oldest first."""
    if not ended and context.get_parameter_source("limit") is not ParameterSource.DEFAULT:
        raise click.UsageError("--limit is for --ended: of those that live all are listed", context)
    body = client(context).get("calls", **({"ended": 1, "limit": limit} if ended else {}))
    if as_json:
        show_json(body)
    else:
        show_table(body["calls"], ENDED if ended else LIVE, "no calls")


@calls.command()
@click.argument("call_id")
@json_option
@click.pass_context
def show(context: click.Context, call_id: str, as_json: bool) -> None:
    """Show one call with its legs, waits, offers and recordings. The first 8 characters of its id may be enough."""
    body = client(context).get("calls", call_id)
    if as_json:
        show_json(body)
    else:
        show_call(body)


@calls.command()
@click.argument("call_id")
@json_option
@click.pass_context
def hangup(context: click.Context, call_id: str, as_json: bool) -> None:
    """End a call for everybody in it. The first 8 characters of its id may be enough."""
    body = client(context).post("calls", call_id, "hangup")
    if as_json:
        show_json(body)
    else:
        click.echo(f"call {body['call_id']} is hung up")


@calls.command(context_settings={"ignore_unknown_options": True})  # -5 is a priority
@click.argument("call_id")
@click.argument("priority", type=click.IntRange(-1000, 1000))
@json_option
@click.pass_context
def priority(context: click.Context, call_id: str, priority: int, as_json: bool) -> None:
    """Give a waiting caller another priority, from -1000 to 1000. His place changes at once."""
    body = client(context).post("calls", call_id, "priority", priority=priority)
    place = f", place {body['position']} in {body['queue']}" if body["position"] else ", and a phone rings for it"
    if as_json:
        show_json(body)
    else:
        click.echo(f"call {body['call_id']} has priority {body['priority']}{place}")


@calls.command()
@click.argument("call_id")
@click.option("--to-fallback", is_flag=True, help="To the site's fallback, instead of on in the flow.")
@json_option
@click.pass_context
def kick(context: click.Context, call_id: str, to_fallback: bool, as_json: bool) -> None:
    """Take a waiting caller out of his queue: his flow goes on by `overflowed`; where it has no such edge he is hung up."""
    body = client(context).post("calls", call_id, "kick", to_fallback=to_fallback or None)
    if as_json:
        show_json(body)
    else:
        click.echo(f"call {body['call_id']} is out of its queue" + (", in the fallback" if to_fallback else ""))
