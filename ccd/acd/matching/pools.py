"""Callers of one queue with one demand, and the ready agents who meet it, both in order."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ccd.acd.lines import Ordered
from ccd.acd.matching.draws import Draws
from ccd.acd.matching.model import Post, Ready, Rules
from ccd.acd.matching.needs import Needs
from ccd.acd.strategies import Candidate
from ccd.acd.strategies import Draws as Drawn

HEAVIEST = 100
_TRIES = 64
_AFTER_EVERY_KEY = float("inf")


class Pool:
    """One demand in one queue. It stays when nobody waits in it, for the next caller who asks the same."""

    def __init__(self, rules: Rules, needs: Needs) -> None:
        self.needs = needs
        self.waiting = Ordered()
        self.ready = Ordered()
        self._weights: dict[str, int] = {}
        self.take(rules)

    def take(self, rules: Rules) -> None:
        """Follow a queue's rules. Whoever stands in `ready` stays as he is: the caller of this puts them in anew."""
        self.rules = rules
        self._open = frozenset(self.needs.open_levels(rules.levels))

    def offers_to(self, post: Post, agent: Ready) -> bool:
        """Whether an agent may be asked for these callers."""
        return post.level in self._open and self.needs.are_met_by(agent.skills)

    def put(self, post: Post, agent: Ready) -> None:
        """An agent who may be asked is ready."""
        self._weights[agent.agent_id] = min(max(post.weight, 1), HEAVIEST)
        self.ready.add(agent.agent_id, self.key_of(post, agent))

    def drop(self, agent_id: str) -> None:
        """He no longer is."""
        self.ready.remove(agent_id)
        self._weights.pop(agent_id, None)

    def key_of(self, post: Post, agent: Ready) -> tuple[Any, ...]:
        """What orders the agents: tier level, preferred skills, the strategy, the position in the tier."""
        candidate = Candidate(
            agent_id=agent.agent_id,
            level=post.level,
            position=post.position,
            specialist=post.specialist,
            idle_since=agent.idle_since,
            offered_seq=post.offered_seq,
            calls=post.calls,
            talk_ms=post.talk_ms,
            match=self.needs.match(agent.skills),
            vip=self.needs.vip,
        )
        preferred = self.needs.preferred_met(agent.skills)
        return (post.level, -preferred, self.rules.strategy.key(candidate), post.position)

    def in_order(self, draws: Draws) -> Iterator[str]:
        """The ready agents, whom to ask first: drawn among equals where the strategy draws, then the rest in order."""
        if self.rules.strategy.draws is Drawn.NO or not self.ready:
            yield from self.ready
            return
        drawn = self._drawn(draws)
        yield drawn
        yield from (agent_id for agent_id in self.ready if agent_id != drawn)

    def _drawn(self, draws: Draws) -> str:
        """One of the first group. By weight: drawn evenly and taken with the chance of his weight, so that it costs no sum."""
        level, preferred = self.ready.first_key()[:2]
        equals = self.ready.count_below((level, preferred, _AFTER_EVERY_KEY))
        if self.rules.strategy.draws is Drawn.BY_WEIGHT:
            for _ in range(_TRIES):
                agent_id = self.ready.at(draws.below(equals))
                if draws.below(HEAVIEST) < self._weights[agent_id]:
                    return agent_id
        return self.ready.at(draws.below(equals))
