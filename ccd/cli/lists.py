"""`ccd blacklist`, `ccd whitelist`, `ccd vip` and `ccd malicious`: one set of commands for each list."""

from __future__ import annotations

import csv
import datetime as dt
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO, TypeVar

import click

from ccd.cli.changes import said
from ccd.cli.files import measured, whole
from ccd.cli.moments import local_moment
from ccd.cli.options import DURATION, client, json_option
from ccd.cli.output import show_json, show_record, show_table
from ccd.client.http import Client

F = TypeVar("F", bound=Callable[..., Any])

COLUMNS = {
    "id": "entry_id",
    "number": "subject",
    "scope": "scope",
    "action": "action",
    "with": "target",
    "reason": "reason",
    "expires": "expires_at",
    "added": "created_at",
    "by": "created_by",
}
EXPORTED = {
    "number": "subject",
    "scope": "scope",
    "action": "action",
    "target": "target",
    "reason": "reason",
    "expires_at": "expires_at",
}
PAGE = 5_000
_LATER = "the daemon will take it over in a few seconds, or when it answers again (its log says what is wrong)"
_DONE = {
    "reject": "rejected without an answer, cause {target}",
    "play": "answered, hears prompt {target} and is hung up",
    "voicemail": "sent to voicemail box {target}",
    "flow": "sent to flow {target}",
    "warn": "let in",
}

route_option = click.option("--route", metavar="DIALLED", help="Only for calls to this number, as it is dialled.")
queue_option = click.option("--queue", metavar="NAME", help="Only before this queue.")


_ACTIONS = {
    "reject": click.option("--reject", metavar="CAUSE", help="Reject unanswered, as in --reject USER_BUSY."),
    "play": click.option("--play", metavar="PROMPT", help="Answer, play a prompt, hang up."),
    "voicemail": click.option("--voicemail", metavar="BOX", help="Let him leave a message in a box."),
    "flow": click.option("--flow", metavar="FLOW", help="Send him to another flow."),
    "warn": click.option("--warn", is_flag=True, help="Let him in, and only tell agents and flows."),
}
_MAY: dict[str, tuple[str, ...]] = {"whitelist": ("warn",), "vip": ("flow", "warn")}
"""What entries may order, where that is not everything; `ccd.screening.model` decides."""


def _ordering(name: str) -> Callable[[F], F]:
    """The options for what an entry of a list orders and for how long; one action at most."""
    options = (
        *(_ACTIONS[action] for action in _MAY.get(name, tuple(_ACTIONS))),
        click.option("--reason", help="Why; agents and reports show it."),
        click.option("--for", "lasts", type=DURATION, help="It expires after so long, as in 30d."),
        click.option(
            "--expires", metavar="WHEN", help="It expires then, as in 2027-01-31 or 2027-01-31T18:00, local time."
        ),
        route_option,
        queue_option,
    )

    def add(command: F) -> F:
        for option in reversed(options):
            command = option(command)
        return command

    return add


def _group(name: str, text: str) -> click.Group:
    group = click.Group(name, help=text)
    for make in (_list, _add, _remove, _import, _export, _check):
        group.add_command(make(name))
    return group


def _list(name: str) -> click.Command:
    @click.command("list")
    @click.option("--limit", type=click.IntRange(1, PAGE), default=100, show_default=True, help="At most so many.")
    @click.option("--after", type=click.IntRange(0), default=0, help="Those behind this id: the next page.")
    @click.option("--number", help="Only entries of this number, prefix or pattern, as it was added.")
    @json_option
    @click.pass_context
    def list_(context: click.Context, /, *, limit: int, after: int, number: str | None, as_json: bool) -> None:
        """List entries, in the order in which they came."""
        body = client(context).get("lists", name, "entries", limit=limit, after=after or None, number=number)
        if as_json:
            show_json(body)
            return
        show_table(body["entries"], COLUMNS, f"no entries; `ccd {name} add NUMBER` adds one")
        if body["next"]:
            click.echo(f"there are more: --after {body['next']}")

    return list_


def _add(name: str) -> click.Command:
    @click.command("add")
    @click.argument("number")
    @_ordering(name)
    @json_option
    @click.pass_context
    def add(context: click.Context, /, *, number: str, as_json: bool, **options: Any) -> None:
        """Add a number in any written form, a prefix like +8617*, a pattern like +86571????0000, or withheld.

        What the list already says of it for the same scope is replaced.
        """
        body = client(context).post("lists", name, "entries", number=number, **_wanted(context, options))
        said(body, f"{body['subject']} is on the {_called(name)} ({body['scope']}): {_what(body)}", as_json, _LATER)

    return add


def _called(name: str) -> str:
    """A list in a sentence: the blacklist, the vip list."""
    return name if name.endswith("list") else f"{name} list"


def _remove(name: str) -> click.Command:
    @click.command("remove")
    @click.argument("number")
    @route_option
    @queue_option
    @json_option
    @click.pass_context
    def remove(context: click.Context, /, *, number: str, route: str | None, queue: str | None, as_json: bool) -> None:
        """Remove an entry; one for a route or a queue is named with it."""
        body = client(context).delete("lists", name, "entries", number=number, scope=_scope(context, route, queue))
        said(body, f"{body['subject']} is no longer on the {_called(name)} ({body['scope']})", as_json, _LATER)

    return remove


def _import(name: str) -> click.Command:
    @click.command("import")
    @click.argument("file", type=click.File("rb"))
    @_ordering(name)
    @json_option
    @click.pass_context
    def import_(context: click.Context, /, *, file: BinaryIO, as_json: bool, **options: Any) -> None:
        """Import a CSV, as `export` writes it, or one number a line; `-` is standard input. All of it, or nothing.

        Options say what lines mean that do not say it themselves.
        """
        with measured(file) as (content, length):
            body = client(context).upload(
                "lists", name, "import", file=content, length=length, **_wanted(context, options)
            )
        if as_json:
            show_json(body)
        else:
            click.echo(f"{body['lines']} lines are imported; calls are screened by them in a few seconds")

    return import_


def _export(name: str) -> click.Command:
    @click.command("export")
    @click.argument("file", type=click.Path(dir_okay=False, allow_dash=True), default="-")
    @click.pass_context
    def export(context: click.Context, /, *, file: str) -> None:
        """Write all entries as CSV to a file or standard output. A file that is there stays as it is until all is written."""
        with whole(file) as written:
            writer = csv.writer(written, lineterminator="\n")
            writer.writerow(EXPORTED)
            for row in _all(client(context), name):
                writer.writerow([row[key] or "" for key in EXPORTED.values()])

    return export


def _check(name: str) -> click.Command:
    @click.command("check")
    @click.argument("number")
    @click.option("--dialled", help="The number that he dials.")
    @click.option("--queue", help="The queue that he comes to.")
    @json_option
    @click.pass_context
    def check(context: click.Context, /, *, number: str, dialled: str | None, queue: str | None, as_json: bool) -> None:
        """Say what would happen to a caller and why, by all lists together. `withheld` is one without a number."""
        body = client(context).get("lists", "check", number=number, dialled=dialled, queue=queue)
        if as_json:
            show_json(body)
            return
        entry, others = body["entry"], body["beaten"]
        done = _what(entry) if entry else "let in"
        of = (
            f"{entry['list']} entry {entry['entry_id']}: {entry['subject']}, scope {entry['scope']}"
            if entry
            else "no entry"
        )
        shown = {
            "number": body["caller_e164"] or number,
            "would be": done,
            "because of": of,
            "reason": entry["reason"] if entry else "",
            "expires": entry["expires_at"] if entry else "",
            "class": body["caller_class"],
        }
        show_record({key: value for key, value in shown.items() if value})
        if others:
            click.echo(f"\nnot counted beside {'it' if entry else 'them'}:")
            show_table(
                others, {"list": "list"} | {key: COLUMNS[key] for key in ("id", "number", "scope", "action")}, ""
            )

    return check


def _wanted(context: click.Context, options: dict[str, Any]) -> dict[str, str | None]:
    """The options of an entry as the API takes them."""
    chosen = [key for key in ("reject", "play", "voicemail", "flow") if options.get(key) is not None]
    if len(chosen) + options["warn"] > 1:
        raise click.UsageError("give one of --reject, --play, --voicemail, --flow and --warn", context)
    action = chosen[0] if chosen else ("warn" if options["warn"] else None)
    return {
        "action": action,
        "target": options[action] if chosen and action else None,
        "reason": options["reason"],
        "expires_at": _expiry(context, options["lasts"], options["expires"]),
        "scope": _scope(context, options["route"], options["queue"]),
    }


def _scope(context: click.Context, route: str | None, queue: str | None) -> str | None:
    if route is not None and queue is not None:
        raise click.UsageError("give one of --route and --queue", context)
    if route is not None:
        return f"route:{route}"
    return None if queue is None else f"queue:{queue}"


def _expiry(context: click.Context, lasts: int | None, expires: str | None) -> str | None:
    if lasts is not None and expires is not None:
        raise click.UsageError("give one of --for and --expires", context)
    now = dt.datetime.now().astimezone()
    if lasts is not None:
        return (now + dt.timedelta(milliseconds=lasts)).isoformat()
    if expires is None:
        return None
    try:
        at = local_moment(expires)
    except ValueError as wrong:
        raise click.UsageError(f"--expires: {wrong}", context) from None
    if at <= now:
        raise click.UsageError(f"--expires {expires[:40]} has passed", context)
    return at.isoformat()


def _what(entry: dict[str, Any]) -> str:
    return _DONE[entry["action"]].format(target=entry["target"])


def _all(api: Client, name: str) -> Iterator[dict[str, Any]]:
    after: int | None = None
    while True:
        page = api.get("lists", name, "entries", limit=PAGE, after=after)
        yield from page["entries"]
        after = page["next"]
        if after is None:
            return


blacklist = _group("blacklist", "Callers who are turned away.")
whitelist = _group("whitelist", "Callers who are let in whatever other lists say.")
vip = _group("vip", "Callers who are announced as important.")
malicious = _group("malicious", "Callers whom agents are warned of.")
