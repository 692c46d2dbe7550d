"""`ccd stations`."""

from __future__ import annotations

import click

from ccd.cli.agents import said
from ccd.cli.options import client, json_option
from ccd.cli.output import show_json, show_table

COLUMNS = {"station": "name", "contact": "contact", "kind": "kind", "switch": "node"}


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
@click.argument("contact")
@click.option("--kind", help="What it is: sip, external…")
@click.option("--switch", "node", help="The switch that reaches it, as ccd.yaml names it; without it, any.")
@json_option
@click.pass_context
def add(
    context: click.Context, /, *, name: str, contact: str, kind: str | None, node: str | None, as_json: bool
) -> None:
    """Add a station. CONTACT is how the switch rings it, as in user/1001@example.org."""
    body = client(context).post("stations", name=name, contact=contact, kind=kind, node=node)
    said(body, f"station {name} is added", as_json)
