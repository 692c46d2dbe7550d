"""`ccd agents wrap-up`, `next`, `hangup` and `reset`."""

from __future__ import annotations

import click

from ccd.cli.agents import agents
from ccd.cli.changes import faults_by_option, said
from ccd.cli.options import DURATION, client, json_option
from ccd.cli.output import cell


@agents.command("wrap-up")
@click.argument("agent")
@click.option(
    "--extend", "extend_ms", type=DURATION, help="So much longer, as in 60s; the queue says how long at most."
)
@click.option("--end", is_flag=True, help="It is over: calls may come.")
@json_option
@click.pass_context
def wrap_up(context: click.Context, /, *, agent: str, extend_ms: int | None, end: bool, as_json: bool) -> None:
    """Extend an agent's wrap-up, or end it."""
    if end == bool(extend_ms):
        raise click.UsageError("give either --extend or --end", context)
    body = client(context).post("agents", agent, "wrap-up", **({"end": True} if end else {"extend_ms": extend_ms}))
    until = f" until {cell(body['wrap_up_until'])}" if body.get("wrap_up_until") else ""
    said(body, f"the wrap-up of {agent} is over" if end else f"{agent} is in wrap-up{until}", as_json)


@agents.command("next")
@click.argument("agent")
@click.argument("presence", required=False, type=click.Choice(["on_break", "logged_out"]))
@click.option("--reason", help="Why he will be on break.")
@click.option("--clear", is_flag=True, help="Take back what was said before.")
@json_option
@click.pass_context
def next_(
    context: click.Context, /, *, agent: str, presence: str | None, reason: str | None, clear: bool, as_json: bool
) -> None:
    """What an agent becomes after this call and its wrap-up; at once when he has none."""
    if clear == bool(presence):
        raise click.UsageError("give either what comes next (on_break, logged_out) or --clear", context)
    if reason is not None and presence != "on_break":
        raise click.UsageError("--reason is for on_break", context)
    if clear:
        said(client(context).post("agents", agent, "next", clear=True), f"{agent} stays as he is", as_json)
        return
    with faults_by_option(context):
        body = client(context).post("agents", agent, "next", presence=presence, reason=reason)
    word = "is" if body.get("presence") == presence else "will be"
    said(body, f"{agent} {word} {presence}", as_json)


@agents.command()
@click.argument("agent")
@json_option
@click.pass_context
def hangup(context: click.Context, /, *, agent: str, as_json: bool) -> None:
    """End an agent's conversation; the caller goes on in his flow, and a standing leg stays up."""
    said(client(context).post("agents", agent, "hangup"), f"the conversation of {agent} ends", as_json)


@agents.command()
@click.argument("agent")
@click.option("--why", help="It stands in the journal.")
@json_option
@click.pass_context
def reset(context: click.Context, /, *, agent: str, why: str | None, as_json: bool) -> None:
    """Put an agent right who takes no calls and should; a conversation that is alive goes on."""
    with faults_by_option(context):
        body = client(context).post("agents", agent, "reset", why=why)
    said(body, f"{agent} is put right: {body.get('presence')}, {body.get('activity')}", as_json)
