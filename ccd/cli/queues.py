"""`ccd queues`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import click

from ccd.cli.cause_rules import COSTS, cause_rules, cost_row
from ccd.cli.changes import faults_by_option, given, said
from ccd.cli.joining import JOIN, join_options
from ccd.cli.options import DURATION, client, json_option
from ccd.cli.output import cell, show_json, show_record, show_table
from ccd.cli.overflow import EXITS, OVERFLOW, PROMPT, prompts, rules, rules_text
from ccd.cli.queue_verbs import COMMANDS as VERBS
from ccd.cli.queue_verbs import door_text
from ccd.cli.skills import asked_text, steps, steps_text
from ccd.cli.strategies import strategy_rows
from ccd.cli.tiers import PLACE
from ccd.settings.units import duration_text

F = TypeVar("F", bound=Callable[..., Any])

COLUMNS = {
    "queue": "name",
    "strategy": "strategy",
    "waiting": "waiting",
    "longest wait": "longest_wait_ms",
    "talking": "talking",
    "ready agents": "ready_agents",
    "door": "door",
}
NOW = ("waiting", "longest wait", "talking", "ready agents")
PLACES = {"agent": "agent"} | PLACE
CALLERS = {
    "place": "place",
    "caller": "number",
    "waited": "waited_ms",
    "priority": "priority",
    "vip": "vip",
    "asks now": "asked",
    "waits for": "waits_for",
    "ringing": "ringing",
    "refused by": "refused",
    "call": "call_id",
}
STRATEGIES = {"strategy": "name", "also": "also", "does": "does", "remembers": "remembers", "forgotten": "forgotten"}
RECORD = click.Choice(["no", "answer", "queue", "agent", "never"])
CONSENT = click.Choice(["no", "announce", "ask"])

# option, key of the API, type, help: the settings in the order in which they are shown
SETTINGS: tuple[tuple[str, str, Any, str], ...] = (
    ("--strategy", "strategy", str, "Who is offered a call first; longest-idle-agent without it."),
    ("--music", "music", str, "What callers hear: local_stream://NAME or a path, as the switch sees it."),
    ("--ring", "ring_ms", DURATION, "How long an agent's phone rings, as in 20s."),
    ("--wrap-up", "wrap_up_ms", DURATION, "Time after a conversation before the next offer."),
    ("--max-wait", "max_wait_ms", DURATION, "Callers wait at most so long; 0 is for ever."),
    ("--timeout-prompt", "timeout_prompt", str, "What a caller hears who is let out and has no edge to go by."),
    ("--max-no-answers", "max_no_answers", click.IntRange(0, 100), "So many unanswered offers are a break; 0: never."),
    ("--no-answer-delay", "no_answer_delay_ms", DURATION, "No offer for so long to an agent who did not answer."),
    ("--reject-delay", "reject_delay_ms", DURATION, "No offer for so long to an agent who rejected one."),
    ("--busy-delay", "busy_delay_ms", DURATION, "No offer for so long to an agent whose phone was busy."),
    ("--fault-delay", "fault_delay_ms", DURATION, "No offer for so long to an agent whose phone can't be reached."),
    ("--min-talk", "min_talk_ms", DURATION, "An agent gone sooner has not taken the call."),
    ("--short-abandon", "short_abandon_ms", DURATION, "Who hangs up sooner is counted apart; 0: nobody is."),
    ("--service-level", "service_level_ms", DURATION, "An answer within so long a wait is in time."),
    ("--record", "record", RECORD, "From where calls are recorded; never: not in this queue."),
    ("--consent", "consent", CONSENT, "What callers hear before they are recorded here: no, announce or ask."),
    ("--zone", "zone", str, "The queue's time zone, as Asia/Shanghai; its day begins there. The site's without it."),
    ("--head-start", "head_start_ms", DURATION, "Its callers count as having waited so much longer than others'."),
    ("--ageing", "ageing_ms", DURATION, "What a point of priority is worth in waiting; 0: more than any waiting."),
    ("--vip-priority", "vip_priority", click.IntRange(0, 1000), "Points of a VIP caller under vip-first."),
    ("--tier-wait", "tier_wait_ms", DURATION, "Levels behind the first open after so long a wait; 0 at once."),
    (
        "--tier-one-by-one/--tiers-together",
        "tier_one_by_one",
        bool,
        "Each level opens so much later than the one before, or all at once.",
    ),
    (
        "--skip-empty-tiers/--no-skip-empty-tiers",
        "skip_empty_tiers",
        bool,
        "A level where everybody is signed out or on break counts as not there.",
    ),
    (
        "--ring-progressively-delay",
        "ring_progressively_delay_ms",
        DURATION,
        "One phone more rings after so long, under ring-progressively.",
    ),
    ("--refused-again", "refused_again_ms", DURATION, "So long a caller is not offered again to who refused him."),
    ("--last-agent", "last_agent_ms", DURATION, "So long a caller waits for the agent who served him last; 0 not."),
    (
        "--busy-elsewhere/--no-busy-elsewhere",
        "busy_elsewhere",
        bool,
        "An agent whose phone is busy otherwise is offered nothing.",
    ),
    (
        "--reoffer-gap",
        "reoffer_gap_ms",
        DURATION,
        "No phone is rung again so soon after an offer that came to nothing.",
    ),
    ("--progress", "progress_ms", DURATION, "A phone that does not ring within so long can't be reached."),
    ("--progress-outside", "progress_outside_ms", DURATION, "The same for trunks and outside numbers."),
    ("--wrap-up-max", "wrap_up_max_ms", DURATION, "An extended wrap-up lasts at most so long."),
    ("--keep-days", "keep_days", click.IntRange(0, 36_500), "Recordings are kept so many days; 0 as elsewhere said."),
)


CAUSE = (
    'What a call not taken costs an agent, by its cause: --cause "rejected delay=10s limit=3 then=on_break" (or logged_out, '
    "nothing); --cause rejected alone is as without it. As often as needed."
)
ASK = (
    'Skills that callers need: --ask "english:3", and what of it is left later: --ask "30s english:1 prefer loans:2" '
    '--ask "60s". An empty one asks nothing.'
)


def queue_options(command: F) -> F:
    """The settings of a queue, as `add` and `set` take them."""
    command = click.option("--cause", "causes", multiple=True, callback=cause_rules, help=CAUSE)(command)
    command = click.option("--ask", "asks", multiple=True, callback=steps, help=ASK)(command)
    command = click.option("--overflow", "overflow", multiple=True, callback=rules, help=OVERFLOW)(command)
    command = join_options(command)
    command = click.option("--announce-prompt", "announce_prompts", multiple=True, callback=prompts, help=PROMPT)(
        command
    )
    for option, key, kind, text in reversed((*SETTINGS, *EXITS, *JOIN)):
        command = click.option(option, key, type=kind, default=None, help=text)(command)
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
    settings = _typed(SETTINGS, body)
    settings["asks"] = steps_text(body.get("asks", ()))
    settings |= _typed(EXITS, body)
    settings["announce prompts"] = ", ".join(body.get("announce_prompts", ()))
    settings["overflow"] = rules_text(body.get("overflow", []))
    settings |= _typed(JOIN, body)
    settings["agent hears"] = ", ".join(body.get("agent_hears", ()))
    now = {f"{heading} now": cell(body.get(COLUMNS[heading]), COLUMNS[heading]) for heading in NOW}
    now["door now"] = door_text(body)
    show_record({"queue": body["name"]} | settings | now | {"flows": ", ".join(body["flows"])})
    show_table(body["tiers"], PLACES, "no agent serves it; `ccd tiers add QUEUE AGENT` changes that")
    show_table([cost_row(rule) for rule in body.get("costs", ())], COSTS, "")
    if body["callers"]:
        show_table([_caller(one) for one in body["callers"]], CALLERS, "")
    if body["waiting"] > len(body["callers"]):
        click.echo(f"and {body['waiting'] - len(body['callers'])} more")


def _caller(row: dict[str, Any]) -> dict[str, Any]:
    lists = {key: ", ".join(row[key]) for key in ("ringing", "refused")}
    return row | lists | {"asked": asked_text(row)}


@queues.command()
@json_option
def strategies(as_json: bool) -> None:
    """What each strategy does, remembers and forgets; any of its names will do for --strategy."""
    rows = strategy_rows()
    if as_json:
        show_json({"strategies": rows})
    else:
        show_table(rows, STRATEGIES, "")


@queues.command()
@click.argument("name")
@queue_options
@json_option
@click.pass_context
def add(context: click.Context, /, *, name: str, as_json: bool, **values: Any) -> None:
    """Add a queue; what is not given has its default, which `ccd queues show NAME` tells."""
    with faults_by_option(context):
        body = client(context).post("queues", name=name, **values)
    said(body, f"queue {name} is added", as_json)


@queues.command("set")
@click.argument("name")
@queue_options
@json_option
@click.pass_context
def set_(context: click.Context, /, *, name: str, as_json: bool, **values: Any) -> None:
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


def _heading(option: str) -> str:
    """`--skip-empty-tiers/--no-skip-empty-tiers` as a heading."""
    return option.partition("/")[0][2:].replace("-", " ")


for _verb in VERBS:
    queues.add_command(_verb)


def _typed(options: Iterable[tuple[str, str, Any, str]], body: dict[str, Any]) -> dict[str, Any]:
    """Settings by their options' names; a daemon of an older version has not all of them."""
    return {_heading(option): _with_unit(key, body[key]) for option, key, _, _ in options if key in body}


def _with_unit(key: str, value: Any) -> Any:
    """A setting as it is typed: 20s, 250ms."""
    if not key.endswith("_ms"):
        return value
    if key == "max_wait_ms" and value == 0:
        return "0 (for ever)"
    return duration_text(value) if value else "0s"
