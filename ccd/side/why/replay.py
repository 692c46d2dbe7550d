"""Decides again what core decided, from the facts of what its matcher was told, and compares. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from ccd.acd import strategies
from ccd.acd.facts import AgentChanged, CallerLeft, OfferMade
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
from ccd.acd.matching.model import Rules
from ccd.acd.model import Activity, Presence
from ccd.acd.people import People
from ccd.acd.strategies import Rings
from ccd.acd.unready import not_his_word
from ccd.base.clock import Moment

_TELLS = (AgentReady, AgentNotReady, CallerWaits, CallerHeld, RulesTaken, QueueDropped, CallerLeft, QueueSnapshot)
_BUSY = {Activity.OFFERED: WhyNot.OFFERED, Activity.TALKING: WhyNot.TALKING, Activity.WRAP_UP: WhyNot.WRAP_UP}


class Decision(msgspec.Struct, frozen=True):
    """Who was offered to whom, and how many draws the queue had made by then."""

    entry_id: str
    agent_id: str
    queue_id: str
    draws: int


class Difference(msgspec.Struct, frozen=True):
    """The journal says one thing and its replay another. `code`: offer_not_decided, offer_lacks, other_first, draws,
    snapshot, configuration."""

    at: Moment
    code: str
    journal: str = ""
    replay: str = ""


class Replay:
    """The deciding state of core as its journal tells it. `follow` each fact of the journal in order, boot by boot."""

    def __init__(self) -> None:
        self.differences: list[Difference] = []
        self.made: list[Decision] = []
        self.decided: list[Decision] = []
        self.begin()

    def begin(self) -> None:
        """Core has started: it knows nothing. What it had decided when it died may not have been carried out."""
        self.matcher = Matcher()
        self.people = People()
        self.unready: dict[str, Unready] = {}
        self.calls: dict[str, str] = {}
        self.coming: list[Decision] = []

    def begin_at(self, snapshot: QueueSnapshot, configuration: Iterable[ConfigurationTaken]) -> None:
        """Begin in the middle of a boot, with a snapshot and the configuration that it names."""
        self.begin()
        for taken in configuration:
            self._configuration(taken)
        for rules in snapshot.rules:
            self.matcher.put_queue(_rules(rules), rules.draws)
        for ready in snapshot.ready:
            self.matcher.put_agent(ready)
        for waiting in snapshot.waiting:
            self.matcher.put_caller(waiting)
        self.unready = dict(snapshot.unready)
        self.calls = dict(snapshot.calls)

    def follow(self, fact: Any) -> None:
        """The next fact."""
        if isinstance(fact, _TELLS):
            self._all_offered(fact)
        match fact:
            case OfferMade():
                self._offer(fact)
            case AgentReady():
                self.matcher.put_agent(fact.ready)
                self.unready.pop(fact.agent_id, None)
                if fact.served and (entry_id := self.matcher.for_agent(fact.agent_id)):
                    self._decide(entry_id, fact.agent_id)
            case AgentNotReady():
                self.matcher.drop_agent(fact.agent_id)
                self.unready[fact.agent_id] = fact.unready
            case AgentChanged():
                self._agent_changed(fact)
            case CallerWaits():
                self._waits(fact)
            case CallerHeld() | CallerLeft():
                self.matcher.drop_caller(fact.entry_id)
            case _:
                self._queues(fact)

    def _queues(self, fact: Any) -> None:
        match fact:
            case RulesTaken():
                self.matcher.put_queue(_rules(fact.rules), fact.rules.draws)
                self._draws(fact.at, fact.rules.draws, self.matcher.draws_of(fact.queue_id).count)
            case QueueDropped():
                self.matcher.drop_queue(fact.queue_id)
            case ConfigurationTaken():
                self._configuration(fact)
            case QueueSnapshot():
                self._compare(fact)
            case _:
                pass

    # --- decisions --------------------------------------------------------------------------------

    def _waits(self, fact: CallerWaits) -> None:
        waiting = fact.waiting
        self.calls[waiting.entry_id] = fact.call_id
        self.matcher.put_caller(waiting)
        if fact.first:
            first = self.matcher.first_who_may_be_served()
            if first != waiting.entry_id:
                self._differs(fact.at, "other_first", waiting.entry_id, first)
        if fact.served:
            for agent_id in list(chosen_for(self.matcher, waiting)):
                self._decide(waiting.entry_id, agent_id)

    def _decide(self, entry_id: str, agent_id: str) -> None:
        queue_id = self.matcher.caller(entry_id).queue_id
        decision = Decision(entry_id, agent_id, queue_id, self.matcher.draws_of(queue_id).count)
        self.coming.append(decision)
        self.decided.append(decision)

    def _offer(self, fact: OfferMade) -> None:
        made = Decision(fact.entry_id, fact.agent_id, fact.queue_id, fact.draws)
        self.made.append(made)
        decided = self.coming.pop(0) if self.coming else None
        if decided != made:
            self._differs(fact.at, "offer_not_decided", _said(made), _said(decided))
        was = self.matcher.known(fact.entry_id)
        self.matcher.drop_agent(fact.agent_id)
        self.matcher.drop_caller(fact.entry_id)
        if was is not None and self.matcher.rules_of(was.queue_id).strategy.rings is Rings.ALL:
            self.matcher.put_caller(after_offer(was, fact.agent_id))
        self.unready[fact.agent_id] = Unready(why=WhyNot.OFFERED, since=fact.at)

    def _all_offered(self, fact: Any) -> None:
        """Nothing else is told before all that was decided is carried out, but how the caller in question waits on."""
        if not self.coming:
            return
        if isinstance(fact, CallerWaits) and not fact.served and fact.waiting.entry_id == self.coming[0].entry_id:
            return
        for decision in self.coming:
            self._differs(fact.at, "offer_lacks", "", _said(decision))
        self.coming.clear()

    # --- the rest ---------------------------------------------------------------------------------

    def _agent_changed(self, fact: AgentChanged) -> None:
        """Why he is not ready, where that is no fact of its own."""
        if self.matcher.is_ready(fact.agent_id):
            return
        if fact.presence == Presence.LOGGED_OUT:
            now = Unready(why=WhyNot.LOGGED_OUT, detail=not_his_word(fact.cause), since=fact.presence_since)
        elif fact.presence != Presence.AVAILABLE:
            now = Unready(why=WhyNot.ON_BREAK, detail=fact.reason, since=fact.presence_since)
        elif fact.activity != Activity.IDLE:
            why = _BUSY.get(Activity(fact.activity), WhyNot.OTHER)
            now = Unready(why=why, since=fact.activity_since, until=fact.until if why is WhyNot.WRAP_UP else 0)
        else:
            return
        self.unready[fact.agent_id] = now

    def _configuration(self, fact: ConfigurationTaken) -> None:
        self.people = self.people.taken(fact)
        if (sha256 := self.people.sha256()) != fact.sha256:
            self._differs(fact.at, "configuration", fact.sha256, sha256)

    def _compare(self, snapshot: QueueSnapshot) -> None:
        """A snapshot in the middle: all that was told since the beginning leads to the same."""
        for what, theirs, ours in (
            ("ready", _by(snapshot.ready, "agent_id"), _by(self.matcher.all_ready(), "agent_id")),
            ("waiting", _by(snapshot.waiting, "entry_id"), _by(self.matcher.all_waiting(), "entry_id")),
        ):
            if theirs != ours:
                odd = sorted(key for key in theirs | ours if theirs.get(key) != ours.get(key))
                self._differs(snapshot.at, "snapshot", f"{what} {' '.join(odd[:5])}", "")
        for rules in snapshot.rules:
            self._draws(snapshot.at, rules.draws, self.matcher.draws_of(rules.queue_id).count)

    def _draws(self, at: Moment, journal: int, replay: int) -> None:
        if journal != replay:
            self._differs(at, "draws", str(journal), str(replay))

    def _differs(self, at: Moment, code: str, journal: str, replay: str) -> None:
        self.differences.append(Difference(at, code, journal, replay))


def _rules(now: RulesNow) -> Rules:
    return Rules(queue_id=now.queue_id, strategy=strategies.named(now.strategy), levels=now.levels)


def _by(values: Iterable[Any], key: str) -> dict[str, Any]:
    return {getattr(one, key): one for one in values}


def _said(decision: Decision | None) -> str:
    return "" if decision is None else f"{decision.entry_id} to {decision.agent_id} ({decision.draws} draws)"
