"""One caller's stay in a queue, and the offers made for him: data only."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

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
    """A caller in a queue; `joined_at` is his place and never changes."""

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

    def place(self) -> tuple[int, Moment]:
        """The key of his place in line: higher priority first, then whoever came first."""
        return (-self.priority, self.joined_at)


@dataclass(slots=True)
class Offer:
    """One agent's phone asked to ring for one caller."""

    offer_id: str
    entry_id: str
    queue_id: str
    agent_id: str
    leg_id: str
    contact: str
    node: str
    made_at: Moment
    call_id: str = ""
    answered_at: Moment = 0
    parked: bool = False
    bridging: bool = False
    cancelled: bool = False
    unheard: bool = False
    timer: Timer | None = None


def shown(number: str) -> str:
    """The caller's number as the agent's phone shows it; what is no number is not passed on."""
    return number if re.fullmatch(r"[0-9*#+]{1,32}", number) else ""
