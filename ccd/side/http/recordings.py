"""/v1/recordings: what was recorded, silence over what must not be kept, and what may not stay."""

from __future__ import annotations

import time
from typing import Any

import falcon
import msgspec

from ccd.base import words
from ccd.base.clock import Moment
from ccd.base.codes import BadInput
from ccd.base.errors import NotFound, Refused, Unsafe
from ccd.side.db.stores.recordings import Wanted
from ccd.side.db.tables.recordings import STATES
from ccd.side.http.calls import SHORTEST, Nothing, checked_id, uuid_piece
from ccd.side.http.exchange import answer, audited, body, free_text, limit, moment
from ccd.side.http.office import Office

_SHOWN = 5
_BAD = ("changed", "missing", "unreachable")


class Why(msgspec.Struct, forbid_unknown_fields=True):
    """The body of hold, release and erase."""

    reason: str = ""


class NumberAndWhy(msgspec.Struct, forbid_unknown_fields=True):
    """The body of POST /v1/recordings/erase."""

    number: str
    reason: str


class Recordings:
    """GET /v1/recordings; POST /v1/recordings/erase for all of one number."""

    def __init__(self, office: Office) -> None:
        self._office = office

    def on_get(self, request: falcon.Request, response: falcon.Response) -> None:
        """The latest recordings, newest first; `?call= number= queue= agent= since= until= state= after=` narrow them."""
        answer(response, {"recordings": self._office.recordings.rows().listed(limit(request), self._wanted(request))})

    def on_post_erase(self, request: falcon.Request, response: falcon.Response) -> None:
        """Erase every recording of a caller's number; rows stay and say so."""
        given = body(request, NumberAndWhy)
        number, why = _number(given.number), _reason(given.reason)
        desk = self._office.recordings
        with audited(request, "recordings.erase_number", why):
            told = desk.eraser().erase_number(number, desk.e164(number), who=_who(request), why=why)
        answer(response, told)

    def _wanted(self, request: falcon.Request) -> Wanted:
        given = {key: request.get_param(key) or "" for key in ("call", "number", "queue", "agent", "state", "after")}
        site, number = self._office.site, given["number"]
        if given["state"] and given["state"] not in STATES:
            raise BadInput(f"state: must be one of {', '.join(STATES)}, not {given['state'][:40]!r}")
        return Wanted(
            call_id=checked_id(given["call"]) if given["call"] else "",
            number=_number(number) if number else "",
            e164=self._office.recordings.e164(number) if number else "",
            queue_id=site.queue(given["queue"]).queue_id if given["queue"] else "",
            agent_id=site.agent(given["agent"]).agent_id if given["agent"] else "",
            since=moment(request, "since"),
            until=moment(request, "until"),
            state=given["state"],
            after=checked_id(given["after"]) if given["after"] else "",
        )


class Recording:
    """GET /v1/recordings/{recording} and .../verify. The id of the recording or of its call; its beginning will do."""

    def __init__(self, office: Office) -> None:
        self._office = office

    def on_get(self, _: falcon.Request, response: falcon.Response, recording: str) -> None:
        """One recording with its silent ranges and all that was done to it."""
        answer(response, self._office.recordings.rows().found(one_recording(self._office, recording)))

    def on_get_verify(self, _: falcon.Request, response: falcon.Response, recording: str) -> None:
        """Hash the file again: ok, changed, missing, unreachable; or the row's state where there is nothing to compare."""
        desk = self._office.recordings
        row = desk.rows().found(one_recording(self._office, recording))
        now, result = "", str(row["state"])
        if row["sha256"] and row["state"] in ("complete", "missing"):
            now, result = desk.sha256(row["local_path"])
            if result == "ok" and now != row["sha256"]:
                result = "changed"
        told = {"recording_id": row["recording_id"], "result": result, "bad": result in _BAD}
        answer(response, told | {"sha256": now, "was": row["sha256"] or "", "local_path": row["local_path"]})


class RecordingVerb:
    """POST /v1/recordings/{recording}/mask, unmask (of a living call), hold, release and erase."""

    def __init__(self, office: Office) -> None:
        self._office = office

    def on_post_mask(self, request: falcon.Request, response: falcon.Response, recording: str) -> None:
        """Write silence from now on; the times stay right."""
        self._mask(request, response, recording, "mask")

    def on_post_unmask(self, request: falcon.Request, response: falcon.Response, recording: str) -> None:
        """Write sound again, unless there is another reason for silence."""
        self._mask(request, response, recording, "unmask")

    def on_post_hold(self, request: falcon.Request, response: falcon.Response, recording: str) -> None:
        """Keep it from being purged and erased until it is released."""
        why = _reason(body(request, Why).reason)
        found = one_recording(self._office, recording)
        with audited(request, "recordings.hold", found):
            if not self._office.recordings.rows().hold(found, at=_now(), who=_who(request), why=why):
                raise Refused(f"recording {found} is held already, or erased")
        answer(response, {"recording_id": found, "held": True})

    def on_post_release(self, request: falcon.Request, response: falcon.Response, recording: str) -> None:
        """Let it be purged and erased again."""
        why = free_text(body(request, Why).reason, "reason")
        found = one_recording(self._office, recording)
        with audited(request, "recordings.release", found):
            if not self._office.recordings.rows().release(found, at=_now(), who=_who(request), why=why):
                raise Refused(f"recording {found} is not held")
        answer(response, {"recording_id": found, "held": False})

    def on_post_erase(self, request: falcon.Request, response: falcon.Response, recording: str) -> None:
        """Delete the file; the row stays and says who and why."""
        why = _reason(body(request, Why).reason)
        found = one_recording(self._office, recording)
        with audited(request, "recordings.erase", found):
            told = self._office.recordings.eraser().erase([found], who=_who(request), why=why)
            for state, says in (("held", "is held; release it first"), ("running", "is still running")):
                if told[state]:
                    raise Refused(f"recording {found} {says}")
            if not told["erased"] and not told["pending"]:
                raise Refused(f"recording {found} is erased already")
        answer(response, {"recording_id": found, "erased": bool(told["erased"]), "pending": bool(told["pending"])})

    def _mask(self, request: falcon.Request, response: falcon.Response, recording: str, verb: str) -> None:
        call_id = checked_id(recording)
        body(request, Nothing)
        with audited(request, f"recordings.{verb}", call_id):
            told: dict[str, Any] = self._office.core.ask(f"recordings.{verb}", call_id=call_id)
        answer(response, {"call_id": call_id, "masked": told.get("masked", verb == "mask")})


def one_recording(office: Office, given: str) -> str:
    """The id of the recording that is meant, by its own id or its call's, whole or the beginning of it.

    Raises:
        BadInput: it is neither an id nor the beginning of one.
        NotFound: no recording is meant by it.
        Refused: several are.
    """
    piece = uuid_piece(given)
    if not piece:
        what = f"{given[:40]!r} is not the id of a recording or of a call"
        raise BadInput(f"{what}; give all of it, or at least its first {SHORTEST} characters")
    found = office.recordings.rows().beginning(piece, _SHOWN + 1)
    if not found:
        raise NotFound(f"no recording {piece}")
    if len(found) > 1:
        shown = ", ".join(found[:_SHOWN]) + (", …" if len(found) > _SHOWN else "")
        raise Refused(f"several recordings begin with {piece}; give more of the id: {shown}")
    return found[0]


def _who(request: falcon.Request) -> str:
    return str(request.env.get("ccd.peer", "unknown"))


def _now() -> Moment:
    return time.time_ns() // 1000


def _reason(text: str) -> str:
    said = free_text(text, "reason")
    if not said:
        raise BadInput("reason: say why; it stands in the record for good")
    return said


def _number(text: str) -> str:
    try:
        return words.number(text)
    except Unsafe:
        raise BadInput("number: must be digits, with a + before a country code") from None
