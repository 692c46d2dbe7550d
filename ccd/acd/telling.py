"""Tells the matcher, and the journal what the matcher was told. For ccd.acd.deciding, which tells it nothing by itself.

A fact is published only where something differs from what was said before, and before the offers that follow from it.
"""

from __future__ import annotations

from collections.abc import Iterable

from ccd.acd.agent_states import AgentState
from ccd.acd.callers import QueuedCaller
from ccd.acd.inputs import (
    AgentNotReady,
    AgentReady,
    CallerHeld,
    CallerWaits,
    ConfigurationTaken,
    QueueDropped,
    QueueSnapshot,
    RulesNow,
    RulesTaken,
    Unready,
    WhyNot,
)
from ccd.acd.matching.asked import after_offer, chosen_for
from ccd.acd.matching.matcher import Matcher
from ccd.acd.matching.model import Ready, Rules, Waiting
from ccd.acd.model import Queue
from ccd.acd.people import People
from ccd.acd.ports import Ports
from ccd.base.clock import Moment
from ccd.calls.facts import Fact

SNAPSHOT_AFTER_FACTS = 5_000
SNAPSHOT_AFTER_US = 300_000_000
MOST_CHANGES = 64
"""After so many changes of the configuration a whole one is told again."""
_OFFERED = Unready(why=WhyNot.OFFERED)
_SAID_BY_STATES = frozenset({WhyNot.OFFERED, WhyNot.TALKING, WhyNot.WRAP_UP})


class Telling:
    """The matcher's ear. `version` is that of the configuration in use."""

    def __init__(self, ports: Ports, matcher: Matcher) -> None:
        self.version = 0
        self._matcher = matcher
        self._ports = ports
        self._rules: dict[str, tuple[str, tuple[int, ...]]] = {}
        self._unready: dict[str, Unready] = {}
        self._calls: dict[str, str] = {}
        self._people = People()
        self._sha256 = ""
        self._configuration: list[Moment] = []
        self._told = 0
        self._snapshot_at: Moment = 0
        self._snapshot_due = False

    def _publish(self, fact: Fact) -> None:
        self._ports.publish(fact)
        self._told += 1
        self._snapshot_at = self._snapshot_at or fact.at
        late = self._told >= SNAPSHOT_AFTER_FACTS or fact.at - self._snapshot_at >= SNAPSHOT_AFTER_US
        if late and not self._snapshot_due:
            self._snapshot_due = True
            self._ports.clock.call_later(0.0, self.snapshot)  # not in the midst of a decision

    # --- configuration ----------------------------------------------------------------------------

    def configured(self, queues: Iterable[Queue], agents: Iterable[AgentState]) -> None:
        """Queues, agents and tiers may be others now."""
        staff = list(agents)
        people = People(
            queues={one.queue_id: one for one in queues},
            agents={one.agent_id: one.settings for one in staff},
            tiers={one.agent_id: tuple(one.tiers) for one in staff if one.tiers},
        )
        if people == self._people and self._sha256:
            return
        whole = not self._sha256 or len(self._configuration) >= MOST_CHANGES
        was = People() if whole else self._people
        fact = ConfigurationTaken(
            at=self._ports.clock.now(),
            sha256=people.sha256(),
            version=self.version,
            base="" if whole else self._sha256,
            begins=not self._sha256,
            queues=tuple(one for key, one in people.queues.items() if was.queues.get(key) != one),
            agents=tuple(one for key, one in people.agents.items() if was.agents.get(key) != one),
            tiers={key: one for key, one in people.tiers.items() if was.tiers.get(key) != one}
            | {key: () for key in was.tiers if key not in people.tiers and key in people.agents},
            gone=tuple(
                [key for key in was.queues if key not in people.queues]
                + [key for key in was.agents if key not in people.agents]
            ),
        )
        self._people, self._sha256 = people, fact.sha256
        self._unready = {key: one for key, one in self._unready.items() if key in people.agents}
        self._configuration = [*([] if whole else self._configuration), fact.at]
        self._publish(fact)

    def rules(self, rules: Rules, draws: int) -> None:
        """A queue is new, or its rules are."""
        self._matcher.put_queue(rules, draws)
        told = (rules.strategy.name, rules.levels)
        if self._rules.get(rules.queue_id) != told:
            self._rules[rules.queue_id] = told
            now = self._rules_now(rules.queue_id)
            self._publish(RulesTaken(at=self._ports.clock.now(), queue_id=rules.queue_id, rules=now))

    def _rules_now(self, queue_id: str) -> RulesNow:
        name, levels = self._rules[queue_id]
        draws = self._matcher.draws_of(queue_id).count
        return RulesNow(queue_id=queue_id, strategy=name, levels=levels, draws=draws)

    def queue_gone(self, queue_id: str) -> None:
        """A queue is gone."""
        self._matcher.drop_queue(queue_id)
        if self._rules.pop(queue_id, None) is not None:
            self._publish(QueueDropped(at=self._ports.clock.now(), queue_id=queue_id))

    # --- agents -----------------------------------------------------------------------------------

    def ready(self, ready: Ready, *, served: bool) -> str:
        """An agent is ready, as he is now; if he is to be served, the caller whom he gets, '' none."""
        new = self._matcher.agent(ready.agent_id) != ready
        self._matcher.put_agent(ready)
        found = self._matcher.for_agent(ready.agent_id) if served else ""
        if new or found:
            self._unready.pop(ready.agent_id, None)
            fact = AgentReady(at=self._ports.clock.now(), agent_id=ready.agent_id, ready=ready, served=served)
            self._publish(fact)
        return found

    def not_ready(self, agent_id: str, unready: Unready) -> None:
        """An agent is not ready, and why."""
        was_ready = self._matcher.is_ready(agent_id)
        self._matcher.drop_agent(agent_id)
        last = self._unready.get(agent_id)
        self._unready[agent_id] = unready
        if last is None:
            tell = was_ready or unready.why is not WhyNot.LOGGED_OUT  # which everybody is of whom nothing is told
        else:
            changed = (unready.why, unready.detail) != (last.why, last.detail) or unready.until > last.until
            tell = was_ready or (changed and unready.why not in _SAID_BY_STATES)
        if tell:
            self._publish(AgentNotReady(at=self._ports.clock.now(), agent_id=agent_id, unready=unready))

    # --- callers ----------------------------------------------------------------------------------

    def waits(self, caller: QueuedCaller, waiting: Waiting, *, served: bool = False, first: bool = False) -> list[str]:
        """A caller may be offered, as he is now; if he is to be served, the agents whom he gets: of some strategies several."""
        new = self._matcher.known(waiting.entry_id) != waiting
        self._matcher.put_caller(waiting)
        chosen: list[str] = []
        draws = self._matcher.draws_of(waiting.queue_id)
        drawn = draws.count
        if served:
            chosen = list(chosen_for(self._matcher, waiting))
        if new or chosen or first or draws.count != drawn:
            self._calls[waiting.entry_id] = caller.call_id
            fact = CallerWaits(
                at=self._ports.clock.now(), call_id=caller.call_id, waiting=waiting, served=served, first=first
            )
            self._publish(fact)
        return chosen

    def stops(self, caller: QueuedCaller, *, said: bool) -> None:
        """A caller may not be offered any more; `said`: the fact of why says that as well."""
        if not self._matcher.waits(caller.entry_id):
            return
        self._matcher.drop_caller(caller.entry_id)
        self._calls.pop(caller.entry_id, None)
        if not said:
            fact = CallerHeld(at=self._ports.clock.now(), call_id=caller.call_id, entry_id=caller.entry_id)
            self._publish(fact)

    def offered(self, caller: QueuedCaller, agent_id: str) -> Waiting | None:
        """A caller is about to be offered to an agent, and neither is free; how he has waited until now."""
        was = self._matcher.known(caller.entry_id)
        self._matcher.drop_agent(agent_id)
        self._matcher.drop_caller(caller.entry_id)
        self._calls.pop(caller.entry_id, None)
        self._unready[agent_id] = _OFFERED
        return was

    def rings_on(self, caller: QueuedCaller, waiting: Waiting, was: Waiting | None, agent_id: str) -> None:
        """He was offered and may be offered to others too; told where that is not what follows from the offer."""
        if was is not None and waiting == after_offer(was, agent_id):
            self._matcher.put_caller(waiting)
            self._calls[waiting.entry_id] = caller.call_id
        else:
            self.waits(caller, waiting)

    # --- from time to time ------------------------------------------------------------------------

    def snapshot(self) -> None:
        """All of it at once."""
        self._told, self._snapshot_at, self._snapshot_due = 0, self._ports.clock.now(), False
        waiting = self._matcher.all_waiting()
        self._ports.publish(
            QueueSnapshot(
                at=self._snapshot_at,
                rules=tuple(self._rules_now(queue_id) for queue_id in self._rules),
                ready=self._matcher.all_ready(),
                unready=dict(self._unready),
                waiting=waiting,
                calls={one.entry_id: self._calls[one.entry_id] for one in waiting},
                configuration=tuple(self._configuration),
            )
        )
