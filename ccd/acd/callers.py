"""One caller's stay in a queue, and the offers made for him: data only."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from ccd.acd.facts import OfferResult
from ccd.acd.matching.stages import Ask
from ccd.base.clock import Moment, Timer


class Stay(StrEnum):
    """What a caller in a queue is doing. `ending`: the switch ended his agent's leg, and his own next event says why."""

    WAITING = "waiting"
    OFFERED = "offered"
    RETURNING = "returning"
    TALKING = "talking"
    ENDING = "ending"
    TALKED = "talked"


@dataclass(slots=True)
class QueuedCaller:
    """A caller in a queue; `joined_at` is his place and never changes. `entered_at`: when he came to this queue, which is later
    where he brought his place with him; `hops`: how often he has overflowed; `announced`: the place that he was told last.

    `ringing`: the offers that are out for him, each with its agent; `winner` the one that was answered first. `offer_id` and
    `agent_id` are those of the winner, and until there is one, of the offer that was made first. `refused`: who did not take
    him, and until when he is not asked again; `tried`: everybody who did not. `bound_to`: whom alone he waits for, until when.
    `awaited`: his leg is on its way back to us, and late by then (ccd.acd.awaiting).
    """

    entry_id: str
    call_id: str
    leg_id: str
    queue_id: str
    node: str
    number: str
    joined_at: Moment
    priority: int = 0
    answered: bool = True
    stay: Stay = Stay.WAITING
    offer_id: str = ""
    agent_id: str = ""
    agent_leg_id: str = ""
    connected_at: Moment = 0
    ended_at: Moment = 0
    timer: Timer | None = None
    vip: bool = False
    asks: tuple[Ask, ...] = ()
    ringing: dict[str, str] = field(default_factory=dict)
    winner: str = ""
    tried: set[str] = field(default_factory=set)
    refused: dict[str, Moment] = field(default_factory=dict)
    bound_to: str = ""
    bound_until: Moment = 0
    due: Timer | None = None
    entered_at: Moment = 0
    hops: int = 0
    announced: int = 0
    awaited: Timer | None = None

    def __post_init__(self) -> None:
        self.entered_at = self.entered_at or self.joined_at


@dataclass(slots=True)
class Offer:
    """One agent's phone asked to ring for one caller. `withdrawn`: we take it back, and this is how it ends then.

    It must ring within `progress_ms`, and does so since `rang_at` for at most `ring_ms`. Where `confirm_ms` is not 0 the phone
    was answered at `picked_up_at`, and the agent does so with a key (ccd.acd.accepting). `adopted`: a recovery found it
    answered; `join_ms`: so long caller and agent were held before the bridge, to hear something.
    """

    offer_id: str
    entry_id: str
    queue_id: str
    agent_id: str
    leg_id: str
    contact: str
    node: str
    made_at: Moment
    call_id: str = ""
    progress_ms: int = 0
    ring_ms: int = 0
    rang_at: Moment = 0
    answered_at: Moment = 0
    parked: bool = False
    bridging: bool = False
    withdrawn: OfferResult | None = None
    unheard: bool = False
    standing: bool = False
    confirm_ms: int = 0
    picked_up_at: Moment = 0
    adopted: bool = False
    join_ms: int = 0
    timer: Timer | None = None
