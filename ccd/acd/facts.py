"""What ccd concluded about queues and agents."""

from __future__ import annotations

from enum import StrEnum

from ccd.acd.matching.stages import Ask
from ccd.base.clock import Moment
from ccd.calls.facts import EndedBy, Fact


class OfferResult(StrEnum):
    """How an offer ended; the same words in facts, SQL, CLI and API."""

    ACCEPTED = "accepted"
    NO_ANSWER = "no_answer"
    BUSY = "busy"
    REJECTED = "rejected"
    NOT_REGISTERED = "not_registered"
    UNKNOWN_USER = "unknown_user"
    UNREACHABLE = "unreachable"
    REDIRECTED = "redirected"
    CONGESTION = "congestion"
    LOST_RACE = "lost_race"
    CANCELLED = "cancelled"


NOT_HIS = frozenset({OfferResult.CANCELLED, OfferResult.LOST_RACE, OfferResult.CONGESTION})
"""How an offer ends that says nothing of the agent or his phone."""


class LeftReason(StrEnum):
    """Why a caller left a queue; but for `connected`, which history calls answered, the outcomes of a visit."""

    CONNECTED = "connected"
    ABANDONED = "abandoned"
    SHORT_ABANDONED = "short_abandoned"
    TIMED_OUT = "timed_out"
    OVERFLOWED = "overflowed"
    EXIT_KEY = "exit_key"
    FULL = "full"
    NO_AGENTS = "no_agents"
    CLOSED = "closed"
    MOVED = "moved"
    KICKED = "kicked"
    CALLBACK = "callback"
    SWITCH_LOST = "switch_lost"


class CallerQueued(Fact, tag="caller_queued", frozen=True, kw_only=True):
    """A caller stands in a queue; `at` is the moment he joined, which is his place. Each joining is a visit of its own.

    `position`: his place in line then, from 1, among those for whom no phone rings. `moved_from`: the visit of the same call
    that was moved here, or overflowed; `joined_at`: the place that he brought with him from there, or by
    calling again in time (0: it is `at`); `hops`: how many times he has overflowed. `asks`: what his flow asks of agents, () as
    his queue does; `bound_to`: the agent for whom alone he waits at first, until `bound_until`.

    `leaving`: he may not wait here, and this fact comes next. It is told here already, so that nobody is left waiting whose
    ccd dies between the two.
    """

    entry_id: str
    call_id: str
    leg_id: str
    queue_id: str
    priority: int = 0
    position: int = 0
    moved_from: str = ""
    joined_at: Moment = 0
    hops: int = 0
    vip: bool = False
    asks: tuple[Ask, ...] = ()
    bound_to: str = ""
    bound_until: Moment = 0
    leaving: CallerLeft | None = None


class OfferMade(Fact, tag="offer_made", frozen=True, kw_only=True):
    """An agent's phone is asked to ring for a caller, by the switch `node`, which it may never reach.

    `draws`: how many draws its queue has made (ccd.acd.matching.draws). `standing`: it is joined, on the leg that stands.
    """

    offer_id: str
    entry_id: str
    call_id: str
    queue_id: str
    agent_id: str
    leg_id: str
    contact: str
    draws: int = 0
    node: str = ""
    standing: bool = False


class OfferEnded(Fact, tag="offer_ended", frozen=True, kw_only=True):
    """An offer ended; `cause` is the switch's own word for it. `refused_until`: the agent is not asked for this caller before.

    `asked`: the phone was answered, and whoever answered it was asked to press 1.
    """

    offer_id: str
    entry_id: str
    call_id: str
    queue_id: str
    agent_id: str
    result: OfferResult
    cause: str = ""
    ring_ms: int = 0
    refused_until: Moment = 0
    asked: bool = False


class CallerConnected(Fact, tag="caller_connected", frozen=True, kw_only=True):
    """Caller and agent hear each other: the wait ends. `join_ms` of it both were held, to hear something before."""

    entry_id: str
    call_id: str
    queue_id: str
    agent_id: str
    offer_id: str
    leg_id: str
    wait_ms: int
    join_ms: int = 0


class CallerReturned(Fact, tag="caller_returned", frozen=True, kw_only=True):
    """The agent was gone before a word was said: the caller is back at the head, with the same waiting time."""

    entry_id: str
    call_id: str
    queue_id: str
    agent_id: str
    offer_id: str
    refused_until: Moment = 0


class TalkEnded(Fact, tag="talk_ended", frozen=True, kw_only=True):
    """The conversation with an agent is over."""

    entry_id: str
    call_id: str
    queue_id: str
    agent_id: str
    talk_ms: int
    ended_by: EndedBy


class CallerLeft(Fact, tag="caller_left", frozen=True, kw_only=True):
    """A caller left the queue. `to`: where an overflow sends him (ccd.acd.overflow), '' where his flow says.

    `onward`: the fact by which he stands in another queue, which comes next. It is told here already, so that nobody loses his
    place whose ccd dies between the two. `who`: the person who moved or kicked him.
    """

    entry_id: str
    call_id: str
    queue_id: str
    reason: LeftReason
    wait_ms: int
    to: str = ""
    onward: CallerQueued | None = None
    who: str = ""


class PositionAnnounced(Fact, tag="position_announced", frozen=True, kw_only=True):
    """A waiting caller was told his place in line; he is told no greater one afterwards."""

    entry_id: str
    call_id: str
    position: int


class PriorityChanged(Fact, tag="priority_changed", frozen=True, kw_only=True):
    """Somebody gave a waiting caller another priority: his place is another from now on."""

    entry_id: str
    call_id: str
    queue_id: str
    priority: int
    was: int
    who: str = ""


class QueueClosed(Fact, tag="queue_closed", frozen=True, kw_only=True):
    """Nobody is let into a queue any more. `draining`: it is to run empty, and its emptiness will be told."""

    queue_id: str
    draining: bool = False
    reason: str = ""
    who: str = ""


class QueueDrained(Fact, tag="queue_drained", frozen=True, kw_only=True):
    """The last caller of a queue that was to run empty is gone; it stays closed."""

    queue_id: str


class QueueOpened(Fact, tag="queue_opened", frozen=True, kw_only=True):
    """A queue takes callers again."""

    queue_id: str
    reason: str = ""
    who: str = ""


class AgentChanged(Fact, tag="agent_changed", frozen=True, kw_only=True):
    """An agent's whole state after a change, so that the latest one is enough to know it.

    `presence` and `activity` are as in ccd.acd.model; `cause` says what brought the change about. `offer_id`: the offer whose
    conversation he wraps up. `missed`: calls not taken in a row, by cause, of which `no_answers` is one. `next_presence` and
    `next_reason`: what he becomes after this call. `overrun_at`: since when his break is longer than its reason allows.
    `rests_until`, `gap_until`: he is offered nobody before, after a call not taken; a log-in ends the first and not the second.
    `standing`: he takes calls on a leg that stays up.
    """

    agent_id: str
    presence: str
    activity: str
    cause: str
    reason: str = ""
    session_id: str = ""
    station_id: str = ""
    presence_since: Moment = 0
    activity_since: Moment = 0
    idle_since: Moment = 0
    call_id: str = ""
    queue_id: str = ""
    no_answers: int = 0
    until: Moment = 0
    offer_id: str = ""
    missed: dict[str, int] = {}  # noqa: RUF012 -- msgspec copies it
    next_presence: str = ""
    next_reason: str = ""
    overrun_at: Moment = 0
    rests_until: Moment = 0
    gap_until: Moment = 0
    standing: bool = False


class BreakOverrun(Fact, tag="break_overrun", frozen=True, kw_only=True):
    """An agent's break lasts longer than its reason allows; told once a break."""

    agent_id: str
    reason: str
    since: Moment
    limit_ms: int


class AgentReset(Fact, tag="agent_reset", frozen=True, kw_only=True):
    """Somebody put an agent right who was stuck; `what` held him."""

    agent_id: str
    who: str = ""
    why: str = ""
    what: tuple[str, ...] = ()
