"""An agent as the matcher sees him: the posts that he has in his queues, or why he has none. For ccd.acd.deciding."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ccd.acd.agent_states import AgentState
from ccd.acd.inputs import Unready
from ccd.acd.matching.model import Post, Ready
from ccd.acd.model import Tier
from ccd.acd.ports import Ports
from ccd.acd.remembered import Remembered
from ccd.acd.unready import why_not

if TYPE_CHECKING:
    from ccd.acd.service import Acd


class Posts:
    """What each agent may be offered now; `remembered` is what the order of agents goes by."""

    def __init__(self, ports: Ports, acd: Acd, remembered: Remembered) -> None:
        self._ports = ports
        self._acd = acd
        self._remembered = remembered

    def ready(self, agent: AgentState) -> Ready:
        """An agent with his posts; without any when he may not be offered anything."""
        posts: tuple[Post, ...] = ()
        if agent.may_be_offered(self._ports.clock.monotonic()) and self._ports.node_is_up(
            agent.station.node if agent.station else ""
        ):
            posts = tuple(self._post(agent, tier) for tier in agent.tiers if self._serves(agent, tier))
        return Ready(agent_id=agent.agent_id, posts=posts, skills=agent.settings.skills, idle_since=agent.idle_since)

    def why_none(self, agent: AgentState) -> Unready:
        """Why an agent has no post."""
        clock, node = self._ports.clock, agent.station.node if agent.station else ""
        return why_not(agent, clock.now(), clock.monotonic(), node_up=self._ports.node_is_up(node))

    def _serves(self, agent: AgentState, tier: Tier) -> bool:
        queue = self._acd.queues.get(tier.queue_id)
        return queue is not None and not (agent.elsewhere and queue.settings.busy_elsewhere)

    def _post(self, agent: AgentState, tier: Tier) -> Post:
        queue = self._acd.queues[tier.queue_id].settings
        today = self._remembered.today(agent.agent_id, queue.zone or self._acd.zone, self._ports.clock.now())
        return Post(
            queue_id=tier.queue_id,
            level=tier.level,
            position=tier.position,
            weight=tier.weight,
            specialist=tier.specialist,
            offered_seq=self._remembered.offered_seq(tier.queue_id, agent.agent_id),
            calls=today.calls,
            talk_ms=today.talk_ms,
        )
