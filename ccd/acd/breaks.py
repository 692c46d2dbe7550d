"""Breaks: which reasons there are, and who has been away for longer than his allows."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import structlog

from ccd.acd.agent_states import AgentState
from ccd.acd.facts import BreakOverrun
from ccd.acd.model import BreakReason, Presence
from ccd.acd.ports import Ports
from ccd.base.errors import Refused

log = structlog.get_logger(__name__)


class Breaks:
    """The site's reasons for breaks; where it has none, agents say what they like. `tell` publishes an agent's whole state."""

    def __init__(self, ports: Ports, tell: Callable[[AgentState, str], None]) -> None:
        self._reasons: dict[str, BreakReason] = {}
        self._ports = ports
        self._tell = tell

    def configure(self, reasons: Iterable[BreakReason], agents: Iterable[AgentState]) -> None:
        """Take other reasons; who is on break stays so, and his limit is the new one from the moment he left."""
        self._reasons = {reason.name: reason for reason in reasons}
        for agent in agents:
            self.watch(agent)

    def check(self, reason: str) -> None:
        """Refused when the site has reasons and this is none that may be chosen."""
        known = self._reasons.get(reason)
        if not self._reasons or (known is not None and known.allowed):
            return
        allowed = ", ".join(sorted(one.name for one in self._reasons.values() if one.allowed)) or "none at all"
        what = (
            f"break reason {reason} is not allowed" if known else f"no break reason {reason}" if reason else "say why"
        )
        raise Refused(f"{what}; there are {allowed}")

    def limit_ms(self, agent: AgentState) -> int:
        """How long the agent may stay on the break that he is on; 0 for as long as he likes, and for who is on none."""
        known = self._reasons.get(agent.reason)
        return known.limit_ms if known is not None and agent.presence is Presence.ON_BREAK else 0

    def watch(self, agent: AgentState) -> None:
        """An agent's presence is another, or his reason's limit: look again when his break has lasted too long."""
        if agent.break_timer is not None:
            agent.break_timer.cancel()
            agent.break_timer = None
        limit_ms = self.limit_ms(agent)
        if limit_ms and not agent.overrun_at:
            left_us = agent.presence_since + limit_ms * 1000 - self._ports.clock.now()
            agent.break_timer = self._ports.clock.call_later(max(left_us, 0) / 1e6, lambda: self._overrun(agent))

    def _overrun(self, agent: AgentState) -> None:
        agent.break_timer = None
        agent.overrun_at = self._ports.clock.now()
        limit_ms = self.limit_ms(agent)
        log.warning("break_overrun", agent=agent.settings.name, reason=agent.reason, limit_ms=limit_ms)
        self._ports.publish(
            BreakOverrun(
                at=agent.overrun_at,
                agent_id=agent.agent_id,
                reason=agent.reason,
                since=agent.presence_since,
                limit_ms=limit_ms,
            )
        )
        self._tell(agent, "break_overrun")
