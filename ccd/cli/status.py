"""`ccd status`."""

from __future__ import annotations

import sys
from typing import Any

import click

from ccd.cli.exits import UNREACHABLE
from ccd.cli.options import client, json_option
from ccd.cli.output import show_json, show_record, show_table

SWITCHES = {"switch": "name", "up": "up", "ready": "ready", "why": "why", "core uuid": "core_uuid"}


@click.command()
@json_option
@click.pass_context
def status(context: click.Context, as_json: bool) -> None:
    """How the daemon, its switches and its database are. Exit code 4 when the deciding process does not answer."""
    body: dict[str, Any] = client(context).get("status")
    if as_json:
        show_json(body)
    else:
        core = body.get("core")
        switches = core.pop("switches", []) if core else []
        show_record({"version": body.get("version"), **_flat("core", core or {"state": "does not answer"})})
        show_record({**_flat("database", body.get("database") or {}), **_flat("journal", body.get("journal") or {})})
        show_record(_flat("recordings", body.get("recordings") or {}))
        show_table(switches, SWITCHES, "no switches")
    if body.get("core") is None:
        sys.exit(UNREACHABLE)


def _flat(prefix: str, values: dict[str, Any]) -> dict[str, Any]:
    return {f"{prefix}.{key}": value for key, value in values.items()}
