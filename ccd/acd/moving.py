"""A caller changes queues: one visit ends and another begins on the same leg, and the flow hears nothing of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ccd.acd.callers import QueuedCaller, Stay
from ccd.acd.facts import CallerQueued, LeftReason
from ccd.acd.ports import Ports
from ccd.base.ids import new_id
from ccd.calls import onchannel
from ccd.switch.commands import SetVariables

if TYPE_CHECKING:
    from ccd.acd.service import Acd, QueueState


def rejoin(
    acd: Acd,
    ports: Ports,
    caller: QueuedCaller,
    queue: QueueState,
    reason: LeftReason,
    *,
    to: str = "",
    who: str = "",
) -> QueuedCaller:
    """Have a caller leave his queue for `reason` and stand in another, with the moment he joined, his priority and what he asks.

    The phones that ring for him are told to stop before anybody else is asked. For callers whom no agent has. `to` is the
    target of an overflow: then the other queue may turn him away in its turn. `who`: the person who wants it.
    """
    now = ports.clock.now()
    after = QueuedCaller(
        entry_id=new_id(),
        call_id=caller.call_id,
        leg_id=caller.leg_id,
        queue_id=queue.settings.queue_id,
        node=caller.node,
        number=caller.number,
        joined_at=caller.joined_at,
        priority=caller.priority,
        answered=caller.answered,
        stay=Stay.RETURNING if caller.stay is Stay.RETURNING else Stay.WAITING,
        vip=caller.vip,
        asks=caller.asks,
        entered_at=now,
        hops=caller.hops + bool(to),
        announced=caller.announced,
    )
    onward = CallerQueued(
        at=now,
        entry_id=after.entry_id,
        call_id=after.call_id,
        leg_id=after.leg_id,
        queue_id=after.queue_id,
        priority=after.priority,
        position=queue.line.count_below(acd.key_of(after)) + 1,
        joined_at=after.joined_at,
        moved_from=caller.entry_id,
        hops=after.hops,
        vip=after.vip,
        asks=after.asks,
    )
    acd.leave(caller, reason, now, to, onward=onward, who=who)
    values = onchannel.variables(
        queue_id=after.queue_id,
        entry_id=after.entry_id,
        joined_at=after.joined_at,
        priority=after.priority,
        queued=1,
    )
    ports.switch_of(after.node).tell(SetVariables(leg_id=after.leg_id, values=values))
    if not to or not acd.exits.turned_away(after):
        acd.take_up(after)
    return after
