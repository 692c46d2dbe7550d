"""What a restarted core must know beyond the channels: agents, open calls, open recordings. Folded from facts; pure.

The ledger follows every fact, is saved every few seconds, and is brought up to date at start from the spool behind the save.
"""

from __future__ import annotations

from typing import Any

import msgspec

from ccd.acd.facts import (
    NOT_HIS,
    AgentChanged,
    CallerConnected,
    CallerLeft,
    CallerQueued,
    CallerReturned,
    LeftReason,
    OfferEnded,
    OfferMade,
    OfferResult,
    PositionAnnounced,
    PriorityChanged,
    QueueClosed,
    TalkEnded,
)
from ccd.acd.model import Presence
from ccd.acd.overflow import target_of
from ccd.acd.remembered import Remembered
from ccd.acd.resuming import LeftPlaces
from ccd.base.clock import Moment
from ccd.calls.facts import CallAnswered, CallArrived, CallEnded, LegCreated, LegEnded, Role, SwitchConnected
from ccd.core.ledger_doors import DOORS
from ccd.core.open_calls import OpenCall, OpenLeg, OpenTransfer
from ccd.ivr.facts import FlowEntered, NodeEntered, TransferConnected, TransferEnded, TransferStarted
from ccd.recording.facts import (
    RecordingAsked,
    RecordingConsent,
    RecordingFailed,
    RecordingMaskAsked,
    RecordingMasked,
    RecordingStarted,
    RecordingStopped,
    RecordingUnmasked,
)
from ccd.recording.masks import AGENT, KeptMask
from ccd.routing.facts import CalendarClosed, CallRouted, RouteClosed
from ccd.screening.facts import CallScreened
from ccd.screening.model import BLOCKS
from ccd.voicemail.facts import VoicemailDiscarded, VoicemailFailed, VoicemailLeft, VoicemailStarted

ENDED_KEPT = 500
NONE_WAIT = "[]"
_LEAVES_BY = {LeftReason.KICKED: "overflowed", LeftReason.MOVED: ""}
"""By which edge a flow goes on whose caller left so, where that is not the reason's word. Moved: he joins again."""


class Ledger(msgspec.Struct, kw_only=True):
    """Agents by their latest fact, open calls, legs and (by call) recordings; the legs of the calls that ended last.

    `widowed` are offers whose call has ended before them. `core_uuids` tells by node which run of FreeSWITCH the legs belong to.
    `closings` are the calendars that somebody closed, `route_closings` the routes, `queue_closings` the queues,
    `voicemails` by call the messages that are being spoken, `remembered` what strategies know of agents,
    `left_places` who hung up while he waited.
    """

    agents: dict[str, AgentChanged] = msgspec.field(default_factory=dict)
    calls: dict[str, OpenCall] = msgspec.field(default_factory=dict)
    legs: dict[str, OpenLeg] = msgspec.field(default_factory=dict)
    widowed: dict[str, dict[str, str]] = msgspec.field(default_factory=dict)
    core_uuids: dict[str, str] = msgspec.field(default_factory=dict)
    recordings: dict[str, RecordingStarted] = msgspec.field(default_factory=dict)
    masked: dict[str, dict[str, KeptMask] | int] = msgspec.field(default_factory=dict)
    closings: dict[str, CalendarClosed] = msgspec.field(default_factory=dict)
    route_closings: dict[str, RouteClosed] = msgspec.field(default_factory=dict)
    queue_closings: dict[str, QueueClosed] = msgspec.field(default_factory=dict)
    voicemails: dict[str, VoicemailStarted] = msgspec.field(default_factory=dict)
    ended: dict[str, Moment] = msgspec.field(default_factory=dict)
    remembered: Remembered = msgspec.field(default_factory=Remembered)
    left_places: LeftPlaces = msgspec.field(default_factory=LeftPlaces)
    latest_at: Moment = 0

    def masks_of(self, call_id: str) -> dict[str, KeptMask]:
        """Why the recording of a call is silent; a ledger of before there were reasons says 1 of a masked one."""
        kept = self.masked.get(call_id, {})
        return {AGENT: KeptMask()} if isinstance(kept, int) else kept

    def apply(self, fact: Any) -> None:
        """Follow one fact."""
        self.latest_at = max(self.latest_at, fact.at)
        self.remembered.apply(fact)
        self.left_places.apply(fact)
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
        trunk=fact.trunk,
        dialled_e164=fact.dialled_e164,
        arrived_at=fact.at,
    )
    if leg := ledger.legs.get(fact.leg_id):  # it was created before anybody knew whose it was
        leg.call_id, leg.role = fact.call_id, Role.CUSTOMER


def _screened(ledger: Ledger, fact: CallScreened) -> None:
    if call := ledger.calls.get(fact.call_id):
        call.caller_class, call.class_reason = fact.caller_class, fact.reason
        call.blocked = fact.action in BLOCKS


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
        call.queued, call.entry_id, call.queue_id = True, fact.entry_id, fact.queue_id
        call.joined_at = fact.joined_at or fact.at
        call.priority, call.done = fact.priority, ""
        call.vip, call.asks = fact.vip, fact.asks
        call.bound_to, call.bound_until = fact.bound_to, fact.bound_until
        call.entered_at, call.hops, call.sent_to, call.onward = fact.at, fact.hops, "", None
        call.leaving = fact.leaving
        call.nobody_said_no()
        call.announced = call.announced if fact.moved_from else 0


def _priority_changed(ledger: Ledger, fact: PriorityChanged) -> None:
    call = ledger.calls.get(fact.call_id)
    if call is not None and call.entry_id == fact.entry_id:
        call.priority = fact.priority


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
        if call.entry_id == fact.entry_id and fact.result not in NOT_HIS | {OfferResult.ACCEPTED}:
            call.not_taken(fact.agent_id, fact.refused_until)


def _connected(ledger: Ledger, fact: CallerConnected) -> None:
    if call := ledger.calls.get(fact.call_id):
        call.connected = call.talking = True
        call.connected_at, call.agent_id, call.agent_leg_id = fact.at, fact.agent_id, fact.leg_id
        call.talked_entry, call.talk_offer = fact.entry_id, fact.offer_id
        call.nobody_said_no()


def _returned(ledger: Ledger, fact: CallerReturned) -> None:
    if call := ledger.calls.get(fact.call_id):
        if call.talking:
            call.not_taken(fact.agent_id, fact.refused_until)
        call.connected, call.talking = call.talked, False
        call.connected_at, call.agent_id, call.agent_leg_id, call.talked_entry = 0, "", "", ""


def _talk_ended(ledger: Ledger, fact: TalkEnded) -> None:
    if call := ledger.calls.get(fact.call_id):
        call.talking, call.talked, call.done = False, True, "next"


def _left(ledger: Ledger, fact: CallerLeft) -> None:
    if call := ledger.calls.get(fact.call_id):
        call.entry_id = call.queue_id = ""
        call.done = _LEAVES_BY.get(fact.reason, fact.reason)
        call.sent_to, call.onward, call.leaving = fact.to, fact.onward, None
        if target_of(fact.to)[0] == "queue":
            call.done = call.sent_to = ""  # he joins again, by his next fact


def _position_announced(ledger: Ledger, fact: PositionAnnounced) -> None:
    if call := ledger.calls.get(fact.call_id):
        call.announced = fact.position


def _flow_entered(ledger: Ledger, fact: FlowEntered) -> None:
    """A flow that is gone on with is known already, and the call may stand in a sub-flow of it."""
    call = ledger.calls.get(fact.call_id)
    if call is not None and not fact.resumed:
        call.flow, call.place, call.stack = fact.sha256, "", ""


def _node_entered(ledger: Ledger, fact: NodeEntered) -> None:
    if call := ledger.calls.get(fact.call_id):
        call.place = fact.node
        call.flow = fact.sha256 or call.flow
        if fact.stack:
            call.stack = "" if fact.stack == NONE_WAIT else fact.stack
        call.values = fact.values or call.values
        call.done = call.transfer_result = call.sent_to = ""


def _switch_connected(ledger: Ledger, fact: SwitchConnected) -> None:
    ledger.core_uuids[fact.node] = fact.core_uuid


def _agent_changed(ledger: Ledger, fact: AgentChanged) -> None:
    ledger.agents[fact.agent_id] = fact
    if fact.presence != Presence.AVAILABLE:
        for call in ledger.calls.values():  # whoever waited for him alone is anybody's
            if call.bound_to == fact.agent_id:
                call.bound_to = ""


def _recording_started(ledger: Ledger, fact: RecordingStarted) -> None:
    ledger.recordings[fact.call_id] = fact
    if call := ledger.calls.get(fact.call_id):
        call.recording_asked = fact.from_point


def _recording_asked(ledger: Ledger, fact: RecordingAsked) -> None:
    if call := ledger.calls.get(fact.call_id):
        call.recording_asked = fact.from_point


def _recording_consent(ledger: Ledger, fact: RecordingConsent) -> None:
    if call := ledger.calls.get(fact.call_id):
        call.recording_consent = fact.consent


def _recording_ended(ledger: Ledger, fact: RecordingStopped | RecordingFailed) -> None:
    ledger.recordings.pop(fact.call_id, None)
    ledger.masked.pop(fact.call_id, None)
    if call := ledger.calls.get(fact.call_id):
        call.recording_over = True


def _masked(ledger: Ledger, fact: RecordingMasked) -> None:
    kept = KeptMask(from_ms=fact.offset_ms, until=fact.until)
    ledger.masked[fact.call_id] = {**ledger.masks_of(fact.call_id), fact.reason: kept}


def _mask_asked(ledger: Ledger, fact: RecordingMaskAsked) -> None:
    if call := ledger.calls.get(fact.call_id):
        call.flow_masked = fact.masked


def _unmasked(ledger: Ledger, fact: RecordingUnmasked) -> None:
    left = {reason: kept for reason, kept in ledger.masks_of(fact.call_id).items() if reason != fact.reason}
    if left:
        ledger.masked[fact.call_id] = left
    else:
        ledger.masked.pop(fact.call_id, None)


def _routed(ledger: Ledger, fact: CallRouted) -> None:
    if call := ledger.calls.get(fact.call_id):
        call.repeat_calls, call.last_agent, call.routed_as = fact.repeat_calls, fact.last_agent, fact.caller_class


def _transfer_started(ledger: Ledger, fact: TransferStarted) -> None:
    if call := ledger.calls.get(fact.call_id):
        call.transfer = OpenTransfer(
            transfer_id=fact.transfer_id,
            leg_id=fact.leg_id,
            node=fact.node,
            to=fact.to,
            contact=fact.contact,
            made_at=fact.at,
        )


def _transfer_connected(ledger: Ledger, fact: TransferConnected) -> None:
    if call := ledger.calls.get(fact.call_id):
        call.transferred = True
        if call.transfer is not None:
            call.transfer.connected_at = fact.at


def _transfer_ended(ledger: Ledger, fact: TransferEnded) -> None:
    """Which edge that means, the node says that the flow goes on from; see `ccd.core.transfers`."""
    if call := ledger.calls.get(fact.call_id):
        call.transfer, call.transfer_result = None, fact.result


def _voicemail_started(ledger: Ledger, fact: VoicemailStarted) -> None:
    ledger.voicemails[fact.call_id] = fact


def _voicemail_left(ledger: Ledger, fact: VoicemailLeft) -> None:
    _voicemail_over(ledger, fact.call_id, "next")
    if call := ledger.calls.get(fact.call_id):
        call.voicemail = True


def _voicemail_over(ledger: Ledger, call_id: str, edge: str) -> None:
    """The flow goes on by this edge, and does not ask for another message after a restart."""
    ledger.voicemails.pop(call_id, None)
    if call := ledger.calls.get(call_id):
        call.done = edge


_STEPS: dict[type, Any] = DOORS | {
    CallArrived: _arrived,
    CallScreened: _screened,
    CallAnswered: _answered,
    CallEnded: _ended,
    LegCreated: _leg_created,
    LegEnded: _leg_ended,
    CallerQueued: _queued,
    PriorityChanged: _priority_changed,
    CallerConnected: _connected,
    CallerReturned: _returned,
    TalkEnded: _talk_ended,
    CallerLeft: _left,
    PositionAnnounced: _position_announced,
    FlowEntered: _flow_entered,
    NodeEntered: _node_entered,
    TransferStarted: _transfer_started,
    TransferConnected: _transfer_connected,
    TransferEnded: _transfer_ended,
    SwitchConnected: _switch_connected,
    OfferMade: _offer_made,
    OfferEnded: _offer_ended,
    AgentChanged: _agent_changed,
    RecordingStarted: _recording_started,
    RecordingStopped: _recording_ended,
    RecordingFailed: _recording_ended,
    RecordingMasked: _masked,
    RecordingUnmasked: _unmasked,
    RecordingAsked: _recording_asked,
    RecordingConsent: _recording_consent,
    RecordingMaskAsked: _mask_asked,
    CallRouted: _routed,
    VoicemailStarted: _voicemail_started,
    VoicemailLeft: _voicemail_left,
    VoicemailDiscarded: lambda ledger, fact: _voicemail_over(ledger, fact.call_id, "empty"),
    VoicemailFailed: lambda ledger, fact: _voicemail_over(ledger, fact.call_id, "failed"),
}
