"""The queue: who waits, who is free, who is offered to whom. Triggers are events and due times; nothing polls.

Between two events no caller waits whom a ready agent could take (`deciding`, and `matching` which is pure).
"""

from __future__ import annotations

from collections.abc import Callable

from ccd.acd.agent_states import AgentState
from ccd.acd.callers import QueuedCaller, Stay
from ccd.acd.deciding import Deciding
from ccd.acd.facts import CallerLeft, CallerQueued, LeftReason, TalkEnded
from ccd.acd.lines import Ordered
from ccd.acd.matching.stages import Ask
from ccd.acd.model import Queue
from ccd.acd.offers import Offers
from ccd.acd.ports import Ports
from ccd.acd.remembered import Remembered
from ccd.acd.roster import Roster
from ccd.acd.strategies import Rings, named
from ccd.acd.talks import Talks
from ccd.base.clock import Moment, ms_between
from ccd.base.errors import NotFound
from ccd.base.ids import new_id
from ccd.calls.facts import EndedBy, LegEnded, LegParked, Role, ended_by_far_end


class QueueState:
    """One queue now: its settings, and who waits in it with nobody's phone ringing for him."""

    def __init__(self, settings: Queue) -> None:
        self.settings = settings
        self.line = Ordered()


class Acd:
    """Queues, agents and what is decided between them. `on_done` tells that a caller's stay ended and his leg is ours again.

    `remembered` is what strategies know of agents; whoever keeps it lets it follow the facts. `zone` is the site's, for queues
    that have none of their own.
    """

    def __init__(
        self, ports: Ports, on_done: Callable[[str, LeftReason], None], remembered: Remembered, zone: str = "UTC"
    ) -> None:
        self.queues: dict[str, QueueState] = {}
        self.callers: dict[str, QueuedCaller] = {}
        self._by_leg: dict[str, QueuedCaller] = {}
        self._ports = ports
        self._on_done = on_done
        self._watching = False
        self.zone = zone
        self.offers = Offers(ports, self)
        self.deciding = Deciding(ports, self, self._offer, remembered)
        self.roster = Roster(ports, self.agent_changed, self.deciding.together)
        self.talks = Talks(ports, self)

    # --- configuration ----------------------------------------------------------------------------

    def configure(self, queues: tuple[Queue, ...]) -> None:
        """Take new queue settings; callers keep their places. A queue that is gone keeps its callers until they leave."""
        for settings in queues:
            state = self.queues.get(settings.queue_id)
            if state is None:
                self.queues[settings.queue_id] = QueueState(settings)
            else:
                state.settings = settings
                self._time_anew(settings.queue_id)
        for settings in queues:
            self.deciding.take_queue(settings)
        known = {settings.queue_id for settings in queues}
        for queue_id in [one for one in self.queues if one not in known]:
            in_use = any(caller.queue_id == queue_id for caller in self.callers.values())
            if not in_use and not self.offers.uses(queue_id) and not self.talks.uses(queue_id):
                del self.queues[queue_id]
                self.deciding.drop_queue(queue_id)
        for caller in self.callers.values():
            if caller.stay is Stay.WAITING:
                self.queues[caller.queue_id].line.add(caller.entry_id, self._key(caller))
        self.deciding.serve_all()

    def _time_anew(self, queue_id: str) -> None:
        """The longest wait may have changed for those who wait already."""
        for caller in list(self.callers.values()):
            if caller.queue_id == queue_id and caller.stay in (Stay.WAITING, Stay.OFFERED, Stay.RETURNING):
                self.hold_timer(caller)
                self._time(caller)

    def queue_named(self, name: str) -> QueueState:
        """The queue of that name, or NotFound."""
        for state in self.queues.values():
            if state.settings.name == name:
                return state
        raise NotFound(f"no queue {name}")

    def caller_of(self, leg_id: str) -> QueuedCaller | None:
        """The stay of a leg, if it stands in a queue."""
        return self._by_leg.get(leg_id)

    # --- callers ----------------------------------------------------------------------------------

    def enqueue(
        self,
        *,
        call_id: str,
        leg_id: str,
        node: str,
        number: str,
        queue_id: str,
        priority: int,
        answered: bool,
        vip: bool = False,
        asks: tuple[Ask, ...] = (),
    ) -> QueuedCaller:
        """A caller joins a queue, now."""
        now = self._ports.clock.now()
        caller = QueuedCaller(
            entry_id=new_id(),
            call_id=call_id,
            leg_id=leg_id,
            queue_id=queue_id,
            node=node,
            number=number,
            joined_at=now,
            priority=priority,
            answered=answered,
            vip=vip,
            asks=asks,
        )
        self._ports.publish(
            CallerQueued(
                at=now,
                entry_id=caller.entry_id,
                call_id=call_id,
                leg_id=leg_id,
                queue_id=queue_id,
                priority=priority,
            )
        )
        self.take_up(caller)
        return caller

    def take_up(self, caller: QueuedCaller) -> None:
        """Put a caller in his place: a new one, or one that a recovery found in the queue."""
        self.callers[caller.entry_id] = caller
        self._by_leg[caller.leg_id] = caller
        if caller.stay is Stay.WAITING:
            self.wait(caller)

    def wait(self, caller: QueuedCaller) -> None:
        """The caller waits for an agent, at the place that his joining gave him."""
        caller.stay = Stay.WAITING
        queue = self.queues[caller.queue_id]
        if caller.timer is None:
            self._time(caller)
        queue.line.add(caller.entry_id, self._key(caller))
        self.deciding.wait(caller)
        self.watch()

    def taken_up_ringing(self, caller: QueuedCaller) -> None:
        """A recovery found a phone ringing for a caller: nobody else is asked, unless his queue rings several."""
        self.queues[caller.queue_id].line.remove(caller.entry_id)
        if not self.rings_several(caller):
            self.deciding.stop(caller)

    def rings_several(self, caller: QueuedCaller) -> bool:
        """Whether more than one phone may ring for a caller at the same time."""
        return named(self.queues[caller.queue_id].settings.strategy).rings is not Rings.ONE

    def _key(self, caller: QueuedCaller) -> tuple[int, Moment]:
        return (self.deciding.place(caller), caller.joined_at)

    def _time(self, caller: QueuedCaller) -> None:
        if longest_ms := self.queues[caller.queue_id].settings.max_wait_ms:
            left_us = caller.joined_at + longest_ms * 1000 - self._ports.clock.now()
            caller.timer = self._ports.clock.call_later(max(left_us, 0) / 1e6, lambda: self._waited_too_long(caller))

    def remove(self, caller: QueuedCaller, reason: LeftReason = LeftReason.KICKED) -> None:
        """Take a caller out of the queue; his leg is the flow's again."""
        self.leave(caller, reason, self._ports.clock.now())
        self._on_done(caller.leg_id, reason)

    def leave(self, caller: QueuedCaller, reason: LeftReason, at: Moment) -> None:
        """The wait ends; whoever was being rung for him stops ringing."""
        self.hold_timer(caller)
        self.queues[caller.queue_id].line.remove(caller.entry_id)
        self.deciding.stop(caller)
        self._forget(caller)
        self.watch()
        self._ports.publish(
            CallerLeft(
                at=at,
                entry_id=caller.entry_id,
                call_id=caller.call_id,
                queue_id=caller.queue_id,
                reason=reason,
                wait_ms=ms_between(caller.joined_at, at),
            )
        )
        self.offers.withdraw(caller)

    def hold_timer(self, caller: QueuedCaller) -> None:
        """The longest wait no longer runs; `wait` starts it again with what is left."""
        if caller.timer is not None:
            caller.timer.cancel()
            caller.timer = None

    def _forget(self, caller: QueuedCaller) -> None:
        self.callers.pop(caller.entry_id, None)
        self._by_leg.pop(caller.leg_id, None)

    def _waited_too_long(self, caller: QueuedCaller) -> None:
        caller.timer = None
        if caller.stay in (Stay.WAITING, Stay.OFFERED, Stay.RETURNING) and not self.offers.is_bridging(caller):
            self.remove(caller, LeftReason.TIMED_OUT)

    # --- legs -------------------------------------------------------------------------------------

    def on_leg_ended(self, fact: LegEnded) -> None:
        """A caller hung up, or an agent's leg is gone."""
        if fact.role is Role.AGENT:
            self.offers.on_agent_leg_ended(fact)
            self.talks.on_agent_leg_ended(fact)
            return
        self.roster.on_leg_ended(fact)
        caller = self._by_leg.get(fact.leg_id)
        if caller is None:
            return
        if caller.stay in (Stay.TALKING, Stay.ENDING):
            self.end_talk(caller, caller.ended_at or fact.at, ended_by_far_end(fact.cause, fact.disposition))
            self.talks.see_off(caller)
        if caller.stay is Stay.TALKED:
            self._forget(caller)
        else:
            lost = fact.cause == "SWITCH_LOST"
            self.leave(caller, LeftReason.SWITCH_LOST if lost else LeftReason.ABANDONED, fact.at)

    def on_leg_parked(self, fact: LegParked) -> None:
        """A leg may be driven: an agent who answered is bridged, a caller who came back waits or goes on in his flow."""
        if fact.role is Role.AGENT:
            self.offers.on_agent_parked(fact)
            return
        caller = self._by_leg.get(fact.leg_id)
        if caller is None:
            return
        if caller.stay is Stay.RETURNING:
            self._ports.hold_lease(caller.node, caller.leg_id)
            self.wait(caller)
        elif caller.stay is Stay.ENDING:
            self.talks.agent_gone(caller, caller.ended_at)
        elif caller.stay is Stay.TALKED:
            self.release(caller)

    def end_talk(self, caller: QueuedCaller, at: Moment, ended_by: EndedBy) -> None:
        """The conversation is over; the caller's leg may still be on its way back to us."""
        caller.stay = Stay.TALKED
        self._ports.publish(
            TalkEnded(
                at=at,
                entry_id=caller.entry_id,
                call_id=caller.call_id,
                queue_id=caller.queue_id,
                agent_id=caller.agent_id,
                talk_ms=ms_between(caller.connected_at, at),
                ended_by=ended_by,
            )
        )

    def release(self, caller: QueuedCaller) -> None:
        """The conversation is over and the leg is parked: the flow goes on."""
        self._forget(caller)
        self._on_done(caller.leg_id, LeftReason.CONNECTED)

    def watch(self) -> None:
        """Have events handed over at once while a caller waits or an agent could take one: both are about to be decided."""
        awaited = self.deciding.matcher.is_anybody_ready() or any(queue.line for queue in self.queues.values())
        if awaited == self._watching:
            return
        self._watching = awaited
        for switch in self._ports.switches():
            if awaited:
                switch.await_begin()
            else:
                switch.await_end()

    # --- decisions --------------------------------------------------------------------------------

    def _offer(self, caller: QueuedCaller, agent: AgentState) -> None:
        self.queues[caller.queue_id].line.remove(caller.entry_id)
        self.offers.make(caller, agent)

    def agent_changed(self, agent: AgentState) -> None:
        """Keep in step with one agent; if he has become free, he is offered whoever is next."""
        self.deciding.agent_changed(agent)
        self.watch()

    def refresh_all(self) -> None:
        """Look at every agent anew: a switch came up or went down, or a configuration changed."""
        with self.deciding.together(self.roster.agents):
            for agent in list(self.roster.agents.values()):
                self.agent_changed(agent)
