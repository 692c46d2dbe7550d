"""/v1/break-reasons: why agents may be on break, and for how long. Rows of the configuration: core has a change at once."""

from __future__ import annotations

from typing import Annotated, Any

import falcon
import msgspec
from msgspec import UNSET, Meta, UnsetType

from ccd.acd import model
from ccd.base.errors import NotFound
from ccd.side.http.exchange import answer, audited, body, changes, free_text, name
from ccd.side.http.office import Office

LimitMs = Annotated[int, Meta(ge=0, le=86_400_000)] | UnsetType


class ChangedBreakReason(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """The body of PATCH /v1/break-reasons/{reason}; a `limit_ms` of 0 lets a break last as long as it likes."""

    zh: str | UnsetType = UNSET
    en: str | UnsetType = UNSET
    limit_ms: LimitMs = UNSET
    allowed: bool | UnsetType = UNSET


class NewBreakReason(ChangedBreakReason, forbid_unknown_fields=True, kw_only=True):
    """The body of POST /v1/break-reasons: a name, and whatever differs from the defaults."""

    name: str


class BreakReasons:
    """GET and POST /v1/break-reasons."""

    def __init__(self, office: Office) -> None:
        self._office = office

    def on_get(self, _: falcon.Request, response: falcon.Response) -> None:
        """Every reason that core knows; where there are none agents say what they like."""
        reasons = sorted(self._office.site.current.break_reasons, key=lambda reason: reason.name)
        answer(response, {"break_reasons": [msgspec.to_builtins(one) for one in reasons]})

    def on_post(self, request: falcon.Request, response: falcon.Response) -> None:
        """Add a reason; from the first one on only reasons that are listed are taken."""
        given = _texts(msgspec.to_builtins(body(request, NewBreakReason)))
        with audited(request, "breaks.add", name(given["name"], "break reason")):
            reason = self._office.store().add_break(given.pop("name"), **given)
        answer(response, {**msgspec.to_builtins(reason), "applied": self._office.site.applied()}, 201)


class BreakReason:
    """GET, PATCH and DELETE /v1/break-reasons/{reason}."""

    def __init__(self, office: Office) -> None:
        self._office = office

    def on_get(self, _: falcon.Request, response: falcon.Response, reason: str) -> None:
        """One reason."""
        answer(response, msgspec.to_builtins(self._office.site.break_reason(reason)))

    def on_patch(self, request: falcon.Request, response: falcon.Response, reason: str) -> None:
        """Change what the body gives; whoever is on such a break has the new limit."""
        given = _texts(changes(request, ChangedBreakReason))
        wanted = self._name(reason)
        with audited(request, "breaks.set", wanted):
            after = self._office.store().change_break(wanted, **given)
        answer(response, {**msgspec.to_builtins(after), "applied": self._office.site.applied()})

    def on_delete(self, request: falcon.Request, response: falcon.Response, reason: str) -> None:
        """Take a reason out of use; whoever is on such a break stays so, and history keeps its name."""
        wanted = self._name(reason)
        with audited(request, "breaks.remove", wanted):
            self._office.store().retire(model.BreakReason, wanted)
        answer(response, {"name": wanted, "removed": True, "applied": self._office.site.applied()})

    def _name(self, reason: str) -> str:
        """Its name; one that core does not know yet is looked for in the tables by what was said."""
        try:
            return self._office.site.break_reason(reason).name
        except NotFound:
            return name(reason, "break reason")


def _texts(given: dict[str, Any]) -> dict[str, Any]:
    return given | {key: free_text(given[key], key) for key in ("zh", "en") if key in given}
