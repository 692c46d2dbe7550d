"""What ccd concluded about queues and agents."""

from __future__ import annotations

from enum import StrEnum

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
    """A caller stands in a queue; `at` is the moment he joined, which is his place."""

    entry_id: str
    call_id: str
    leg_id: str
    queue_id: str
    priority: int = 0


class OfferMade(Fact, tag="offer_made", frozen=True, kw_only=True):
    """An agent's phone is asked to ring for a caller. `draws`: how many draws its queue has made (ccd.acd.matching.draws)."""

    offer_id: str
    entry_id: str
    call_id: str
    queue_id: str
    agent_id: str
    leg_id: str
    contact: str
    draws: int = 0


class OfferEnded(Fact, tag="offer_ended", frozen=True, kw_only=True):
    """An offer ended; `cause` is the switch's own word for it."""

    offer_id: str
    entry_id: str
    call_id: str
    queue_id: str
    agent_id: str
    result: OfferResult
    cause: str = ""
    ring_ms: int = 0


class CallerConnected(Fact, tag="caller_connected", frozen=True, kw_only=True):
    """Caller and agent hear each other: the wait ends."""

    entry_id: str
    call_id: str
    queue_id: str
    agent_id: str
    offer_id: str
    leg_id: str
    wait_ms: int


class CallerReturned(Fact, tag="caller_returned", frozen=True, kw_only=True):
    """The agent was gone before a word was said: the caller is back at the head, with the same waiting time."""

    entry_id: str
    call_id: str
    queue_id: str
    agent_id: str
    offer_id: str


class TalkEnded(Fact, tag="talk_ended", frozen=True, kw_only=True):
    """The conversation with an agent is over."""

    entry_id: str
    call_id: str
    queue_id: str
    agent_id: str
    talk_ms: int
    ended_by: EndedBy


class CallerLeft(Fact, tag="caller_left", frozen=True, kw_only=True):
    """A caller left the queue."""

    entry_id: str
    call_id: str
    queue_id: str
    reason: LeftReason
    wait_ms: int


class AgentChanged(Fact, tag="agent_changed", frozen=True, kw_only=True):
    """An agent's whole state after a change, so that the latest one is enough to know it.

    `presence` and `activity` are as in ccd.acd.model; `cause` says what brought the change about.
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
