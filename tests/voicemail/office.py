"""A call centre with a box for messages: the world of the tests of this folder."""

from __future__ import annotations

from ccd.calls.facts import CallToFallback, LegEnded
from ccd.core.marks import CallMarks
from ccd.switch.events import RecordStopped
from ccd.voicemail.facts import VoicemailDiscarded, VoicemailFailed, VoicemailLeft, VoicemailStarted
from ccd.voicemail.model import Box
from ccd.voicemail.service import Voicemails
from tests.builders import World

BOX = Box(
    box_id="b-night", name="night", min_ms=2_000, max_ms=60_000, silence_ms=5_000, agent_id="a-alice", notify="ops"
)


class Office(World):
    """The call centre with a box for messages."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[str] = []
        self.voicemails = self.new_ccd()
        CallMarks(self.registry).listen(self.bus)
        self.bus.on(RecordStopped, self._stopped)
        self.bus.on(CallToFallback, self._to_fallback)
        self.bus.on(LegEnded, self._ended)

    def _stopped(self, event: RecordStopped) -> None:
        self.voicemails.on_stopped(event)

    def _to_fallback(self, fact: CallToFallback) -> None:
        self.voicemails.on_fallback(fact)

    def _ended(self, fact: LegEnded) -> None:
        self.voicemails.on_leg_ended(fact)

    def new_ccd(self) -> Voicemails:
        made = Voicemails(
            clock=self.clock,
            publish=self.publish,
            switch_of=lambda _: self.switch,
            switch_root=lambda _: "/var/lib/ccd/recordings",
            local_root="/srv/recordings/",
            e164=lambda number: f"+86{number}",
        )
        made.configure((BOX,))
        return made

    def speaks(self, max_ms: int = 0) -> str:
        """A caller has heard the tone; his leg."""
        leg_id = self.caller_arrives()
        leg = self.registry.legs[leg_id]
        call = self.registry.calls[leg.call_id]
        self.voicemails.begin(call, leg, "night", max_ms, self.told.append)
        return leg_id

    def goes_on(self, leg_id: str) -> None:
        """After a restart the flow comes to its node again."""
        leg = self.registry.legs[leg_id]
        self.voicemails.begin(self.registry.calls[leg.call_id], leg, "night", 0, self.told.append)

    def file_closed(self, leg: str, ms: int, cause: str = "success-maxtime", *, hung_up: bool = False) -> None:
        path = self.of(VoicemailStarted)[-1].path
        self.say(
            RecordStopped(leg_id=leg, at=self.clock.now(), path=path, duration_ms=ms, cause=cause, hung_up=hung_up)
        )

    def restarts(self) -> None:
        """A new core knows what the ledger knows."""
        (started,) = self.ledger.voicemails.values()
        self.voicemails = self.new_ccd()
        self.told.clear()
        self.voicemails.take_up(started)

    def only(self, kind: type[VoicemailLeft | VoicemailDiscarded | VoicemailFailed]) -> object:
        (fact,) = self.of(kind)
        assert len(self.of(VoicemailLeft) + self.of(VoicemailDiscarded) + self.of(VoicemailFailed)) == 1, "told once"
        return fact
