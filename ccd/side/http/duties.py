"""/v1/agents/{agent}/wrap-up, next, hangup and reset: what people say to an agent who is at work."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import falcon
import msgspec
from msgspec import Meta

from ccd.base.codes import BadInput
from ccd.side.http.exchange import answer, audited, body, free_text
from ccd.side.http.office import Office


class WrapUp(msgspec.Struct, forbid_unknown_fields=True):
    """The body of a word on a wrap-up: so much longer, or over."""

    extend_ms: Annotated[int, Meta(ge=0, le=86_400_000)] = 0
    end: bool = False


class Next(msgspec.Struct, forbid_unknown_fields=True):
    """The body of what comes after this call; `clear` takes back what was said before."""

    presence: Literal["", "on_break", "logged_out"] = ""
    reason: str = ""
    clear: bool = False


class Reset(msgspec.Struct, forbid_unknown_fields=True):
    """The body of a reset."""

    why: str = ""


class Nothing(msgspec.Struct, forbid_unknown_fields=True):
    """A body that says nothing."""


class Duty:
    """POST /v1/agents/{agent}/wrap-up, next, hangup and reset."""

    def __init__(self, office: Office) -> None:
        self._office = office

    def on_post_wrap_up(self, request: falcon.Request, response: falcon.Response, agent: str) -> None:
        """Extend his wrap-up, or end it."""
        wanted = body(request, WrapUp)
        if wanted.end == bool(wanted.extend_ms):
            raise BadInput("extend_ms: say by how much the wrap-up is extended, or that it is to end")
        if wanted.end:
            self._do(request, response, agent, "agents.end_wrap_up")
        else:
            self._do(request, response, agent, "agents.extend_wrap_up", by_ms=wanted.extend_ms)

    def on_post_next(self, request: falcon.Request, response: falcon.Response, agent: str) -> None:
        """What he becomes when this call and its wrap-up are over."""
        wanted = body(request, Next)
        if wanted.clear == bool(wanted.presence):
            raise BadInput("presence: on_break or logged_out, or clear alone")
        if wanted.clear:
            self._do(request, response, agent, "agents.clear_next")
            return
        reason = free_text(wanted.reason, "reason")
        self._do(request, response, agent, "agents.next", presence=wanted.presence, reason=reason)

    def on_post_hangup(self, request: falcon.Request, response: falcon.Response, agent: str) -> None:
        """End his conversation: the caller goes on in his flow, and a standing leg stays up."""
        body(request, Nothing)
        self._do(request, response, agent, "agents.hangup")

    def on_post_reset(self, request: falcon.Request, response: falcon.Response, agent: str) -> None:
        """Drop what holds a stuck agent; a conversation that is alive goes on."""
        why = free_text(body(request, Reset).why, "why")
        who = str(request.env.get("ccd.peer", "unknown"))
        self._do(request, response, agent, "agents.reset", who=who, why=why)

    def _do(self, request: falcon.Request, response: falcon.Response, agent: str, verb: str, **arguments: Any) -> None:
        found = self._office.site.agent(agent)
        with audited(request, verb, found.name):
            state = self._office.core.ask(verb, agent_id=found.agent_id, **arguments)
        answer(response, state if isinstance(state, dict) else {"agent_id": found.agent_id, "name": found.name})
