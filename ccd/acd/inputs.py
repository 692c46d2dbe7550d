"""Facts of what a decision is made of: all that the matcher is told, so that every offer can be decided again.

`ccd.acd.telling` publishes them, `ccd.side.why` replays them. Said by other facts, and therefore not here: OfferMade takes agent
and caller out, CallerLeft the caller.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from ccd.acd.matching.model import Ready, Waiting
from ccd.acd.model import Agent, Queue, Tier
from ccd.base.clock import Moment
from ccd.calls.facts import Fact


class WhyNot(StrEnum):
    """Why an agent may not be offered a caller; the same words in facts, API and sentences."""

    LOGGED_OUT = "logged_out"
    ON_BREAK = "on_break"
    NO_STATION = "no_station"
    OFFERED = "offered"
    TALKING = "talking"
    WRAP_UP = "wrap_up"
    RESTING = "resting"
    NODE_DOWN = "node_down"
    ON_ANOTHER_CALL = "on_another_call"
    NO_QUEUE = "no_queue"
    NO_LINE = "no_line"
    OTHER = "other"


class Unready(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Why not, since when and, where that is known, until when. `detail`: the reason of a break, the cause of a rest."""

    why: WhyNot
    detail: str = ""
    since: Moment = 0
    until: Moment = 0


class RulesNow(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What deciding knows of a queue; `draws`: how many it has made."""

    queue_id: str
    strategy: str
    levels: tuple[int, ...] = ()
    draws: int = 0


class ConfigurationTaken(Fact, tag="configuration_taken", frozen=True, kw_only=True):
    """Queues, agents and tiers as they are from now on: what differs from the one before, whose hash is `base`; '' for a whole.

    `sha256` is that of the whole. `begins`: core has just started, nothing was told before. `gone`: ids of queues and agents;
    an agent's `tiers` are given all or not at all.
    """

    sha256: str
    version: int = 0
    base: str = ""
    begins: bool = False
    queues: tuple[Queue, ...] = ()
    agents: tuple[Agent, ...] = ()
    tiers: dict[str, tuple[Tier, ...]] = msgspec.field(default_factory=dict)
    gone: tuple[str, ...] = ()


class RulesTaken(Fact, tag="rules_taken", frozen=True, kw_only=True):
    """A queue's strategy, or which of its levels count, is another."""

    queue_id: str
    rules: RulesNow


class QueueDropped(Fact, tag="queue_dropped", frozen=True, kw_only=True):
    """A queue is gone, and nobody was in it."""

    queue_id: str


class AgentReady(Fact, tag="agent_ready", frozen=True, kw_only=True):
    """An agent may be offered callers, or something of one who may has changed. `served`: and was offered who is next."""

    agent_id: str
    ready: Ready
    served: bool = False


class AgentNotReady(Fact, tag="agent_not_ready", frozen=True, kw_only=True):
    """An agent may not be offered callers; not told where OfferMade or AgentChanged says it already."""

    agent_id: str
    unready: Unready


class CallerWaits(Fact, tag="caller_waits", frozen=True, kw_only=True):
    """A caller may be offered, or something of one who may has changed: his place, his demands, who refused him.

    `served`: whoever is ready was offered him. `first`: he was the first of all who could be served, after much had changed.
    """

    call_id: str
    waiting: Waiting
    served: bool = False
    first: bool = False


class CallerHeld(Fact, tag="caller_held", frozen=True, kw_only=True):
    """A caller may not be offered for now: an agent has answered for him, or he is elsewhere."""

    call_id: str
    entry_id: str


class QueueSnapshot(Fact, tag="queue_snapshot", frozen=True, kw_only=True):
    """Everything that the matcher knows, from time to time, so that a replay may begin here.

    `configuration`: the moments of the facts ConfigurationTaken of this boot that make up the one in use. `calls`: the calls of
    those who wait, by visit.
    """

    rules: tuple[RulesNow, ...] = ()
    ready: tuple[Ready, ...] = ()
    unready: dict[str, Unready] = msgspec.field(default_factory=dict)
    waiting: tuple[Waiting, ...] = ()
    calls: dict[str, str] = msgspec.field(default_factory=dict)
    configuration: tuple[Moment, ...] = ()
