"""A transfer as data: what a flow orders, how far it has come, what comes of it, and what the flow hears of that. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import msgspec

from ccd.base.clock import Moment, Timer, ms_between
from ccd.ivr.facts import TransferConnected, TransferEnded, TransferResult, TransferStarted
from ccd.switch.causes import Unanswered, why_unanswered


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """Whom to call: `to` is what people call him, `number` what is dialled ('' for a station), `contact` how the switch does.

    `node` is '' for the caller's own switch.
    """

    to: str
    contact: str
    number: str = ""
    node: str = ""


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """A call that a flow wants made; `shown` is the number that the called party sees, '' for none."""

    to: str
    contact: str
    number: str
    node: str
    shown: str
    ring_ms: int


class TransferDone(msgspec.Struct, frozen=True):
    """Put into the caller's mailbox when his leg is the flow's again."""

    result: TransferResult


class Stage(StrEnum):
    """How far a transfer has come.

    `answered`: the called leg is parked and waits for the caller's own answer. `returning`: nobody is on the other side any
    more, and the caller's leg is on its way back to us. `cancelled`: the caller is gone, and the phone is to stop ringing.
    """

    RINGING = "ringing"
    ANSWERED = "answered"
    BRIDGING = "bridging"
    TALKING = "talking"
    RETURNING = "returning"
    CANCELLED = "cancelled"


@dataclass(slots=True)
class Transfer:
    """One call made for a caller. `caller_id` is his leg, `leg_id` the one that was called."""

    transfer_id: str
    call_id: str
    caller_id: str
    caller_node: str
    leg_id: str
    node: str
    to: str
    contact: str
    made_at: Moment
    stage: Stage = Stage.RINGING
    answered_at: Moment = 0
    connected_at: Moment = 0
    unheard: bool = False
    result: TransferResult | None = None
    timer: Timer | None = None


def unanswered(cause: str, protocol_cause: str, progressed_at: int, contact: str) -> TransferResult:
    """Why nobody talked. 480 says that the number is right and nobody is there now."""
    if protocol_cause == "sip:480":
        return TransferResult.NO_ANSWER
    why = why_unanswered(cause, protocol_cause, progressed_at, contact)
    return _OTHERWISE.get(why) or TransferResult(why)


_OTHERWISE = dict.fromkeys((Unanswered.CANCELLED, Unanswered.LOST_RACE), TransferResult.INTERRUPTED)


def started(transfer: Transfer) -> TransferStarted:
    """The fact that a phone is called."""
    return TransferStarted(
        at=transfer.made_at,
        transfer_id=transfer.transfer_id,
        call_id=transfer.call_id,
        leg_id=transfer.leg_id,
        node=transfer.node,
        to=transfer.to,
        contact=transfer.contact,
    )


def connected(transfer: Transfer) -> TransferConnected:
    """The fact that the two talk, since `connected_at`."""
    at = transfer.connected_at
    return TransferConnected(
        at=at,
        transfer_id=transfer.transfer_id,
        call_id=transfer.call_id,
        leg_id=transfer.leg_id,
        ring_ms=ms_between(transfer.made_at, transfer.answered_at or at),
    )


def ended(transfer: Transfer, at: Moment, result: TransferResult, cause: str) -> TransferEnded:
    """The fact that closes a transfer."""
    rang_until = transfer.answered_at or transfer.connected_at or at
    return TransferEnded(
        at=at,
        transfer_id=transfer.transfer_id,
        call_id=transfer.call_id,
        leg_id=transfer.leg_id,
        to=transfer.to,
        result=result,
        cause=cause,
        ring_ms=ms_between(transfer.made_at, rang_until),
        talk_ms=ms_between(transfer.connected_at, at) if transfer.connected_at else 0,
    )
