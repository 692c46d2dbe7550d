"""What a call that an agent did not take costs him, by its cause: what a queue says, and what holds otherwise. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

import msgspec

if TYPE_CHECKING:
    from ccd.acd.model import Queue

Then = Literal["on_break", "logged_out", "nothing"]
"""What becomes of an agent who has reached the limit of a cause."""

CAUSES: tuple[str, ...] = (
    "no_answer",
    "rejected",
    "busy",
    "redirected",
    "not_registered",
    "unknown_user",
    "unreachable",
    "congestion",
)
"""The causes that are told apart, each with a counter of its own; the words of ccd.acd.facts.OfferResult."""

CONGESTION_DELAY_MS = 1_000
"""A trunk's faults never punish an agent beyond the moment that keeps us from asking in a loop."""


class CauseRule(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """What a queue says of one cause; what it leaves open is as `DEFAULTS` and the queue's own delays have it.

    `limit`: so many in a row and `then` comes about; 0 is never.
    """

    delay_ms: int | None = None
    limit: int | None = None
    then: Then | None = None


# cause → the setting of the queue that holds its delay, the limit, what follows
DEFAULTS: dict[str, tuple[str, int, Then]] = {
    "no_answer": ("no_answer_delay_ms", 3, "on_break"),
    "rejected": ("reject_delay_ms", 0, "nothing"),
    "busy": ("busy_delay_ms", 0, "nothing"),
    "redirected": ("reject_delay_ms", 3, "on_break"),
    "not_registered": ("fault_delay_ms", 3, "on_break"),
    "unknown_user": ("fault_delay_ms", 3, "on_break"),
    "unreachable": ("fault_delay_ms", 0, "nothing"),
    "congestion": ("", 0, "nothing"),
}


class Rule(msgspec.Struct, frozen=True):
    """What holds for one cause in one queue."""

    cause: str
    delay_ms: int
    limit: int
    then: Then


def rule_of(cause: str, queue: Queue) -> Rule:
    """What a queue says of a cause, and where it says nothing the defaults. A limit of its own alone means a break."""
    delay_of, limit, then = DEFAULTS[cause]
    said = queue.causes.get(cause, CauseRule())
    delay_ms = getattr(queue, delay_of) if delay_of else CONGESTION_DELAY_MS
    if cause == "no_answer":
        limit = queue.max_no_answers
    if then == "nothing" and said.limit:
        then = "on_break"
    return Rule(
        cause=cause,
        delay_ms=delay_ms if said.delay_ms is None else said.delay_ms,
        limit=limit if said.limit is None else said.limit,
        then=said.then or then,
    )


def with_causes(before: Mapping[str, CauseRule], options: Mapping[str, Any]) -> dict[str, Any]:
    """The options of a queue, what is given of its causes merged into what there is; a cause of None is as by default again."""
    if "causes" not in options:
        return dict(options)
    causes = {**msgspec.to_builtins(before), **options["causes"]}
    return {**options, "causes": {cause: rule for cause, rule in causes.items() if rule is not None}}
