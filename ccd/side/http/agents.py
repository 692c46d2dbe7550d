"""/v1/agents: people who take calls, what they are doing, and what they are told to do."""

from __future__ import annotations

from typing import Any

import falcon
import msgspec

from ccd.acd.model import Agent
from ccd.base.codes import BadInput
from ccd.side.http.exchange import answer, audited, body, free_text, name
from ccd.side.http.office import Office


class NewAgent(msgspec.Struct, forbid_unknown_fields=True):
    """The body of POST /v1/agents."""

    name: str
    display_name: str = ""
    station: str = ""


class Agents:
    """GET and POST /v1/agents."""

    def __init__(self, office: Office) -> None:
        self._office = office

    def on_get(self, _: falcon.Request, response: falcon.Response) -> None:
        """Every agent as core sees him now."""
        answer(response, {"agents": self._office.core.ask("agents.list")})

    def on_post(self, request: falcon.Request, response: falcon.Response) -> None:
        """Add an agent."""
        new = body(request, NewAgent)
        display_name = free_text(new.display_name, "display_name")
        with audited(request, "agents.add", name(new.name, "agent")):
            agent = self._office.store().add_agent(new.name, display_name=display_name, station=new.station)
        answer(response, {**msgspec.to_builtins(agent), "applied": self._office.site.applied()}, 201)


class Login(msgspec.Struct, forbid_unknown_fields=True):
    """The body of a login: without a station it is the agent's own."""

    station: str = ""


class Pause(msgspec.Struct, forbid_unknown_fields=True):
    """The body of a pause."""

    reason: str = ""


class Nothing(msgspec.Struct, forbid_unknown_fields=True):
    """A body that says nothing."""


class AgentVerb:
    """POST /v1/agents/{agent}/login, logout, pause and resume."""

    def __init__(self, office: Office) -> None:
        self._office = office

    def on_post_login(self, request: falcon.Request, response: falcon.Response, agent: str) -> None:
        """Bind the agent to a station and make him available."""
        wanted = body(request, Login)
        found = self._office.site.agent(agent)
        station_id = self._office.site.station(wanted.station).station_id if wanted.station else found.station_id
        if not station_id:
            raise BadInput(f"{found.name} has no station of his own; say which one")
        self._do(request, response, found, "agents.login", station_id=station_id)

    def on_post_logout(self, request: falcon.Request, response: falcon.Response, agent: str) -> None:
        """End the agent's session; a conversation goes on."""
        body(request, Nothing)
        self._do(request, response, self._office.site.agent(agent), "agents.logout")

    def on_post_pause(self, request: falcon.Request, response: falcon.Response, agent: str) -> None:
        """No more offers until the agent resumes."""
        reason = free_text(body(request, Pause).reason, "reason")
        self._do(request, response, self._office.site.agent(agent), "agents.pause", reason=reason)

    def on_post_resume(self, request: falcon.Request, response: falcon.Response, agent: str) -> None:
        """Available again."""
        body(request, Nothing)
        self._do(request, response, self._office.site.agent(agent), "agents.resume")

    def _do(
        self, request: falcon.Request, response: falcon.Response, agent: Agent, verb: str, **arguments: Any
    ) -> None:
        with audited(request, verb, agent.name):
            state = self._office.core.ask(verb, agent_id=agent.agent_id, **arguments)
        answer(response, state if isinstance(state, dict) else {"agent_id": agent.agent_id, "name": agent.name})
