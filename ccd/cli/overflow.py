"""Ways out of a queue as they are typed: `--overflow "60s queue:sales"`, and what callers hear while they wait."""

from __future__ import annotations

from typing import Any

import click

from ccd.cli.options import DURATION

OVERFLOW = (
    'A way out of the queue: "60s queue:sales", "position 10 number:13800138000", "full voicemail:night", "closed edge", '
    '"key 0 flow:menu", "no_agents edge", "none_available always 30s voicemail:night". As often as needed; all of them '
    "replace what was there, an empty one leaves none."
)
PROMPT = "What callers hear now and then; several by turns, an empty one none."

EXITS: tuple[tuple[str, str, Any, str], ...] = (
    (
        "--max-waiting",
        "max_waiting",
        click.IntRange(0, 100_000),
        "So many may wait, more are not let in; 0 is no bound.",
    ),
    ("--resume", "resume_ms", DURATION, "Who hung up and calls again within so long has his place again; 0 not."),
    ("--announce-first", "announce_first_ms", DURATION, "The first announcement comes after so long a wait."),
    ("--announce-every", "announce_every_ms", DURATION, "And then one each so often; 0 is never again."),
    ("--announce-position", "announce_position", click.IntRange(0, 1000), "Places up to this are told; 0 is none."),
)


def rules(_: click.Context, param: click.Parameter, given: tuple[str, ...]) -> list[dict[str, Any]] | None:
    """Each `--overflow` as a rule; None where nothing is given."""
    import msgspec

    from ccd.acd.overflow_words import read

    try:
        return [msgspec.to_builtins(read(one)) for one in given if one.strip()] if given else None
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


def rules_text(given: list[dict[str, Any]]) -> str:
    """Rules as they are typed."""
    import msgspec

    from ccd.acd.overflow import Overflow
    from ccd.acd.overflow_words import written

    return ", ".join(written(msgspec.convert(one, Overflow)) for one in given)


def prompts(_: click.Context, param: click.Parameter, given: tuple[str, ...]) -> list[str] | None:
    """Each `--announce-prompt`; None where nothing is given."""
    return [one for one in given if one] if given else None
