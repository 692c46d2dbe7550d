"""Transfers that a restarted core finds: a talk goes on, who has just answered is joined, a phone that rings stops.

What the ledger knows of a transfer counts, and what the switch did since then stands in its channels and records.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ccd.base.clock import Clock, Moment, ms_between
from ccd.base.ids import new_id
from ccd.calls.model import Leg
from ccd.calls.onchannel import Place
from ccd.core.ledger import Ledger
from ccd.core.node import Node
from ccd.core.open_calls import OpenCall, OpenTransfer
from ccd.ivr.dialling import Dialling
from ccd.ivr.facts import TransferConnected, TransferEnded, TransferResult
from ccd.ivr.flow import Flow
from ccd.ivr.nodes.transfer import Transfer as TransferNode
from ccd.ivr.transfers import Stage, Transfer, unanswered
from ccd.switch.cdr import Ending, read_ending
from ccd.switch.commands import Hangup
from ccd.switch.found import Found


@dataclass(frozen=True, slots=True)
class Standing:
    """How a caller's transfer stands: `result` when it is over, '' when there is none or it goes on."""

    result: str = ""
    goes_on: bool = False

    def edge(self, flow: Flow, place: str) -> str:
        """The edge by which the flow goes on, '' for none: the call is at its node's beginning, or in its midst."""
        node = flow.nodes.get(place)
        known = self.result and self.result != TransferResult.INTERRUPTED
        return node.leaves_by(self.result) if known and isinstance(node, TransferNode) else ""


class Transfers:
    """The part of a recovery that knows transfers."""

    def __init__(
        self,
        *,
        clock: Clock,
        dialling: Dialling,
        leg: Callable[[str], Leg | None],
        ledger: Ledger,
        publish: Callable[[Any], None],
        cdr_path: str,
    ) -> None:
        self._clock = clock
        self._dialling = dialling
        self._leg = leg
        self._ledger = ledger
        self._publish = publish
        self._cdr_path = cdr_path

    def find(self, node: Node, found: Found, place: Place, called: Mapping[str, Found]) -> Standing:
        """Take up a caller's transfer, with `called`, the legs that transfers have called."""
        past = self._ledger.calls.get(place.call_id)
        known = past.transfer if past is not None else None
        other = called.get(known.leg_id if known is not None else found.bridged_to)
        if other is None:
            if past is not None and known is not None:
                self.close(past, 0)
            return Standing(past.transfer_result if past is not None else "")
        if other.leg_id == found.bridged_to or other.bridged_to == found.leg_id:
            self._take_up_talk(node, found, other, known, place)
        elif other.answered_at and known is not None:
            self._join(found, other, known, place)
        else:
            node.switch.tell(Hangup(leg_id=other.leg_id, cause="ORIGINATOR_CANCEL"))
            if known is not None:
                self._over(known, place.call_id, TransferResult.INTERRUPTED, self._clock.now())
            return Standing()
        return Standing(goes_on=True)

    def end_orphans(self, node: Node, called: Mapping[str, Found]) -> None:
        """Legs that were called for somebody who is gone."""
        for found in called.values():
            if not found.bridged_to and not self._dialling.knows(found.leg_id):
                node.switch.tell(Hangup(leg_id=found.leg_id, cause="ORIGINATOR_CANCEL"))

    def _transfer(self, found: Found, other: Found, known: OpenTransfer | None, place: Place, stage: Stage) -> Transfer:
        leg = self._leg(other.leg_id)
        here = self._leg(found.leg_id)
        return Transfer(
            transfer_id=known.transfer_id if known is not None else new_id(),
            call_id=place.call_id,
            caller_id=found.leg_id,
            caller_node=here.node if here is not None else "",
            leg_id=other.leg_id,
            node=leg.node if leg is not None else "",
            to=known.to if known is not None else other.dialled,
            contact=known.contact if known is not None else other.name,
            made_at=known.made_at if known is not None else other.created_at,
            stage=stage,
            answered_at=other.answered_at,
            connected_at=known.connected_at if known is not None else 0,
        )

    def _take_up_talk(self, node: Node, found: Found, other: Found, known: OpenTransfer | None, place: Place) -> None:
        connected = known is not None and known.connected_at
        transfer = self._transfer(found, other, known, place, Stage.TALKING if connected else Stage.BRIDGING)
        self._dialling.adopt(transfer)
        if connected:
            node.guards.drop(found.leg_id)  # ccd may have died before it did so
        else:
            self._dialling.connected(transfer, other.bridged_at or self._clock.now())

    def _join(self, found: Found, other: Found, known: OpenTransfer, place: Place) -> None:
        transfer = self._transfer(found, other, known, place, Stage.RINGING)
        self._dialling.adopt(transfer)
        if other.parked:
            self._dialling.join(transfer)

    # --- what ended unseen -------------------------------------------------------------------------

    def close(self, past: OpenCall, at: Moment) -> None:
        """The leg that was called is gone, or its caller is: the switch may have written down what came of it."""
        if (known := past.transfer) is None:
            return
        ending = read_ending(self._cdr_path, known.leg_id)
        over_at = ending.ended_at if ending else at or self._clock.now()
        if ending is not None and ending.bridged_at and not known.connected_at:
            self._publish(
                TransferConnected(
                    at=ending.bridged_at,
                    transfer_id=known.transfer_id,
                    call_id=past.call_id,
                    leg_id=known.leg_id,
                    ring_ms=ms_between(known.made_at, ending.answered_at or ending.bridged_at),
                )
            )
            known = past.transfer or known
        self._over(known, past.call_id, _result(known, ending), over_at, ending)

    def _over(
        self, known: OpenTransfer, call_id: str, result: TransferResult, at: Moment, ending: Ending | None = None
    ) -> None:
        rang_until = (ending.answered_at if ending else 0) or known.connected_at or at
        self._publish(
            TransferEnded(
                at=at,
                transfer_id=known.transfer_id,
                call_id=call_id,
                leg_id=known.leg_id,
                to=known.to,
                result=result,
                cause=ending.cause if ending else "",
                ring_ms=ms_between(known.made_at, rang_until),
                talk_ms=ms_between(known.connected_at, at) if known.connected_at else 0,
            )
        )


def _result(known: OpenTransfer, ending: Ending | None) -> TransferResult:
    if known.connected_at:
        return TransferResult.ANSWERED
    if ending is None:
        return TransferResult.INTERRUPTED
    progressed = ending.progressed_at or ending.answered_at
    return unanswered(ending.cause, ending.protocol_cause, progressed, known.contact)
