"""/v1/stations: the telephones that agents log in at."""

from __future__ import annotations

import falcon
import msgspec

from ccd.base import words
from ccd.base.codes import BadInput
from ccd.base.errors import Unsafe
from ccd.side.http.exchange import answer, audited, body, name
from ccd.side.http.office import Office


class NewStation(msgspec.Struct, forbid_unknown_fields=True):
    """The body of POST /v1/stations."""

    name: str
    contact: str
    kind: str = "sip"
    node: str = ""


class Stations:
    """GET and POST /v1/stations."""

    def __init__(self, office: Office) -> None:
        self._office = office

    def on_get(self, _: falcon.Request, response: falcon.Response) -> None:
        """Every station."""
        answer(response, {"stations": self._office.site.current.stations})

    def on_post(self, request: falcon.Request, response: falcon.Response) -> None:
        """Add a station."""
        new = body(request, NewStation)
        try:
            contact = words.contact(new.contact)
        except Unsafe:
            wanted = "user/1001@domain, sofia/internal/1001@host or sofia/gateway/NAME/NUMBER"
            raise BadInput(f"{new.contact[:60]!r} is no contact; like {wanted}") from None
        kind, node = name(new.kind, "kind of station"), name(new.node, "switch") if new.node else ""
        with audited(request, "stations.add", name(new.name, "station")):
            station = self._office.store().add_station(new.name, contact, kind=kind, node=node)
        answer(response, {**msgspec.to_builtins(station), "applied": self._office.site.applied()}, 201)
