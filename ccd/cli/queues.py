"""`ccd queues`."""

from __future__ import annotations

import click

from ccd.cli.agents import said
from ccd.cli.options import DURATION, client, json_option
from ccd.cli.output import show_json, show_table

COLUMNS = {
    "queue": "name",
    "strategy": "strategy",
    "waiting": "waiting",
    "longest wait": "longest_wait_ms",
    "talking": "talking",
    "ready agents": "ready_agents",
}


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
@click.option("--strategy", help="Who is offered a call first; longest-idle-agent without it.")
@click.option("--music", help="What callers hear: local_stream://NAME or a path, as the switch sees it.")
@click.option("--ring", "ring_ms", type=DURATION, help="How long an agent's phone rings, as in 20s.")
@click.option("--wrap-up", "wrap_up_ms", type=DURATION, help="Time after a conversation before the next offer.")
@click.option("--max-wait", "max_wait_ms", type=DURATION, help="Callers wait at most so long; 0 is for ever.")
@click.option("--timeout-prompt", help="What a caller hears who waited too long.")
@click.option("--max-no-answers", type=click.IntRange(0, 100), help="So many unanswered offers put an agent on break.")
@click.option("--min-talk", "min_talk_ms", type=DURATION, help="An agent gone sooner has not taken the call.")
@click.option("--record", type=click.Choice(["no", "answer", "queue", "agent"]), help="From where calls are recorded.")
@json_option
@click.pass_context
def add(context: click.Context, /, *, name: str, as_json: bool, **values: str | int | None) -> None:
    """Add a queue; what is not given has its default."""
    said(client(context).post("queues", name=name, **values), f"queue {name} is added", as_json)
