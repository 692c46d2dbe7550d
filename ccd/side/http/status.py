"""GET /v1/status: how the two processes are, and the database."""

from __future__ import annotations

import falcon

from ccd import __version__
from ccd.base.errors import CcdError
from ccd.side.http.exchange import answer
from ccd.side.http.office import Office


class Status:
    """How ccd is."""

    def __init__(self, office: Office) -> None:
        self._office = office

    def on_get(self, _: falcon.Request, response: falcon.Response) -> None:
        """Always an answer: `core` is null when the deciding process does not answer."""
        try:
            core = self._office.core.ask("status", timeout=2.0)
        except CcdError:
            core = None
        answer(
            response,
            {
                "version": __version__,
                "core": core,
                "configuration": {"version": self._office.site.current.version},
                "database": self._office.database(),
                "journal": self._office.journal(),
                "recordings": self._office.recordings.status(),
            },
        )
