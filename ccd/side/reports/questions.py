"""What a report is asked for."""

from __future__ import annotations

import msgspec

from ccd.base.clock import Moment
from ccd.side.db.engine import to_datetime


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """A span of time, and whom it is about; empty ids mean all. `service_level_ms` stands for the queues' own.

    `zone` is the site's, for queues without one of their own and for spans of agents.
    """

    since: Moment
    until: Moment
    zone: str = "UTC"
    queue_id: str = ""
    agent_id: str = ""
    service_level_ms: int | None = None
    interval: str = "60m"

    def parameters(self) -> dict[str, object]:
        """As SQL takes them."""
        return {
            "since": to_datetime(self.since),
            "until": to_datetime(self.until),
            "zone": self.zone,
            "queue_id": self.queue_id or None,
            "agent_id": self.agent_id or None,
            "service_level_ms": self.service_level_ms,
        }
