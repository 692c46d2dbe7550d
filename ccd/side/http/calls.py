"""/v1/calls: calls as they are now, from core, and as they were, from SQL."""

from __future__ import annotations

import re

import falcon
import msgspec

from ccd.base import words
from ccd.base.codes import BadInput
from ccd.base.errors import DaemonUnreachable, NotFound, Refused, Unsafe
from ccd.side.http.exchange import answer, audited, body, limit
from ccd.side.http.office import Office

SHORTEST = 8
_UUID_FORM = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_ANY_UUID = "00000000-0000-0000-0000-000000000000"
_SHOWN = 5


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
    """GET /v1/calls/{call_id}: live, or from history with legs, waits, offers and recordings. The id's beginning will do."""

    def __init__(self, office: Office) -> None:
        self._office = office

    def on_get(self, _: falcon.Request, response: falcon.Response, call_id: str) -> None:
        """The call; one that just ended may take a moment to reach history."""
        call_id = one_call(self._office, call_id, ended=True)
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
    """POST /v1/calls/{call_id}/hangup. The id's beginning will do."""

    def __init__(self, office: Office) -> None:
        self._office = office

    def on_post(self, request: falcon.Request, response: falcon.Response, call_id: str) -> None:
        """End the call for everybody in it."""
        body(request, Nothing)
        call_id = one_call(self._office, call_id)
        with audited(request, "calls.hangup", call_id):
            self._office.core.ask("calls.hangup", call_id=call_id)
        answer(response, {"call_id": call_id, "hung_up": True})


def one_call(office: Office, given: str, *, ended: bool = False) -> str:
    """The id of the call that is meant: whole, or the only one that begins so among living ones, and ended ones too.

    Raises:
        BadInput: it is neither an id nor the beginning of one.
        NotFound: no call begins so.
        Refused: several do.
    """
    prefix = uuid_piece(given)
    if len(prefix) == len(_ANY_UUID):
        return checked_id(given)
    if not prefix:
        raise BadInput(f"{given[:40]!r} is not a call id; give all of it, or at least its first {SHORTEST} characters")
    found: set[str] = set()
    try:
        found = {row["call_id"] for row in office.core.ask("calls.list") if row["call_id"].startswith(prefix)}
    except DaemonUnreachable:
        if not ended:
            raise
    if ended:
        found.update(office.history().calls_beginning(prefix, _SHOWN + 1))
    if not found:
        raise NotFound(f"no {'call' if ended else 'live call'} begins with {prefix}")
    if len(found) > 1:
        shown = ", ".join(sorted(found)[:_SHOWN]) + (", …" if len(found) > _SHOWN else "")
        raise Refused(f"several calls begin with {prefix}; give more of the id: {shown}")
    return found.pop()


def uuid_piece(given: str) -> str:
    """A uuid or the beginning of one, long enough to mean something, as it is written; '' for anything else."""
    prefix = given.lower()
    whole = prefix + _ANY_UUID[len(prefix) :]
    return prefix if len(prefix) >= SHORTEST and _UUID_FORM.fullmatch(whole) else ""


def checked_id(call_id: str) -> str:
    """A call id; anything else can only be a mistake or an attack."""
    try:
        return words.uuid(call_id)
    except Unsafe:
        raise BadInput(f"{call_id[:40]!r} is not a call id") from None
