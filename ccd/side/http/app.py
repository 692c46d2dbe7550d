"""The API as one WSGI application: a table of addresses."""

from __future__ import annotations

from typing import Any

import falcon

from ccd.side.http.agents import Agent, Agents, AgentVerb
from ccd.side.http.break_reasons import BreakReason, BreakReasons
from ccd.side.http.calendars import Calendar, Calendars, CalendarVerb
from ccd.side.http.calls import Call, Calls, HangUp
from ccd.side.http.duties import Duty
from ccd.side.http.exchange import install_error_answers
from ccd.side.http.lists import Check, Entries, Import, Lists
from ccd.side.http.office import Office
from ccd.side.http.operating import CallVerb, QueueVerb
from ccd.side.http.queues import Queue, Queues
from ccd.side.http.recordings import Recording, Recordings, RecordingVerb
from ccd.side.http.reports import Reports
from ccd.side.http.routes import Choice, Reload, Routes, Trunks
from ccd.side.http.speech import Speech
from ccd.side.http.stations import Station, Stations
from ccd.side.http.status import Status
from ccd.side.http.tiers import Tier, Tiers
from ccd.side.http.voicemail_boxes import VoicemailBox, VoicemailBoxes
from ccd.side.http.voicemails import Voicemail, Voicemails, VoicemailVerb
from ccd.side.http.why import WhyAgent, WhyCall

ROUTES: tuple[tuple[str, type[Any], str], ...] = (
    ("/v1/status", Status, ""),
    ("/v1/calls", Calls, ""),
    ("/v1/calls/{call_id}", Call, ""),
    ("/v1/calls/{call_id}/hangup", HangUp, ""),
    ("/v1/calls/{call_id}/kick", CallVerb, "kick"),
    ("/v1/calls/{call_id}/priority", CallVerb, "priority"),
    ("/v1/agents", Agents, ""),
    ("/v1/agents/{agent}", Agent, ""),
    ("/v1/agents/{agent}/login", AgentVerb, "login"),
    ("/v1/agents/{agent}/logout", AgentVerb, "logout"),
    ("/v1/agents/{agent}/pause", AgentVerb, "pause"),
    ("/v1/agents/{agent}/resume", AgentVerb, "resume"),
    ("/v1/agents/{agent}/wrap-up", Duty, "wrap_up"),
    ("/v1/agents/{agent}/next", Duty, "next"),
    ("/v1/agents/{agent}/hangup", Duty, "hangup"),
    ("/v1/agents/{agent}/reset", Duty, "reset"),
    ("/v1/break-reasons", BreakReasons, ""),
    ("/v1/break-reasons/{reason}", BreakReason, ""),
    ("/v1/why/calls/{call_id}", WhyCall, ""),
    ("/v1/why/agents/{agent}", WhyAgent, ""),
    ("/v1/stations", Stations, ""),
    ("/v1/stations/{station}", Station, ""),
    ("/v1/queues", Queues, ""),
    ("/v1/queues/{queue}", Queue, ""),
    ("/v1/queues/{queue}/open", QueueVerb, "open"),
    ("/v1/queues/{queue}/close", QueueVerb, "close"),
    ("/v1/queues/{queue}/drain", QueueVerb, "drain"),
    ("/v1/queues/{queue}/move", QueueVerb, "move"),
    ("/v1/tiers", Tiers, ""),
    ("/v1/tiers/{queue}/{agent}", Tier, ""),
    ("/v1/calendars", Calendars, ""),
    ("/v1/calendars/{calendar}", Calendar, ""),
    ("/v1/calendars/{calendar}/close", CalendarVerb, "close"),
    ("/v1/calendars/{calendar}/open", CalendarVerb, "open"),
    ("/v1/routes", Routes, ""),
    ("/v1/routes/choice", Choice, ""),
    ("/v1/routes/close", Routes, "close"),
    ("/v1/routes/open", Routes, "open"),
    ("/v1/trunks", Trunks, ""),
    ("/v1/reload", Reload, ""),
    ("/v1/voicemails", Voicemails, ""),
    ("/v1/voicemails/{voicemail_id}", Voicemail, ""),
    ("/v1/voicemails/{voicemail_id}/play", VoicemailVerb, "play"),
    ("/v1/voicemails/{voicemail_id}/assign", VoicemailVerb, "assign"),
    ("/v1/voicemails/{voicemail_id}/done", VoicemailVerb, "done"),
    ("/v1/voicemail-boxes", VoicemailBoxes, ""),
    ("/v1/voicemail-boxes/{box}", VoicemailBox, ""),
    ("/v1/lists", Lists, ""),
    ("/v1/lists/check", Check, ""),
    ("/v1/lists/{list}/entries", Entries, ""),
    ("/v1/lists/{list}/import", Import, ""),
    ("/v1/speech", Speech, ""),
    ("/v1/reports/queues", Reports, "queues"),
    ("/v1/reports/agents", Reports, "agents"),
    ("/v1/reports/intervals", Reports, "intervals"),
    ("/v1/recordings", Recordings, ""),
    ("/v1/recordings/erase", Recordings, "erase"),
    ("/v1/recordings/{recording}", Recording, ""),
    ("/v1/recordings/{recording}/verify", Recording, "verify"),
    ("/v1/recordings/{recording}/mask", RecordingVerb, "mask"),
    ("/v1/recordings/{recording}/unmask", RecordingVerb, "unmask"),
    ("/v1/recordings/{recording}/hold", RecordingVerb, "hold"),
    ("/v1/recordings/{recording}/release", RecordingVerb, "release"),
    ("/v1/recordings/{recording}/erase", RecordingVerb, "erase"),
)


class _SaysZone:
    """Moments of the API are UTC; each answer says the site's zone, for whoever shows them to people."""

    def __init__(self, office: Office) -> None:
        self._office = office

    def process_response(self, _: falcon.Request, response: falcon.Response, __: Any, ___: bool) -> None:
        """Add the header."""
        response.set_header("Ccd-Zone", self._office.zone)


def build_app(office: Office) -> falcon.App[Any, Any]:
    """The application for `office`."""
    app: falcon.App[Any, Any] = falcon.App(middleware=[_SaysZone(office)])
    install_error_answers(app)
    built: dict[type[Any], Any] = {}
    for address, kind, suffix in ROUTES:
        resource = built.setdefault(kind, kind(office))
        app.add_route(address, resource, suffix=suffix or None)
    return app
