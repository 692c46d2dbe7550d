"""Verbs of the lists: what core has of them, changes that side pushes, and what would happen to a number."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from ccd.base.errors import Refused
from ccd.core.verbs.given import text
from ccd.screening.lists import Change
from ccd.screening.model import Entry

if TYPE_CHECKING:
    from ccd.core.house import House
    from ccd.core.verbs import Verb


def _lists_status(house: House, given: dict[str, Any]) -> dict[str, Any]:
    lists = house.lists
    return {
        "file_version": lists.file_version,
        "version": lists.version,
        "entries": lists.entries,
        "changes": lists.changed,
        "refused": lists.refused,
    }


def _lists_change(house: House, given: dict[str, Any]) -> dict[str, Any]:
    try:
        changes = msgspec.convert(given.get("changes"), list[Change])
    except msgspec.ValidationError as wrong:
        raise Refused(f"changes: {wrong}") from None
    house.lists.change(changes)
    return _lists_status(house, {})


def _lists_load(house: House, given: dict[str, Any]) -> dict[str, Any]:
    house.lists.load(reset=given.get("reset") is True)
    return _lists_status(house, {})


def _lists_check(house: House, given: dict[str, Any]) -> dict[str, Any]:
    number = text(given, "number", "")
    dialled, queue = text(given, "dialled", ""), text(given, "queue", "")
    verdict = house.lists.verdict(number, dialled, queue)
    return {
        "caller_e164": house.lists.e164(number),
        "caller_class": verdict.caller_class,
        "entry": _shown(verdict.entry),
        "beaten": [_shown(one) for one in verdict.beaten],
        "version": house.lists.version,
    }


def _shown(entry: Entry | None) -> dict[str, Any] | None:
    return None if entry is None else msgspec.to_builtins(entry)


VERBS: dict[str, Verb] = {
    "lists.status": _lists_status,
    "lists.change": _lists_change,
    "lists.load": _lists_load,
    "lists.check": _lists_check,
}
