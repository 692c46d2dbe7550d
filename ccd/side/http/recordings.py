"""/v1/recordings: what was recorded, and silence over what must not be kept."""

from __future__ import annotations

import falcon

from ccd.side.http.calls import Nothing, checked_id
from ccd.side.http.exchange import answer, audited, body, limit
from ccd.side.http.office import Office


class Recordings:
    """GET /v1/recordings, with `?call=` for those of one call."""

    def __init__(self, office: Office) -> None:
        self._office = office

    def on_get(self, request: falcon.Request, response: falcon.Response) -> None:
        """The latest recordings, newest first."""
        call = request.get_param("call")
        call_id = checked_id(call) if call else ""
        answer(response, {"recordings": self._office.history().recordings(limit(request), call_id=call_id)})


class RecordingVerb:
    """POST /v1/recordings/{call_id}/mask and unmask."""

    def __init__(self, office: Office) -> None:
        self._office = office

    def on_post_mask(self, request: falcon.Request, response: falcon.Response, call_id: str) -> None:
        """Write silence from now on; the times stay right."""
        self._do(request, response, call_id, "mask")

    def on_post_unmask(self, request: falcon.Request, response: falcon.Response, call_id: str) -> None:
        """Write sound again."""
        self._do(request, response, call_id, "unmask")

    def _do(self, request: falcon.Request, response: falcon.Response, call_id: str, verb: str) -> None:
        call_id = checked_id(call_id)
        body(request, Nothing)
        with audited(request, f"recordings.{verb}", call_id):
            self._office.core.ask(f"recordings.{verb}", call_id=call_id)
        answer(response, {"call_id": call_id, "masked": verb == "mask"})
