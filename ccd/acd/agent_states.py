"""An agent's life: what people declare (presence) and what calls make of it (activity), with the table of legal steps."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from ccd.acd.model import Activity, Agent, Presence, Station, Tier
from ccd.base.clock import Moment, Timer
from ccd.base.errors import BadTransition


class Cue(StrEnum):
    """What moves an agent's activity."""

    OFFER = "offer"
    OFFER_FAILED = "offer_failed"
    CONNECTED = "connected"
    TALK_ENDED = "talk_ended"
    WRAP_UP = "wrap_up"
    READY = "ready"


IDLE, OFFERED, TALKING, WRAP_UP = Activity.IDLE, Activity.OFFERED, Activity.TALKING, Activity.WRAP_UP

NEXT: dict[tuple[Activity, Cue], Activity] = {
    (IDLE, Cue.OFFER): OFFERED,
    (OFFERED, Cue.OFFER_FAILED): IDLE,
    (OFFERED, Cue.CONNECTED): TALKING,
    (TALKING, Cue.TALK_ENDED): IDLE,
    (TALKING, Cue.WRAP_UP): WRAP_UP,
    (WRAP_UP, Cue.READY): IDLE,
}


@dataclass(slots=True)
class AgentState:
    """One agent now. `elsewhere` holds legs of his station that no offer of ours made; `counted`: whether he staffs his tiers.

    `wraps_up`: the offer whose conversation he wraps up. `standing`: he takes calls on a leg that stays up, and `line` is how
    it stands (ccd.acd.standing.LineState). `signed_out_by`: what signed him out last.

    `missed`: calls not taken, by cause, since the last that he took. `gap_until`: no phone is rung again before, whatever he
    says. `next_presence`, `next_reason`: what he becomes after this call. `overrun_at`: since when his break is too long.
    """

    settings: Agent
    tiers: list[Tier] = field(default_factory=list)
    presence: Presence = Presence.LOGGED_OUT
    reason: str = ""
    presence_since: Moment = 0
    activity: Activity = Activity.IDLE
    activity_since: Moment = 0
    idle_since: Moment = 0
    session_id: str = ""
    station: Station | None = None
    offer_id: str = ""
    wraps_up: str = ""
    call_id: str = ""
    queue_id: str = ""
    missed: dict[str, int] = field(default_factory=dict)
    wrap_up_until: Moment = 0
    not_before: float = 0.0
    gap_until: float = 0.0
    next_presence: str = ""
    next_reason: str = ""
    overrun_at: Moment = 0
    break_timer: Timer | None = None
    elsewhere: set[str] = field(default_factory=set)
    timer: Timer | None = None
    counted: bool = False
    standing: bool = False
    line: str = ""
    signed_out_by: str = ""

    @property
    def agent_id(self) -> str:
        return self.settings.agent_id

    @property
    def no_answers(self) -> int:
        """Offers in a row that he let ring."""
        return self.missed.get("no_answer", 0)

    def count(self, cause: str) -> None:
        """One more call not taken; no cause counts nothing."""
        if cause:
            self.missed = {**self.missed, cause: self.missed.get(cause, 0) + 1}

    def rests(self, monotonic: float) -> bool:
        """Whether his phone is left alone for a while, after an offer that failed."""
        return monotonic < self.not_before or monotonic < self.gap_until

    def wrap_up_ms(self, of_queue_ms: int) -> int:
        """How long he has for himself after a call of a queue; what is his own comes first."""
        return self.settings.wrap_up_ms if self.settings.wrap_up_ms >= 0 else of_queue_ms

    def step(self, cue: Cue, at: Moment) -> None:
        """Take the step that the table allows.

        Raises:
            BadTransition: there is no such step.
        """
        new = NEXT.get((self.activity, cue))
        if new is None:
            raise BadTransition(f"agent {self.settings.name}: {cue} while {self.activity}")
        self.activity, self.activity_since = new, at

    @property
    def is_reachable(self) -> bool:
        """Whether his phone may be rung, or his standing leg is up."""
        return not self.standing or self.line == "up"

    def may_be_offered(self, monotonic: float) -> bool:
        """Whether a caller may be offered now, as far as person and seat go; a call elsewhere is each queue's own matter."""
        return (
            self.presence is Presence.AVAILABLE
            and self.activity is Activity.IDLE
            and self.station is not None
            and self.is_reachable
            and not self.rests(monotonic)
        )
