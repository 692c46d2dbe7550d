"""How one call is shown to people: its own lines first, then a table of each kind of thing that belongs to it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import click

from ccd.cli.moments import in_site_zone
from ccd.cli.output import cell, show_record, show_table

# heading → key of the API; what a call does not have is not shown
HEAD = {
    "call": "call_id",
    "state": "state",
    "from": "caller_number",
    "number": "caller_e164",
    "name": "caller_name",
    "class": "caller_class",
    "why this class": "class_reason",
    "done to him": "list_action",
    "decided by": "decided_by",
    "its scope": "list_scope",
    "dialled": "dialled",
    "dialled number": "dialled_e164",
    "trunk": "trunk",
    "route": "route",
    "route led to": "route_flow",
    "route closed": "route_closed",
    "called before": "repeat_calls",
    "last agent": "last_agent",
    "switch": "node",
    "place": "place",
    "queue": "queue",
    "position": "position",
    "priority": "priority",
    "agent": "agent",
    "outcome": "outcome",
    "cause": "cause",
    "ended by": "ended_by",
    "arrived": "arrived_at",
    "answered": "answered_at",
    "queued": "queued_at",
    "joined": "joined_at",
    "connected": "connected_at",
    "ended": "ended_at",
    "duration": "duration_ms",
    "waited": "wait_ms",
    "talked": "talk_ms",
    "recorded": "recorded",
    "recovered": "recovered_at",
    "to fallback": "fallback_at",
    "why to fallback": "fallback_reason",
}
_COUNTS = ("position", "priority", "repeat_calls")
PARTS: dict[str, tuple[str, dict[str, str]]] = {
    "legs": (
        "legs",
        {
            "role": "role",
            "number": "number",
            "agent": "agent",
            "created": "created_at",
            "answered": "answered_at",
            "ended": "ended_at",
            "cause": "cause",
            "leg": "leg_id",
        },
    ),
    "queue_entries": (
        "waits",
        {
            "queue": "queue",
            "joined": "joined_at",
            "left": "left_at",
            "outcome": "outcome",
            "waited": "wait_ms",
            "join": "join_ms",
            "agent": "agent",
            "talked": "talk_ms",
            "ended by": "ended_by",
            "returns": "returns",
        },
    ),
    "offers": (
        "offers",
        {
            "agent": "agent",
            "queue": "queue",
            "contact": "contact",
            "offered": "offered_at",
            "rang": "ring_ms",
            "result": "result",
            "cause": "cause",
        },
    ),
    "recordings": (
        "recordings",
        {
            "from": "from_point",
            "started": "started_at",
            "duration": "duration_ms",
            "bytes": "size_bytes",
            "masked": "masked",
            "state": "state",
            "file": "local_path",
        },
    ),
    "segments": (
        "course",
        {
            "what": "kind",
            "name": "name",
            "queue": "queue",
            "agent": "agent",
            "began": "started_at",
            "ended": "ended_at",
            "talked": "talk_ms",
            "reason": "reason",
        },
    ),
}


def show_call(body: Mapping[str, Any]) -> None:
    """A call of the API, live or ended."""
    waited = body.get("wait_ms", body.get("waited_ms"))
    head = {**body, "state": "live" if body.get("live") else "ended", "wait_ms": waited, "decided_by": _entry(body)}
    if not head.get("route"):  # the lists led him there, not a route
        head["route_flow"] = None
    absent = {key for key in HEAD.values() if head.get(key) in (None, "") or (key in _COUNTS and not head[key])}
    show_record({heading: cell(head[key], key) for heading, key in HEAD.items() if key not in absent})
    for part, (title, columns) in PARTS.items():
        rows = body.get(part) or []
        if rows:
            _print_part(title, rows, columns)


def _entry(body: Mapping[str, Any]) -> str:
    """The entry of a list that said what was done to a caller, and where it sent him."""
    entry = body.get("list_entry_id")
    if not entry:
        return ""
    flow = body.get("route_flow")
    sent = (
        f", which leads to flow {flow}" if body.get("list_action") == "flow" and not body.get("route") and flow else ""
    )
    return f"{body.get('caller_class') or 'list'} entry {entry}{sent}"


def _print_part(title: str, rows: Iterable[Mapping[str, Any]], columns: Mapping[str, str]) -> None:
    """One table below its title. Columns that are empty in every row are left out, and moments are times of the day."""
    short = [{key: _short(key, row.get(key)) for key in columns.values()} for row in rows]
    used = {heading: key for heading, key in columns.items() if any(row[key] not in (None, "", []) for row in short)}
    click.echo(f"\n{title}:")
    show_table(short, used, "")


def ranges(masked: Any) -> str:
    """The silent parts of a recording: `3.2-5 s, 8 s-end`."""
    if not isinstance(masked, list):
        return ""
    return ", ".join(
        f"{one['from_ms'] / 1000:g} s-" + ("end" if one["to_ms"] is None else f"{one['to_ms'] / 1000:g} s")
        for one in masked
    )


def _short(key: str, value: Any) -> Any:
    if key == "masked":
        return ranges(value)
    if key.endswith("_at") and isinstance(value, str) and "T" in value:
        return in_site_zone(value, "milliseconds").partition("T")[2]
    return value
