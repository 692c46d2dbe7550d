"""Calls somebody for a flow's caller and joins the two. Every transfer has an owner and a deadline.

The flow waits in its own greenlet (`ccd.ivr.transferring`); what happens to the two legs comes here as facts, so that nothing
is missed while a restarted ccd takes a transfer up. A leg is ordered, and ends, as an agent's does (`ccd.acd.offers`).
"""

from __future__ import annotations

import uuid
from collections.abc import Callable

import structlog

from ccd.base.clock import Moment
from ccd.base.errors import SwitchError, SwitchRefused
from ccd.base.ids import new_id
from ccd.calls import onchannel
from ccd.calls.facts import CallToFallback, LegAnswered, LegEnded, LegParked, LegsBridged, Role
from ccd.calls.model import Call, Leg
from ccd.ivr.dial_ports import DialPorts
from ccd.ivr.facts import TransferEnded, TransferResult
from ccd.ivr.transfers import Order, Stage, Transfer, TransferDone, connected, ended, started, unanswered
from ccd.switch.commands import Answer, Bridge, Hangup, Originate

log = structlog.get_logger(__name__)

GRACE_S = 3.0
BRIDGE_DEADLINE_S = 5.0
BACK_S = 1.0


class Dialling:
    """All transfers that are not over, by the leg that was called and by the caller's."""

    def __init__(self, ports: DialPorts) -> None:
        self._ports = ports
        self._by_leg: dict[str, Transfer] = {}
        self._by_caller: dict[str, Transfer] = {}

    def of_caller(self, leg_id: str) -> Transfer | None:
        """The transfer of a caller's leg that is not over."""
        return self._by_caller.get(leg_id)

    def knows(self, leg_id: str) -> bool:
        """Whether a leg is the called side of a transfer that is not over."""
        return leg_id in self._by_leg

    # --- making -----------------------------------------------------------------------------------

    def begin(self, call: Call, caller: Leg, order: Order) -> None:
        """Ring whom `order` names; a transfer that the caller has already is gone on with."""
        if caller.leg_id in self._by_caller:
            return
        transfer = Transfer(
            transfer_id=new_id(),
            call_id=call.call_id,
            caller_id=caller.leg_id,
            caller_node=caller.node,
            leg_id=str(uuid.uuid4()),
            node=order.node or caller.node,
            to=order.to,
            contact=order.contact,
            made_at=self._ports.clock.now(),
        )
        self._ports.publish(started(transfer))
        self._by_leg[transfer.leg_id] = self._by_caller[transfer.caller_id] = transfer
        self._ring(transfer, order)

    def refuse(self, call: Call, to: str, result: TransferResult) -> None:
        """History knows of calls that a flow was not let make."""
        now = self._ports.clock.now()
        self._ports.publish(
            TransferEnded(at=now, transfer_id=new_id(), call_id=call.call_id, leg_id="", to=to, result=result)
        )

    def _ring(self, transfer: Transfer, order: Order) -> None:
        self._ports.order_leg(
            Leg(
                leg_id=transfer.leg_id,
                node=transfer.node,
                role=Role.TRANSFER,
                call_id=transfer.call_id,
                number=order.number,
            )
        )
        switch = self._ports.switch_of(transfer.node)
        ring_s = max(1, -(-order.ring_ms // 1000))
        switch.await_begin()
        switch.tell(
            Originate(
                leg_id=transfer.leg_id,
                contact=order.contact,
                caller_number=order.shown,
                caller_name=order.shown.strip("+*#"),
                timeout_s=ring_s + 1,  # the switch counts whole seconds of the clock: up to one less than asked
                variables=onchannel.variables(call_id=transfer.call_id, role=Role.TRANSFER.value),
            ),
            on_done=lambda error: self._ordered(transfer, error),
        )
        transfer.timer = self._ports.clock.call_later(ring_s + GRACE_S, lambda: self._overdue(transfer))

    def _ordered(self, transfer: Transfer, error: SwitchError | None) -> None:
        """Refused: taken back in the loop's next turn. A lost connection says nothing: the reconciliation finds out."""
        if isinstance(error, SwitchRefused):
            self._ports.clock.call_later(0.0, lambda: self._not_ringing(transfer))

    def _not_ringing(self, transfer: Transfer) -> None:
        if transfer.leg_id in self._by_leg:
            self._ports.lose_leg(transfer.leg_id, "SWITCH_CONGESTION")

    def _overdue(self, transfer: Transfer) -> None:
        """No word came of the other side: end its leg, and do not wait for the switch to agree."""
        if transfer.leg_id not in self._by_leg:
            return
        if not self._ports.node_is_up(transfer.node):
            transfer.unheard = True  # the socket is away: the reconciliation will say what came of it
            self._restart_timer(transfer, GRACE_S, self._overdue)
            return
        log.warning("transfer_overdue", call_id=transfer.call_id, stage=str(transfer.stage))
        self._ports.switch_of(transfer.node).tell(Hangup(leg_id=transfer.leg_id, cause="ORIGINATOR_CANCEL"))
        self._ports.lose_leg(transfer.leg_id, "SWITCH_CONGESTION" if transfer.unheard else "NO_ANSWER")

    # --- answered, bridged ------------------------------------------------------------------------

    def on_answered(self, fact: LegAnswered) -> None:
        """The called side picked up: a caller who has not been answered yet is answered now. Or just that has been done."""
        if (transfer := self._by_leg.get(fact.leg_id)) is not None:
            transfer.answered_at = fact.at
            if transfer.stage is Stage.RINGING:
                self._answer(transfer)
        elif (transfer := self._by_caller.get(fact.leg_id)) is not None and transfer.stage is Stage.ANSWERED:
            self._bridge(transfer)

    def on_parked(self, fact: LegParked) -> None:
        """A leg may be driven: one that was called is joined, a caller who came back goes on in his flow."""
        if (transfer := self._by_leg.get(fact.leg_id)) is not None:
            if transfer.stage is Stage.RINGING:
                self.join(transfer)
        elif (transfer := self._by_caller.get(fact.leg_id)) is not None:
            if transfer.stage is Stage.RETURNING:
                self._done(transfer)
            elif transfer.stage is Stage.BRIDGING:
                transfer.stage = Stage.ANSWERED  # a bridge that came to nothing put him back
            elif transfer.stage is Stage.TALKING:
                self._restart_timer(transfer, GRACE_S, self._left_over)

    def join(self, transfer: Transfer) -> None:
        """Bridge the parked leg, as soon as the caller is answered: `uuid_bridge` would end an unanswered leg."""
        transfer.stage = Stage.ANSWERED
        self._restart_timer(transfer, BRIDGE_DEADLINE_S, self._overdue)
        caller = self._ports.leg(transfer.caller_id)
        if caller is None or caller.answered_at:
            self._bridge(transfer)
        else:
            self._answer(transfer)

    def _answer(self, transfer: Transfer) -> None:
        caller = self._ports.leg(transfer.caller_id)
        if caller is not None and not caller.answered_at:
            self._ports.switch_of(transfer.caller_node).tell(Answer(leg_id=transfer.caller_id))

    def _bridge(self, transfer: Transfer) -> None:
        transfer.stage = Stage.BRIDGING
        self._restart_timer(transfer, BRIDGE_DEADLINE_S, self._overdue)
        self._ports.switch_of(transfer.caller_node).tell(
            Bridge(leg_id=transfer.caller_id, other_id=transfer.leg_id),
            on_done=lambda error: self._not_bridged(transfer, error),
        )

    def _not_bridged(self, transfer: Transfer, error: SwitchError | None) -> None:
        if isinstance(error, SwitchRefused) and transfer.stage is Stage.BRIDGING:
            log.warning("bridge_refused", call_id=transfer.call_id, reason=str(error))
            transfer.stage = Stage.ANSWERED  # the caller's leg was not touched
            self._ports.switch_of(transfer.node).tell(Hangup(leg_id=transfer.leg_id, cause="SWITCH_CONGESTION"))

    def bridge_again(self, leg_id: str) -> None:
        """A reconciliation found the called leg parked: an order to bridge it went down with the connection."""
        transfer = self._by_leg.get(leg_id)
        if transfer is not None and transfer.stage is Stage.BRIDGING:
            self._bridge(transfer)

    def on_bridged(self, fact: LegsBridged) -> None:
        """Caller and called party hear each other."""
        transfer = self._by_leg.get(fact.leg_id) or self._by_leg.get(fact.other_id)
        both = {fact.leg_id, fact.other_id}
        if transfer is not None and transfer.caller_id in both and transfer.stage is not Stage.TALKING:
            self.connected(transfer, fact.at)

    def connected(self, transfer: Transfer, at: Moment) -> None:
        """The two talk."""
        transfer.stage, transfer.connected_at = Stage.TALKING, at
        self._stop_timer(transfer)
        self._ports.switch_of(transfer.node).await_end()
        self._ports.publish(connected(transfer))
        self._ports.drop_lease(transfer.caller_node, transfer.caller_id)

    # --- endings ----------------------------------------------------------------------------------

    def on_leg_ended(self, fact: LegEnded) -> None:
        """The called leg is gone, or the caller's."""
        if (transfer := self._by_leg.get(fact.leg_id)) is not None:
            self._leg_gone(transfer, fact)
        elif (transfer := self._by_caller.get(fact.leg_id)) is not None:
            self._caller_gone(transfer, fact.at, fact.cause)

    def _leg_gone(self, transfer: Transfer, fact: LegEnded) -> None:
        del self._by_leg[transfer.leg_id]
        self._stop_timer(transfer)
        talked = transfer.stage is Stage.TALKING
        if not talked:
            self._ports.switch_of(transfer.node).await_end()
        if transfer.result is not None:
            return  # it was over with the caller
        why = unanswered(fact.cause, fact.protocol_cause, fact.progressed_at, transfer.contact)
        self._over(transfer, fact.at, TransferResult.ANSWERED if talked else why, fact.cause)
        caller = self._ports.leg(transfer.caller_id)
        if caller is None:
            self._by_caller.pop(transfer.caller_id, None)
        elif transfer.stage is Stage.BRIDGING:  # his leg is on its way into a bridge that will not be, or was not moved
            transfer.stage = Stage.RETURNING
            self._restart_timer(transfer, BACK_S, self._back)
        elif talked and not (caller.parked and not caller.bridged_to):
            transfer.stage = Stage.RETURNING
            self._restart_timer(transfer, GRACE_S, self._back)
        else:
            self._done(transfer)

    def _back(self, transfer: Transfer) -> None:
        """No word came that the caller's leg is ours again: it is, unless he talks with somebody else, or nobody could say so."""
        caller = self._ports.leg(transfer.caller_id)
        if caller is not None and (caller.bridged_to or not self._ports.node_is_up(transfer.caller_node)):
            self._restart_timer(transfer, GRACE_S, self._back)
            return
        if transfer.connected_at:
            log.warning("caller_not_back", call_id=transfer.call_id, leg_id=transfer.caller_id)
        self._done(transfer)

    def _over(self, transfer: Transfer, at: Moment, result: TransferResult, cause: str) -> None:
        """What came of it is known, whatever the legs still do."""
        transfer.result = result
        self._ports.publish(ended(transfer, at, result, cause))

    def _caller_gone(self, transfer: Transfer, at: Moment, cause: str) -> None:
        """His leg ended: a phone that rings stops ringing; the switch itself ends the other side of a bridge."""
        del self._by_caller[transfer.caller_id]
        if transfer.leg_id not in self._by_leg:
            self._stop_timer(transfer)
        elif transfer.stage is Stage.TALKING:
            self._over(transfer, at, TransferResult.ANSWERED, cause)
            self._restart_timer(transfer, GRACE_S, self._left_over)
        else:
            transfer.stage = Stage.CANCELLED
            self._over(transfer, at, TransferResult.CALLER_GONE, cause)
            self._restart_timer(transfer, GRACE_S, self._overdue)
            self._ports.switch_of(transfer.node).tell(Hangup(leg_id=transfer.leg_id, cause="ORIGINATOR_CANCEL"))

    def on_fallback(self, fact: CallToFallback) -> None:
        """The flow broke, and the site's fallback has its caller: nobody is joined to him there."""
        if (transfer := self._by_caller.get(fact.leg_id)) is not None:
            self._caller_gone(transfer, fact.at, "")

    def _left_over(self, transfer: Transfer) -> None:
        """The other side of a bridge that is no more: the switch can forget it (CS_RESET)."""
        if transfer.leg_id in self._by_leg:
            log.warning("transfer_leg_left_over", leg_id=transfer.leg_id, call_id=transfer.call_id)
            self._ports.switch_of(transfer.node).tell(Hangup(leg_id=transfer.leg_id))
            self._ports.lose_leg(transfer.leg_id, "LOST")

    def _done(self, transfer: Transfer) -> None:
        """The caller's leg is the flow's again."""
        self._stop_timer(transfer)
        self._by_caller.pop(transfer.caller_id, None)
        caller = self._ports.leg(transfer.caller_id)
        if caller is None or transfer.result is None:
            return
        if transfer.connected_at:
            self._ports.hold_lease(transfer.caller_node, transfer.caller_id)
        if caller.mailbox is not None:
            caller.mailbox.put(TransferDone(transfer.result))

    # --- a restart --------------------------------------------------------------------------------

    def adopt(self, transfer: Transfer) -> None:
        """Take up a transfer that a recovery found: answered and to be joined, or talking."""
        self._by_leg[transfer.leg_id] = self._by_caller[transfer.caller_id] = transfer
        if transfer.stage is not Stage.TALKING:
            self._ports.switch_of(transfer.node).await_begin()
            transfer.timer = self._ports.clock.call_later(BRIDGE_DEADLINE_S, lambda: self._overdue(transfer))

    # --- timers -----------------------------------------------------------------------------------

    def _restart_timer(self, transfer: Transfer, seconds: float, then: Callable[[Transfer], None]) -> None:
        self._stop_timer(transfer)
        transfer.timer = self._ports.clock.call_later(seconds, lambda: then(transfer))

    def _stop_timer(self, transfer: Transfer) -> None:
        if transfer.timer is not None:
            transfer.timer.cancel()
            transfer.timer = None
