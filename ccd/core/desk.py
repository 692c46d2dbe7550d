"""The desk: a call that arrives gets its route, its flow and a greenlet of its own; one that is found again gets them back."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import structlog
from gevent import Greenlet

from ccd.acd.facts import CallerQueued
from ccd.acd.service import Acd
from ccd.base.clock import Clock
from ccd.base.errors import LegGone, NotFound
from ccd.base.greenlets import spawn
from ccd.calls import onchannel
from ccd.calls.facts import CallArrived, Role
from ccd.calls.model import Call, Leg
from ccd.calls.registry import Registry
from ccd.core.node import Node
from ccd.core.overflow_flows import OverflowFlows
from ccd.core.queue_door import QueueDesk
from ccd.core.reception import Reception
from ccd.core.screen import Screen
from ccd.core.site import Site
from ccd.ivr.answering import AnswerInTime
from ccd.ivr.doors import Diverted, Doors
from ccd.ivr.flow import Flow
from ccd.ivr.frames import NONE_WAIT
from ccd.ivr.queueing import QueueDone, QueueMoved
from ccd.ivr.runner import run_flow
from ccd.ivr.talk import Talk
from ccd.ivr.unheard import Unheard
from ccd.journal.configuration import Route
from ccd.screening.diversions import OWN_FLOWS
from ccd.switch.commands import Hangup, SetVariables, Transfer
from ccd.switch.events import ChannelParked

log = structlog.get_logger(__name__)


class Desk:
    """Receives calls. `nodes` are the switches by name, `doors` what flows may use besides queues and prompts.

    `keep` has the configuration written to disk: there is a new flow of ours in it.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        registry: Registry,
        acd: Acd,
        site: Site,
        nodes: dict[str, Node],
        publish: Callable[[Any], None],
        doors: Doors | None = None,
        screen: Screen | None = None,
        reception: Reception | None = None,
        keep: Callable[[], None] = lambda: None,
    ) -> None:
        self._clock = clock
        self._registry = registry
        self._site = site
        self._nodes = nodes
        self._publish = publish
        self._screen = screen
        self._reception = reception or Reception(clock=clock, site=site, publish=publish)
        self.running: dict[str, Greenlet] = {}
        self._unheard = Unheard(clock)
        self.overflows = OverflowFlows(site, keep)
        self._queues = QueueDesk(
            clock=clock,
            acd=acd,
            nodes=nodes,
            screen=lambda call, queue: self._screen.queue(call, queue) if self._screen is not None else None,
            last_agent=self._reception.last_agent_id,
            elsewhere=self.overflows.of,
        )
        self._doors = dataclasses.replace(doors or Doors(), queue=self._queues.door())

    def on_arrived(self, fact: CallArrived) -> None:
        """A new call: mark its channel, keep its lease, run its flow."""
        leg, call = self._registry.legs.get(fact.leg_id), self._registry.calls.get(fact.call_id)
        if leg is None or call is None or leg.in_fallback:
            return  # a call that a recovery found in the switch's records, or in the fallback
        node = self._nodes[leg.node]
        node.guards.hold(leg.leg_id, leased=leg.leased)
        self.receive(leg, call)

    def receive(self, leg: Leg, call: Call) -> None:
        """Find out who calls, and give the call its route and its flow."""
        node = self._nodes[leg.node]
        self._reception.recall(call)
        instead = self.screened(call)
        place: dict[str, object] = {"role": Role.CUSTOMER.value, "arrived_at": call.arrived_at, "dialled": call.dialled}
        for name in ("caller_class", "trunk", "repeat_calls", "last_agent"):
            if known := getattr(call, name):
                place[name] = known
        node.switch.tell(
            SetVariables(leg_id=leg.leg_id, values=onchannel.variables(call_id=call.call_id, **place)),
        )
        if instead is not None:
            self._reception.tell(call, None, instead)
            self.run(leg, call, instead, self.route_for(call, instead))
            return
        chosen = self._site.route_of(call)
        if chosen is None:
            log.error("call_without_route", call_id=call.call_id, dialled=call.dialled, trunk=call.trunk)
            self.to_fallback(leg, "no_route")
            return
        try:
            flow = self._reception.flow_for(call, chosen)
        except NotFound:
            log.error("route_without_flow", call_id=call.call_id, dialled=call.dialled, flow=chosen.flow)
            self.to_fallback(leg, "no_flow")
            return
        self.run(leg, call, flow, chosen)

    def screened(self, call: Call) -> Flow | None:
        """What the lists say of a caller who arrives: his class is set, and he may get a flow of theirs."""
        return self._screen.arrival(call) if self._screen is not None else None

    def route_for(self, call: Call, flow: Flow) -> Route:
        """The route of a call that got its flow from the lists: its own, but for flows of ours, which answer when they say."""
        own = self._site.route_of(call) if flow.name not in OWN_FLOWS else None
        return own or Route(dialled=call.dialled, flow=flow.name)

    def run(
        self,
        leg: Leg,
        call: Call,
        flow: Flow,
        route: Route,
        *,
        start: str = "",
        edge: str = "",
        values: str = "",
        stack: str = "",
        goes_on: bool = False,
    ) -> None:
        """Run a flow on a leg; a recovery names the node where it found the call, the edge if that node is done, its values,
        the flows around it, and whether what that node does goes on."""
        node = self._nodes[leg.node]
        mailbox = self._registry.open_mailbox(leg.leg_id)
        leg.presses.method = self._site.dtmf_of(call)
        talk = Talk(
            call=call,
            leg=leg,
            mailbox=mailbox,
            switch=node.switch,
            clock=self._clock,
            doors=dataclasses.replace(
                self._doors, prompt_path=lambda prompt: self._site.prompt_path(prompt, talk.spoken)
            ),
            unheard=self._unheard,
            answer_point=route.answer,
            values=values,
        )

        written = ""

        def remember(sha256: str, place: str, changed_values: str, around: str) -> None:
            nonlocal written
            changed = {"node": place} if sha256 == written else {"flow": sha256, "node": place}
            if changed_values:
                changed["values"] = changed_values
            if around:
                changed["stack"] = "" if around == NONE_WAIT else around
            written = sha256
            node.switch.tell(SetVariables(leg_id=leg.leg_id, values=onchannel.variables(**changed)))

        def body() -> None:
            nonlocal flow, start, edge, stack, goes_on
            while True:
                try:
                    run_flow(
                        flow,
                        talk,
                        clock=self._clock,
                        publish=self._publish,
                        remember=remember,
                        start=start,
                        edge=edge,
                        stack=stack,
                        goes_on=goes_on,
                        find=self._site.flow,
                    )
                    return
                except Diverted as elsewhere:
                    flow, start, edge, stack, goes_on = elsewhere.flow, "", "", "", False
                    talk.answer_point = self.route_for(call, flow).answer

        def crashed(crash: Exception) -> None:
            self.give_up(leg, "flow_failed")

        trunk = self._site.trunk_of(call)
        in_time = AnswerInTime(talk, trunk.answer_within_ms if trunk else 0)

        def over(_: Greenlet) -> None:
            in_time.call_off()
            talk.close()
            self.running.pop(call.call_id, None)
            self._queues.end(leg.leg_id)

        self._queues.begin(leg.leg_id)
        greenlet = spawn("call", body, on_crash=crashed, call_id=call.call_id)
        self.running[call.call_id] = greenlet
        greenlet.rawlink(over)

    def give_up(self, leg: Leg, reason: str) -> None:
        """No flow drives this caller any more: the fallback gets him, but not before a conversation with an agent is over.

        Waits so long, in the call's own greenlet.
        """
        if leg.leg_id not in self._registry.legs:
            return
        mailbox = self._registry.open_mailbox(leg.leg_id)
        mailbox.aside = None  # it was the flow's
        try:
            while self._queues.talks(leg.leg_id):
                mailbox.wait(QueueDone, ChannelParked)
        except LegGone:
            return
        self.to_fallback(leg, reason)

    def to_fallback(self, leg: Leg, reason: str) -> None:
        """ccd can do nothing for this caller: the site's fallback can."""
        node = self._nodes[leg.node]
        node.guards.forget(leg.leg_id)
        if leg.leg_id in self._registry.legs:
            self._queues.abandon(leg.leg_id)
            self._registry.note_fallback(leg, reason, self._clock.now())
            node.switch.tell(
                Transfer(leg_id=leg.leg_id, extension="fallback", context="ccd_fallback"),
                on_done=lambda error: self._end(leg) if error is not None else None,
            )

    def send_away(self, leg: Leg, reason: str) -> None:
        """Somebody wants this caller out: his flow is over, and the site's fallback has him."""
        if leg.mailbox is not None:
            leg.mailbox.close(reason)
        self.to_fallback(leg, reason)

    def _end(self, leg: Leg) -> None:
        self._nodes[leg.node].switch.tell(Hangup(leg_id=leg.leg_id))

    def on_queued(self, fact: CallerQueued) -> None:
        """A caller stands in another queue than before: he hears that one's music."""
        leg = self._registry.legs.get(fact.leg_id)
        if fact.moved_from and leg is not None and leg.mailbox is not None:
            leg.mailbox.put(QueueMoved())

    def on_done(self, leg_id: str, how: str, to: str = "") -> None:
        """A stay in a queue ended and the leg is the flow's again, or goes where an overflow sends it."""
        leg = self._registry.legs.get(leg_id)
        if leg is None:
            return
        node = self._nodes[leg.node]
        node.guards.hold(leg_id, leased=leg.leased)
        node.switch.tell(
            SetVariables(
                leg_id=leg_id,
                values=onchannel.variables(
                    queue_id="", entry_id="", joined_at=0, queued=0, connected_at=0, agent_id="", offer_id=""
                ),
            )
        )
        if leg.mailbox is not None:
            leg.mailbox.put(QueueDone(how, to))
