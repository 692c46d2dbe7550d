"""The queue: who waits, who is free, who is offered to whom. Triggers are events and due times; nothing polls.

Between two events no caller waits whom a ready agent could take (`deciding`, and `matching` which is pure).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ccd.acd.agent_states import AgentState
from ccd.acd.awaiting import Awaited
from ccd.acd.callers import QueuedCaller, Stay
from ccd.acd.deciding import Deciding
from ccd.acd.duties import Duties
from ccd.acd.exits import Exits
from ccd.acd.facts import CallerLeft, CallerQueued, LeftReason, QueueClosed
from ccd.acd.gone_queues import GoneQueues
from ccd.acd.last_agent import bound_until
from ccd.acd.legs import Legs
from ccd.acd.matching.stages import Ask
from ccd.acd.model import Queue
from ccd.acd.moving import queued_fact, stand_or_leave
from ccd.acd.offers import Offers
from ccd.acd.operating import Operating
from ccd.acd.ports import Ports
from ccd.acd.queue_states import QueueState
from ccd.acd.remembered import Remembered
from ccd.acd.resuming import LeftPlaces
from ccd.acd.roster import Roster
from ccd.acd.standing import StandingLines
from ccd.acd.strategies import Rings, named
from ccd.acd.talks import Talks
from ccd.base.clock import Moment, ms_between
from ccd.base.errors import NotFound
from ccd.base.ids import new_id


class Acd:
    """Queues, agents and what is decided between them. `on_done` tells that a caller's stay ended and his leg is ours again.

    `remembered` is what strategies know of agents; whoever keeps it lets it follow the facts. `zone` is the site's, for queues
    that have none of their own; `closings` the queues that somebody closed; `left_places` (which follows the facts as well)
    the places of those who hung up. `standing_beep` and `standing_ring_ms` are as in ccd.acd.standing.
    """

    def __init__(
        self,
        ports: Ports,
        on_done: Callable[[str, LeftReason, str], None],
        remembered: Remembered,
        *,
        zone: str = "UTC",
        closings: Mapping[str, QueueClosed] | None = None,
        left_places: LeftPlaces | None = None,
        standing_beep: str = "",
        standing_ring_ms: int = 30_000,
    ) -> None:
        self.queues: dict[str, QueueState] = {}
        self.callers: dict[str, QueuedCaller] = {}
        self._by_leg: dict[str, QueuedCaller] = {}
        self._ports = ports
        self._on_done = on_done
        self._watching = False
        self.zone = zone
        self.left_places = left_places or LeftPlaces()
        self.offers = Offers(ports, self)
        self.deciding = Deciding(ports, self, self._offer, remembered)
        self.exits = Exits(ports, self)
        self.gone = GoneQueues(ports, self)
        self.roster = Roster(ports, self.agent_changed, self.deciding.together)
        self.talks = Talks(ports, self)
        self.legs = Legs(ports, self, self._by_leg)
        self.awaited = Awaited(ports, self)
        self.standing = StandingLines(ports, self, beep=standing_beep, ring_ms=standing_ring_ms)
        self.roster.seats.on_seat = self.standing.keep
        self.duties = Duties(ports, self)
        self.operating = Operating(ports, self, closings or {})

    # --- configuration ----------------------------------------------------------------------------

    def configure(self, queues: tuple[Queue, ...], gone: tuple[Queue, ...] = ()) -> None:
        """Take new queue settings; callers keep their places. A queue that is gone keeps its callers until they leave.

        `gone`: queues that were removed while somebody was in them, for a core that has just begun.
        """
        for settings in (*queues, *gone):
            state = self.queues.get(settings.queue_id)
            if state is None:
                state = self.queues[settings.queue_id] = QueueState(settings)
                self.operating.take_queue(state)
            else:
                state.settings = settings
                self.exits.time_anew(settings.queue_id)
        for settings in (*queues, *gone):
            self.deciding.take_queue(settings)
        self.gone.configured({settings.queue_id for settings in queues})
        for caller in self.callers.values():
            if caller.stay is Stay.WAITING:
                self.queues[caller.queue_id].line.add(caller.entry_id, self.key_of(caller))
        self.deciding.serve_all()

    def queue_named(self, name: str, *, joins: bool = False) -> QueueState:
        """The queue of that name, or NotFound; before one that is no longer configured, which nobody `joins`."""
        gone = None
        for state in self.queues.values():
            if state.settings.name == name:
                if state.settings.queue_id not in self.gone:
                    return state
                gone = state
        if gone is not None and not joins:
            return gone
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
        joined_at: Moment = 0,
        last_agent_id: str = "",
    ) -> QueuedCaller:
        """A caller joins a queue, now, with the place of `joined_at` if he has an earlier one. He may be turned away at once.

        `last_agent_id`: who served him last, '' nobody.
        """
        now = self._ports.clock.now()
        until = bound_until(self.queues[queue_id].settings, self.roster.agents.get(last_agent_id), now)
        caller = QueuedCaller(
            entry_id=new_id(),
            call_id=call_id,
            leg_id=leg_id,
            queue_id=queue_id,
            node=node,
            number=number,
            joined_at=joined_at or now,
            entered_at=now,
            priority=priority,
            answered=answered,
            vip=vip,
            asks=asks,
            bound_to=last_agent_id if until else "",
            bound_until=until,
        )
        queued = queued_fact(self, caller, joined_at=joined_at)
        self._ports.publish(queued)
        stand_or_leave(self, self._ports, caller, queued)
        return caller

    def take_up(self, caller: QueuedCaller) -> None:
        """Put a caller in his place: a new one, or one that a recovery found in the queue."""
        self.callers[caller.entry_id] = caller
        self._by_leg[caller.leg_id] = caller
        if caller.stay is Stay.WAITING:
            self.wait(caller)
        elif caller.stay is Stay.RETURNING:
            self.awaited.expect(caller)

    def wait(self, caller: QueuedCaller) -> None:
        """The caller waits for an agent, at the place that his joining gave him."""
        caller.stay = Stay.WAITING
        queue = self.queues[caller.queue_id]
        if caller.timer is None:
            self.exits.time(caller)
        queue.line.add(caller.entry_id, self.key_of(caller))
        self.deciding.wait(caller)
        self.watch()

    def place_anew(self, caller: QueuedCaller) -> None:
        """His priority is another: his place changes at once, and what follows from it is decided."""
        line = self.queues[caller.queue_id].line
        if caller.entry_id in line:
            line.add(caller.entry_id, self.key_of(caller))
        if self.deciding.matcher.waits(caller.entry_id):
            self.deciding.wait(caller)

    def taken_up_ringing(self, caller: QueuedCaller) -> None:
        """A recovery found a phone ringing for a caller: nobody else is asked, unless his queue rings several."""
        self.queues[caller.queue_id].line.remove(caller.entry_id)
        ringing = (self.offers.out[one].made_at for one in caller.ringing)
        self.deciding.found_ringing(caller, max(ringing, default=0))

    def rings_several(self, caller: QueuedCaller) -> bool:
        """Whether more than one phone may ring for a caller at the same time."""
        return named(self.queues[caller.queue_id].settings.strategy).rings is not Rings.ONE

    def key_of(self, caller: QueuedCaller) -> tuple[int, Moment]:
        """What orders a queue's line; the smallest stands first."""
        return (self.deciding.place(caller), caller.joined_at)

    def remove(
        self, caller: QueuedCaller, reason: LeftReason = LeftReason.KICKED, to: str = "", *, who: str = ""
    ) -> None:
        """Take a caller out of the queue; his leg is the flow's again, or goes where an overflow sends it."""
        self.leave(caller, reason, self._ports.clock.now(), to, who=who)
        self._on_done(caller.leg_id, reason, to)

    def release(self, caller: QueuedCaller) -> None:
        """The conversation is over and the leg is parked: the flow goes on."""
        self.talks.forget(caller)
        self._on_done(caller.leg_id, LeftReason.CONNECTED, "")

    def leave(
        self,
        caller: QueuedCaller,
        reason: LeftReason,
        at: Moment,
        to: str = "",
        *,
        onward: CallerQueued | None = None,
        who: str = "",
    ) -> None:
        """The wait ends; whoever was being rung for him stops ringing. `onward` is told next: he stands elsewhere then."""
        self.hold_timer(caller)
        self.queues[caller.queue_id].line.remove(caller.entry_id)
        self.deciding.stop(caller, said=True)
        self.forget(caller)
        self.watch()
        self._ports.publish(
            CallerLeft(
                at=at,
                entry_id=caller.entry_id,
                call_id=caller.call_id,
                queue_id=caller.queue_id,
                reason=reason,
                wait_ms=ms_between(caller.entered_at, at),
                to=to,
                onward=onward,
                who=who,
            )
        )
        if onward is not None:
            self._ports.publish(onward)
        self.offers.endings.withdraw(caller)
        self.operating.caller_gone(caller.queue_id)

    def hold_timer(self, caller: QueuedCaller) -> None:
        """The longest wait no longer runs; `wait` starts it again with what is left."""
        if caller.timer is not None:
            caller.timer.cancel()
            caller.timer = None

    def forget(self, caller: QueuedCaller) -> None:
        """The queues have nothing to do with him any more."""
        self.gone.look_soon()
        self.awaited.came(caller)
        self.callers.pop(caller.entry_id, None)
        self._by_leg.pop(caller.leg_id, None)

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
        self.exits.agent_changed(agent)
        self.deciding.agent_changed(agent)
        self.watch()

    def refresh_all(self) -> None:
        """Look at every agent anew: a switch came up or went down, or a configuration changed."""
        with self.deciding.together(self.roster.agents):
            for agent in list(self.roster.agents.values()):
                self.agent_changed(agent)
        for queue_id in list(self.queues):
            self.operating.caller_gone(queue_id)  # he may have gone while ccd was away
        self.gone.look_soon()
