"""When a call's recording starts: the policy of its route and its queue, asked at each point of the call."""

from __future__ import annotations

from ccd.acd.facts import CallerConnected, CallerQueued
from ccd.acd.service import Acd
from ccd.base.bus import Bus
from ccd.calls.facts import CallAnswered
from ccd.calls.model import Call
from ccd.calls.registry import Registry
from ccd.core.site import Site
from ccd.recording.service import Recordings


class RecordingPoints:
    """Starts recordings where route or queue say so."""

    def __init__(self, *, registry: Registry, site: Site, acd: Acd, recordings: Recordings) -> None:
        self._registry = registry
        self._site = site
        self._acd = acd
        self._recordings = recordings

    def listen(self, bus: Bus) -> None:
        """Follow the facts of a bus."""
        bus.on(CallAnswered, self._answered)
        bus.on(CallerQueued, lambda fact: self._record(fact.call_id, "queue"))
        bus.on(CallerConnected, lambda fact: self._record(fact.call_id, "agent"))

    def _answered(self, fact: CallAnswered) -> None:
        """A caller who waits unanswered has passed the queue's point by then."""
        call = self._registry.calls.get(fact.call_id)
        self._record(fact.call_id, "answer")
        if call is not None and call.queued:
            self._record(fact.call_id, "queue")

    def _record(self, call_id: str, point: str) -> None:
        """Start at the first point that route or queue names."""
        call = self._registry.calls.get(call_id)
        if call is not None and call.answered_at and self._policy_says(call, point):
            self._recordings.start(call_id=call.call_id, leg_id=call.leg_id, node=call.node, point=point)

    def _policy_says(self, call: Call, point: str) -> bool:
        route = self._site.route(call.dialled)
        queue = self._acd.queues.get(call.queue_id)
        return point in (route.record if route else "no", queue.settings.record if queue else "no")
