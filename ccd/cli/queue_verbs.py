"""`ccd queues open|close|drain|move`: operating a queue while callers stand in it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from ccd.cli.changes import faults_by_option, said
from ccd.cli.options import client, json_option
from ccd.cli.output import cell

_reason = click.option("--reason", help="Why; `ccd queues show` and the facts keep it.")


def _door(context: click.Context, name: str, verb: str, reason: str | None, as_json: bool) -> None:
    with faults_by_option(context):
        body: dict[str, Any] = client(context).post("queues", name, verb, reason=reason)
    inside = f"{body['inside']} {'caller is' if body['inside'] == 1 else 'callers are'} inside"
    says = {
        "open": f"queue {name} is open",
        "closed": f"queue {name} is closed; " + (inside if body["inside"] else "it is empty"),
        "draining": f"queue {name} lets nobody in; {inside}, `ccd queues show {name}` says when it is empty",
    }
    said(body, says[body["door"]], as_json)


@click.command("open")
@click.argument("name")
@_reason
@json_option
@click.pass_context
def open_(context: click.Context, name: str, reason: str | None, as_json: bool) -> None:
    """Let callers into a queue again."""
    _door(context, name, "open", reason, as_json)


@click.command()
@click.argument("name")
@_reason
@json_option
@click.pass_context
def close(context: click.Context, name: str, reason: str | None, as_json: bool) -> None:
    """Let nobody into a queue any more, until `open`; who is inside is served."""
    _door(context, name, "close", reason, as_json)


@click.command()
@click.argument("name")
@_reason
@json_option
@click.pass_context
def drain(context: click.Context, name: str, reason: str | None, as_json: bool) -> None:
    """Close a queue so that it runs empty: a fact tells when the last caller is gone, and `show` says closed."""
    _door(context, name, "drain", reason, as_json)


@click.command()
@click.argument("name")
@click.argument("target")
@click.option("--call", help="Only this call; the first 8 characters of its id may be enough.")
@click.option("--first", type=click.IntRange(1, 100_000), help="Only the first so many in line.")
@click.option("--all", "all_", is_flag=True, help="Everybody who waits.")
@json_option
@click.pass_context
def move(
    context: click.Context, /, *, name: str, target: str, call: str | None, first: int | None, all_: bool, as_json: bool
) -> None:
    """Move waiting callers to another queue, where their waiting counts; who is with an agent stays."""
    if [call is not None, first is not None, all_].count(True) != 1:
        raise click.UsageError("say whom: --call ID, --first N or --all", context)
    body = client(context).post("queues", name, "move", target=target, call=call, first=first, all=all_ or None)
    count = len(body["moved"])
    said(body, f"{count} {'caller' if count == 1 else 'callers'} moved from {name} to {target}", as_json)


def door_text(body: Mapping[str, Any]) -> str:
    """How a queue's door stands, since when, by whom and why."""
    if body.get("door") in (None, "open"):
        return str(body.get("door") or "")
    why = f": {body['closed_why']}" if body["closed_why"] else ""
    return f"{body['door']} since {cell(body['closed_at'])}, by {body['closed_by'] or 'somebody'}{why}"


COMMANDS = (open_, close, drain, move)
