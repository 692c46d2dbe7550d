"""The verb by which side answers an errand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ccd.base.errors import Refused
from ccd.core.verbs.given import text

if TYPE_CHECKING:
    from ccd.core.house import House
    from ccd.core.verbs import Verb


def _done(house: House, given: dict[str, Any]) -> dict[str, Any]:
    ok = given.get("ok")
    if ok is not None and not isinstance(ok, dict):
        raise Refused("what an errand brought is a mapping")
    return {"awaited": house.errands.finish(text(given, "id"), ok, text(given, "reason", ""))}


VERBS: dict[str, Verb] = {"errands.done": _done}
