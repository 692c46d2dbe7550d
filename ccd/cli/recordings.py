"""`ccd recordings`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import click

from ccd.base.errors import Refused
from ccd.cli.call_record import ranges
from ccd.cli.exits import REFUSED
from ccd.cli.moments import PAST
from ccd.cli.options import client, json_option, limit_option
from ccd.cli.output import cell, show_json, show_record, show_table
from ccd.client.http import Client

F = TypeVar("F", bound=Callable[..., Any])

COLUMNS = {
    "recording": "recording_id",
    "call": "call_id",
    "from": "caller_number",
    "queue": "queue",
    "agent": "agent",
    "started": "started_at",
    "duration": "duration_ms",
    "bytes": "size_bytes",
    "masked": "masked",
    "state": "state",
    "file": "local_path",
}
VERIFIED = {"recording": "recording_id", "result": "result", "file": "local_path"}
AUDIT = {"at": "at", "who": "who", "what": "what", "why": "why"}
PAGE = 1000


def narrowing(command: F) -> F:
    """Which recordings."""
    for name, what in (
        ("--call", "Only those of one call."),
        ("--number", "Only those of this caller's number, in any form."),
        ("--queue", "Only of calls that came to this queue."),
        ("--agent", "Only of calls that this agent took."),
        ("--state", "Only in this state: running, complete, missing, failed, erasing or erased."),
    ):
        command = click.option(name, help=what)(command)
    since = click.option("--since", type=PAST, help="Only those that began since then: 24h (ago), a date, or a time.")
    return click.option("--until", type=PAST, help="Only those that began before.")(since(command))


@click.group()
def recordings() -> None:
    """What was recorded."""


@recordings.command("list")
@narrowing
@limit_option
@json_option
@click.pass_context
def list_(context: click.Context, /, *, limit: int, as_json: bool, **wanted: str | None) -> None:
    """List recordings, newest first."""
    body = client(context).get("recordings", limit=limit, **wanted)
    if as_json:
        show_json(body)
    else:
        rows = [{**row, "masked": ranges(row.get("masked"))} for row in body["recordings"]]
        show_table(rows, COLUMNS, "no recordings")


@recordings.command()
@click.argument("recording")
@json_option
@click.pass_context
def show(context: click.Context, recording: str, as_json: bool) -> None:
    """Show one recording, by its id or its call's: silent parts and why, hash, holds, and who erased it."""
    body = client(context).get("recordings", recording)
    if as_json:
        show_json(body)
        return
    silent = [f"{ranges([one])} ({', '.join(one['reasons'])})" for one in body.get("masked") or []]
    said = {name: value for name, value in body.items() if name not in ("masked", "audit") and value not in (None, "")}
    show_record({name: cell(value, name) for name, value in said.items()} | {"silent": ", ".join(silent)})
    if body.get("audit"):
        click.echo("\nwhat was done to it:")
        show_table(body["audit"], AUDIT, "")


@recordings.command()
@click.argument("recording")
@click.pass_context
def path(context: click.Context, recording: str) -> None:
    """Print where the file is, as ccd sees it, and nothing else; for scripts."""
    body = client(context).get("recordings", recording)
    if body["state"] in ("erasing", "erased") or not body["local_path"]:
        raise Refused(f"recording {body['recording_id']} has no file: it is {body['state']}")
    click.echo(body["local_path"])


@recordings.command()
@click.argument("recording", required=False)
@click.option("--all", "every", is_flag=True, help="Every recording, or those that --since and the like name.")
@narrowing
@json_option
@click.pass_context
def verify(
    context: click.Context, /, *, recording: str | None, every: bool, as_json: bool, **wanted: str | None
) -> None:
    """Hash files again and compare: ok, changed, missing or unreachable. Exit code 1 when one is not as it was."""
    if bool(recording) == every:
        raise click.UsageError("name one recording, or say --all", context)
    api = client(context)
    ids = [recording] if recording else (row["recording_id"] for row in _pages(api, wanted))
    results = [api.get("recordings", str(one), "verify") for one in ids]
    if as_json:
        show_json({"verified": results})
    else:
        show_table(results, VERIFIED, "no recordings")
        if every:
            click.echo(f"{len(results)} looked at, {sum(one['bad'] for one in results)} not as they were")
    if any(one["bad"] for one in results):
        sys.exit(REFUSED)


def _pages(api: Client, wanted: dict[str, str | None]) -> Iterator[dict[str, Any]]:
    after = None
    while True:
        rows = api.get("recordings", limit=PAGE, after=after, **wanted)["recordings"]
        yield from rows
        if len(rows) < PAGE:
            return
        after = rows[-1]["recording_id"]


@recordings.command()
@click.argument("recording", required=False)
@click.option("--number", help="Every recording and voicemail of this caller's number, in any form.")
@click.option("--reason", required=True, help="Why; it stands in the record for good.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
@click.pass_context
def erase(
    context: click.Context, /, *, recording: str | None, number: str | None, reason: str, yes: bool, as_json: bool
) -> None:
    """Delete a recording's file, or those of a number. The row stays, with hash, reason and who it was; held ones stay."""
    if bool(recording) == bool(number):
        raise click.UsageError("name one recording, or a --number", context)
    if not yes:
        whose = f"every recording and voicemail of {number}" if number else f"recording {recording}"
        click.confirm(f"Erase {whose}? It can not be undone", abort=True)
    api = client(context)
    if number:
        body = api.post("recordings", "erase", number=number, reason=reason)
        counts = [f"{len(ids)} {state}" for state, ids in body.items() if isinstance(ids, list) and ids]
        counts = counts or ["no recordings"]
        counts += [f"{name}: {count}" for name, count in body.items() if isinstance(count, int)]
        _said(body, ", ".join(counts), as_json)
        return
    body = api.post("recordings", str(recording), "erase", reason=reason)
    done = "is erased" if body["erased"] else "will be erased as soon as the disk lets it go"
    _said(body, f"recording {body['recording_id']} {done}", as_json)


@recordings.command()
@click.argument("recording")
@click.option("--reason", required=True, help="Why; it stands in the record for good.")
@json_option
@click.pass_context
def hold(context: click.Context, recording: str, reason: str, as_json: bool) -> None:
    """Keep a recording, whatever age, disk or anybody says, until it is released."""
    body = client(context).post("recordings", recording, "hold", reason=reason)
    _said(body, f"recording {body['recording_id']} is held", as_json)


@recordings.command()
@click.argument("recording")
@click.option("--reason", help="Why.")
@json_option
@click.pass_context
def release(context: click.Context, recording: str, reason: str | None, as_json: bool) -> None:
    """Let a recording go again when its time is over."""
    body = client(context).post("recordings", recording, "release", reason=reason)
    _said(body, f"recording {body['recording_id']} is released", as_json)


@recordings.command()
@click.argument("call_id")
@json_option
@click.pass_context
def mask(context: click.Context, call_id: str, as_json: bool) -> None:
    """Record silence from now on, as while a caller says a card number; it ends by itself after recordings.mask_limit."""
    _said(client(context).post("recordings", call_id, "mask"), f"the recording of {call_id} is silent now", as_json)


@recordings.command()
@click.argument("call_id")
@json_option
@click.pass_context
def unmask(context: click.Context, call_id: str, as_json: bool) -> None:
    """Record sound again."""
    body = client(context).post("recordings", call_id, "unmask")
    other = "is still silent for another reason" if body["masked"] else "has sound again"
    _said(body, f"the recording of {call_id} {other}", as_json)


def _said(body: object, sentence: str, as_json: bool) -> None:
    if as_json:
        show_json(body)
    else:
        click.echo(sentence)
