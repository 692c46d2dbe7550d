"""`ccd reload`."""

from __future__ import annotations

import sys

import click

from ccd.cli.exits import REFUSED, printable
from ccd.cli.options import client, json_option
from ccd.cli.output import show_json


@click.command()
@json_option
@click.pass_context
def reload(context: click.Context, as_json: bool) -> None:
    """Take over what was changed in ccd.yaml (routes, trunks, calendars) and in the flows. Calls in progress are not touched.

    A fault in ccd.yaml changes nothing: every fault is printed, and the daemon goes on with what it has. A flow with a fault
    keeps its last good version; then the exit code is 1 as well. What a flow names and nobody
    has, a queue or a skill, is a warning.
    """
    body = client(context).post("reload")
    if as_json:
        show_json(body)
    else:
        for section, changes in body["changed"].items():
            for word, names in changes.items():
                click.echo(printable(f"{section} {word}: {', '.join(names)}"))
        if not body["changed"]:
            click.echo("nothing changed")
        if body["restart_needed"]:
            click.echo(f"changed, but taken over at the next start only: {', '.join(body['restart_needed'])}")
        for warning in body.get("warnings", ()):
            click.echo(f"warning: {printable(warning)}", err=True)
        for name, faults in body["kept_flows"].items():
            click.echo(f"flow {name} is kept at its last good version:", err=True)
            for fault in faults:
                click.echo(printable(fault), err=True)
    if body["kept_flows"]:
        sys.exit(REFUSED)
