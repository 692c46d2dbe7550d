"""The API as one WSGI application: a table of addresses."""

from __future__ import annotations

from typing import Any

import falcon

from ccd.side.http.agents import Agent, Agents, AgentVerb
from ccd.side.http.calendars import Calendar, Calendars, CalendarVerb
from ccd.side.http.calls import Call, Calls, HangUp
from ccd.side.http.exchange import install_error_answers
from ccd.side.http.office import Office
from ccd.side.http.queues import Queue, Queues
from ccd.side.http.recordings import Recordings, RecordingVerb
from ccd.side.http.stations import Station, Stations
from ccd.side.http.status import Status
from ccd.side.http.tiers import Tier, Tiers

ROUTES: tuple[tuple[str, type[Any], str], ...] = (
    ("/v1/status", Status, ""),
    ("/v1/calls", Calls, ""),
    ("/v1/calls/{call_id}", Call, ""),
    ("/v1/calls/{call_id}/hangup", HangUp, ""),
    ("/v1/agents", Agents, ""),
    ("/v1/agents/{agent}", Agent, ""),
    ("/v1/agents/{agent}/login", AgentVerb, "login"),
    ("/v1/agents/{agent}/logout", AgentVerb, "logout"),
    ("/v1/agents/{agent}/pause", AgentVerb, "pause"),
    ("/v1/agents/{agent}/resume", AgentVerb, "resume"),
    ("/v1/stations", Stations, ""),
    ("/v1/stations/{station}", Station, ""),
    ("/v1/queues", Queues, ""),
    ("/v1/queues/{queue}", Queue, ""),
    ("/v1/tiers", Tiers, ""),
    ("/v1/tiers/{queue}/{agent}", Tier, ""),
    ("/v1/calendars", Calendars, ""),
    ("/v1/calendars/{calendar}", Calendar, ""),
    ("/v1/calendars/{calendar}/close", CalendarVerb, "close"),
    ("/v1/calendars/{calendar}/open", CalendarVerb, "open"),
    ("/v1/recordings", Recordings, ""),
    ("/v1/recordings/{call_id}/mask", RecordingVerb, "mask"),
    ("/v1/recordings/{call_id}/unmask", RecordingVerb, "unmask"),
)


def build_app(office: Office) -> falcon.App[Any, Any]:
    """The application for `office`."""
    app: falcon.App[Any, Any] = falcon.App()
    install_error_answers(app)
    built: dict[type[Any], Any] = {}
    for address, kind, suffix in ROUTES:
        resource = built.setdefault(kind, kind(office))
        app.add_route(address, resource, suffix=suffix or None)
    return app
