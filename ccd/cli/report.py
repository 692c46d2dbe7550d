"""`ccd report`: what queues and agents did, as a table, as CSV or JSON, or drawn."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import click

from ccd.cli.changes import faults_by_option
from ccd.cli.exits import printable
from ccd.cli.moments import PAST, in_zone
from ccd.cli.options import DURATION, client, json_option
from ccd.cli.output import show_json, show_table, time_text

F = TypeVar("F", bound=Callable[..., Any])
Row = Mapping[str, Any]

VISITS = {
    "offered": "offered",
    "calls": "calls_offered",
    "answered": "answered",
    "abandoned": "abandoned",
    "short": "short_abandoned",
    "other": "other",
    "waiting": "waiting",
    "SL answered": "sl_answered",
    "SL offered": "sl_offered",
    "SL no short": "sl_no_short",
    "ASA": "asa_ms",
    "join": "join_ms",
    "AHT": "aht_ms",
    "abandon rate": "abandon_rate",
    "longest wait": "longest_wait_ms",
}
QUEUES = {"queue": "queue", **VISITS}
INTERVALS = {"from": "from_at", **VISITS}
AGENTS = {
    "agent": "agent",
    "signed in": "signed_in_ms",
    "breaks": "breaks",
    "offers": "offers",
    "answered": "answered",
    "missed": "missed",
    "ring": "ring_ms",
    "join": "join_ms",
    "talk": "talk_ms",
    "wrap-up": "wrap_up_ms",
    "AHT": "aht_ms",
    "occupancy": "occupancy",
}
OTHERS = (
    "timed_out",
    "overflowed",
    "exit_key",
    "full",
    "no_agents",
    "closed",
    "moved",
    "kicked",
    "callback",
    "switch_lost",
)
_RATES = {"sl_answered", "sl_offered", "sl_no_short", "abandon_rate", "abandon_rate_no_short", "occupancy"}


def shared_options(command: F) -> F:
    """What every report may be asked for."""
    for option in reversed(
        (
            click.option(
                "--since", type=PAST, help="From when: 2h, 3d, a date or a moment; begin of that day without it."
            ),
            click.option("--until", type=PAST, help="Until when; now without it."),
            click.option("--queue", metavar="NAME", help="Only this queue."),
            click.option("--agent", metavar="NAME", help="Only what this agent did."),
            click.option(
                "--service-level",
                "service_level_ms",
                type=DURATION,
                help="T of the service level, instead of the queues' own.",
            ),
            click.option("--csv", "as_csv", is_flag=True, help="All figures as comma-separated values."),
            json_option,
            click.option("--plot", is_flag=True, help="Draw it."),
            click.option(
                "--from-journal",
                is_flag=True,
                help="Count everything once more from the journal's facts; exit code 1 where it differs.",
            ),
        )
    ):
        command = option(command)
    return command


@click.group()
def report() -> None:
    """What queues and agents did."""


@report.command()
@shared_options
@click.pass_context
def queues(context: click.Context, /, **asked: Any) -> None:
    """By queue. SL: share of calls answered in time, by three formulas (docs/queues.md)."""
    body = _asked(context, "queues", asked)
    rows = [*body["queues"], {"queue": "all", **body["total"]}]
    _shown(context, body, rows, QUEUES, asked)


@report.command()
@shared_options
@click.pass_context
def agents(context: click.Context, /, **asked: Any) -> None:
    """By agent: times, offers, what he missed and why."""
    body = _asked(context, "agents", asked)
    _shown(context, body, body["agents"], AGENTS, asked)


@report.command()
@click.option(
    "--interval",
    type=click.Choice(["15m", "30m", "60m", "day"]),
    default="60m",
    show_default=True,
    help="How long each is; they begin at midnight of the queue's zone.",
)
@shared_options
@click.pass_context
def intervals(context: click.Context, /, *, interval: str, **asked: Any) -> None:
    """By interval: one queue in its own time zone, or all in the site's."""
    body = _asked(context, "intervals", asked, interval=interval)
    moments = ("from_at", "until_at")
    rows = [{**row, **{key: in_zone(row[key], body["zone"]) for key in moments}} for row in body["intervals"]]
    _shown(context, body, rows, INTERVALS, asked)


def _asked(context: click.Context, what: str, asked: Row, **more: Any) -> dict[str, Any]:
    if sum(map(bool, (asked["as_csv"], asked["as_json"], asked["plot"]))) > 1:
        raise click.UsageError("one of --csv, --json and --plot")
    if "" in (asked["queue"], asked["agent"]):
        raise click.UsageError("--queue and --agent want a name; leave them out for all")
    query = {key: asked[key] for key in ("since", "until", "queue", "agent", "service_level_ms")}
    with faults_by_option(context):
        body: dict[str, Any] = client(context).get(
            "reports", what, **query, **more, from_journal=1 if asked["from_journal"] else None
        )
    return body


def _shown(context: click.Context, body: Row, rows: Sequence[Row], columns: Mapping[str, str], asked: Row) -> None:
    if asked["as_json"]:
        show_json(body)
    elif asked["as_csv"]:
        _show_csv(rows)
    elif asked["plot"]:
        from ccd.cli.report_plot import plot

        plot(rows, next(iter(columns.values())))
    else:
        show_table([_readable(row) for row in rows], columns, "nothing to report")
    if journal := body.get("journal"):
        _judge(context, journal)


def _judge(context: click.Context, journal: Row) -> None:
    """Say, beside whatever was asked for, whether the facts agree."""
    for line in journal["differences"]:
        click.echo(printable(line), err=True)
    if journal["differences"]:
        click.echo(f"{len(journal['differences'])} figures differ from the journal", err=True)
        context.exit(1)
    click.echo(f"counted once more from {journal['facts']} facts of the journal: equal", err=True)


def _readable(row: Row) -> Row:
    found = {key: _figure(key, value) for key, value in row.items()}
    if "breaks" in row:
        found["breaks"] = ", ".join(f"{reason} {time_text(ms)}" for reason, ms in row["breaks"].items())
    if "missed" in row:
        found["missed"] = ", ".join(f"{cause} {count}" for cause, count in row["missed"].items())
    return {**found, "other": sum(row.get(outcome, 0) for outcome in OTHERS)}


def _figure(key: str, value: Any) -> Any:
    if value is not None and key in _RATES:
        return f"{value:g} %"
    return time_text(value) if value is not None and key.endswith("_ms") else value


def _show_csv(rows: Sequence[Row]) -> None:
    """Every figure of the API, one column each; breaks and misses by cause as `name=number name=number`."""
    if not rows:
        return
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n", extrasaction="ignore", restval="")
    writer.writeheader()
    writer.writerows([{key: _csv_cell(value) for key, value in row.items()} for row in rows])
    click.echo(text.getvalue(), nl=False)


def _csv_cell(value: Any) -> Any:
    if isinstance(value, dict):
        value = " ".join(f"{name}={number}" for name, number in sorted(value.items()))
    if not isinstance(value, str):
        return value
    # a spreadsheet would take such a name for a formula
    return f"'{value}" if value[:1] in ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠") else value
