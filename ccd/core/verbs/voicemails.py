"""Verbs of voicemail. What a message is, side knows from SQL and checks before it asks; here its change becomes a fact."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import structlog

from ccd.base import words
from ccd.base.errors import Refused
from ccd.core.verbs.given import text
from ccd.voicemail.facts import VoicemailChanged
from ccd.voicemail.listening import Request
from ccd.voicemail.model import Change

if TYPE_CHECKING:
    from ccd.core.house import House
    from ccd.core.verbs import Verb

log = structlog.get_logger(__name__)

LONGEST_S = 7_200


def _change(house: House, given: dict[str, Any]) -> dict[str, Any]:
    word = text(given, "change")
    if word not in set(Change):
        raise Refused(f"change is one of {', '.join(Change)}, not {word[:40]!r}")
    change, voicemail_id, agent_id = Change(word), words.uuid(text(given, "voicemail_id")), text(given, "agent_id", "")
    if change is Change.ASSIGNED and not agent_id:
        raise Refused("agent_id is missing")
    fact = VoicemailChanged(
        at=house.clock.now(),
        voicemail_id=voicemail_id,
        change=change,
        who=text(given, "who"),
        agent_id=words.uuid(agent_id) if agent_id else "",
        reason=text(given, "reason", ""),
    )
    house.publisher.publish(fact)
    log.info("voicemail_changed", voicemail_id=voicemail_id, change=str(change), who=fact.who, reason=fact.reason)
    return {"voicemail_id": voicemail_id, "change": str(change)}


def _play(house: House, given: dict[str, Any]) -> dict[str, Any]:
    """Only stations that the configuration has are rung."""
    station_id = text(given, "station_id")
    stations = house.site.configuration.stations
    station = next((one for one in stations if one.station_id == station_id), None)
    if station is None:
        raise Refused("core knows no such station yet")
    seconds = given.get("seconds")
    path = given.get("path")
    if not isinstance(seconds, int) or not 0 <= seconds <= LONGEST_S or not isinstance(path, str):
        raise Refused("seconds or path are missing")
    node = house.node(text(given, "node", "")).name
    if station.node and station.node != node:
        raise Refused(f"the message lies on switch {node}, and station {station.name} is reached by {station.node}")
    leg_id = house.listening.play(
        Request(
            voicemail_id=words.uuid(text(given, "voicemail_id")),
            path=path,
            node=node,
            station=station.name,
            contact=station.contact,
            caller_number=text(given, "caller_number", ""),
            seconds=seconds,
            who=text(given, "who"),
            agent_id=text(given, "agent_id", ""),
        )
    )
    return {"leg_id": leg_id, "station": station.name}


VERBS: dict[str, Verb] = {
    "voicemails.change": _change,
    "voicemails.play": _play,
}
