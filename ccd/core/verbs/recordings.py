"""Verbs of running recordings, and whether new ones may begin."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ccd.core.verbs.given import text

if TYPE_CHECKING:
    from ccd.core.house import House
    from ccd.core.verbs import Verb


def _recordings_mask(house: House, given: dict[str, Any]) -> dict[str, Any]:
    return {"call_id": given["call_id"], "masked": house.recordings.mask(text(given, "call_id"), masked=True)}


def _recordings_unmask(house: House, given: dict[str, Any]) -> dict[str, Any]:
    return {"call_id": given["call_id"], "masked": house.recordings.mask(text(given, "call_id"), masked=False)}


def _recordings_allow(house: House, given: dict[str, Any]) -> dict[str, Any]:
    """Side watches the disk: '' lets recordings begin, anything else is why none does. What runs goes on."""
    house.recordings.not_now = text(given, "not_now", "")
    return {"not_now": house.recordings.not_now}


VERBS: dict[str, Verb] = {
    "recordings.mask": _recordings_mask,
    "recordings.unmask": _recordings_unmask,
    "recordings.allow": _recordings_allow,
}
