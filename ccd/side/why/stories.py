"""What became of a call in its queues, and of an agent between two moments, each with its reasons. Pure; fed fact by fact."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from ccd.acd.facts import AgentChanged, CallerConnected, CallerLeft, CallerQueued, CallerReturned, OfferEnded, OfferMade
from ccd.acd.inputs import AgentNotReady, AgentReady, CallerWaits, ConfigurationTaken, QueueSnapshot
from ccd.base.clock import Moment
from ccd.side.why import explain
from ccd.side.why.explain import Reason
from ccd.side.why.replay import Replay

MOST_EVENTS = 500
AT_ONCE_US = 1_000
"""Facts of one thing that happened lie no further apart."""


class Window(msgspec.Struct):
    """What to replay: each boot anew, the first from its snapshot where it has one."""

    snapshot: QueueSnapshot | None
    configuration: list[ConfigurationTaken]
    boots: Sequence[Iterable[Any]]


class Story:
    """Follows a replay and keeps what concerns it; names stand in place of ids."""

    def __init__(self) -> None:
        self.replay = Replay()
        self.events: list[Reason] = []
        self.left_out = 0

    def tell(self, window: Window) -> None:
        """Follow a window of the journal."""
        if window.snapshot is not None:
            self.replay.begin_at(window.snapshot, window.configuration)
        for number, facts in enumerate(window.boots):
            if number:
                self.replay.begin()
            self.follow(facts)

    def follow(self, facts: Iterable[Any]) -> None:
        """Facts of one boot, in order."""
        for fact in facts:
            self.before(fact)
            self.replay.follow(fact)
            self.after(fact)

    def before(self, fact: Any) -> None:
        """The fact is about to be replayed: what is known now led to it."""

    def after(self, fact: Any) -> None:
        """The fact has been replayed."""

    def answer(self) -> dict[str, Any]:
        """What was seen; `exact` tells whether the replay came to the decisions that the journal holds."""
        wrong = [msgspec.structs.asdict(one) for one in self.replay.differences]
        return {"exact": not wrong, "differences": wrong, "events": self.events, "left_out": self.left_out}

    def add(self, at: Moment, code: str, **values: Any) -> None:
        """One event, in the names of now."""
        if len(self.events) >= MOST_EVENTS:
            self.left_out += 1
            return
        self.events.append({"at": at, "event": code, **self._named(values)})

    def offer(self, fact: OfferMade) -> None:
        """An offer with all its reasons, from the state that led to it."""
        waiting = self.replay.matcher.known(fact.entry_id)
        line = {"standing": True} if fact.standing else {}
        if waiting is None or fact.queue_id != waiting.queue_id:
            self.add(fact.at, "offered", call_id=fact.call_id, agent_id=fact.agent_id, queue_id=fact.queue_id, **line)
            return
        others = explain.everybody_else(self.replay, fact.agent_id, waiting, fact.at)
        self.add(
            fact.at,
            "offered",
            call_id=fact.call_id,
            agent_id=fact.agent_id,
            queue_id=fact.queue_id,
            strategy=explain.strategy_of(self.replay, fact.queue_id),
            rule=explain.rule_of(self.replay, fact.agent_id, waiting, others),
            others=others,
            passed_over=explain.passed_over(self.replay, fact.agent_id, waiting),
            **line,
        )

    def ended(self, fact: OfferEnded) -> None:
        """How an offer ended."""
        self.add(
            fact.at,
            "offer_ended",
            call_id=fact.call_id,
            agent_id=fact.agent_id,
            result=fact.result.value,
            ring_ms=fact.ring_ms,
            **({"asked": True} if fact.asked else {}),
        )

    def _named(self, value: Any) -> Any:
        match value:
            case dict():
                named = {key: self._named(one) for key, one in value.items()}
                for key in ("agent_id", "bound_to", "queue_id"):
                    if key in named:
                        named[key.removesuffix("_id")] = self.name(named.pop(key))
                return named
            case list():
                return [self._named(one) for one in value]
            case _:
                return value

    def name(self, id_: str) -> str:
        """The name of an agent or a queue as it was then, the id of one that is not known."""
        people = self.replay.people
        known = people.agents.get(id_) or people.queues.get(id_)
        return known.name if known is not None else id_


class CallStory(Story):
    """One call: each offer, each time that he waited, and who could have had him meanwhile."""

    def __init__(self, call_id: str) -> None:
        super().__init__()
        self.call_id = call_id
        self._visits: set[str] = set()
        self._last: list[Reason] | None = None
        self._waits: tuple[Moment, str] | None = None

    def before(self, fact: Any) -> None:
        """Offers are explained by what was known when they were made."""
        if self._waits is not None and fact.at >= self._waits[0] + AT_ONCE_US:
            self._nobody()
        if isinstance(fact, OfferMade) and fact.call_id == self.call_id:
            self._last = self._waits = None
            self.offer(fact)

    def after(self, fact: Any) -> None:
        """What became of him, and who became ready while he waited."""
        match fact:
            case CallerQueued() if fact.call_id == self.call_id:
                self._queued(fact)
            case CallerWaits() if fact.call_id == self.call_id and fact.served and not self.replay.coming:
                self._waits = (fact.at, fact.waiting.entry_id)
            case AgentReady() if fact.served:
                self._became_ready(fact)
            case OfferEnded() if fact.call_id == self.call_id:
                self.ended(fact)
            case CallerConnected() if fact.call_id == self.call_id:
                join = {"join_ms": fact.join_ms} if fact.join_ms else {}
                self.add(fact.at, "connected", agent_id=fact.agent_id, wait_ms=fact.wait_ms, **join)
            case CallerReturned() if fact.call_id == self.call_id:
                self.add(fact.at, "returned", agent_id=fact.agent_id)
            case CallerLeft() if fact.call_id == self.call_id:
                by = {"who": fact.who} if fact.who else {}
                self.add(fact.at, "left", reason=fact.reason.value, wait_ms=fact.wait_ms, queue_id=fact.queue_id, **by)
                if fact.onward is not None:
                    self._queued(fact.onward)
            case _:
                pass

    def _queued(self, fact: CallerQueued) -> None:
        """He stands in a queue; told once, though a move tells it twice, and a restart perhaps a third time."""
        if fact.entry_id not in self._visits:
            self._visits.add(fact.entry_id)
            self.add(fact.at, "queued", queue_id=fact.queue_id, priority=fact.priority)

    def answer(self) -> dict[str, Any]:
        """As every story, with how he stands at the end."""
        self._nobody()
        return super().answer()

    def _nobody(self) -> None:
        """Why nobody was offered him, as soon as all is known that happened together."""
        (at, entry_id), self._waits = self._waits or (0, ""), None
        waiting = self.replay.matcher.known(entry_id)
        if waiting is None:
            return
        others = explain.everybody_else(self.replay, "", waiting, at)
        if others != self._last:
            self._last = others
            self.add(at, "nobody", queue_id=waiting.queue_id, others=others)

    def _became_ready(self, fact: AgentReady) -> None:
        queues = {post.queue_id for post in fact.ready.posts}
        offered = [one.entry_id for one in self.replay.coming]
        for waiting in self.replay.matcher.all_waiting():
            mine = self.replay.calls.get(waiting.entry_id) == self.call_id
            if not mine or waiting.queue_id not in queues or waiting.entry_id in offered:
                continue
            reason = explain.excluded(self.replay, fact.agent_id, waiting)
            if reason is None:
                if not offered:
                    continue
                reason = {"code": "other_caller", "call_id": self.replay.calls.get(offered[0], "")}
            self.add(fact.at, "not_to", reason={"agent_id": fact.agent_id, **reason})


class AgentStory(Story):
    """One agent from `begin` on: why he was not ready, and why he got nobody while he was."""

    def __init__(self, agent_id: str, begin: Moment) -> None:
        super().__init__()
        self.agent_id = agent_id
        self._begin = begin
        self._opened = False
        self._known = False
        self._last: Reason | None = None

    def before(self, fact: Any) -> None:
        """How he stood at the beginning; offers are explained by what was known when they were made."""
        if fact.at < self._begin:
            self._known = True
            return
        if not self._opened:
            self._opened = True
            self._state(self._begin if self._known else fact.at)  # before its first boot nobody knows
        match fact:
            case OfferMade() if fact.agent_id == self.agent_id:
                self._last = None
                self.offer(fact)
            case OfferMade():
                self._not_me(fact)
            case _:
                pass

    def after(self, fact: Any) -> None:
        """What he became."""
        if fact.at < self._begin or getattr(fact, "agent_id", "") != self.agent_id:
            return
        match fact:
            case AgentReady() | AgentNotReady() | AgentChanged():
                self._state(fact.at)
            case OfferEnded():
                self.ended(fact)
            case _:
                pass

    def _state(self, at: Moment) -> None:
        ready = self.replay.matcher.agent(self.agent_id)
        if ready is None:
            unready = self.replay.unready.get(self.agent_id)
            now = explain.why_unready(unready)
            if now["code"] != "offered" and now != self._last:
                self.add(at, "not_ready", reason=now)
            self._last = now
            return
        if any(one.agent_id == self.agent_id for one in self.replay.coming):
            return
        serves = frozenset(post.queue_id for post in ready.posts)
        waiting = self.replay.matcher.in_line(serves)[: explain.MOST_PASSED_OVER]
        callers = [
            {"call_id": self.replay.calls.get(one, ""), **reason}
            for one in waiting
            if (reason := explain.excluded(self.replay, self.agent_id, self.replay.matcher.caller(one)))
        ]
        now = {"code": "ready", "queues": sorted(map(self.name, serves)), "callers": callers}
        if now != self._last:
            self.add(at, "ready", queues=now["queues"], callers=callers)
        self._last = now

    def answer(self) -> dict[str, Any]:
        """As every story; where nothing happened, how he stood."""
        if not self._opened:
            self._state(self._begin)
        return super().answer()

    def _not_me(self, fact: OfferMade) -> None:
        """A caller whom he could have had, or whose queue he serves, went to somebody else."""
        waiting = self.replay.matcher.known(fact.entry_id)
        if waiting is None or explain.post_of(self.replay, self.agent_id, waiting.queue_id) is None:
            return
        reason = explain.excluded(self.replay, self.agent_id, waiting) or explain.outranked(
            self.replay, self.agent_id, fact.agent_id, waiting, fact.at
        )
        self.add(
            fact.at,
            "to_another",
            call_id=fact.call_id,
            agent_id=fact.agent_id,
            queue_id=fact.queue_id,
            reason={"agent_id": self.agent_id, **reason},
        )
