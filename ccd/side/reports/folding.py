"""The journal's facts folded plainly into visits, offers and agents' states: what the rows of SQL must agree with. Pure.

Knows nothing of the projections, on purpose: two ways to the same figures are the proof of both.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from ccd.base.clock import Moment

Fact = dict[str, Any]
KINDS = (
    "caller_queued",
    "offer_made",
    "offer_ended",
    "caller_connected",
    "caller_returned",
    "caller_left",
    "talk_ended",
    "agent_changed",
)


@dataclass(slots=True)
class Visit:
    """One joining of a queue. `outcome` is '' while it is open."""

    entry_id: str
    call_id: str = ""
    queue_id: str = ""
    joined_at: Moment | None = None
    left_at: Moment | None = None
    outcome: str = ""
    agent_id: str = ""
    offer_id: str = ""
    talk_ms: int | None = None
    join_ms: int = 0

    @property
    def is_over(self) -> bool:
        """Whether nothing is to come of it but a wrap-up."""
        return self.outcome not in ("", "answered") or self.talk_ms is not None

    @property
    def wait_ms(self) -> int:
        """How long it lasted until it was over."""
        assert self.joined_at is not None
        assert self.left_at is not None
        return max(0, self.left_at - self.joined_at) // 1000


@dataclass(slots=True)
class Offer:
    """One agent asked for one visit; `result` is '' while his phone rings, and `not_accepted` is one of its own here."""

    entry_id: str
    queue_id: str
    agent_id: str
    made_at: Moment
    result: str = ""
    answered_at: Moment | None = None
    ended_at: Moment | None = None


@dataclass(slots=True)
class State:
    """What an agent was from `at` until his next state."""

    at: Moment
    presence: str
    activity: str
    reason: str
    offer_id: str


@dataclass(slots=True)
class Folded:
    """All that the facts say; `wraps_us` by agent and offer, as soon as somebody asks."""

    visits: dict[str, Visit] = field(default_factory=dict)
    offers: dict[str, Offer] = field(default_factory=dict)
    states: dict[str, list[State]] = field(default_factory=dict)
    wraps_us: Counter[tuple[str, str]] = field(default_factory=Counter)
    facts: int = 0

    def wrap_up_ms(self, visit: Visit) -> int:
        """How long the agent who answered a visit wrapped it up."""
        if not self.wraps_us:
            for agent_id in self.states:
                for state, until in self.lasting(agent_id):
                    if state.activity == "wrap_up" and until is not None:
                        self.wraps_us[agent_id, state.offer_id] += until - state.at
        return self.wraps_us[visit.agent_id, visit.offer_id] // 1000

    def lasting(self, agent_id: str) -> Iterable[tuple[State, Moment | None]]:
        """An agent's states, each with its end; None for the one that lasts."""
        states = self.states.get(agent_id, [])
        return zip(states, [*(one.at for one in states[1:]), None], strict=True)


def fold(facts: Iterable[Fact], folded: Folded | None = None) -> Folded:
    """Facts in the order in which they were told, after those that are folded already."""
    folded = Folded() if folded is None else folded
    folded.wraps_us.clear()
    for fact in facts:
        folded.facts += 1
        if fact["kind"] == "agent_changed":
            states = folded.states.setdefault(fact["agent_id"], [])
            states.append(
                State(fact["at"], fact["presence"], fact["activity"], fact.get("reason", ""), fact.get("offer_id", ""))
            )
        elif fact["kind"] in ("offer_made", "offer_ended"):
            _offer(folded, fact)
        else:
            _visit(folded.visits.setdefault(fact["entry_id"], Visit(fact["entry_id"])), fact)
    for states in folded.states.values():
        states.sort(key=lambda state: state.at)  # of the same moment, the last told comes last
    return folded


def _offer(folded: Folded, fact: Fact) -> None:
    if fact["kind"] == "offer_made":
        folded.offers[fact["offer_id"]] = Offer(fact["entry_id"], fact["queue_id"], fact["agent_id"], fact["at"])
    elif (offer := folded.offers.get(fact["offer_id"])) and not offer.result:
        unpressed = fact["result"] == "no_answer" and fact.get("asked", False)
        offer.result, offer.ended_at = "not_accepted" if unpressed else fact["result"], fact["at"]
        lasted_ms, ring_ms = (fact["at"] - offer.made_at) // 1000, fact.get("ring_ms", 0)
        if lasted_ms > ring_ms:
            offer.answered_at = offer.made_at + ring_ms * 1000


def _visit(visit: Visit, fact: Fact) -> None:
    visit.call_id, visit.queue_id = fact["call_id"], fact["queue_id"]
    match fact["kind"]:
        case "caller_queued":
            visit.joined_at = fact["at"]
        case "caller_connected":
            visit.outcome, visit.left_at = "answered", fact["at"]
            visit.agent_id, visit.offer_id = fact["agent_id"], fact["offer_id"]
            visit.join_ms = fact.get("join_ms", 0)
        case "caller_returned":
            visit.outcome, visit.left_at, visit.agent_id, visit.offer_id = "", None, "", ""
            visit.join_ms = 0
        case "caller_left":
            visit.outcome, visit.left_at = "kicked" if fact["reason"] == "removed" else fact["reason"], fact["at"]
        case "talk_ended":
            visit.talk_ms = fact["talk_ms"]
