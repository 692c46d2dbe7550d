"""/v1/voicemails: messages that callers left, and what becomes of them. Each change is a fact; the row follows it."""

from __future__ import annotations

import time
from typing import Any

import falcon
import gevent
import msgspec

from ccd.acd.model import Agent, Station
from ccd.base import words
from ccd.base.codes import BadInput
from ccd.base.errors import NotFound, Refused, Unsafe
from ccd.side.http.calls import Nothing
from ccd.side.http.exchange import answer, audited, body, limit, moment
from ccd.side.http.office import Office
from ccd.voicemail.model import Change, State, after

SETTLE_S = 2.0
LOOK_EVERY_S = 0.02
_SPARE_S = 5


class Voicemails:
    """GET /v1/voicemails, with `?box=`, `?agent=`, `?state=` and `?since=`."""

    def __init__(self, office: Office) -> None:
        self._office = office

    def on_get(self, request: falcon.Request, response: falcon.Response) -> None:
        """The latest messages, newest first; deleted ones only with `?state=deleted`."""
        site = self._office.site
        box, agent, state = (request.get_param(key) or "" for key in ("box", "agent", "state"))
        if state and state not in set(State):
            raise BadInput(f"state: must be one of {', '.join(State)}, not {state[:40]!r}")
        rows = self._office.voicemails().listed(
            limit(request),
            box_id=site.box(box).box_id if box else "",
            agent_id=site.agent(agent).agent_id if agent else "",
            state=state,
            since=moment(request, "since"),
        )
        answer(response, {"voicemails": rows})


class Voicemail:
    """GET and DELETE /v1/voicemails/{voicemail_id}."""

    def __init__(self, office: Office) -> None:
        self._office = office

    def on_get(self, _: falcon.Request, response: falcon.Response, voicemail_id: str) -> None:
        """One message, also after it was deleted."""
        answer(response, self._office.voicemails().found(_checked_id(voicemail_id)))

    def on_delete(self, request: falcon.Request, response: falcon.Response, voicemail_id: str) -> None:
        """Erase the file; the row stays and says when."""
        changed(self._office, request, response, voicemail_id, Change.DELETED)


class To(msgspec.Struct, forbid_unknown_fields=True):
    """The body of play: a station, an agent, or the number of a station's telephone."""

    to: str


class For(msgspec.Struct, forbid_unknown_fields=True):
    """The body of assign."""

    agent: str


class VoicemailVerb:
    """POST /v1/voicemails/{voicemail_id}/play, assign and done."""

    def __init__(self, office: Office) -> None:
        self._office = office

    def on_post_assign(self, request: falcon.Request, response: falcon.Response, voicemail_id: str) -> None:
        """Give it to an agent, also one that somebody had or that was done."""
        agent = self._office.site.agent(body(request, For).agent)
        changed(self._office, request, response, voicemail_id, Change.ASSIGNED, agent_id=agent.agent_id)

    def on_post_done(self, request: falcon.Request, response: falcon.Response, voicemail_id: str) -> None:
        """Nothing more is to be done about it."""
        body(request, Nothing)
        changed(self._office, request, response, voicemail_id, Change.DONE)

    def on_post_play(self, request: falcon.Request, response: falcon.Response, voicemail_id: str) -> None:
        """Ring a telephone and play the message; the answer comes while it rings."""
        voicemail_id, asked = _checked_id(voicemail_id), body(request, To).to
        row = self._office.voicemails().found(voicemail_id)
        after(State(row["state"]), Change.LISTENED)
        if row["file"] == "missing":
            raise Refused("the message's file is missing")
        station, agent_id = _telephone(self._office, asked)
        with audited(request, "voicemails.play", f"{voicemail_id} {station.name}"):
            told = self._office.core.ask(
                "voicemails.play",
                voicemail_id=voicemail_id,
                station_id=station.station_id,
                agent_id=agent_id,
                path=row["path"],
                node=row["node"],
                caller_number=row["caller_number"],
                seconds=(row["duration_ms"] or 0) // 1000 + _SPARE_S,
                who=_who(request),
            )
        answer(response, {"voicemail_id": voicemail_id, "station": station.name, "leg_id": told["leg_id"]})


def changed(
    office: Office,
    request: falcon.Request,
    response: falcon.Response,
    given: str,
    change: Change,
    *,
    agent_id: str = "",
) -> None:
    """Have core tell the change, and answer with the row as soon as it says so."""
    voicemail_id = _checked_id(given)
    with audited(request, f"voicemails.{_VERBS[change]}", voicemail_id):
        before = State(office.voicemails().found(voicemail_id)["state"])
        wanted = after(before, change)
        office.core.ask(
            "voicemails.change", voicemail_id=voicemail_id, change=str(change), agent_id=agent_id, who=_who(request)
        )
    deadline = time.monotonic() + SETTLE_S
    while True:
        row = office.voicemails().found(voicemail_id)
        applied = row["state"] == wanted and agent_id in ("", row["agent_id"])
        if applied or time.monotonic() > deadline:
            answer(response, {**row, "applied": applied})
            return
        gevent.sleep(LOOK_EVERY_S)


_VERBS = {Change.ASSIGNED: "assign", Change.DONE: "done", Change.DELETED: "delete", Change.LISTENED: "play"}


def _telephone(office: Office, asked: str) -> tuple[Station, str]:
    """The station that is meant, and whose it is: never a number that is no station's."""
    site = office.site
    try:
        return site.station(asked), ""
    except NotFound:
        pass
    try:
        agent = site.agent(asked)
    except NotFound:
        numbered = [one for one in site.current.stations if _phone_of(one.contact) == asked]
        if len(numbered) == 1:
            return numbered[0], ""
        few = f"{len(numbered)} stations have" if numbered else "no station has"
        raise NotFound(f"no station or agent {asked[:40]!r}, and {few} that number") from None
    return _seat(office, agent), agent.agent_id


def _seat(office: Office, agent: Agent) -> Station:
    """Where an agent sits now, or else his own station."""
    rows: list[dict[str, Any]] = office.core.ask("agents.list")
    now = next((str(row.get("station", "")) for row in rows if row["agent_id"] == agent.agent_id), "")
    if now or agent.station_id:
        return office.site.station(now or agent.station_id)
    raise Refused(f"agent {agent.name} is signed in nowhere and has no station of his own")


def _phone_of(contact: str) -> str:
    return contact.rsplit("/", 1)[-1].partition("@")[0]


def _who(request: falcon.Request) -> str:
    return str(request.env.get("ccd.peer", "unknown"))


def _checked_id(voicemail_id: str) -> str:
    try:
        return words.uuid(voicemail_id)
    except Unsafe:
        raise BadInput(f"{voicemail_id[:40]!r} is not a voicemail's id") from None
