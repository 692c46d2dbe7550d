"""Calls, legs and transfers that have not ended, as the ledger keeps them: data only."""

from __future__ import annotations

import msgspec

from ccd.acd.facts import CallerLeft, CallerQueued
from ccd.acd.matching.stages import Ask
from ccd.base.clock import Moment


class OpenTransfer(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A transfer that has not ended, as far as the facts go."""

    transfer_id: str
    leg_id: str
    node: str
    to: str
    contact: str
    made_at: Moment
    connected_at: Moment = 0


class OpenCall(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A call that has not ended, as far as the facts go.

    `talked_entry` is the stay that came to a conversation, `talk_offer` the offer that did. `done`: the stay is over and the
    flow has not gone on yet, by this edge. `place` is the node of the flow, `values` the call's own values there.
    `leg_ended`: the customer's leg is known to have ended, and not yet the call. `voicemail`: a message was left.
    `entered_at`, `hops` and `announced` are as in ccd.acd.callers; `sent_to`: the stay is over by an overflow to there.
    `refused`, `tried`: the agents who did not take him in this stay, as in ccd.acd.callers.
    `onward`: he left for another queue, and the fact by which he stands there has not been told yet. `leaving`: he came to a
    queue in which he may not wait, and the fact by which he leaves it has not been told yet.
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
    entered_at: Moment = 0
    hops: int = 0
    announced: int = 0
    sent_to: str = ""
    onward: CallerQueued | None = None
    leaving: CallerLeft | None = None
    priority: int = 0
    vip: bool = False
    asks: tuple[Ask, ...] = ()
    bound_to: str = ""
    bound_until: Moment = 0
    talked_entry: str = ""
    talk_offer: str = ""
    done: str = ""
    flow: str = ""
    place: str = ""
    values: str = ""
    stack: str = ""
    transfer: OpenTransfer | None = None
    transfer_result: str = ""
    transferred: bool = False
    agent_id: str = ""
    agent_leg_id: str = ""
    trunk: str = ""
    dialled_e164: str = ""
    repeat_calls: int = 0
    last_agent: str = ""
    routed_as: str | None = None
    leg_ended: bool = False
    voicemail: bool = False
    caller_class: str = ""
    class_reason: str = ""
    blocked: bool = False
    recording_asked: str = ""
    recording_consent: str = ""
    recording_over: bool = False
    flow_masked: bool = False
    refused: dict[str, Moment] = msgspec.field(default_factory=dict)
    tried: set[str] = msgspec.field(default_factory=set)
    offers: dict[str, dict[str, str]] = msgspec.field(default_factory=dict)
    legs: dict[str, str] = msgspec.field(default_factory=dict)

    @property
    def waits_since(self) -> Moment:
        """When this stay began; a ledger of before there were moves knows only when the caller joined."""
        return self.entered_at or self.joined_at

    def not_taken(self, agent_id: str, refused_until: Moment) -> None:
        """An agent did not take this caller; nobody waits any longer for him alone."""
        self.tried.add(agent_id)
        if refused_until:
            self.refused[agent_id] = refused_until
        if self.bound_to == agent_id:
            self.bound_to = ""

    def nobody_said_no(self) -> None:
        """A new stay, or somebody has taken him."""
        self.refused, self.tried = {}, set()


class OpenLeg(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A leg that has not ended, as far as the facts go."""

    node: str
    call_id: str
    role: str
