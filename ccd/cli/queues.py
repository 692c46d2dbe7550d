"""`ccd queues`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from ccd.cli.changes import faults_by_option, given, said
from ccd.cli.options import DURATION, client, json_option
from ccd.cli.output import show_json, show_record, show_table
from ccd.settings.units import duration_text

F = TypeVar("F", bound=Callable[..., Any])

COLUMNS = {
    "queue": "name",
    "strategy": "strategy",
    "waiting": "waiting",
    "longest wait": "longest_wait_ms",
    "talking": "talking",
    "ready agents": "ready_agents",
}
NOW = ("waiting", "longest wait", "talking", "ready agents")
PLACES = {"level": "level", "position": "position", "agent": "agent"}
RECORD = click.Choice(["no", "answer", "queue", "agent", "never"])
CONSENT = click.Choice(["no", "announce", "ask"])

# option, key of the API, type, help: the settings in the order in which they are shown
SETTINGS: tuple[tuple[str, str, Any, str], ...] = (
    ("--strategy", "strategy", str, "Who is offered a call first; longest-idle-agent without it."),
    ("--music", "music", str, "What callers hear: local_stream://NAME or a path, as the switch sees it."),
    ("--ring", "ring_ms", DURATION, "How long an agent's phone rings, as in 20s."),
    ("--wrap-up", "wrap_up_ms", DURATION, "Time after a conversation before the next offer."),
    ("--max-wait", "max_wait_ms", DURATION, "Callers wait at most so long; 0 is for ever."),
    ("--timeout-prompt", "timeout_prompt", str, "What a caller hears who waited too long."),
    ("--max-no-answers", "max_no_answers", click.IntRange(0, 100), "So many unanswered offers put an agent on break."),
    ("--no-answer-delay", "no_answer_delay_ms", DURATION, "No offer for so long to an agent who did not answer."),
    ("--reject-delay", "reject_delay_ms", DURATION, "No offer for so long to an agent who rejected one."),
    ("--busy-delay", "busy_delay_ms", DURATION, "No offer for so long to an agent whose phone was busy."),
    ("--fault-delay", "fault_delay_ms", DURATION, "No offer for so long to an agent whose phone can't be reached."),
    ("--min-talk", "min_talk_ms", DURATION, "An agent gone sooner has not taken the call."),
    ("--record", "record", RECORD, "From where calls are recorded; never: not in this queue."),
    ("--consent", "consent", CONSENT, "What callers hear before they are recorded here: no, announce or ask."),
    ("--keep-days", "keep_days", click.IntRange(0, 36_500), "Recordings are kept so many days; 0 as elsewhere said."),
)


def queue_options(command: F) -> F:
    """The settings of a queue, as `add` and `set` take them."""
    for option, key, kind, text in reversed(SETTINGS):
        command = click.option(option, key, type=kind, help=text)(command)
    return command


@click.group()
def queues() -> None:
    """Waiting lines."""


@queues.command("list")
@json_option
@click.pass_context
def list_(context: click.Context, as_json: bool) -> None:
    """List queues and who waits in them."""
    body = client(context).get("queues")
    if as_json:
        show_json(body)
    else:
        show_table(body["queues"], COLUMNS, "no queues; `ccd queues add NAME` adds one")


@queues.command()
@click.argument("name")
@json_option
@click.pass_context
def show(context: click.Context, name: str, as_json: bool) -> None:
    """Show one queue: all its settings, who waits, who serves it, and which flows lead to it."""
    body = client(context).get("queues", name)
    if as_json:
        show_json(body)
        return
    settings = {option[2:].replace("-", " "): _with_unit(key, body[key]) for option, key, _, _ in SETTINGS}
    now = {f"{heading} now": _with_unit(COLUMNS[heading], body[COLUMNS[heading]]) for heading in NOW}
    show_record({"queue": body["name"]} | settings | now | {"flows": ", ".join(body["flows"])})
    show_table(body["tiers"], PLACES, "no agent serves it; `ccd tiers add QUEUE AGENT` changes that")


@queues.command()
@click.argument("name")
@queue_options
@json_option
@click.pass_context
def add(context: click.Context, /, *, name: str, as_json: bool, **values: str | int | None) -> None:
    """Add a queue; what is not given has its default."""
    with faults_by_option(context):
        body = client(context).post("queues", name=name, **values)
    said(body, f"queue {name} is added", as_json)


@queues.command("set")
@click.argument("name")
@queue_options
@json_option
@click.pass_context
def set_(context: click.Context, /, *, name: str, as_json: bool, **values: str | int | None) -> None:
    """Change a queue; what is not given stays as it is, and callers keep their places."""
    with faults_by_option(context):
        body = client(context).patch("queues", name, **given(context, **values))
    said(body, f"queue {name} is changed", as_json)


@queues.command()
@click.argument("name")
@json_option
@click.pass_context
def remove(context: click.Context, name: str, as_json: bool) -> None:
    """Remove a queue without callers that no flow leads to, with its agents' places; history keeps its name."""
    said(client(context).delete("queues", name), f"queue {name} is removed", as_json)


def _with_unit(key: str, value: Any) -> Any:
    """A setting as it is typed: 20s, 250ms."""
    if not key.endswith("_ms"):
        return value
    if key == "max_wait_ms" and value == 0:
        return "0 (for ever)"
    return duration_text(value) if value else "0s"
