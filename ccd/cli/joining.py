"""What is shown and heard when an agent is joined to a queue's caller, as it is typed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from ccd.cli.options import DURATION

F = TypeVar("F", bound=Callable[..., Any])

PARTS = ("queue", "wait", "warning")
JOIN: tuple[tuple[str, str, Any, str], ...] = (
    (
        "--shown-name",
        "shown_name",
        str,
        "What an agent's phone shows as the caller's name, as in '{queue} {number}'; fields: number, name, queue, wait, class, "
        "dialled. Empty: the number.",
    ),
    (
        "--shown-number",
        "shown_number",
        click.Choice(["full", "masked", "none"]),
        "The caller's number on an agent's phone; masked is as in 138****8000.",
    ),
    ("--agent-prompt", "agent_prompt", str, "What an agent hears before he is joined to a caller; empty is nothing."),
    (
        "--caller-hears",
        "caller_hears",
        click.Choice(["music", "agent_number"]),
        "What the caller hears meanwhile: music, or the agent's number.",
    ),
    ("--confirm", "confirm_ms", DURATION, "An agent whose station demands it must press 1 within so long."),
)
HEARS = (
    "What an agent hears before he is joined: queue (the agent prompt), wait (how long the caller has waited), warning (VIP, "
    "malicious, blacklist, calls again); in this order, as often as needed; an empty one leaves the prompt alone."
)


def join_options(command: F) -> F:
    """`--agent-hears`, which is given as often as needed; the others are as all settings of a queue."""
    return click.option(
        "--agent-hears", "agent_hears", multiple=True, callback=_parts, metavar=f"[{'|'.join(PARTS)}]", help=HEARS
    )(command)


def _parts(_: click.Context, param: click.Parameter, given: tuple[str, ...]) -> list[str] | None:
    for one in given:
        if one and one not in PARTS:
            raise click.BadParameter(f"{one[:20]!r} is none of {', '.join(PARTS)}")
    return [one for one in given if one] if given else None
