"""`ccd agents`."""

from __future__ import annotations

from typing import Any

import click

from ccd.cli.options import client, json_option
from ccd.cli.output import show_json, show_table

COLUMNS = {
    "agent": "name",
    "display name": "display_name",
    "presence": "presence",
    "reason": "reason",
    "activity": "activity",
    "since": "since",
    "station": "station",
    "call": "call_id",
}


@click.group()
def agents() -> None:
    """People who take calls."""


@agents.command("list")
@json_option
@click.pass_context
def list_(context: click.Context, as_json: bool) -> None:
    """List agents and what they are doing."""
    body = client(context).get("agents")
    if as_json:
        show_json(body)
    else:
        show_table(body["agents"], COLUMNS, "no agents; `ccd agents add NAME` adds one")


@agents.command()
@click.argument("name")
@click.option("--display-name", help="As people know the agent; any script.")
@click.option("--station", help="The station a login without one goes to.")
@json_option
@click.pass_context
def add(context: click.Context, /, *, name: str, display_name: str | None, station: str | None, as_json: bool) -> None:
    """Add an agent."""
    body = client(context).post("agents", name=name, display_name=display_name, station=station)
    said(body, f"agent {name} is added", as_json)


@agents.command()
@click.argument("agent")
@click.option("--station", help="Where the agent sits; without it, the agent's own station.")
@json_option
@click.pass_context
def login(context: click.Context, /, *, agent: str, station: str | None, as_json: bool) -> None:
    """Log an agent in at a station; calls may come from now on."""
    said(client(context).post("agents", agent, "login", station=station), f"{agent} is logged in", as_json)


@agents.command()
@click.argument("agent")
@json_option
@click.pass_context
def logout(context: click.Context, /, *, agent: str, as_json: bool) -> None:
    """Log an agent out; a conversation goes on to its end."""
    said(client(context).post("agents", agent, "logout"), f"{agent} is logged out", as_json)


@agents.command()
@click.argument("agent")
@click.option("--reason", help="Why; it stands in reports.")
@json_option
@click.pass_context
def pause(context: click.Context, /, *, agent: str, reason: str | None, as_json: bool) -> None:
    """Offer the agent no more calls until `resume`."""
    said(client(context).post("agents", agent, "pause", reason=reason), f"{agent} is on break", as_json)


@agents.command()
@click.argument("agent")
@json_option
@click.pass_context
def resume(context: click.Context, /, *, agent: str, as_json: bool) -> None:
    """Offer the agent calls again."""
    said(client(context).post("agents", agent, "resume"), f"{agent} is available", as_json)


def said(body: dict[str, Any], sentence: str, as_json: bool) -> None:
    """The outcome of a verb; a change that the deciding process has not yet taken over is said so."""
    if as_json:
        show_json(body)
    elif body.get("applied") is False:
        click.echo(f"{sentence}; the daemon will take it over when it answers again (its log says what is wrong)")
    else:
        click.echo(sentence)
