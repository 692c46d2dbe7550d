"""What people do to a queue while callers stand in it: close, drain, open; move callers, change their priority, take them out.

What is closed is a fact, so that it outlives us. Everything is refused before anything has changed, and a caller who is being
joined to an agent, or talks to one, is left alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import msgspec

from ccd.acd.callers import QueuedCaller, Stay
from ccd.acd.facts import LeftReason, PriorityChanged, QueueClosed, QueueDrained, QueueOpened
from ccd.acd.moving import rejoin
from ccd.acd.ports import Ports
from ccd.base.errors import Refused
from ccd.calls import onchannel
from ccd.switch.commands import SetVariables

if TYPE_CHECKING:
    from ccd.acd.queue_states import QueueState
    from ccd.acd.service import Acd

MOST_PRIORITY = 1000
_STANDS = (Stay.WAITING, Stay.OFFERED, Stay.RETURNING)


class Operating:
    """The hands in the queue. `closings` are the latest facts of the queues that are closed, as the ledger kept them."""

    def __init__(self, ports: Ports, acd: Acd, closings: Mapping[str, QueueClosed]) -> None:
        self._ports = ports
        self._acd = acd
        self._closings = dict(closings)

    # --- doors ------------------------------------------------------------------------------------

    def closing(self, queue_id: str) -> QueueClosed | None:
        """Who closed a queue, when and why; None while it is open."""
        return self._closings.get(queue_id)

    def take_queue(self, queue: QueueState) -> None:
        """A queue is known from now on: it is closed if somebody closed it before."""
        closing = self._closings.get(queue.settings.queue_id)
        queue.closed, queue.draining = closing is not None, closing is not None and closing.draining

    def close(self, name: str, *, reason: str = "", who: str = "", drain: bool = False) -> QueueState:
        """Let nobody in any more; who is inside is served. `drain`: its emptiness is told. Again: what is said changes."""
        queue = self._acd.queue_named(name)
        queue_id = queue.settings.queue_id
        closing = QueueClosed(at=self._ports.clock.now(), queue_id=queue_id, draining=drain, reason=reason, who=who)
        self._closings[queue_id] = closing
        self.take_queue(queue)
        self._ports.publish(closing)
        self.caller_gone(queue_id)
        return queue

    def open(self, name: str, *, reason: str = "", who: str = "") -> QueueState:
        """Let callers in again. Harmless where it is open."""
        queue = self._acd.queue_named(name)
        queue_id = queue.settings.queue_id
        if self._closings.pop(queue_id, None) is not None:
            self.take_queue(queue)
            self._ports.publish(QueueOpened(at=self._ports.clock.now(), queue_id=queue_id, reason=reason, who=who))
        return queue

    def caller_gone(self, queue_id: str) -> None:
        """A caller is no longer in a queue: the last one of a draining queue is what somebody waits for."""
        queue = self._acd.queues.get(queue_id)
        if queue is None or not queue.draining:
            return
        inside = any(caller.queue_id == queue_id for caller in self._acd.callers.values())
        if inside or self._ports.may_return(queue_id):
            return
        self._closings[queue_id] = msgspec.structs.replace(self._closings[queue_id], draining=False)
        self.take_queue(queue)
        self._ports.publish(QueueDrained(at=self._ports.clock.now(), queue_id=queue_id))

    # --- callers ----------------------------------------------------------------------------------

    def move(self, source: str, target: str, *, call_id: str = "", first: int = 0, who: str = "") -> list[QueuedCaller]:
        """Callers of one queue stand in another from now on, with the places that their waiting gave them.

        Args:
            call_id: only this call's.
            first: only so many, in the order of their places; 0 is all. Who is being joined or talks is passed over.

        Raises:
            NotFound: there is no such queue, or the call does not stand in the first one.
            Refused: it is the same queue, it is closed, or the call is with an agent.
        """
        here, there = self._acd.queue_named(source), self._acd.queue_named(target, joins=True)
        if here is there:
            raise Refused(f"the callers of {source} are in {source}")
        if there.closed:
            raise Refused(f"queue {target} is closed; `ccd queues open {target}` lets callers in")
        if call_id:
            chosen = [self.standing(call_id)]
            if chosen[0].queue_id != here.settings.queue_id:
                raise Refused(f"call {call_id} does not wait in {source}")
        else:
            inside = [one for one in self._acd.callers.values() if one.queue_id == here.settings.queue_id]
            chosen = sorted((one for one in inside if self._may_go(one)), key=self._place)
            chosen = chosen[:first] if first else chosen
        return [rejoin(self._acd, self._ports, one, there, LeftReason.MOVED, who=who) for one in chosen]

    def prioritise(self, call_id: str, priority: int, *, who: str = "") -> QueuedCaller:
        """Give a waiting caller another priority: his place changes at once, and what follows from it is decided at once.

        Raises:
            Refused: the number is out of reach, or the call does not wait.
        """
        if not -MOST_PRIORITY <= priority <= MOST_PRIORITY:
            raise Refused(f"priority: from -{MOST_PRIORITY} to {MOST_PRIORITY}, not {priority}")
        caller = self.standing(call_id)
        was, caller.priority = caller.priority, priority
        if was == priority:
            return caller
        self._ports.publish(
            PriorityChanged(
                at=self._ports.clock.now(),
                entry_id=caller.entry_id,
                call_id=caller.call_id,
                queue_id=caller.queue_id,
                priority=priority,
                was=was,
                who=who,
            )
        )
        values = onchannel.variables(priority=priority)
        self._ports.switch_of(caller.node).tell(SetVariables(leg_id=caller.leg_id, values=values))
        self._acd.place_anew(caller)
        return caller

    def kick(self, call_id: str, *, tell: bool = True, who: str = "") -> QueuedCaller:
        """Take a waiting caller out of his queue. His leg is the flow's again, which goes on or hangs up, unless it is not told.

        Raises:
            Refused: the call does not wait.
        """
        caller = self.standing(call_id)
        if tell:
            self._acd.remove(caller, LeftReason.KICKED, who=who)
        else:
            self._acd.leave(caller, LeftReason.KICKED, self._ports.clock.now(), who=who)
        return caller

    def standing(self, call_id: str) -> QueuedCaller:
        """The caller of a call who stands in a queue and is with no agent; Refused says where he is instead."""
        caller = next((one for one in self._acd.callers.values() if one.call_id == call_id), None)
        if caller is None:
            raise Refused(f"call {call_id} does not wait in a queue")
        if not self._may_go(caller):
            doing = "talks to an agent" if caller.stay not in _STANDS else "is just being joined to an agent"
            raise Refused(f"call {call_id} {doing}")
        return caller

    def _may_go(self, caller: QueuedCaller) -> bool:
        return caller.stay in _STANDS and not self._acd.offers.is_bridging(caller)

    def _place(self, caller: QueuedCaller) -> tuple[int, int, str]:
        return (self._acd.deciding.place(caller), caller.joined_at, caller.entry_id)
