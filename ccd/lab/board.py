"""What the demo shows: live, queues, agents and callers at a glance (one plain line a second where there is no terminal);
at the end the table of all calls.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table

_PRESENCE = {"available": "green", "on_break": "yellow", "logged_out": "dim"}
_ACTIVITY = {"idle": "green", "offered": "cyan", "talking": "bold blue", "wrap_up": "magenta", "busy_elsewhere": "red"}


@dataclass(frozen=True, slots=True)
class Past:
    """What is over: calls that ended, those of them that were blocked, and the voicemails that were left."""

    ended: int
    blocked: int
    voicemails: int


class Board:
    """Shows what the API tells. Use inside `with`."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._console = Console(stderr=False)
        self._live = Live(console=self._console, refresh_per_second=4) if self._console.is_terminal else None
        self._seconds = 0

    def __enter__(self) -> Board:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(self, *error: object) -> None:
        if self._live is not None:
            self._live.stop()

    def show(
        self,
        queues: list[dict[str, Any]],
        agents: list[dict[str, Any]],
        calls: list[dict[str, Any]],
        past: Past,
    ) -> None:
        """Draw one state, and what there was before."""
        self._seconds += 1
        if self._live is not None:
            self._live.update(Group(self._queues(queues, past), self._agents(agents), self._calls(calls)))
            return
        doing = " ".join(f"{agent['name']}={agent['activity']}" for agent in agents)
        waiting = sum(queue["waiting"] for queue in queues)
        talking = sum(queue["talking"] for queue in queues)
        sys.stdout.write(
            f"{self._seconds:3d} s  calls {len(calls)}  waiting {waiting}  talking {talking}  "
            f"ended {past.ended}  blocked {past.blocked}  voicemails {past.voicemails}  {doing}\n"
        )
        sys.stdout.flush()

    def _queues(self, queues: list[dict[str, Any]], past: Past) -> Table:
        title = f"{self._title} · {past.ended} calls ended · {past.blocked} blocked · {past.voicemails} voicemails"
        table = Table(title=title, title_justify="left", expand=True)
        for name in ("queue", "waiting", "talking", "ready agents", "longest wait"):
            table.add_column(name, justify="left" if name == "queue" else "right")
        for queue in queues:
            wait = f"{queue['longest_wait_ms'] / 1000:.1f} s"
            row = (queue["waiting"], queue["talking"], queue["ready_agents"], wait)
            table.add_row(queue["name"], *(str(value) for value in row))
        return table

    def _agents(self, agents: list[dict[str, Any]]) -> Table:
        table = Table(expand=True)
        for name in ("agent", "phone", "presence", "activity", "ready", "missed"):
            table.add_column(name)
        for agent in agents:
            presence, activity = agent["presence"], agent["activity"]
            table.add_row(
                agent["name"],
                agent["station"],
                f"[{_PRESENCE.get(presence, 'white')}]{presence}[/]",
                f"[{_ACTIVITY.get(activity, 'white')}]{activity}[/]",
                "yes" if agent["ready"] else "",
                str(agent["no_answers"]),
            )
        return table

    def _calls(self, calls: list[dict[str, Any]]) -> Table:
        table = Table(expand=True)
        for name in ("caller", "place", "queue", "position", "waited", "agent"):
            table.add_column(name)
        for call in calls[:12]:
            waited = f"{call['waited_ms'] / 1000:.1f} s" if call["queue"] else ""
            table.add_row(
                call["caller_number"],
                call["place"],
                call["queue"],
                str(call.get("position") or ""),
                waited,
                call["agent"],
            )
        return table


_ALWAYS = ("arrived", "caller", "outcome", "queue", "agent", "wait", "talk")
_WHERE_WIDE = ("ended by", "cause")
_WIDE, _NO_TERMINAL = 106, 120


def show_calls(rows: list[dict[str, Any]], width: int | None = None) -> None:
    """The table of all calls, as PostgreSQL has them; a narrow terminal gets fewer columns, none of them cut."""
    console = Console(width=width or (None if sys.stdout.isatty() else _NO_TERMINAL))
    names = _ALWAYS + (_WHERE_WIDE if console.width >= _WIDE else ())
    table = Table(title="calls, read back from PostgreSQL", title_justify="left")
    for name in names:
        table.add_column(name)
    for row in sorted(rows, key=lambda one: str(one["arrived_at"])):
        cells = {
            "arrived": row["arrived_at"][11:19],
            "caller": row["caller_number"],
            "outcome": row["outcome"],
            "queue": row["queue"] or "",
            "agent": row["agent"] or "",
            "wait": _seconds(row["wait_ms"]),
            "talk": _seconds(row["talk_ms"]),
            "ended by": row["ended_by"] or "",
            "cause": row["cause"] or "",
        }
        table.add_row(*(cells[name] for name in names))
    console.print(table)


def show_blocked(rows: list[dict[str, Any]], width: int | None = None) -> None:
    """The table of callers who were turned away, and why."""
    table = Table(title="blocked callers", title_justify="left")
    for name in ("arrived", "caller", "class", "reason", "answered", "cause"):
        table.add_column(name)
    for row in sorted(rows, key=lambda one: str(one["arrived_at"])):
        if row["outcome"] == "blocked":
            answered = row["answered_at"][11:19] if row["answered_at"] else "never"
            why = (row["caller_class"] or "", row["class_reason"] or "")
            table.add_row(row["arrived_at"][11:19], row["caller_number"], *why, answered, row["cause"] or "")
    Console(width=width or (None if sys.stdout.isatty() else _NO_TERMINAL)).print(table)


def show_voicemails(rows: list[dict[str, Any]], width: int | None = None) -> None:
    """The table of messages that callers left."""
    table = Table(title="voicemails", title_justify="left")
    for name in ("left", "caller", "box", "length", "state"):
        table.add_column(name)
    for row in sorted(rows, key=lambda one: str(one["left_at"])):
        length = _seconds(row["duration_ms"])
        table.add_row(row["left_at"][11:19], row["caller_number"], row["box"], length, row["state"])
    Console(width=width or (None if sys.stdout.isatty() else _NO_TERMINAL)).print(table)


def _seconds(ms: int | None) -> str:
    return "" if ms is None else f"{ms / 1000:.1f} s"
