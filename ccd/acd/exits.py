"""Takes callers out of their queues by the rules of `overflow`: at the join, when a time is due, by a key."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from ccd.acd.agent_states import AgentState
from ccd.acd.callers import QueuedCaller, Stay
from ccd.acd.facts import PositionAnnounced
from ccd.acd.model import Presence
from ccd.acd.moving import rejoin
from ccd.acd.overflow import EDGE, MOST_HOPS, STAFF, Seen, Way, When, at_join, by_key, due, target_of, watches
from ccd.acd.overflow import watches_always as watches_staff
from ccd.acd.ports import Ports
from ccd.base.clock import Moment
from ccd.base.errors import NotFound

if TYPE_CHECKING:
    from ccd.acd.queue_states import QueueState
    from ccd.acd.service import Acd

log = structlog.get_logger(__name__)

_STANDS = (Stay.WAITING, Stay.OFFERED, Stay.RETURNING)


class Exits:
    """The ways out of all queues; keeps count of who is there to serve each."""

    def __init__(self, ports: Ports, acd: Acd) -> None:
        self._ports = ports
        self._acd = acd
        self._staff: dict[str, set[str]] = {}
        self._signed_in: dict[str, set[str]] = {}
        self._available: dict[str, set[str]] = {}
        self._counted: dict[str, tuple[Presence, tuple[str, ...]]] = {}
        self._absent: dict[tuple[When, str], Moment] = {}

    # --- who is there -----------------------------------------------------------------------------

    def agent_changed(self, agent: AgentState) -> None:
        """Count an agent where he serves; where that leaves nobody, or somebody again, times of callers who wait begin or end."""
        now = (agent.presence, tuple(tier.queue_id for tier in agent.tiers))
        if self._counted.get(agent.agent_id, (Presence.LOGGED_OUT, ())) == now:
            return
        _, before = self._counted.pop(agent.agent_id, (Presence.LOGGED_OUT, ()))
        touched = {*before, *now[1]}
        was = {queue_id: self._are_there(queue_id) for queue_id in touched}
        for queue_id in touched:
            serves = queue_id in now[1]
            _mark(self._staff, queue_id, agent.agent_id, serves)
            _mark(self._signed_in, queue_id, agent.agent_id, serves and agent.presence is not Presence.LOGGED_OUT)
            _mark(self._available, queue_id, agent.agent_id, serves and agent.presence is Presence.AVAILABLE)
        if now[1]:
            self._counted[agent.agent_id] = now
        for queue_id in touched:
            if self._are_there(queue_id) != was[queue_id]:
                self._note_absence(queue_id, was[queue_id])
                self._time_all(queue_id)

    def _note_absence(self, queue_id: str, was: tuple[bool, bool]) -> None:
        """The last one has gone, or the first has come; what the absent say of it later makes no absence begin anew."""
        for when, before, now in zip(STAFF, was, self._are_there(queue_id), strict=True):
            if before and not now:
                self._absent[when, queue_id] = self._ports.clock.now()
            elif now:
                self._absent.pop((when, queue_id), None)

    def _are_there(self, queue_id: str) -> tuple[bool, bool]:
        return bool(self._signed_in.get(queue_id)), bool(self._available.get(queue_id))

    def _time_all(self, queue_id: str) -> None:
        queue = self._acd.queues.get(queue_id)
        if queue is not None and watches_staff(queue.settings):
            self.time_anew(queue_id)

    def time_anew(self, queue_id: str) -> None:
        """Other times may be due for those who stand in a queue already."""
        for caller in list(self._acd.callers.values()):
            if caller.queue_id == queue_id and caller.stay in _STANDS:
                self._acd.hold_timer(caller)
                self.time(caller)

    def _since(self, queue_id: str, when: When) -> Moment:
        """Since when nobody has been there; of one before us we only know when who serves there changed last."""
        if (known := self._absent.get((when, queue_id))) is not None:
            return known
        agents = self._acd.roster.agents
        members = (agents[one] for one in self._staff.get(queue_id, ()) if one in agents)
        return max((agent.presence_since for agent in members), default=0)

    def _seen(self, queue: QueueState, caller: QueuedCaller, *, joining: bool) -> Seen:
        settings, queue_id = queue.settings, queue.settings.queue_id
        signed_in, available = self._are_there(queue_id)
        watched = watches(settings, *STAFF)
        return Seen(
            closed=queue.closed,
            waiting=self.waiting(queue) if joining and settings.max_waiting else 0,
            ahead=self.position(caller) - 1 if joining and watches(settings, When.POSITION) else 0,
            deserted_since=self._since(queue_id, When.NO_AGENTS) if watched and not signed_in else None,
            unserved_since=self._since(queue_id, When.NONE_AVAILABLE) if watched and not available else None,
        )

    # --- where a caller stands --------------------------------------------------------------------

    def waiting(self, queue: QueueState) -> int:
        """How many are in a queue whom no agent has; but for those few who are just on their way back from one."""
        return len(queue.line) + len(self._rung(queue))

    def position(self, caller: QueuedCaller) -> int:
        """A caller's place in line, from 1; who is being rung for stands in it as well."""
        queue = self._acd.queues[caller.queue_id]
        key = self._acd.key_of(caller)
        rung = (self._acd.callers[one] for one in self._rung(queue) if one != caller.entry_id)
        before = sum((self._acd.key_of(one), one.entry_id) < (key, caller.entry_id) for one in rung)
        return queue.line.count_below(key, caller.entry_id) + before + 1

    def place_to_tell(self, leg_id: str) -> int | None:
        """The place that a caller may be told now; None while a phone rings for him, or somebody has him."""
        caller = self._acd.caller_of(leg_id)
        return self.position(caller) if caller is not None and caller.stay is Stay.WAITING else None

    def told_place(self, leg_id: str, place: int) -> None:
        """A caller is told his place; he is told no greater one, not even after a restart."""
        caller = self._acd.caller_of(leg_id)
        if caller is not None and caller.announced != place:
            caller.announced = place
            self._ports.publish(
                PositionAnnounced(
                    at=self._ports.clock.now(), entry_id=caller.entry_id, call_id=caller.call_id, position=place
                )
            )

    def _rung(self, queue: QueueState) -> set[str]:
        """Those for whom phones ring; of one queue there are no more than it has agents."""
        out = self._acd.offers.out.values()
        entries = {one.entry_id for one in out if one.queue_id == queue.settings.queue_id}
        return {one for one in entries if one in self._acd.callers and one not in queue.line}

    # --- ways out ---------------------------------------------------------------------------------

    def at_join(self, caller: QueuedCaller) -> Way | None:
        """How a caller leaves at once who comes to a queue in which he may not wait; None lets him in."""
        queue = self._acd.queues[caller.queue_id]
        return at_join(queue.settings, self._seen(queue, caller, joining=True), self._ports.clock.now())

    def time(self, caller: QueuedCaller) -> None:
        """Have a caller taken out when the next thing is due that does so."""
        if coming := self._due(caller):
            seconds = max(coming[0] - self._ports.clock.now(), 0) / 1e6
            caller.timer = self._ports.clock.call_later(seconds, lambda: self._is_due(caller))

    def _due(self, caller: QueuedCaller) -> tuple[Moment, Way] | None:
        queue = self._acd.queues[caller.queue_id]
        return due(queue.settings, caller.entered_at, self._seen(queue, caller, joining=False))

    def _is_due(self, caller: QueuedCaller) -> None:
        caller.timer = None
        if not self._may_go(caller):
            return  # who is given back by the agent who has him is timed anew
        coming = self._due(caller)
        if coming is not None and coming[0] <= self._ports.clock.now():
            self._send(caller, coming[1])
        else:
            self.time(caller)

    def press(self, leg_id: str, key: str) -> None:
        """A caller pressed a key while he waits: he leaves, if a rule says so."""
        caller = self._acd.caller_of(leg_id)
        if caller is None or not self._may_go(caller):
            return
        if way := by_key(self._acd.queues[caller.queue_id].settings, key):
            self._send(caller, way)

    def _may_go(self, caller: QueuedCaller) -> bool:
        return caller.stay in _STANDS and not self._acd.offers.is_bridging(caller)

    def leads(self, caller: QueuedCaller, way: Way) -> tuple[str, QueueState | None]:
        """Where a way takes a caller: its target, '' where his flow says, and the queue if it is one."""
        kind, name = target_of(way.to)
        queue = self._onward(caller, name) if kind == "queue" else None
        return (way.to if queue is not None or kind not in ("queue", EDGE) else ""), queue

    def _send(self, caller: QueuedCaller, way: Way) -> None:
        to, queue = self.leads(caller, way)
        if queue is not None:
            rejoin(self._acd, self._ports, caller, queue, way.reason, to=to)
        else:
            self._acd.remove(caller, way.reason, to)

    def _onward(self, caller: QueuedCaller, name: str) -> QueueState | None:
        """The queue that a caller overflows to; None where his flow has to say instead."""
        try:
            queue = self._acd.queue_named(name, joins=True)
        except NotFound:
            log.error("overflow_to_no_queue", call_id=caller.call_id, queue=name)
            return None
        if caller.hops >= MOST_HOPS:
            log.error("overflow_too_often", call_id=caller.call_id, queue=name, hops=caller.hops)
            return None
        return queue


def _mark(sets: dict[str, set[str]], queue_id: str, agent_id: str, is_in: bool) -> None:
    if is_in:
        sets.setdefault(queue_id, set()).add(agent_id)
    elif queue_id in sets:
        sets[queue_id].discard(agent_id)
        if not sets[queue_id]:
            del sets[queue_id]
