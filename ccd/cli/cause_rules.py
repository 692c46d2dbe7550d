"""What a call not taken costs, as it is typed: `--cause "rejected delay=10s limit=3 then=on_break"`."""

from __future__ import annotations

from typing import Any

import click

from ccd.settings.units import duration_ms, duration_text

COSTS = {"not taken": "cause", "no offer for": "delay", "limit": "limit", "then": "then"}
_FORM = "write CAUSE delay=10s limit=3 then=on_break, any of the three"


def cause_rules(_: click.Context, param: click.Parameter, given: tuple[str, ...]) -> dict[str, Any] | None:
    """Each `--cause` by its name; one that says nothing is None, which is the default again. None where nothing is given."""
    rules: dict[str, Any] = {}
    for typed in given:
        (cause, *parts), text = typed.split() or [""], typed[:60]
        if not cause or "=" in cause:
            raise click.BadParameter(f"{text!r}: {_FORM}")
        if cause in rules:
            raise click.BadParameter(f"{cause[:60]} is given twice")
        said = [_part(text, part) for part in parts]
        rules[cause] = dict(said) or None
        if len(dict(said)) < len(said):
            raise click.BadParameter(f"{text!r}: something is said twice")
    return rules or None


def _part(text: str, part: str) -> tuple[str, Any]:
    key, _, value = part.partition("=")
    try:
        match key:
            case "delay":
                return "delay_ms", duration_ms(value)
            case "limit" if value.isascii() and value.isdecimal() and len(value) <= 9:
                return "limit", int(value)
            case "then" if value:
                return "then", value
    except ValueError as error:
        raise click.BadParameter(f"{text!r}: {error}") from None
    raise click.BadParameter(f"{text!r}: {_FORM}")


def cost_row(rule: dict[str, Any]) -> dict[str, Any]:
    """What holds for one cause, as `queues show` has it."""
    never = not rule["limit"]
    return {
        "cause": rule["cause"],
        "delay": duration_text(rule["delay_ms"]),
        "limit": "never" if never else rule["limit"],
        "then": "" if never else rule["then"],
    }
