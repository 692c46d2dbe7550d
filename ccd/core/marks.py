"""What the queue's facts mean for a call itself: the marks that its ending is told by."""

from __future__ import annotations

from ccd.acd.facts import CallerConnected, CallerQueued, CallerReturned, TalkEnded
from ccd.base.bus import Bus
from ccd.calls.facts import EndedBy
from ccd.calls.registry import Registry
from ccd.ivr.facts import TransferConnected
from ccd.voicemail.facts import VoicemailLeft


class CallMarks:
    """Follows queue facts and writes them to the calls of the registry."""

    def __init__(self, registry: Registry) -> None:
        self._calls = registry.calls

    def listen(self, bus: Bus) -> None:
        """Follow the facts of a bus."""
        bus.on(CallerQueued, self._queued)
        bus.on(CallerConnected, self._connected)
        bus.on(CallerReturned, self._returned)
        bus.on(TalkEnded, self._talk_ended)
        bus.on(TransferConnected, self._transferred)
        bus.on(VoicemailLeft, self._voicemail_left)

    def _queued(self, fact: CallerQueued) -> None:
        if call := self._calls.get(fact.call_id):
            call.queued, call.queue_id, call.agent_hung_up = True, fact.queue_id, False

    def _connected(self, fact: CallerConnected) -> None:
        if call := self._calls.get(fact.call_id):
            call.connected, call.connected_at, call.agent_id = True, fact.at, fact.agent_id

    def _returned(self, fact: CallerReturned) -> None:
        if call := self._calls.get(fact.call_id):
            call.connected, call.connected_at, call.agent_id = call.talked, 0, ""

    def _talk_ended(self, fact: TalkEnded) -> None:
        if call := self._calls.get(fact.call_id):
            call.talked = True
            call.agent_hung_up = fact.ended_by is EndedBy.AGENT

    def _transferred(self, fact: TransferConnected) -> None:
        if call := self._calls.get(fact.call_id):
            call.transferred = True

    def _voicemail_left(self, fact: VoicemailLeft) -> None:
        if call := self._calls.get(fact.call_id):
            call.voicemail = True
