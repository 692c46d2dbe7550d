"""Who staffs which level of a queue: counted, so that a log-in costs no look at the other agents. For ccd.acd.deciding."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from ccd.acd.agent_states import AgentState
from ccd.acd.matching.stages import Tiers
from ccd.acd.model import Presence, Queue


class _Staff:
    """How many agents a queue has on each level, and how many of them are there."""

    def __init__(self) -> None:
        self.levels: Counter[int] = Counter()
        self.present: Counter[int] = Counter()


_NOBODY = _Staff()


class Staffing:
    """The staff of every queue. Who is on break staffs nothing: mod_callcenter counts him, so that callers wait for a level
    that is at lunch.
    """

    def __init__(self) -> None:
        self._staff: dict[str, _Staff] = {}

    def count(self, queues: Iterable[str], agents: Iterable[AgentState]) -> None:
        """Count all of them anew: the configuration is another."""
        self._staff = {queue_id: _Staff() for queue_id in queues}
        for agent in agents:
            agent.counted = agent.presence is Presence.AVAILABLE
            for tier in agent.tiers:
                if tier.queue_id in self._staff:
                    self._staff[tier.queue_id].levels[tier.level] += 1
                    self._staff[tier.queue_id].present[tier.level] += agent.counted

    def drop_queue(self, queue_id: str) -> None:
        """A queue is gone."""
        self._staff.pop(queue_id, None)

    def came_or_went(self, agent: AgentState) -> bool:
        """Count an agent as he is now; tells whether that makes a difference."""
        if agent.counted == (agent.presence is Presence.AVAILABLE):
            return False
        agent.counted = not agent.counted
        for tier in agent.tiers:
            if tier.queue_id in self._staff:
                self._staff[tier.queue_id].present[tier.level] += 1 if agent.counted else -1
        return True

    def levels(self, queue: Queue) -> tuple[int, ...]:
        """The levels that a queue's tiers have; without those that nobody staffs, where the queue skips them."""
        staff = self._staff.get(queue.queue_id, _NOBODY)
        counted = staff.present if queue.skip_empty_tiers else staff.levels
        return tuple(sorted(level for level, agents in counted.items() if agents))

    def tiers(self, queue: Queue) -> Tiers:
        """How a queue's levels open to a caller one after the other."""
        levels = len(self._staff.get(queue.queue_id, _NOBODY).levels)
        return Tiers(wait_ms=queue.tier_wait_ms, one_by_one=queue.tier_one_by_one, levels=levels)
