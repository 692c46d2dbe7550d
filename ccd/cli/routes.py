"""`ccd routes` and `ccd trunks`."""

from __future__ import annotations

from typing import Any

import click

from ccd.cli.changes import faults_by_option, said
from ccd.cli.options import client, json_option
from ccd.cli.output import show_json, show_record, show_table

COLUMNS = {
    "dialled": "dialled",
    "trunk": "trunk",
    "class": "caller_class",
    "flow": "flow",
    "answer": "answer",
    "record": "record",
    "calendar": "calendar",
    "now": "state",
    "why": "said",
    "until": "local_until",
}
CHOICE = {
    "route": "dialled",
    "why": "why",
    "trunk": "trunk",
    "class": "caller_class",
    "leads to": "leads_to",
    "state": "state",
    "reason": "said",
    "until": "local_until",
    "flow": "flow",
    "closed flow": "closed_flow",
    "calendar": "calendar",
    "answer": "answer",
    "record": "record",
    "dtmf": "dtmf",
}
OTHERS = {"route": "dialled", "trunk": "trunk", "class": "caller_class", "flow": "flow", "why": "why"}
TRUNKS = {
    "trunk": "name",
    "calls": "calls",
    "profile": "profile",
    "gateway": "gateway",
    "source": "source",
    "span": "span",
    "digits": "dialled_digits",
    "prefix": "prefix",
    "answer within": "answer_within_ms",
    "dtmf": "dtmf",
}
_all_option = click.option("--all", "all_", is_flag=True, help="All routes, also those that come later.")


@click.group()
def routes() -> None:
    """Which number leads where, and closing in an emergency."""


@routes.command("list")
@json_option
@click.pass_context
def list_(context: click.Context, as_json: bool) -> None:
    """List routes: for whom, where to, open or closed and why."""
    body = client(context).get("routes")
    if as_json:
        show_json(body)
        return
    show_table([_stated(row) for row in body["routes"]], COLUMNS, "no routes; ccd.yaml names them under routes")
    if body["all_closed"]:
        click.echo("all routes are closed by hand; `ccd routes open --all` opens them")
    for dialled in body["closed_without_route"]:
        click.echo(f"{dialled} is closed by hand and has no route; `ccd routes open {dialled}` forgets that")


@routes.command()
@click.argument("number")
@click.option("--trunk", help="As if it came by this trunk, with the digits that the trunk sends.")
@click.option("--class", "caller_class", help="As if the caller were of this class: vip, withheld, repeat…")
@click.option("--at", help="At another moment, as in 2027-02-06T10:00 by the clock of the route's calendar.")
@json_option
@click.pass_context
def show(
    context: click.Context,
    /,
    *,
    number: str,
    trunk: str | None,
    caller_class: str | None,
    at: str | None,
    as_json: bool,
) -> None:
    """Show the route that calls to NUMBER take and why, where it leads, and the routes that come after it."""
    with faults_by_option(context):
        body = client(context).get("routes", "choice", dialled=number, trunk=trunk, caller_class=caller_class, at=at)
    if as_json:
        show_json(body)
        return
    show_record({"number": body["full"], "E.164": body["dialled_e164"] or "-"})
    if body["route"] is None:
        click.echo("no route: callers go to the fallback of the switch")
        return
    row = _stated(body["route"])
    show_record({heading: row[key] for heading, key in CHOICE.items() if row.get(key) not in (None, "")})
    if body["others"]:
        click.echo("\nless specific:")
        show_table(body["others"], OTHERS, "")


@routes.command()
@click.argument("number", required=False)
@_all_option
@click.option("--reason", help="Why; `list` shows it.")
@json_option
@click.pass_context
def close(context: click.Context, /, *, number: str | None, all_: bool, reason: str | None, as_json: bool) -> None:
    """Close the routes of NUMBER, or --all, at once and until `open`.

    Callers go to the route's closed_flow; without one they hear the prompt 'closed' and the call ends.
    """
    which = _one_or_all(context, number, all_)
    with faults_by_option(context):
        body = client(context).post("routes", "close", **which, **({"reason": reason} if reason else {}))
    said(body, f"{_named(body['closed'])} closed", as_json)


@routes.command("open")
@click.argument("number", required=False)
@_all_option
@json_option
@click.pass_context
def open_(context: click.Context, /, *, number: str | None, all_: bool, as_json: bool) -> None:
    """End a closing by hand: the routes of NUMBER, or --all, go by their hours again."""
    body = client(context).post("routes", "open", **_one_or_all(context, number, all_))
    said(body, f"{'every route' if all_ else number} goes by its hours again", as_json)


@click.group()
def trunks() -> None:
    """Where calls come in from."""


@trunks.command("list")
@json_option
@click.pass_context
def list_trunks(context: click.Context, as_json: bool) -> None:
    """List trunks: by what their calls are known, what ccd expects of them, and their calls now."""
    body = client(context).get("trunks")
    if as_json:
        show_json(body)
    else:
        show_table(body["trunks"], TRUNKS, "no trunks; ccd.yaml names them under trunks")


def _stated(row: dict[str, Any]) -> dict[str, Any]:
    """A route's row with its state in words."""
    closed = {"by_hand": "closed by hand", "hours": "closed"}
    told = ", ".join(word for word in (str(row["reason"]).replace("_", " "), row["note"]) if word)
    return {**row, "state": closed.get(row["closed"], "open"), "said": told}


def _named(closed: list[str]) -> str:
    return "every route is" if closed == ["all"] else f"{', '.join(closed)} {'is' if len(closed) == 1 else 'are'}"


def _one_or_all(context: click.Context, number: str | None, all_: bool) -> dict[str, Any]:
    if all_ == (number is not None):
        raise click.UsageError("name one number, or say --all", context)
    return {"all": True} if all_ else {"dialled": number}
