"""/v1/queues/{queue}/open, close, drain, move and /v1/calls/{call_id}/priority, kick: what people do to callers in line."""

from __future__ import annotations

from typing import Annotated

import falcon
import msgspec
from msgspec import Meta

from ccd.base.codes import BadInput
from ccd.side.http.calls import one_call
from ccd.side.http.exchange import answer, audited, body, free_text, name
from ccd.side.http.office import Office


class Why(msgspec.Struct, forbid_unknown_fields=True):
    """Why somebody opens or closes a queue."""

    reason: str = ""


class Move(msgspec.Struct, forbid_unknown_fields=True):
    """Who goes where: one `call`, the `first` so many, or `all`; one of these."""

    target: str
    call: str = ""
    first: Annotated[int, Meta(ge=0, le=100_000)] = 0
    all: bool = False


class Priority(msgspec.Struct, forbid_unknown_fields=True):
    """The priority that a waiting caller has from now on."""

    priority: Annotated[int, Meta(ge=-1000, le=1000)]


class Kick(msgspec.Struct, forbid_unknown_fields=True):
    """Where somebody goes who is taken out of his queue: his flow goes on, or the site's fallback has him."""

    to_fallback: bool = False


class QueueVerb:
    """POST /v1/queues/{queue}/open, close, drain and move."""

    def __init__(self, office: Office) -> None:
        self._office = office

    def on_post_open(self, request: falcon.Request, response: falcon.Response, queue: str) -> None:
        """Let callers in again."""
        self._door(request, response, queue, "open")

    def on_post_close(self, request: falcon.Request, response: falcon.Response, queue: str) -> None:
        """Let nobody in any more; who is inside is served."""
        self._door(request, response, queue, "close")

    def on_post_drain(self, request: falcon.Request, response: falcon.Response, queue: str) -> None:
        """Let nobody in any more, and tell by a fact when the last one is gone."""
        self._door(request, response, queue, "drain")

    def on_post_move(self, request: falcon.Request, response: falcon.Response, queue: str) -> None:
        """Callers of this queue stand in another from now on; their waiting counts there."""
        wanted = body(request, Move)
        source, target = name(queue, "queue"), name(wanted.target, "queue")
        if [bool(wanted.call), bool(wanted.first), wanted.all].count(True) != 1:
            raise BadInput("say whom: one call, the first so many, or all")
        call_id = one_call(self._office, wanted.call) if wanted.call else ""
        with audited(request, "queues.move", f"{source} to {target}{f': {call_id}' if call_id else ''}"):
            moved = self._office.core.ask(
                "queues.move", queue=source, target=target, call_id=call_id, first=wanted.first, who=_who(request)
            )
        answer(response, moved)

    def _door(self, request: falcon.Request, response: falcon.Response, queue: str, verb: str) -> None:
        reason = free_text(body(request, Why).reason, "reason")
        wanted = name(queue, "queue")
        with audited(request, f"queues.{verb}", wanted):
            told = self._office.core.ask(f"queues.{verb}", queue=wanted, reason=reason, who=_who(request))
        answer(response, told)


class CallVerb:
    """POST /v1/calls/{call_id}/priority and kick. The id's beginning will do."""

    def __init__(self, office: Office) -> None:
        self._office = office

    def on_post_priority(self, request: falcon.Request, response: falcon.Response, call_id: str) -> None:
        """A waiting caller has this priority from now on; his place changes at once."""
        priority = body(request, Priority).priority
        call_id = one_call(self._office, call_id)
        with audited(request, "calls.priority", call_id):
            place = self._office.core.ask("calls.priority", call_id=call_id, priority=priority, who=_who(request))
        answer(response, place)

    def on_post_kick(self, request: falcon.Request, response: falcon.Response, call_id: str) -> None:
        """Take a waiting caller out of his queue."""
        to_fallback = body(request, Kick).to_fallback
        call_id = one_call(self._office, call_id)
        with audited(request, "calls.kick", call_id):
            self._office.core.ask("calls.kick", call_id=call_id, to_fallback=to_fallback, who=_who(request))
        answer(response, {"call_id": call_id, "kicked": True, "to_fallback": to_fallback})


def _who(request: falcon.Request) -> str:
    return str(request.env.get("ccd.peer", "unknown"))[:200]
