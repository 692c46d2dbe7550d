"""`ccd breaks`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from ccd.cli.changes import faults_by_option, given, said
from ccd.cli.options import DURATION, client, json_option
from ccd.cli.output import show_json, show_table
from ccd.settings.units import duration_text

F = TypeVar("F", bound=Callable[..., Any])

COLUMNS = {"reason": "name", "中文": "zh", "English": "en", "limit": "limit", "allowed": "allowed"}


def break_options(command: F) -> F:
    """What `add` and `set` take."""
    command = click.option(
        "--allowed/--not-allowed", "allowed", default=None, help="Whether agents may choose it from now on."
    )(command)
    command = click.option("--limit", "limit_ms", type=DURATION, help="Longer than that is an overrun; 0 is never.")(
        command
    )
    command = click.option("--en", help="As it is shown in English.")(command)
    return click.option("--zh", help="As it is shown in Chinese.")(command)


@click.group()
def breaks() -> None:
    """Why agents may be on break, and for how long."""


@breaks.command("list")
@json_option
@click.pass_context
def list_(context: click.Context, as_json: bool) -> None:
    """List the reasons; where there are none, agents say what they like."""
    body = client(context).get("break-reasons")
    if as_json:
        show_json(body)
        return
    rows = [one | {"limit": duration_text(one["limit_ms"])} for one in body["break_reasons"]]
    show_table(rows, COLUMNS, "no reasons, so every reason will do; `ccd breaks add NAME` adds one")


@breaks.command()
@click.argument("name")
@break_options
@json_option
@click.pass_context
def add(context: click.Context, /, *, name: str, as_json: bool, **values: Any) -> None:
    """Add a reason; from the first one on no others are taken."""
    with faults_by_option(context):
        body = client(context).post("break-reasons", name=name, **values)
    said(body, f"break reason {name} is added", as_json)


@breaks.command("set")
@click.argument("name")
@break_options
@json_option
@click.pass_context
def set_(context: click.Context, /, *, name: str, as_json: bool, **values: Any) -> None:
    """Change a reason; what is not given stays as it is."""
    with faults_by_option(context):
        body = client(context).patch("break-reasons", name, **given(context, **values))
    said(body, f"break reason {name} is changed", as_json)


@breaks.command()
@click.argument("name")
@json_option
@click.pass_context
def remove(context: click.Context, name: str, as_json: bool) -> None:
    """Remove a reason; whoever is on such a break stays so."""
    said(client(context).delete("break-reasons", name), f"break reason {name} is removed", as_json)
