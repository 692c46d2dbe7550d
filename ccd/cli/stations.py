"""`ccd stations`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from ccd.cli.changes import faults_by_option, given, said
from ccd.cli.options import client, json_option
from ccd.cli.output import show_json, show_record, show_table

F = TypeVar("F", bound=Callable[..., Any])

COLUMNS = {
    "station": "name",
    "contact": "contact",
    "kind": "kind",
    "switch": "node",
    "press 1": "confirm",
    "standing": "standing",
}


def station_options(command: F) -> F:
    """The settings of a station, as `add` and `set` take them."""
    command = click.option(
        "--confirm/--no-confirm",
        "confirm",
        default=None,
        help="Who answers there must press 1, as at a mobile, whose voicemail answers, too.",
    )(command)
    command = click.option(
        "--standing/--no-standing",
        "standing",
        default=None,
        help="Whoever logs in there is called once, and that leg stays up between calls.",
    )(command)
    command = click.option(
        "--switch", "node", help="The switch that reaches it, as ccd.yaml names it; without it, or with '', any."
    )(command)
    return click.option("--kind", help="What it is: sip, freetdm or external.")(command)


@click.group()
def stations() -> None:
    """Telephones that agents log in at."""


@stations.command("list")
@json_option
@click.pass_context
def list_(context: click.Context, as_json: bool) -> None:
    """List stations."""
    body = client(context).get("stations")
    if as_json:
        show_json(body)
    else:
        show_table(body["stations"], COLUMNS, "no stations; `ccd stations add NAME CONTACT` adds one")


@stations.command()
@click.argument("name")
@json_option
@click.pass_context
def show(context: click.Context, name: str, as_json: bool) -> None:
    """Show one station: settings, who sits there, and whose own it is."""
    body = client(context).get("stations", name)
    if as_json:
        show_json(body)
        return
    shown = {heading: body.get(key) for heading, key in COLUMNS.items()}
    show_record(shown | {"signed in": body["agent"], "own station of": ", ".join(body["own_station_of"])})


@stations.command()
@click.argument("name")
@click.argument("contact")
@station_options
@json_option
@click.pass_context
def add(context: click.Context, /, *, name: str, contact: str, as_json: bool, **values: Any) -> None:
    """Add a station. CONTACT is how the switch rings it, as in user/1001@example.org."""
    with faults_by_option(context):
        body = client(context).post("stations", name=name, contact=contact, **values)
    said(body, f"station {name} is added", as_json)


@stations.command("set")
@click.argument("name")
@click.option("--contact", help="How the switch rings it, as in user/1001@example.org.")
@station_options
@json_option
@click.pass_context
def set_(context: click.Context, /, *, name: str, as_json: bool, **values: Any) -> None:
    """Change a station; what is not given stays as it is."""
    with faults_by_option(context):
        body = client(context).patch("stations", name, **given(context, **values))
    said(body, f"station {name} is changed", as_json)


@stations.command()
@click.argument("name")
@json_option
@click.pass_context
def remove(context: click.Context, name: str, as_json: bool) -> None:
    """Remove a station nobody is signed in at; agents whose own it was have none then."""
    said(client(context).delete("stations", name), f"station {name} is removed", as_json)
