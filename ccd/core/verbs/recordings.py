"""Verbs of running recordings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ccd.core.verbs.given import text

if TYPE_CHECKING:
    from ccd.core.house import House
    from ccd.core.verbs import Verb


def _recordings_mask(house: House, given: dict[str, Any]) -> dict[str, Any]:
    house.recordings.mask(text(given, "call_id"), masked=True)
    return {"call_id": given["call_id"], "masked": True}


def _recordings_unmask(house: House, given: dict[str, Any]) -> dict[str, Any]:
    house.recordings.mask(text(given, "call_id"), masked=False)
    return {"call_id": given["call_id"], "masked": False}


VERBS: dict[str, Verb] = {
    "recordings.mask": _recordings_mask,
    "recordings.unmask": _recordings_unmask,
}
