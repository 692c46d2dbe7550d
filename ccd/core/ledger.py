"""What a restarted core must know beyond the channels: agents, open calls, open recordings. Folded from facts; pure.

The ledger follows every fact, is saved every few seconds, and is brought up to date at start from the spool behind the save.
"""

from __future__ import annotations

from typing import Any

import msgspec

from ccd.acd.facts import (
    AgentChanged,
    CallerConnected,
    CallerLeft,
    CallerQueued,
    CallerReturned,
    OfferEnded,
    OfferMade,
    TalkEnded,
)
from ccd.base.clock import Moment
from ccd.calls.facts import CallAnswered, CallArrived, CallEnded, LegCreated, LegEnded, Role, SwitchConnected
from ccd.ivr.facts import FlowEntered, NodeEntered
from ccd.recording.facts import (
    RecordingFailed,
    RecordingMasked,
    RecordingStarted,
    RecordingStopped,
    RecordingUnmasked,
)
from ccd.routing.facts import CalendarClosed, CalendarOpened

ENDED_KEPT = 500


class OpenCall(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A call that has not ended, as far as the facts go.

    `talked_entry` is the stay that came to a conversation. `done`: the stay is over and the flow has not gone on yet, by
    this edge. `place` is the node of the flow, `values` the call's own values there. `leg_ended`: the customer's leg
    is known to have ended, and not yet the call.
    """

    call_id: str
    leg_id: str
    node: str
    caller_number: str = ""
    caller_name: str = ""
    dialled: str = ""
    arrived_at: Moment = 0
    answered_at: Moment = 0
    queued: bool = False
    connected: bool = False
    talking: bool = False
    talked: bool = False
    connected_at: Moment = 0
    entry_id: str = ""
    queue_id: str = ""
    joined_at: Moment = 0
    priority: int = 0
    talked_entry: str = ""
    done: str = ""
    flow: str = ""
    place: str = ""
    values: str = ""
    agent_id: str = ""
    agent_leg_id: str = ""
    leg_ended: bool = False
    offers: dict[str, dict[str, str]] = msgspec.field(default_factory=dict)
    legs: dict[str, str] = msgspec.field(default_factory=dict)


class OpenLeg(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A leg that has not ended, as far as the facts go."""

    node: str
    call_id: str
    role: str


class Ledger(msgspec.Struct, kw_only=True):
    """Agents by their latest fact, open calls, legs and (by call) recordings; the legs of the calls that ended last.

    `widowed` are offers whose call has ended before them. `core_uuids` tells by node which run of FreeSWITCH the legs belong to.
    `closings` are the calendars that somebody closed.
    """

    agents: dict[str, AgentChanged] = msgspec.field(default_factory=dict)
    calls: dict[str, OpenCall] = msgspec.field(default_factory=dict)
    legs: dict[str, OpenLeg] = msgspec.field(default_factory=dict)
    widowed: dict[str, dict[str, str]] = msgspec.field(default_factory=dict)
    core_uuids: dict[str, str] = msgspec.field(default_factory=dict)
    recordings: dict[str, RecordingStarted] = msgspec.field(default_factory=dict)
    masked: dict[str, int] = msgspec.field(default_factory=dict)
    closings: dict[str, CalendarClosed] = msgspec.field(default_factory=dict)
    ended: dict[str, Moment] = msgspec.field(default_factory=dict)
    latest_at: Moment = 0

    def apply(self, fact: Any) -> None:
        """Follow one fact."""
        self.latest_at = max(self.latest_at, fact.at)
        step = _STEPS.get(type(fact))
        if step is not None:
            step(self, fact)


def _arrived(ledger: Ledger, fact: CallArrived) -> None:
    ledger.calls[fact.call_id] = OpenCall(
        call_id=fact.call_id,
        leg_id=fact.leg_id,
        node=fact.node,
        caller_number=fact.caller_number,
        caller_name=fact.caller_name,
        dialled=fact.dialled,
        arrived_at=fact.at,
    )
    if leg := ledger.legs.get(fact.leg_id):  # it was created before anybody knew whose it was
        leg.call_id, leg.role = fact.call_id, Role.CUSTOMER


def _answered(ledger: Ledger, fact: CallAnswered) -> None:
    if call := ledger.calls.get(fact.call_id):
        call.answered_at = fact.at


def _ended(ledger: Ledger, fact: CallEnded) -> None:
    if call := ledger.calls.pop(fact.call_id, None):
        ledger.widowed |= {offer_id: {**offer, "call_id": call.call_id} for offer_id, offer in call.offers.items()}
    ledger.ended[fact.leg_id] = fact.at
    while len(ledger.ended) > ENDED_KEPT:
        del ledger.ended[next(iter(ledger.ended))]


def _leg_created(ledger: Ledger, fact: LegCreated) -> None:
    ledger.legs[fact.leg_id] = OpenLeg(node=fact.node, call_id=fact.call_id, role=fact.role)
    if call := ledger.calls.get(fact.call_id):
        call.legs[fact.leg_id] = fact.role


def _leg_ended(ledger: Ledger, fact: LegEnded) -> None:
    ledger.legs.pop(fact.leg_id, None)
    if call := ledger.calls.get(fact.call_id):
        call.legs.pop(fact.leg_id, None)
        call.leg_ended = call.leg_ended or fact.leg_id == call.leg_id


def _queued(ledger: Ledger, fact: CallerQueued) -> None:
    if call := ledger.calls.get(fact.call_id):
        call.queued, call.entry_id, call.queue_id, call.joined_at = True, fact.entry_id, fact.queue_id, fact.at
        call.priority, call.done = fact.priority, ""


def _offer_made(ledger: Ledger, fact: OfferMade) -> None:
    if call := ledger.calls.get(fact.call_id):
        call.offers[fact.offer_id] = {
            "leg_id": fact.leg_id,
            "agent_id": fact.agent_id,
            "entry_id": fact.entry_id,
            "queue_id": fact.queue_id,
            "contact": fact.contact,
        }


def _offer_ended(ledger: Ledger, fact: OfferEnded) -> None:
    ledger.widowed.pop(fact.offer_id, None)
    if call := ledger.calls.get(fact.call_id):
        call.offers.pop(fact.offer_id, None)


def _connected(ledger: Ledger, fact: CallerConnected) -> None:
    if call := ledger.calls.get(fact.call_id):
        call.connected = call.talking = True
        call.connected_at, call.agent_id, call.agent_leg_id = fact.at, fact.agent_id, fact.leg_id
        call.talked_entry = fact.entry_id


def _returned(ledger: Ledger, fact: CallerReturned) -> None:
    if call := ledger.calls.get(fact.call_id):
        call.connected, call.talking = call.talked, False
        call.connected_at, call.agent_id, call.agent_leg_id, call.talked_entry = 0, "", "", ""


def _talk_ended(ledger: Ledger, fact: TalkEnded) -> None:
    if call := ledger.calls.get(fact.call_id):
        call.talking, call.talked, call.done = False, True, "next"


def _left(ledger: Ledger, fact: CallerLeft) -> None:
    if call := ledger.calls.get(fact.call_id):
        call.entry_id = call.queue_id = ""
        call.done = fact.reason


def _flow_entered(ledger: Ledger, fact: FlowEntered) -> None:
    if call := ledger.calls.get(fact.call_id):
        call.flow = fact.sha256


def _node_entered(ledger: Ledger, fact: NodeEntered) -> None:
    if call := ledger.calls.get(fact.call_id):
        call.place = fact.node
        call.values = fact.values or call.values
        call.done = ""


def _switch_connected(ledger: Ledger, fact: SwitchConnected) -> None:
    ledger.core_uuids[fact.node] = fact.core_uuid


def _agent_changed(ledger: Ledger, fact: AgentChanged) -> None:
    ledger.agents[fact.agent_id] = fact


def _recording_started(ledger: Ledger, fact: RecordingStarted) -> None:
    ledger.recordings[fact.call_id] = fact


def _recording_ended(ledger: Ledger, fact: RecordingStopped | RecordingFailed) -> None:
    ledger.recordings.pop(fact.call_id, None)
    ledger.masked.pop(fact.call_id, None)


def _masked(ledger: Ledger, fact: RecordingMasked) -> None:
    ledger.masked[fact.call_id] = 1


def _unmasked(ledger: Ledger, fact: RecordingUnmasked) -> None:
    ledger.masked.pop(fact.call_id, None)


def _calendar_closed(ledger: Ledger, fact: CalendarClosed) -> None:
    ledger.closings[fact.calendar] = fact


def _calendar_opened(ledger: Ledger, fact: CalendarOpened) -> None:
    ledger.closings.pop(fact.calendar, None)


_STEPS: dict[type, Any] = {
    CallArrived: _arrived,
    CallAnswered: _answered,
    CallEnded: _ended,
    LegCreated: _leg_created,
    LegEnded: _leg_ended,
    CallerQueued: _queued,
    CallerConnected: _connected,
    CallerReturned: _returned,
    TalkEnded: _talk_ended,
    CallerLeft: _left,
    FlowEntered: _flow_entered,
    NodeEntered: _node_entered,
    SwitchConnected: _switch_connected,
    OfferMade: _offer_made,
    OfferEnded: _offer_ended,
    AgentChanged: _agent_changed,
    RecordingStarted: _recording_started,
    RecordingStopped: _recording_ended,
    RecordingFailed: _recording_ended,
    RecordingMasked: _masked,
    RecordingUnmasked: _unmasked,
    CalendarClosed: _calendar_closed,
    CalendarOpened: _calendar_opened,
}
