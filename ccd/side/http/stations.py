"""/v1/stations: the telephones that agents log in at."""

from __future__ import annotations

from typing import Any

import falcon
import msgspec
from msgspec import UNSET, UnsetType

from ccd.acd import model
from ccd.base import words
from ccd.base.codes import BadInput
from ccd.base.errors import NotFound, Refused, Unsafe
from ccd.side.http.exchange import answer, audited, body, changes, name
from ccd.side.http.office import Office


class NewStation(msgspec.Struct, forbid_unknown_fields=True):
    """The body of POST /v1/stations."""

    name: str
    contact: str
    kind: str = "sip"
    node: str = ""
    confirm: bool = False
    standing: bool = False


class ChangedStation(msgspec.Struct, forbid_unknown_fields=True):
    """The body of PATCH /v1/stations/{station}; an empty node is any switch. `confirm`: who answers there must press 1;
    `standing`: a login there keeps a leg up between calls.
    """

    contact: str | UnsetType = UNSET
    kind: str | UnsetType = UNSET
    node: str | UnsetType = UNSET
    confirm: bool | UnsetType = UNSET
    standing: bool | UnsetType = UNSET


class Stations:
    """GET and POST /v1/stations."""

    def __init__(self, office: Office) -> None:
        self._office = office

    def on_get(self, _: falcon.Request, response: falcon.Response) -> None:
        """Every station."""
        answer(response, {"stations": self._office.site.current.stations})

    def on_post(self, request: falcon.Request, response: falcon.Response) -> None:
        """Add a station."""
        given = msgspec.structs.asdict(body(request, NewStation))
        _check(self._office, given)
        with audited(request, "stations.add", name(given["name"], "station")):
            station = self._office.store().add_station(**given)
        answer(response, {**msgspec.to_builtins(station), "applied": self._office.site.applied()}, 201)


class Station:
    """GET, PATCH and DELETE /v1/stations/{station}."""

    def __init__(self, office: Office) -> None:
        self._office = office

    def on_get(self, _: falcon.Request, response: falcon.Response, station: str) -> None:
        """One station, who sits there now and whose own it is."""
        found = self._office.site.station(station)
        owners = [one.name for one in self._office.site.current.agents if one.station_id == found.station_id]
        seated = _seated(self._office, found.name)
        answer(response, {**msgspec.to_builtins(found), "agent": seated, "own_station_of": sorted(owners)})

    def on_patch(self, request: falcon.Request, response: falcon.Response, station: str) -> None:
        """Change what the body gives; whoever sits there stays signed in."""
        given = changes(request, ChangedStation)
        _check(self._office, given)
        wanted = self._name(station)
        with audited(request, "stations.set", wanted):
            after = self._office.store().change_station(wanted, **given)
        answer(response, {**msgspec.to_builtins(after), "applied": self._office.site.applied()})

    def on_delete(self, request: falcon.Request, response: falcon.Response, station: str) -> None:
        """Take a station out of use; agents whose own it was have none then."""
        wanted = self._name(station)
        with audited(request, "stations.remove", wanted):
            if agent := _seated(self._office, wanted):
                raise Refused(f"station {wanted} is in use: agent {agent} sits there")
            self._office.store().retire(model.Station, wanted)
        answer(response, {"name": wanted, "removed": True, "applied": self._office.site.applied()})

    def _name(self, station: str) -> str:
        """Its name; one that core does not know yet is looked for in the tables by what was said."""
        try:
            return self._office.site.station(station).name
        except NotFound:
            return name(station, "station")


def _seated(office: Office, station: str) -> str:
    """The agent at a station; '' when nobody sits there."""
    rows: list[dict[str, Any]] = office.core.ask("agents.list")
    return next((str(row["name"]) for row in rows if row.get("station") == station), "")


def _check(office: Office, given: dict[str, Any]) -> None:
    """What is given must do for the switch; BadInput says what would."""
    if "contact" in given:
        try:
            words.contact(given["contact"])
        except Unsafe:
            wanted = "user/1001@domain, sofia/internal/1001@host or sofia/gateway/NAME/NUMBER"
            raise BadInput(f"contact: {given['contact'][:60]!r} is no contact; like {wanted}") from None
    if "kind" in given:
        name(given["kind"], "kind of station")
    if given.get("node"):
        office.references.switch(name(given["node"], "switch"))
