"""/v1/agents: people who take calls, what they are doing, and what they are told to do."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import falcon
import msgspec
from msgspec import UNSET, Meta, UnsetType

from ccd.acd import model
from ccd.base.codes import BadInput
from ccd.base.errors import NotFound, Refused
from ccd.side.http.exchange import answer, audited, body, changes, free_text, name
from ccd.side.http.office import Office
from ccd.side.http.tiers import place_of

Record = Literal["no", "agent", "never"]
RingMs = Annotated[int, Meta(ge=0, le=300_000)]
WrapUpMs = Annotated[int, Meta(ge=-1, le=86_400_000)]


class NewAgent(msgspec.Struct, forbid_unknown_fields=True):
    """The body of POST /v1/agents."""

    name: str
    display_name: str = ""
    station: str = ""
    record: Record = "no"
    skills: dict[str, int] = {}
    ring_ms: RingMs = 0
    wrap_up_ms: WrapUpMs = -1


class ChangedAgent(msgspec.Struct, forbid_unknown_fields=True):
    """The body of PATCH /v1/agents/{agent}; an empty station leaves him without one of his own.

    `skills` changes those that it names; null takes one away. A `ring_ms` of 0 and a `wrap_up_ms` of -1 are the queue's.
    """

    display_name: str | UnsetType = UNSET
    station: str | UnsetType = UNSET
    record: Record | UnsetType = UNSET
    skills: dict[str, int | None] | UnsetType = UNSET
    ring_ms: RingMs | UnsetType = UNSET
    wrap_up_ms: WrapUpMs | UnsetType = UNSET


class Agents:
    """GET and POST /v1/agents."""

    def __init__(self, office: Office) -> None:
        self._office = office

    def on_get(self, _: falcon.Request, response: falcon.Response) -> None:
        """Every agent as core sees him now, and what he can."""
        skills = {one.agent_id: one.skills for one in self._office.site.current.agents}
        rows = [row | {"skills": skills.get(row["agent_id"], {})} for row in self._office.core.ask("agents.list")]
        answer(response, {"agents": rows})

    def on_post(self, request: falcon.Request, response: falcon.Response) -> None:
        """Add an agent."""
        given = msgspec.structs.asdict(body(request, NewAgent))
        given["display_name"] = free_text(given["display_name"], "display_name")
        with audited(request, "agents.add", name(given["name"], "agent")):
            agent = self._office.store().add_agent(**given)
        answer(response, {**msgspec.to_builtins(agent), "applied": self._office.site.applied()}, 201)


class Agent:
    """GET, PATCH and DELETE /v1/agents/{agent}."""

    def __init__(self, office: Office) -> None:
        self._office = office

    def on_get(self, _: falcon.Request, response: falcon.Response, agent: str) -> None:
        """One agent as core sees him now, with the station of his own and his places in queues."""
        site = self._office.site
        found = site.agent(agent)
        row = _row(self._office, found.agent_id) or msgspec.to_builtins(found)
        own = site.station(found.station_id).name if found.station_id else ""
        tiers = [
            {"queue": site.queue(one.queue_id).name} | place_of(one)
            for one in site.current.tiers
            if one.agent_id == found.agent_id
        ]
        tiers.sort(key=lambda place: (place["queue"], place["level"], place["position"]))
        own_settings: dict[str, Any] = {"record": found.record, "skills": found.skills, "own_station": own}
        own_settings |= {"ring_ms": found.ring_ms, "wrap_up_ms": found.wrap_up_ms}
        answer(response, {**row, **own_settings, **_remembered(self._office, found.agent_id), "tiers": tiers})

    def on_patch(self, request: falcon.Request, response: falcon.Response, agent: str) -> None:
        """Change what the body gives; he stays signed in where he is."""
        given = changes(request, ChangedAgent)
        if "display_name" in given:
            given["display_name"] = free_text(given["display_name"], "display_name")
        wanted = self._name(agent)
        with audited(request, "agents.set", wanted):
            after = self._office.store().change_agent(wanted, **given)
        answer(response, {**msgspec.to_builtins(after), "applied": self._office.site.applied()})

    def on_delete(self, request: falcon.Request, response: falcon.Response, agent: str) -> None:
        """Take an agent and his places in queues out of use; history keeps his name."""
        wanted = self._name(agent)
        with audited(request, "agents.remove", wanted):
            self._refuse_in_use(wanted)
            self._office.store().retire(model.Agent, wanted)
        answer(response, {"name": wanted, "removed": True, "applied": self._office.site.applied()})

    def _name(self, agent: str) -> str:
        """His name; one whom core does not know yet is looked for in the tables by what was said."""
        try:
            return self._office.site.agent(agent).name
        except NotFound:
            return name(agent, "agent")

    def _refuse_in_use(self, agent: str) -> None:
        try:
            row = _row(self._office, self._office.site.agent(agent).agent_id) or {}
        except NotFound:
            return
        if row.get("presence", "logged_out") != "logged_out":
            raise Refused(f"agent {agent} is signed in; log him out first")
        if row.get("call_id") or row.get("activity", "idle") not in ("idle", "busy_elsewhere"):
            raise Refused(f"agent {agent} is on a call; it must end first")


def _row(office: Office, agent_id: str) -> dict[str, Any] | None:
    """An agent as core sees him; by his id, for a retired namesake may still be talking."""
    rows: list[dict[str, Any]] = office.core.ask("agents.list")
    return next((row for row in rows if row["agent_id"] == agent_id), None)


def _remembered(office: Office, agent_id: str) -> dict[str, Any]:
    """What the strategies of his queues know of him; nothing where core does not have him yet."""
    try:
        known: dict[str, Any] = office.core.ask("agents.remembered", agent_id=agent_id)
    except NotFound:
        return {"idle_since": None, "remembered": []}
    return known


class Login(msgspec.Struct, forbid_unknown_fields=True):
    """The body of a login: without a station it is the agent's own. `standing`: on a leg that stays up, or not; without it as
    the station says.
    """

    station: str = ""
    standing: bool | UnsetType = UNSET


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
        standing = {} if isinstance(wanted.standing, UnsetType) else {"standing": wanted.standing}
        self._do(request, response, found, "agents.login", station_id=station_id, **standing)

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
        self, request: falcon.Request, response: falcon.Response, agent: model.Agent, verb: str, **arguments: Any
    ) -> None:
        with audited(request, verb, agent.name):
            state = self._office.core.ask(verb, agent_id=agent.agent_id, **arguments)
        answer(response, state if isinstance(state, dict) else {"agent_id": agent.agent_id, "name": agent.name})
