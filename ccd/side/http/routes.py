"""/v1/routes and /v1/trunks: where numbers lead, as core answers by them, and closing routes by hand; /v1/reload."""

from __future__ import annotations

from typing import Any, get_args

import falcon
import msgspec

from ccd.base import words
from ccd.base.codes import BadInput
from ccd.base.errors import Unsafe
from ccd.settings.routes import CallerClass
from ccd.side.http.exchange import answer, audited, body, free_text, name
from ccd.side.http.office import Office

ALL = "all"
CLASSES: tuple[str, ...] = get_args(CallerClass)
MOMENT = 40


class Routes:
    """GET /v1/routes, POST /v1/routes/close and open."""

    def __init__(self, office: Office) -> None:
        self._office = office

    def on_get(self, _: falcon.Request, response: falcon.Response) -> None:
        """Every route: for whom it is, where it leads, open or closed and why."""
        answer(response, self._office.core.ask("routes.list"))

    def on_post_close(self, request: falcon.Request, response: falcon.Response) -> None:
        """The routes of a number, or all, are closed from this moment on, whatever their hours say."""
        given = body(request, Close)
        dialled = _dialled_or_all(given)
        reason = free_text(given.reason, "reason")
        with audited(request, "routes.close", dialled):
            rows = self._office.core.ask("routes.close", dialled=dialled, reason=reason)
        answer(response, rows)

    def on_post_open(self, request: falcon.Request, response: falcon.Response) -> None:
        """By their hours again."""
        dialled = _dialled_or_all(body(request, Which))
        with audited(request, "routes.open", dialled):
            rows = self._office.core.ask("routes.open", dialled=dialled)
        answer(response, rows)


class Choice:
    """GET /v1/routes/choice."""

    def __init__(self, office: Office) -> None:
        self._office = office

    def on_get(self, request: falcon.Request, response: falcon.Response) -> None:
        """The route of `?dialled=`, by `trunk`, for `caller_class`, now or `at` a moment, and the others that would fit."""
        dialled = _number(request.get_param("dialled", default=""))
        asked: dict[str, Any] = {"dialled": dialled}
        for key in ("trunk", "caller_class"):
            if given := request.get_param(key, default=""):
                asked[key] = name(given, key)
        if (caller_class := asked.get("caller_class", "")) not in CLASSES:
            raise BadInput(f"caller_class: {caller_class!r} is none of {', '.join(filter(None, CLASSES))}")
        if at := request.get_param("at", default=""):
            asked["at"] = free_text(at[:MOMENT], "at")
        answer(response, self._office.core.ask("routes.show", **asked))


class Trunks:
    """GET /v1/trunks."""

    def __init__(self, office: Office) -> None:
        self._office = office

    def on_get(self, _: falcon.Request, response: falcon.Response) -> None:
        """Every trunk: by what its calls are known, what is expected of it, and how many calls it has now."""
        answer(response, {"trunks": self._office.core.ask("trunks.list")})


class Reload:
    """POST /v1/reload."""

    def __init__(self, office: Office) -> None:
        self._office = office

    def on_post(self, request: falcon.Request, response: falcon.Response) -> None:
        """Read ccd.yaml and the flows again, as SIGHUP does: what changed, what waits for a restart, what was kept."""
        body(request, Nothing)
        with audited(request, "reload", "ccd.yaml"):
            told = self._office.reload()
        answer(response, told)


class Nothing(msgspec.Struct, forbid_unknown_fields=True):
    """A body that says nothing."""


class Which(msgspec.Struct, forbid_unknown_fields=True):
    """The body that names a number's routes, or all."""

    dialled: str = ""
    all: bool = False


class Close(Which, forbid_unknown_fields=True):
    """The body of a closing."""

    reason: str = ""


def _dialled_or_all(given: Which) -> str:
    if given.all == bool(given.dialled):
        raise BadInput("dialled: name one number as ccd.yaml writes it, or say all: true")
    return ALL if given.all else _number(given.dialled)


def _number(text: str) -> str:
    try:
        return words.number(text)
    except Unsafe:
        raise BadInput(f"dialled: {text[:40]!r} is no number; digits, perhaps with + before or * behind") from None
