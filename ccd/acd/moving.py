"""A caller comes to a queue, or changes queues: one visit ends, another begins on the same leg, and the flow hears nothing of it.

Each fact of such a way carries the next, so that a restart knows all of it whichever was the last to be kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ccd.acd.callers import QueuedCaller, Stay
from ccd.acd.facts import CallerLeft, CallerQueued, LeftReason
from ccd.acd.ports import Ports
from ccd.base.clock import Moment
from ccd.base.ids import new_id
from ccd.calls import onchannel
from ccd.switch.commands import SetVariables

if TYPE_CHECKING:
    from ccd.acd.queue_states import QueueState
    from ccd.acd.service import Acd


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
    onward = _onward(acd, caller, queue, ports.clock.now(), overflows=bool(to))
    return _go_on(acd, ports, caller, reason, onward, to=to, who=who)


def queued_fact(
    acd: Acd, caller: QueuedCaller, *, joined_at: Moment, moved_from: str = "", judged: bool = True
) -> CallerQueued:
    """The fact by which a caller stands in his queue; if that turns him away (where he is `judged`), with how he leaves it."""
    line = acd.queues[caller.queue_id].line
    return CallerQueued(
        at=caller.entered_at,
        entry_id=caller.entry_id,
        call_id=caller.call_id,
        leg_id=caller.leg_id,
        queue_id=caller.queue_id,
        priority=caller.priority,
        position=line.count_below(acd.key_of(caller), caller.entry_id) + 1,
        joined_at=joined_at,
        moved_from=moved_from,
        hops=caller.hops,
        vip=caller.vip,
        asks=caller.asks,
        bound_to=caller.bound_to,
        bound_until=caller.bound_until,
        leaving=_leaving(acd, caller) if judged else None,
    )


def stand_or_leave(acd: Acd, ports: Ports, caller: QueuedCaller, queued: CallerQueued) -> None:
    """Do what the fact says that was told of a caller: he waits, or goes where his queue sends him."""
    leaving = queued.leaving
    if leaving is None:
        acd.take_up(caller)
    elif leaving.onward is None:
        acd.remove(caller, leaving.reason, leaving.to)
    else:
        _go_on(acd, ports, caller, leaving.reason, leaving.onward, to=leaving.to)


def _leaving(acd: Acd, caller: QueuedCaller) -> CallerLeft | None:
    way = acd.exits.at_join(caller)
    if way is None:
        return None
    to, queue = acd.exits.leads(caller, way)
    return CallerLeft(
        at=caller.entered_at,
        entry_id=caller.entry_id,
        call_id=caller.call_id,
        queue_id=caller.queue_id,
        reason=way.reason,
        wait_ms=0,
        to=to,
        onward=None if queue is None else _onward(acd, caller, queue, caller.entered_at, overflows=True),
    )


def _onward(acd: Acd, caller: QueuedCaller, queue: QueueState, at: Moment, *, overflows: bool) -> CallerQueued:
    hops = caller.hops + overflows
    after = _successor(caller, queue.settings.queue_id, new_id(), at, hops)
    return queued_fact(acd, after, joined_at=after.joined_at, moved_from=caller.entry_id, judged=overflows)


def _successor(caller: QueuedCaller, queue_id: str, entry_id: str, at: Moment, hops: int) -> QueuedCaller:
    return QueuedCaller(
        entry_id=entry_id,
        call_id=caller.call_id,
        leg_id=caller.leg_id,
        queue_id=queue_id,
        node=caller.node,
        number=caller.number,
        joined_at=caller.joined_at,
        priority=caller.priority,
        answered=caller.answered,
        stay=Stay.RETURNING if caller.stay is Stay.RETURNING else Stay.WAITING,
        vip=caller.vip,
        asks=caller.asks,
        entered_at=at,
        hops=hops,
        announced=caller.announced,
    )


def _go_on(
    acd: Acd,
    ports: Ports,
    caller: QueuedCaller,
    reason: LeftReason,
    onward: CallerQueued,
    *,
    to: str,
    who: str = "",
) -> QueuedCaller:
    after = _successor(caller, onward.queue_id, onward.entry_id, onward.at, onward.hops)
    acd.leave(caller, reason, onward.at, to, onward=onward, who=who)
    values = onchannel.variables(
        queue_id=after.queue_id,
        entry_id=after.entry_id,
        joined_at=after.joined_at,
        priority=after.priority,
        queued=1,
    )
    ports.switch_of(after.node).tell(SetVariables(leg_id=after.leg_id, values=values))
    stand_or_leave(acd, ports, after, onward)
    return after
