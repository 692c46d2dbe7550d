"""Where a call's recording begins and which parts of it are silence: the policy, asked whenever the call comes to another part.

The parts are told by facts: answered, in a queue, with an agent or with whom the flow called, behind them. What the policy says
is ccd.recording.policy's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

from ccd.acd.facts import CallerConnected, CallerLeft, CallerQueued, CallerReturned, TalkEnded
from ccd.acd.service import Acd
from ccd.base.bus import Bus
from ccd.base.clock import Clock
from ccd.calls.facts import CallAnswered, CallArrived, CallEnded
from ccd.calls.model import Call
from ccd.calls.registry import Registry
from ccd.core.open_calls import OpenCall
from ccd.ivr.facts import NodeEntered, TransferConnected, TransferEnded
from ccd.ivr.recording import Consent, ConsentPrompts
from ccd.journal.configuration import Route
from ccd.recording.facts import RecordingAsked, RecordingConsent, RecordingFailed, RecordingMaskAsked, RecordingStopped
from ccd.recording.masks import CONSENT, FLOW, POLICY
from ccd.recording.policy import NEVER, NO, POINTS, Part, due, judge
from ccd.recording.service import Recordings


@dataclass(slots=True)
class Course:
    """How far a call has come as its recording sees it. `asked` is the point from which it is asked for, once it is.

    `transferred`: he talks to somebody whom his flow called. That is where `agent` begins too, and no agent is in charge of it.
    `over`: it has ended, or could not be had; that is not tried again.
    """

    queue_id: str = ""
    agent_id: str = ""
    transferred: bool = False
    asked: str = ""
    consent: str = ""
    over: bool = False


class RecordingPoints:
    """Starts recordings and holds them silent, as direction, route, queue and agent say."""

    def __init__(
        self,
        *,
        registry: Registry,
        route_of: Callable[[Call], Route | None],
        acd: Acd,
        recordings: Recordings,
        clock: Clock,
        publish: Callable[[Any], None],
        inbound: str = NO,
        prompts: ConsentPrompts | None = None,
    ) -> None:
        self._registry = registry
        self._route_of = route_of
        self._acd = acd
        self._recordings = recordings
        self._clock = clock
        self._publish = publish
        self._inbound = inbound
        self._prompts = prompts or ConsentPrompts()
        self._courses: dict[str, Course] = {}

    def listen(self, bus: Bus) -> None:
        """Follow the facts of a bus."""
        bus.on(CallArrived, self._arrived)
        bus.on(CallAnswered, lambda fact: self.look(fact.call_id))
        bus.on(CallerQueued, lambda fact: self._moved(fact.call_id, queue_id=fact.queue_id))
        bus.on(CallerConnected, lambda fact: self._moved(fact.call_id, fact.queue_id, fact.agent_id))
        bus.on(CallerReturned, lambda fact: self._moved(fact.call_id, fact.queue_id))
        bus.on(TalkEnded, lambda fact: self._moved(fact.call_id))
        bus.on(CallerLeft, lambda fact: self._moved(fact.call_id))
        bus.on(TransferConnected, lambda fact: self._transferred(fact.call_id, True))
        bus.on(TransferEnded, lambda fact: self._transferred(fact.call_id, False))
        bus.on(RecordingConsent, self._consented)
        bus.on(RecordingFailed, self._over)
        bus.on(RecordingStopped, self._over)
        bus.on(NodeEntered, self._node_entered)
        bus.on(CallEnded, self._ended)

    # --- the course of a call ---------------------------------------------------------------------

    def _arrived(self, fact: CallArrived) -> None:
        self._course(fact.call_id)

    def _course(self, call_id: str) -> Course:
        return self._courses.setdefault(call_id, Course())

    def _moved(self, call_id: str, queue_id: str = "", agent_id: str = "") -> None:
        """A call that a recovery has found and not taken up yet has no course: what it was recorded in is not known here."""
        if course := self._courses.get(call_id):
            course.queue_id, course.agent_id = queue_id, agent_id
            self.look(call_id)

    def _transferred(self, call_id: str, talks: bool) -> None:
        if course := self._courses.get(call_id):
            course.transferred = talks
            self.look(call_id)

    def _consented(self, fact: RecordingConsent) -> None:
        if course := self._courses.get(fact.call_id):
            course.consent = fact.consent
            self.look(fact.call_id)

    def _over(self, fact: RecordingFailed | RecordingStopped) -> None:
        if course := self._courses.get(fact.call_id):
            course.over = True

    def _node_entered(self, fact: NodeEntered) -> None:
        """A flow that was taken up at a node begins there without an edge: only later is that node behind it."""
        if fact.edge:
            self._recordings.masking.left_node(fact.call_id)

    def _ended(self, fact: CallEnded) -> None:
        self._courses.pop(fact.call_id, None)
        self._recordings.masking.forget(fact.call_id)

    def take_up(self, call: Call, past: OpenCall | None, *, queue_id: str, agent_id: str) -> None:
        """A restarted ccd found the call, in this queue and with this agent ('' for none)."""
        running = self._recordings.of_call(call.call_id) is not None
        course = self._courses[call.call_id] = Course(
            queue_id=queue_id,
            agent_id=agent_id,
            transferred=bool(past and past.transfer and past.transfer.connected_at),
            asked=(past.recording_asked if past else "") or ("answer" if running else ""),
            consent=past.recording_consent if past else "",
            over=bool(past and past.recording_over),
        )
        if call.answered_at and not course.asked:  # what was passed while the call was with the ccd before
            passed = ((call.connected or call.transferred) and "agent") or (call.queued and "queue") or "answer"
            course.asked = judge(self._part(call, course, point=passed)).asked
        if past is not None:  # what the switch took of it may not have been heard, and a recording may not run yet
            masking = self._recordings.masking
            (masking.hold if past.flow_masked else masking.release)(call.call_id, FLOW)
        self.look(call.call_id)

    # --- the policy -------------------------------------------------------------------------------

    def look(self, call_id: str) -> None:
        """Do what the policy says of the part that the call is in now."""
        call, course = self._registry.calls.get(call_id), self._courses.get(call_id)
        if call is None or course is None or not call.answered_at or call.leg_id not in self._registry.legs:
            return
        verdict = judge(self._part(call, course), course.asked)
        if verdict.asked and not course.asked and not verdict.heard:
            self._publish(RecordingAsked(at=self._clock.now(), call_id=call_id, from_point=verdict.asked))
        course.asked = verdict.asked
        masking = self._recordings.masking
        for reason, stands in (
            (CONSENT, "consent" in verdict.silent),
            (POLICY, any(level != "consent" for level in verdict.silent)),
        ):
            if stands and (verdict.asked or masking.holds(call_id, reason)):
                masking.hold(call_id, reason)
            elif not stands:
                masking.release(call_id, reason, "policy")
        if verdict.heard and not course.over and call.leg_id not in self._recordings.running:
            route = self._route_of(call)
            self._recordings.start(
                call_id=call_id,
                leg_id=call.leg_id,
                node=call.node,
                point=verdict.asked,
                keep_days=route.keep_days if route else 0,
            )

    def _part(self, call: Call, course: Course, point: str = "") -> Part:
        route = self._route_of(call)
        queue = self._acd.queues.get(course.queue_id)
        agent = self._acd.roster.agents.get(course.agent_id)
        here = ((course.agent_id or course.transferred) and "agent") or (course.queue_id and "queue") or "answer"
        return Part(
            point=point or (here if call.answered_at else ""),
            direction=self._inbound,
            route=route.record if route else NO,
            queue=queue.settings.record if queue else NO,
            agent=agent.settings.record if agent else NO,
            demands=(route.consent if route else NO, queue.settings.consent if queue else NO),
            consent=course.consent,
        )

    # --- what flows ask ---------------------------------------------------------------------------

    def consent_due(self, call: Call, queue_name: str) -> Consent | None:
        """What the caller must hear now, in the flow ('') or before he joins a queue; None when nothing is due.

        Nothing is due before a recording that nobody in charge there could ask for, or that somebody forbids.
        """
        if self._acd.caller_of(call.leg_id) is not None:
            return None  # a restart found him in the queue, or talking
        queue = next((one for one in self._acd.queues.values() if one.settings.name == queue_name), None)
        if queue is None:
            return self._due(call, POINTS[:1])
        agents = (agent.settings.record for agent in self._agents_of(queue.settings.queue_id))
        return self._due(call, POINTS, queue.settings.record, queue.settings.consent, agents)

    def consent_due_to_talk(self, call: Call) -> Consent | None:
        """What the caller must hear before his flow calls somebody for him; None when nothing is due."""
        return self._due(call, POINTS)

    def _due(
        self, call: Call, points: Sequence[str], record: str = NO, consent: str = NO, agents: Iterable[str] = ()
    ) -> Consent | None:
        """Route and direction are in charge, and a queue that says `record` and `consent`; its agents may ask."""
        course, route = self._course(call.call_id), self._route_of(call)
        words = (self._inbound, route.record if route else NO, record)
        if NEVER in words:
            return None
        kind = due((route.consent if route else NO, consent), course.consent)
        if kind == NO:  # first: to ask all agents takes its time, where there are thousands
            return None
        asked = bool(course.asked) or any(word in points for word in chain(words, agents))
        return self._prompts.of(kind) if asked else None

    def _agents_of(self, queue_id: str) -> Iterator[Any]:
        for agent in self._acd.roster.agents.values():
            if any(tier.queue_id == queue_id for tier in agent.tiers):
                yield agent

    def consented(self, call: Call, consent: str) -> None:
        """The caller has heard the notice, or answered the question: announced, given or refused."""
        if call.call_id in self._registry.calls:
            self._publish(RecordingConsent(at=self._clock.now(), call_id=call.call_id, consent=consent))

    def begin(self, call: Call) -> None:
        """A flow asks for the recording from here on; consent and `never` stand above it."""
        course = self._course(call.call_id)
        if not course.asked:
            course.asked = FLOW
            self._publish(RecordingAsked(at=self._clock.now(), call_id=call.call_id, from_point=FLOW))
            self.look(call.call_id)

    def mask(self, call: Call, reason: str) -> None:
        """A flow wants silence from here on, in a recording that begins later too."""
        self._ask_mask(call, reason, masked=True)
        self._recordings.masking.hold(call.call_id, reason)

    def unmask(self, call: Call, reason: str) -> None:
        """It no longer does."""
        self._ask_mask(call, reason, masked=False)
        self._recordings.masking.release(call.call_id, reason)

    def _ask_mask(self, call: Call, reason: str, *, masked: bool) -> None:
        """A restart is to know it; of secret keys it knows by the node at which they are typed."""
        if reason == FLOW and masked != self._recordings.masking.holds(call.call_id, reason):
            self._publish(RecordingMaskAsked(at=self._clock.now(), call_id=call.call_id, masked=masked))
