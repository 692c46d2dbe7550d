"""/v1/calls: calls as they are now, from core, and as they were, from SQL."""

from __future__ import annotations

import falcon
import msgspec

from ccd.base import words
from ccd.base.codes import BadInput
from ccd.base.errors import DaemonUnreachable, NotFound, Unsafe
from ccd.side.http.exchange import answer, audited, body, limit
from ccd.side.http.office import Office


class Calls:
    """GET /v1/calls, with `?ended=1` for history."""

    def __init__(self, office: Office) -> None:
        self._office = office

    def on_get(self, request: falcon.Request, response: falcon.Response) -> None:
        """Calls that live, oldest first; or the latest that ended, newest first."""
        if request.get_param_as_bool("ended", blank_as_true=True, default=False):
            answer(response, {"calls": self._office.history().ended_calls(limit(request))})
            return
        answer(response, {"calls": self._office.core.ask("calls.list")})


class Call:
    """GET /v1/calls/{call_id}: live, or from history with legs, waits, offers and recordings."""

    def __init__(self, office: Office) -> None:
        self._office = office

    def on_get(self, _: falcon.Request, response: falcon.Response, call_id: str) -> None:
        """The call; one that just ended may take a moment to reach history."""
        call_id = checked_id(call_id)
        core_away: DaemonUnreachable | None = None
        try:
            answer(response, {"live": True, **self._office.core.ask("calls.show", call_id=call_id)})
            return
        except NotFound:
            pass
        except DaemonUnreachable as error:
            core_away = error
        try:
            answer(response, {"live": False, **self._office.history().call(call_id)})
        except NotFound as missing:
            raise core_away or missing from None


class Nothing(msgspec.Struct, forbid_unknown_fields=True):
    """A body that says nothing."""


class HangUp:
    """POST /v1/calls/{call_id}/hangup."""

    def __init__(self, office: Office) -> None:
        self._office = office

    def on_post(self, request: falcon.Request, response: falcon.Response, call_id: str) -> None:
        """End the call for everybody in it."""
        call_id = checked_id(call_id)
        body(request, Nothing)
        with audited(request, "calls.hangup", call_id):
            self._office.core.ask("calls.hangup", call_id=call_id)
        answer(response, {"call_id": call_id, "hung_up": True})


def checked_id(call_id: str) -> str:
    """A call id; anything else can only be a mistake or an attack."""
    try:
        return words.uuid(call_id)
    except Unsafe:
        raise BadInput(f"{call_id[:40]!r} is not a call id") from None
