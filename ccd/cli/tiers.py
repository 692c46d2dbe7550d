"""`ccd tiers`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from ccd.cli.changes import faults_by_option, given, said
from ccd.cli.options import client, json_option
from ccd.cli.output import show_json, show_table

PLACE = {"level": "level", "position": "position", "weight": "weight", "specialist": "specialist"}
COLUMNS = {"queue": "queue", "agent": "agent"} | PLACE
RANK = click.IntRange(1, 1000)
F = TypeVar("F", bound=Callable[..., Any])


def place_options(command: F) -> F:
    """An agent's place in a queue, as `add` and `set` take it."""
    for option in reversed(
        (
            click.option("--level", type=RANK, help="Lower levels are offered calls first; 1 without it."),
            click.option("--position", type=RANK, help="The order within a level; 1 without it."),
            click.option("--weight", type=click.IntRange(1, 100), help="For weighted-random; 10 without it."),
            click.option("--specialist/--no-specialist", default=None, help="For vip-first: VIP callers go to him."),
        )
    ):
        command = option(command)
    return command


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
@place_options
@json_option
@click.pass_context
def add(context: click.Context, /, *, queue: str, agent: str, as_json: bool, **place: int | bool | None) -> None:
    """Put an agent into a queue."""
    with faults_by_option(context):
        body = client(context).post("tiers", queue=queue, agent=agent, **place)
    said(body, f"{agent} serves {queue}", as_json)


@tiers.command("set")
@click.argument("queue")
@click.argument("agent")
@place_options
@json_option
@click.pass_context
def set_(context: click.Context, /, *, queue: str, agent: str, as_json: bool, **place: int | bool | None) -> None:
    """Change an agent's place in a queue; what is not given stays as it is."""
    with faults_by_option(context):
        body = client(context).patch("tiers", queue, agent, **given(context, **place))
    said(body, f"{agent} has another place in {queue}", as_json)


@tiers.command()
@click.argument("queue")
@click.argument("agent")
@json_option
@click.pass_context
def remove(context: click.Context, /, *, queue: str, agent: str, as_json: bool) -> None:
    """Take an agent out of a queue."""
    said(client(context).delete("tiers", queue, agent), f"{agent} no longer serves {queue}", as_json)
