"""`ccd tiers`."""

from __future__ import annotations

import click

from ccd.cli.changes import said
from ccd.cli.options import client, json_option
from ccd.cli.output import show_json, show_table

COLUMNS = {"queue": "queue", "agent": "agent", "level": "level", "position": "position"}
RANK = click.IntRange(1, 1000)


@click.group()
def tiers() -> None:
    """Which agent serves which queue."""


@tiers.command("list")
@json_option
@click.pass_context
def list_(context: click.Context, as_json: bool) -> None:
    """List the places of agents in queues."""
    body = client(context).get("tiers")
    if as_json:
        show_json(body)
    else:
        show_table(body["tiers"], COLUMNS, "nobody serves a queue; `ccd tiers add QUEUE AGENT` changes that")


@tiers.command()
@click.argument("queue")
@click.argument("agent")
@click.option("--level", type=RANK, default=1, show_default=True, help="Lower levels are offered calls first.")
@click.option("--position", type=RANK, default=1, show_default=True, help="The order within a level.")
@json_option
@click.pass_context
def add(context: click.Context, /, *, queue: str, agent: str, level: int, position: int, as_json: bool) -> None:
    """Put an agent into a queue, or move him there."""
    body = client(context).post("tiers", queue=queue, agent=agent, level=level, position=position)
    said(body, f"{agent} serves {queue}", as_json)


@tiers.command()
@click.argument("queue")
@click.argument("agent")
@json_option
@click.pass_context
def remove(context: click.Context, /, *, queue: str, agent: str, as_json: bool) -> None:
    """Take an agent out of a queue."""
    said(client(context).delete("tiers", queue, agent), f"{agent} no longer serves {queue}", as_json)
