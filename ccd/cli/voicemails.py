"""`ccd voicemails`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from ccd.cli.changes import faults_by_option, given, said
from ccd.cli.moments import PAST
from ccd.cli.options import DURATION, client, json_option, limit_option
from ccd.cli.output import cell, show_json, show_record, show_table
from ccd.settings.units import duration_text

F = TypeVar("F", bound=Callable[..., Any])

STATES = ("new", "assigned", "done", "deleted")
COLUMNS = {
    "voicemail": "voicemail_id",
    "box": "box",
    "from": "caller_number",
    "left": "left_at",
    "length": "duration_ms",
    "state": "state",
    "agent": "agent",
    "listened": "listened_at",
}
MESSAGE = {
    "voicemail": "voicemail_id",
    "box": "box",
    "state": "state",
    "from": "caller_number",
    "number": "caller_e164",
    "call": "call_id",
    "switch": "node",
    "left": "left_at",
    "length": "duration_ms",
    "ended by": "ended_by",
    "agent": "agent",
    "assigned": "assigned_at",
    "listened": "listened_at",
    "done": "done_at",
    "deleted": "deleted_at",
    "by": "deleted_by",
    "why": "reason",
    "file": "file",
    "path": "local_path",
    "for the switch": "path",
    "bytes": "size_bytes",
    "SHA-256": "sha256",
    "checked": "checked_at",
}
BOXES = {
    "box": "name",
    "name": "display_name",
    "queue": "queue",
    "agent": "agent",
    "longest": "max_ms",
    "kept days": "retention_days",
}

# option, key of the API, type, help: the settings in the order in which they are shown
SETTINGS: tuple[tuple[str, str, Any, str], ...] = (
    ("--display-name", "display_name", str, "What people read, in any script."),
    ("--greeting", "greeting", str, "The prompt that callers hear; voicemail_greeting without it."),
    ("--language", "language", str, "The language of its prompts, like zh; empty is the flow's."),
    ("--min-length", "min_ms", DURATION, "What is shorter is no message, as in 2s."),
    ("--max-length", "max_ms", DURATION, "The longest message, as in 2m."),
    ("--silence", "silence_ms", DURATION, "So much silence ends a message."),
    ("--queue", "queue", str, "The queue whose box it is; empty for none."),
    ("--agent", "agent", str, "The agent whose box it is: messages are assigned to him; empty for none."),
    ("--retention-days", "retention_days", click.IntRange(0, 36_500), "Deleted after so many days; 0 is never."),
    ("--notify", "notify", str, "Whom to tell: stands in the fact of each message."),
)


def box_options(command: F) -> F:
    """The settings of a box, as `add` and `set` take them."""
    for option, key, kind, text in reversed(SETTINGS):
        command = click.option(option, key, type=kind, help=text)(command)
    return command


@click.group()
def voicemails() -> None:
    """Messages that callers left, and the boxes they are in."""


@voicemails.command("list")
@click.option("--box", help="Only those in one box.")
@click.option("--agent", help="Only those that are assigned to one agent.")
@click.option(
    "--state", type=click.Choice(STATES), help="Only those in one state; without it all that are not deleted."
)
@click.option("--since", type=PAST, help="Only those left since then: 24h (ago), a date, or a time.")
@limit_option
@json_option
@click.pass_context
def list_(
    context: click.Context,
    /,
    *,
    box: str | None,
    agent: str | None,
    state: str | None,
    since: str | None,
    limit: int,
    as_json: bool,
) -> None:
    """List messages, newest first."""
    query = {"box": box, "agent": agent, "state": state, "since": since, "limit": limit}
    body = client(context).get("voicemails", **query)
    if as_json:
        show_json(body)
    else:
        show_table(body["voicemails"], COLUMNS, "no voicemails")


@voicemails.command()
@click.argument("voicemail_id")
@json_option
@click.pass_context
def show(context: click.Context, /, *, voicemail_id: str, as_json: bool) -> None:
    """Show one message, with its file and when what was done to it; deleted ones too."""
    body = client(context).get("voicemails", voicemail_id)
    if as_json:
        show_json(body)
    else:
        show_record({heading: cell(body[key], key) for heading, key in MESSAGE.items() if body.get(key)})


@voicemails.command()
@click.argument("voicemail_id")
@click.argument("telephone")
@json_option
@click.pass_context
def play(context: click.Context, /, *, voicemail_id: str, telephone: str, as_json: bool) -> None:
    """Have ccd ring a TELEPHONE (a station, an agent, or a station's number), play the message there and hang up."""
    body = client(context).post("voicemails", voicemail_id, "play", to=telephone)
    said(body, f"station {body['station']} rings", as_json)


@voicemails.command()
@click.argument("voicemail_id")
@click.argument("agent")
@json_option
@click.pass_context
def assign(context: click.Context, /, *, voicemail_id: str, agent: str, as_json: bool) -> None:
    """Give a message to an agent; one that was done is open again."""
    body = client(context).post("voicemails", voicemail_id, "assign", agent=agent)
    said(body, f"voicemail {voicemail_id} is assigned to {agent}", as_json)


@voicemails.command()
@click.argument("voicemail_id")
@json_option
@click.pass_context
def done(context: click.Context, /, *, voicemail_id: str, as_json: bool) -> None:
    """Say that nothing more is to be done about a message."""
    said(client(context).post("voicemails", voicemail_id, "done"), f"voicemail {voicemail_id} is done", as_json)


@voicemails.command()
@click.argument("voicemail_id")
@json_option
@click.pass_context
def delete(context: click.Context, /, *, voicemail_id: str, as_json: bool) -> None:
    """Erase a message's file for ever; who called, when, and who deleted it stays."""
    said(client(context).delete("voicemails", voicemail_id), f"voicemail {voicemail_id} is deleted", as_json)


@voicemails.group()
def boxes() -> None:
    """Where callers leave messages; flows name them."""


@boxes.command("list")
@json_option
@click.pass_context
def list_boxes(context: click.Context, as_json: bool) -> None:
    """List boxes."""
    body = client(context).get("voicemail-boxes")
    if as_json:
        show_json(body)
    else:
        show_table(body["boxes"], BOXES, "no voicemail boxes; `ccd voicemails boxes add NAME` adds one")


@boxes.command("show")
@click.argument("name")
@json_option
@click.pass_context
def show_box(context: click.Context, /, *, name: str, as_json: bool) -> None:
    """Show one box: all its settings, and which flows lead to it."""
    body = client(context).get("voicemail-boxes", name)
    if as_json:
        show_json(body)
        return
    settings = {option[2:].replace("-", " "): _with_unit(key, body[key]) for option, key, _, _ in SETTINGS}
    show_record({"box": body["name"]} | settings | {"flows": ", ".join(body["flows"])})


@boxes.command()
@click.argument("name")
@box_options
@json_option
@click.pass_context
def add(context: click.Context, /, *, name: str, as_json: bool, **values: str | int | None) -> None:
    """Add a box; what is not given has its default."""
    with faults_by_option(context):
        body = client(context).post("voicemail-boxes", name=name, **values)
    said(body, f"voicemail box {name} is added", as_json)


@boxes.command("set")
@click.argument("name")
@box_options
@json_option
@click.pass_context
def set_(context: click.Context, /, *, name: str, as_json: bool, **values: str | int | None) -> None:
    """Change a box; what is not given stays as it is."""
    with faults_by_option(context):
        body = client(context).patch("voicemail-boxes", name, **given(context, **values))
    said(body, f"voicemail box {name} is changed", as_json)


@boxes.command()
@click.argument("name")
@json_option
@click.pass_context
def remove(context: click.Context, /, *, name: str, as_json: bool) -> None:
    """Remove a box that no flow leads to; its messages stay."""
    said(client(context).delete("voicemail-boxes", name), f"voicemail box {name} is removed", as_json)


def _with_unit(key: str, value: Any) -> Any:
    """A setting as it is typed: 20s, 250ms."""
    if not key.endswith("_ms"):
        return value
    return duration_text(value) if value else "0s"
