"""Keeps the matcher in step with callers, agents and time, and has offered what it decides.

Every change is followed by a decision at once; what changes by waiting alone (a skill that relaxes, a level that opens, a
refusal that is forgotten) has its due time. Nothing polls.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ccd.acd import strategies
from ccd.acd.agent_states import AgentState
from ccd.acd.callers import QueuedCaller, Stay
from ccd.acd.last_agent import comes
from ccd.acd.matching.matcher import Matcher
from ccd.acd.matching.model import Rules, Waiting
from ccd.acd.matching.needs import Needs
from ccd.acd.matching.score import place_of
from ccd.acd.matching.stages import stage_at, stages_of
from ccd.acd.midnights import Midnights
from ccd.acd.model import Presence, Queue
from ccd.acd.ports import Ports
from ccd.acd.posts import Posts
from ccd.acd.remembered import Asked, Remembered
from ccd.acd.staffing import Staffing
from ccd.acd.strategies import Forgets, Rings
from ccd.acd.telling import Telling
from ccd.base.clock import Moment, ms_between

if TYPE_CHECKING:
    from ccd.acd.service import Acd


class Deciding:
    """Who is offered to whom, now. `offer` carries one out; `remembered` follows the facts of it (ccd.acd.remembered)."""

    def __init__(
        self,
        ports: Ports,
        acd: Acd,
        offer: Callable[[QueuedCaller, AgentState], None],
        remembered: Remembered,
    ) -> None:
        self.matcher = Matcher()
        self.telling = Telling(ports, self.matcher)
        self.remembered = remembered
        self._ports = ports
        self._acd = acd
        self._offer = offer
        self._levels: dict[str, tuple[int, ...]] = {}
        self._staffing = Staffing()
        self._posts = Posts(ports, acd, remembered)
        self._midnights = Midnights(ports.clock, self._new_day)
        self._held_back = False

    # --- configuration ----------------------------------------------------------------------------

    def take_queue(self, queue: Queue) -> None:
        """A queue is new, or its settings are."""
        made = strategies.named(queue.strategy)
        levels = self._levels[queue.queue_id] = self._staffing.levels(queue)
        draws = self.remembered.asked.get(queue.queue_id, Asked()).draws
        self.telling.rules(Rules(queue_id=queue.queue_id, strategy=made, levels=levels), draws)
        for vip in {False, made.vip}:
            self.matcher.expect(
                queue.queue_id, (needs for _, needs in stages_of(queue.asks, self._staffing.tiers(queue), vip=vip))
            )
        zones = [(one.settings.zone or self._acd.zone, one.settings.strategy) for one in self._acd.queues.values()]
        self.remembered.zones = {zone for zone, _ in zones}  # a queue may be given another strategy at noon
        self._midnights.watch({zone for zone, name in zones if strategies.named(name).forgets is Forgets.MIDNIGHT})

    def drop_queue(self, queue_id: str) -> None:
        """A queue is gone."""
        self.telling.queue_gone(queue_id)
        self._levels.pop(queue_id, None)
        self._staffing.drop_queue(queue_id)

    @contextmanager
    def together(self, agents: Mapping[str, AgentState]) -> Iterator[None]:
        """Many agents change, or what they serve: what follows is decided when all of it is known."""
        self._held_back = True
        try:
            yield
        finally:
            self._held_back = False
        self._staffing.count(self._acd.queues, agents.values())
        self.telling.configured((state.settings for state in self._acd.queues.values()), agents.values())
        for state in self._acd.queues.values():
            self.take_queue(state.settings)
        for caller in self._acd.callers.values():
            if self.matcher.waits(caller.entry_id):
                self._put(caller)
        self.serve_all()

    def _count_levels(self, queue: Queue) -> bool:
        """Whether other levels count now; then everybody who waits there may have others to wait for."""
        if self._staffing.levels(queue) == self._levels.get(queue.queue_id):
            return False
        self.take_queue(queue)
        return True

    def _new_day(self) -> None:
        """A new day: the agents who are ready stand in another order from now on."""
        for agent in list(self._acd.roster.agents.values()):
            if self.matcher.is_ready(agent.agent_id):
                self.telling.ready(self._posts.ready(agent), served=False)

    # --- agents -----------------------------------------------------------------------------------

    def agent_changed(self, agent: AgentState) -> None:
        """Keep step with one agent, and serve him if he has become free."""
        ready = self._posts.ready(agent)
        others_too = not self._held_back and self._staffing.came_or_went(agent) and self._levels_changed(agent)
        if ready.posts:
            entry_id = self.telling.ready(ready, served=not self._held_back and not others_too)
            if entry_id:
                self._ask(self._acd.callers[entry_id], agent)
        else:
            self.telling.not_ready(agent.agent_id, self._posts.why_none(agent))
        if agent.presence is not Presence.AVAILABLE and not self._held_back:
            others_too |= self._nobody_waits_for(agent)
        if others_too:
            self.serve_all()

    def talked(self, agent_id: str) -> None:
        """What he has talked is known now; his leg may have ended, and he been ready, before his caller's did."""
        if self.matcher.is_ready(agent_id):
            self.telling.ready(self._posts.ready(self._acd.roster.agents[agent_id]), served=False)

    def _nobody_waits_for(self, agent: AgentState) -> bool:
        """He is on break or gone: whoever waited for him alone is anybody's at once. Tells whether somebody did."""
        offer = self._acd.offers.out.get(agent.offer_id)
        rung = self._acd.callers.get(offer.entry_id) if offer is not None else None
        if rung is not None and rung.bound_to == agent.agent_id:
            rung.bound_to = ""
        waited = [self._acd.callers[entry_id] for entry_id in self.matcher.bound_to(agent.agent_id)]
        for caller in waited:
            self._put(caller)
        return bool(waited)

    def _levels_changed(self, agent: AgentState) -> bool:
        """Whether his coming or going changed which levels count, so that others may be served as well."""
        changed = False
        for tier in agent.tiers:
            if tier.queue_id in self._acd.queues:
                changed |= self._count_levels(self._acd.queues[tier.queue_id].settings)
        return changed

    # --- callers ----------------------------------------------------------------------------------

    def place(self, caller: QueuedCaller) -> int:
        """His place in line (ccd.acd.matching.score)."""
        queue = self._acd.queues[caller.queue_id].settings
        vip = caller.vip and strategies.named(queue.strategy).vip
        return place_of(
            caller.joined_at,
            caller.priority + (queue.vip_priority if vip else 0),
            head_start_ms=queue.head_start_ms,
            ageing_ms=queue.ageing_ms,
        )

    def wait(self, caller: QueuedCaller, *, first: bool = False) -> None:
        """A caller may be offered: whoever is ready and may take him is asked. `first`: of all who may be served."""
        for agent_id in self.telling.waits(caller, self._as_he_waits(caller), served=True, first=first):
            self._ask(caller, self._acd.roster.agents[agent_id])

    def stop(self, caller: QueuedCaller, *, said: bool = False) -> None:
        """He may not be offered any more: he is gone (`said`, if the next fact says so), or somebody has him."""
        self.telling.stops(caller, said=said)
        self._no_longer_due(caller)

    def _no_longer_due(self, caller: QueuedCaller) -> None:
        if caller.due is not None:
            caller.due.cancel()
            caller.due = None

    def refused(self, caller: QueuedCaller, agent_id: str, again_ms: int) -> None:
        """An agent did not take a caller; so long he is not asked for him again."""
        caller.tried.add(agent_id)
        if caller.bound_to == agent_id:
            caller.bound_to = ""
        if again_ms > 0:
            caller.refused[agent_id] = self._ports.clock.now() + again_ms * 1000

    def _put(self, caller: QueuedCaller) -> None:
        self.telling.waits(caller, self._as_he_waits(caller))

    def _as_he_waits(self, caller: QueuedCaller) -> Waiting:
        """A caller as the matcher sees him now; looked at again when the next thing about him is due."""
        now = self._ports.clock.now()
        caller.refused = {agent_id: until for agent_id, until in caller.refused.items() if until > now}
        if caller.bound_until <= now or not comes(self._acd.roster.agents.get(caller.bound_to), caller.queue_id):
            caller.bound_to = ""
        waited_ms = ms_between(caller.joined_at, now)
        needs, coming_ms = stage_at(self._stages(caller), waited_ms)
        due = [*caller.refused.values()]
        due += [caller.bound_until] if caller.bound_to else []
        due += [caller.joined_at + coming_ms * 1000] if coming_ms else []
        self._look_again(caller, min(due, default=0))
        return Waiting(
            entry_id=caller.entry_id,
            queue_id=caller.queue_id,
            place=self.place(caller),
            joined_at=caller.joined_at,
            needs=needs,
            refused=frozenset(caller.refused),
            tried=frozenset(caller.tried),
            ringing=frozenset(caller.ringing.values()),
            bound_to=caller.bound_to,
        )

    def _stages(self, caller: QueuedCaller) -> tuple[tuple[int, Needs], ...]:
        queue = self._acd.queues[caller.queue_id].settings
        vip = caller.vip and strategies.named(queue.strategy).vip
        return stages_of(caller.asks or queue.asks, self._staffing.tiers(queue), vip=vip)

    def needs_of(self, caller: QueuedCaller) -> Needs:
        """What he demands of an agent now, after so long a wait."""
        return stage_at(self._stages(caller), ms_between(caller.joined_at, self._ports.clock.now()))[0]

    def _look_again(self, caller: QueuedCaller, due: Moment) -> None:
        self._no_longer_due(caller)
        if due:
            seconds = max(due - self._ports.clock.now(), 0) / 1e6
            caller.due = self._ports.clock.call_later(seconds, lambda: self._due(caller))

    def _due(self, caller: QueuedCaller) -> None:
        caller.due = None
        if self.matcher.waits(caller.entry_id):
            self.wait(caller)

    def _ask(self, caller: QueuedCaller, agent: AgentState) -> None:
        """Have a caller offered to an agent; under a strategy that rings several he may be offered to others still."""
        queue = self._acd.queues[caller.queue_id].settings
        rings = strategies.named(queue.strategy).rings
        was = self.telling.offered(caller, agent.agent_id)
        self._no_longer_due(caller)
        self._offer(caller, agent)
        if rings is Rings.ALL:
            self.telling.rings_on(caller, self._as_he_waits(caller), was, agent.agent_id)
        elif rings is Rings.PROGRESSIVELY:
            seconds = queue.ring_progressively_delay_ms / 1000
            caller.due = self._ports.clock.call_later(seconds, lambda: self._one_more(caller))

    def found_ringing(self, caller: QueuedCaller, since: Moment) -> None:
        """A recovery found phones ringing for him, the last `since` then: who else is asked, and when, is as it was."""
        queue = self._acd.queues[caller.queue_id].settings
        rings = strategies.named(queue.strategy).rings
        if rings is Rings.ALL:
            return
        self.stop(caller)
        if rings is Rings.PROGRESSIVELY:
            left_us = since + queue.ring_progressively_delay_ms * 1000 - self._ports.clock.now()
            caller.due = self._ports.clock.call_later(max(left_us, 0) / 1e6, lambda: self._one_more(caller))

    def _one_more(self, caller: QueuedCaller) -> None:
        """His phones have rung for a while, and nobody has answered: one more, or the next who becomes ready."""
        caller.due = None
        if caller.stay is Stay.OFFERED and not caller.winner:
            self.wait(caller)

    def serve_all(self) -> None:
        """Much has changed at once: callers are served in the order of their places, as long as there is somebody for one."""
        while entry_id := self.matcher.first_who_may_be_served():
            self.wait(self._acd.callers[entry_id], first=True)
