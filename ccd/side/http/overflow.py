"""What the API takes of a queue's exits and announcements, and what it refuses of them."""

from __future__ import annotations

from typing import Any

import msgspec

from ccd.acd.overflow import Overflow, target_of
from ccd.acd.overflow_words import faults
from ccd.base.codes import BadInput
from ccd.settings.units import duration_text
from ccd.side.http.exchange import name
from ccd.side.http.office import Office

MOST_PROMPTS = 20
SHORTEST_EVERY_MS = 5_000
BEFORE_PLACE = "queue_position"


class Rule(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """One way out of a queue.

    `when`: waited, position, no_agents, none_available, full, closed or exit_key. `to`: queue:NAME, flow:NAME, number:N,
    voicemail:BOX, or edge. `at`: join, or always for no_agents and none_available.
    """

    when: str
    to: str = "edge"
    after_ms: int = 0
    position: int = 0
    key: str = ""
    at: str = "join"


def check_exits(office: Office, given: dict[str, Any]) -> None:
    """The rules and prompts of a body that are there to be used; BadInput says what is wrong with one that is not."""
    if "overflow" in given:
        _check_rules(office, given["overflow"])
    if 0 < given.get("announce_every_ms", 0) < SHORTEST_EVERY_MS:
        raise BadInput(f"announce_every_ms: at least {duration_text(SHORTEST_EVERY_MS)}, or 0")
    if "announce_prompts" in given:
        if len(given["announce_prompts"]) > MOST_PROMPTS:
            raise BadInput(f"announce_prompts: at most {MOST_PROMPTS}")
        for one in given["announce_prompts"]:
            office.references.prompt("announce_prompts", name(one, "prompt"))
    if given.get("announce_position"):
        office.references.prompt("announce_position", BEFORE_PLACE)


def _check_rules(office: Office, given: list[dict[str, Any]]) -> None:
    try:
        rules = msgspec.convert(given, tuple[Overflow, ...])
    except msgspec.ValidationError as error:
        raise BadInput(f"overflow: {error}") from None
    if wrong := faults(rules):
        raise BadInput(f"overflow: {'; '.join(wrong)}")
    flows = office.site.current.active_flows
    for rule in rules:
        kind, target = target_of(rule.to)
        if kind == "flow" and target not in flows:
            raise BadInput(f"overflow: no flow {target!r}; there are {', '.join(sorted(flows)) or 'none'}")
        if kind == "number":
            office.references.number("overflow", target)
