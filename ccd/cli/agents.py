"""`ccd agents`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from ccd.cli.changes import faults_by_option, given, said
from ccd.cli.options import DURATION, Duration, client, json_option
from ccd.cli.output import show_json, show_record, show_table
from ccd.cli.skills import levels_text, skill_levels
from ccd.cli.tiers import PLACE
from ccd.settings.units import duration_text

F = TypeVar("F", bound=Callable[..., Any])

COLUMNS = {
    "agent": "name",
    "display name": "display_name",
    "presence": "presence",
    "reason": "reason",
    "activity": "activity",
    "since": "since",
    "station": "station",
    "standing leg": "line",
    "call": "call_id",
    "next": "next",
    "too long since": "overrun_since",
}
PLACES = {"serves queue": "queue"} | PLACE
REMEMBERED = {
    "queue": "queue",
    "strategy": "strategy",
    "calls today": "calls_today",
    "talked today": "talk_today_ms",
    "offers to others since": "offers_since",
    "forgotten": "forgets",
}


class OwnWrapUp(Duration):
    """A duration, or `queue` for what the queue says."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """The milliseconds, -1 for the queue's."""
        return -1 if value == "queue" else super().convert(value, param, ctx)


def agent_options(command: F) -> F:
    """The settings of an agent, as `add` and `set` take them."""
    command = click.option(
        "--record", type=click.Choice(["no", "agent", "never"]), help="Whether the agent's conversations are recorded."
    )(command)
    command = click.option(
        "--skill",
        "skills",
        multiple=True,
        callback=skill_levels,
        help="english=5, from 1 to 10; english= takes it away. As often as needed.",
    )(command)
    command = click.option(
        "--wrap-up",
        "wrap_up_ms",
        type=OwnWrapUp(),
        help="The agent's wrap-up after each call; `queue` as the queue says.",
    )(command)
    command = click.option(
        "--ring", "ring_ms", type=DURATION, help="The phone rings no longer than that; 0 as the queue says."
    )(command)
    command = click.option("--station", help="The station a login without one goes to; '' for none.")(command)
    return click.option("--display-name", help="As people know the agent; any script.")(command)


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
@json_option
@click.pass_context
def show(context: click.Context, name: str, as_json: bool) -> None:
    """Show one agent: settings, queues, and what he is doing."""
    body = client(context).get("agents", name)
    if as_json:
        show_json(body)
        return
    shown = {heading: body.get(key) for heading, key in COLUMNS.items()}
    shown |= {"own station": body["own_station"], "record": body["record"], "skills": levels_text(body["skills"])}
    shown |= {"idle since": body["idle_since"]}
    shown |= {"ring": duration_text(body["ring_ms"]) if body["ring_ms"] else "as the queue says"}
    shown |= {"wrap up": duration_text(body["wrap_up_ms"]) if body["wrap_up_ms"] >= 0 else "as the queue says"}
    missed = ", ".join(f"{cause} {count}" for cause, count in sorted(body.get("missed", {}).items()))
    shown |= {"signed out by": body.get("signed_out_by", "")}
    shown |= {"next reason": body.get("next_reason", ""), "wrap-up until": body.get("wrap_up_until")}
    show_record(shown | {"not taken in a row": missed or "none"})
    show_table(body["tiers"], PLACES, "serves no queue")
    if body["remembered"]:
        show_table(body["remembered"], REMEMBERED, "")


@agents.command()
@click.argument("name")
@agent_options
@json_option
@click.pass_context
def add(context: click.Context, /, *, name: str, as_json: bool, **values: Any) -> None:
    """Add an agent."""
    with faults_by_option(context):
        body = client(context).post("agents", name=name, **values)
    said(body, f"agent {name} is added", as_json)


@agents.command("set")
@click.argument("name")
@agent_options
@json_option
@click.pass_context
def set_(context: click.Context, /, *, name: str, as_json: bool, **values: Any) -> None:
    """Change an agent; what is not given stays as it is."""
    with faults_by_option(context):
        body = client(context).patch("agents", name, **given(context, **values))
    said(body, f"agent {name} is changed", as_json)


@agents.command()
@click.argument("name")
@json_option
@click.pass_context
def remove(context: click.Context, name: str, as_json: bool) -> None:
    """Remove an agent who is signed out, with his places in queues; history keeps his name."""
    said(client(context).delete("agents", name), f"agent {name} is removed", as_json)


@agents.command()
@click.argument("agent")
@click.option("--station", help="Where the agent sits; without it, the agent's own station.")
@click.option(
    "--standing/--no-standing",
    "standing",
    default=None,
    help="Call the phone once and keep that leg up; without it, as the station says.",
)
@json_option
@click.pass_context
def login(context: click.Context, /, *, agent: str, station: str | None, standing: bool | None, as_json: bool) -> None:
    """Log an agent in at a station; calls may come from now on."""
    body = client(context).post("agents", agent, "login", station=station, standing=standing)
    called = "; the phone is being called" if body.get("line") == "calling" else ""
    said(body, f"{agent} is logged in{called}", as_json)


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
    with faults_by_option(context):
        said(client(context).post("agents", agent, "pause", reason=reason), f"{agent} is on break", as_json)


@agents.command()
@click.argument("agent")
@json_option
@click.pass_context
def resume(context: click.Context, /, *, agent: str, as_json: bool) -> None:
    """Offer the agent calls again."""
    said(client(context).post("agents", agent, "resume"), f"{agent} is available", as_json)
