"""Who waits, who is ready, and who gets whom. Pure: every change is told, every decision follows from what was told.

Two rules make every decision. Callers are served in the order of their places (`score`), over all queues alike; a caller whom
no ready agent may take holds up nobody behind him. A caller gets the first of the ready agents who may take him, in the order
of `Pool.key_of`. Since every change is followed by a decision, one side of it is always a single caller or a single agent.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ccd.acd.lines import Ordered
from ccd.acd.matching.draws import Draws, seed_of
from ccd.acd.matching.model import Post, Ready, Rules, Waiting
from ccd.acd.matching.needs import Needs
from ccd.acd.matching.pools import Pool

MOST_POOLS = 64
"""Demands of a queue that are remembered when nobody has them; a new one looks at every ready agent of the queue once."""


class _Queue:
    def __init__(self, rules: Rules, draws: Draws) -> None:
        self.rules = rules
        self.draws = draws
        self.pools: dict[Needs, Pool] = {}
        self.ready: dict[str, Post] = {}


class Matcher:
    """The deciding state of all queues."""

    def __init__(self) -> None:
        self._queues: dict[str, _Queue] = {}
        self._agents: dict[str, Ready] = {}
        self._callers: dict[str, Waiting] = {}
        self._pools_of: dict[str, list[Pool]] = {}
        self._bound: dict[str, Ordered] = {}

    # --- what is told -----------------------------------------------------------------------------

    def put_queue(self, rules: Rules, draws: int = 0) -> None:
        """A queue is new, or its rules are; `draws`: how many a new one has made before."""
        queue = self._queues.get(rules.queue_id)
        if queue is None:
            queue = self._queues[rules.queue_id] = _Queue(rules, Draws(seed_of(rules.queue_id), draws))
        queue.rules = rules
        for pool in queue.pools.values():
            for agent_id in list(pool.ready):
                self._pools_of[agent_id].remove(pool)
                pool.drop(agent_id)
            pool.take(rules)
            self._fill(queue, pool)

    def expect(self, queue_id: str, demands: Iterable[Needs]) -> None:
        """Callers with these demands may come: the first of them costs no more than the others."""
        for needs in demands:
            self._pool(queue_id, needs)

    def drop_queue(self, queue_id: str) -> None:
        """A queue in which nobody waits is gone."""
        queue = self._queues.pop(queue_id, None)
        if queue is not None:
            for pool in queue.pools.values():
                for agent_id in pool.ready:
                    self._pools_of[agent_id].remove(pool)

    def put_agent(self, agent: Ready) -> None:
        """An agent is ready, or something about a ready one has changed."""
        self.drop_agent(agent.agent_id)
        self._agents[agent.agent_id] = agent
        joined = self._pools_of[agent.agent_id] = []
        for post in agent.posts:
            queue = self._queues.get(post.queue_id)
            if queue is None:
                continue
            queue.ready[agent.agent_id] = post
            for pool in queue.pools.values():
                if pool.offers_to(post, agent):
                    pool.put(post, agent)
                    joined.append(pool)

    def drop_agent(self, agent_id: str) -> None:
        """An agent is not ready any more."""
        agent = self._agents.pop(agent_id, None)
        if agent is None:
            return
        for pool in self._pools_of.pop(agent_id):
            pool.drop(agent_id)
        for post in agent.posts:
            if post.queue_id in self._queues:
                self._queues[post.queue_id].ready.pop(agent_id, None)

    def put_caller(self, caller: Waiting) -> None:
        """A caller waits, or something about one who waits has changed."""
        self.drop_caller(caller.entry_id)
        self._callers[caller.entry_id] = caller
        line = (
            self._bound_line(caller.bound_to) if caller.bound_to else self._pool(caller.queue_id, caller.needs).waiting
        )
        line.add(caller.entry_id, caller.key())

    def drop_caller(self, entry_id: str) -> None:
        """A caller waits no more: he is gone, or an agent is being asked for him."""
        caller = self._callers.pop(entry_id, None)
        if caller is None:
            return
        if not caller.bound_to:
            self._pool(caller.queue_id, caller.needs).waiting.remove(entry_id)
            return
        line = self._bound[caller.bound_to]
        line.remove(entry_id)
        if not line:
            del self._bound[caller.bound_to]

    # --- what is asked ----------------------------------------------------------------------------

    def draws_of(self, queue_id: str) -> Draws:
        """A queue's draws, for the snapshot."""
        return self._queues[queue_id].draws

    def is_ready(self, agent_id: str) -> bool:
        """Whether an agent may be offered a caller."""
        return agent_id in self._agents

    def ready_in(self, queue_id: str) -> int:
        """How many agents are ready for a queue."""
        return len(self._queues[queue_id].ready)

    def is_anybody_ready(self) -> bool:
        """Whether any agent may be offered a caller."""
        return bool(self._agents)

    def waits(self, entry_id: str) -> bool:
        """Whether a caller may be offered."""
        return entry_id in self._callers

    def caller(self, entry_id: str) -> Waiting:
        """A caller who waits."""
        return self._callers[entry_id]

    def known(self, entry_id: str) -> Waiting | None:
        """A caller, if he waits."""
        return self._callers.get(entry_id)

    def agent(self, agent_id: str) -> Ready | None:
        """An agent, if he is ready."""
        return self._agents.get(agent_id)

    def rules_of(self, queue_id: str) -> Rules:
        """What deciding knows of a queue."""
        return self._queues[queue_id].rules

    def all_ready(self) -> tuple[Ready, ...]:
        """Every agent who may be offered a caller."""
        return tuple(self._agents.values())

    def all_waiting(self) -> tuple[Waiting, ...]:
        """Every caller who may be offered."""
        return tuple(self._callers.values())

    def bound_to(self, agent_id: str) -> list[str]:
        """Who waits for one agent alone, in the order of their places."""
        return list(self._bound.get(agent_id, ()))

    def _may(self, agent_id: str, caller: Waiting) -> bool:
        """Whether an agent of his line may be asked for a caller; a bound one's must be ready for this queue, too."""
        if agent_id in caller.refused or agent_id in caller.ringing:
            return False
        return not caller.bound_to or agent_id in self._queues[caller.queue_id].ready

    def for_agent(self, agent_id: str) -> str:
        """The caller whom a ready agent gets: the one with the first place of all whom he may take. '' none."""
        best: tuple[tuple[int, int], str] | None = None
        for line in self._lines_of(agent_id):
            for entry_id in line:
                caller = self._callers[entry_id]
                if not self._may(agent_id, caller):
                    continue
                if best is None or (caller.key(), entry_id) < best:
                    best = (caller.key(), entry_id)
                break
        return best[1] if best is not None else ""

    def for_caller(self, entry_id: str) -> Iterator[str]:
        """The ready agents who may take a caller, the one to be asked first first."""
        caller = self._callers[entry_id]
        if caller.bound_to:
            if self._may(caller.bound_to, caller):
                yield caller.bound_to
            return
        queue = self._queues[caller.queue_id]
        last = []
        for agent_id in self._pool(caller.queue_id, caller.needs).in_order(queue.draws):
            if agent_id in caller.refused or agent_id in caller.ringing:
                continue
            if queue.rules.strategy.again_last and agent_id in caller.tried:
                last.append(agent_id)
                continue
            yield agent_id
        yield from last

    def first_who_may_be_served(self) -> str:
        """The caller with the first place of all for whom an agent is ready, '' none: where many things changed at once."""
        best: tuple[tuple[int, int], str] | None = None
        for line, ready in self._lines():
            for entry_id in line:
                caller = self._callers[entry_id]
                if best is not None and best < (caller.key(), entry_id):
                    break
                if any(self._may(agent_id, caller) for agent_id in ready):
                    best = (caller.key(), entry_id)
                    break
        return best[1] if best is not None else ""

    def _lines(self) -> Iterator[tuple[Ordered, Iterable[str]]]:
        """The lines in which somebody may be served, each with its ready agents."""
        for agent_id, line in self._bound.items():
            if agent_id in self._agents:
                yield line, (agent_id,)
        for queue in self._queues.values():
            if queue.ready:
                for pool in queue.pools.values():
                    if pool.ready:
                        yield pool.waiting, pool.ready

    def in_line(self, queue_ids: frozenset[str] | None = None) -> list[str]:
        """Everybody who waits, in the order of their places; only of these queues, where any are named."""
        callers = [one for one in self._callers.values() if queue_ids is None or one.queue_id in queue_ids]
        return [one.entry_id for one in sorted(callers, key=lambda one: (one.key(), one.entry_id))]

    # --- keeping ----------------------------------------------------------------------------------

    def _lines_of(self, agent_id: str) -> Iterator[Ordered]:
        if agent_id in self._bound:
            yield self._bound[agent_id]
        for pool in self._pools_of[agent_id]:
            yield pool.waiting

    def _bound_line(self, agent_id: str) -> Ordered:
        return self._bound.setdefault(agent_id, Ordered())

    def _pool(self, queue_id: str, needs: Needs) -> Pool:
        queue = self._queues[queue_id]
        pool = queue.pools.get(needs)
        if pool is None:
            self._forget_a_pool(queue)
            pool = queue.pools[needs] = Pool(queue.rules, needs)
            self._fill(queue, pool)
        return pool

    def _fill(self, queue: _Queue, pool: Pool) -> None:
        for agent_id, post in queue.ready.items():
            agent = self._agents[agent_id]
            if pool.offers_to(post, agent):
                pool.put(post, agent)
                self._pools_of[agent_id].append(pool)

    def _forget_a_pool(self, queue: _Queue) -> None:
        """The oldest demand that nobody has makes room."""
        if len(queue.pools) < MOST_POOLS:
            return
        for needs, pool in queue.pools.items():
            if not pool.waiting:
                for agent_id in pool.ready:
                    self._pools_of[agent_id].remove(pool)
                del queue.pools[needs]
                return
