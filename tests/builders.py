"""A call centre in one object: real registry, bus, queues, leases, recordings and ledger, wired as core does it, on a FakeSwitch.

The phones' side speaks in switch events, in the order in which FreeSWITCH 1.10.12 sends them (tests/data/traces).
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from ccd.acd.agent_states import AgentState
from ccd.acd.callers import QueuedCaller
from ccd.acd.facts import (
    LeftReason,
    OfferEnded,
    OfferResult,
)
from ccd.acd.join_door import About, JoinDoor
from ccd.acd.model import Agent, Queue, Station, Tier
from ccd.acd.ports import Ports
from ccd.acd.service import Acd
from ccd.base.bus import Bus
from ccd.base.clock import FakeClock
from ccd.calls.facts import (
    Fact,
    LegAnswered,
    LegCreated,
    LegEnded,
    LegParked,
    LegRinging,
    LegsBridged,
)
from ccd.calls.registry import Registry
from ccd.core.ledger import Ledger
from ccd.core.marks import CallMarks
from ccd.core.recording_points import RecordingPoints
from ccd.journal.codec import decode, encode
from ccd.journal.configuration import Route
from ccd.recording.service import Recordings
from ccd.switch.commands import Hangup, Originate
from ccd.switch.events import (
    ApplicationEnded,
    Carried,
    ChannelAnswered,
    ChannelBridged,
    ChannelCreated,
    ChannelHungUp,
    ChannelParked,
    ChannelProgressed,
    ChannelUnbridged,
    DigitPressed,
    JobEnded,
    RecordStopped,
    SwitchEvent,
)
from ccd.switch.guards import Guards
from tests.fakes import FakeSwitch

NODE = "fs1"


def new_leg() -> str:
    return str(uuid.uuid4())


def queue(name: str = "support", **settings: Any) -> Queue:
    return Queue(queue_id=f"q-{name}", name=name, **settings)


def agent(name: str, **settings: Any) -> Agent:
    return Agent(agent_id=f"a-{name}", name=name, station_id=f"s-{name}", **settings)


def station(name: str, phone: str = "", contact: str = "", node: str = "") -> Station:
    return Station(
        station_id=f"s-{name}", name=f"desk {name}", contact=contact or f"user/{phone or name}@example.com", node=node
    )


def tier(queue_name: str, agent_name: str, level: int = 1, position: int = 1, **more: Any) -> Tier:
    return Tier(queue_id=f"q-{queue_name}", agent_id=f"a-{agent_name}", level=level, position=position, **more)


class World:
    """The call centre. Agents are named, callers are their leg ids."""

    def __init__(self, *, record_at: str = "no", ledger: Ledger | None = None, clock: FakeClock | None = None) -> None:
        """`ledger`: what a core before this one has left behind."""
        self.clock = clock or FakeClock()
        self.switch = FakeSwitch(NODE)
        self.bus = Bus()
        self.ledger = ledger or Ledger()
        self.facts: list[Fact] = []
        self.done: list[tuple[str, str]] = []
        self.sent_to: dict[str, str] = {}
        self.is_up = True
        self.about = About()
        self.introductions: list[tuple[str, str]] = []
        self.tell_flow: Callable[[str, str], bool] = lambda leg_id, number: True
        self.registry = Registry(self.clock, self.publish)
        self.guards = Guards(self.switch, self.clock)
        self.acd = Acd(
            self._ports(),
            self._done,
            self.ledger.remembered,
            closings=self.ledger.queue_closings,
            left_places=self.ledger.left_places,
        )
        self.recordings = Recordings(
            clock=self.clock,
            publish=self.publish,
            switch_of=lambda _: self.switch,
            switch_root=lambda _: "/var/lib/ccd/recordings",
            local_root="/srv/recordings/",
        )
        self.route = Route(dialled="*", flow="main", record=record_at)
        self.points = RecordingPoints(
            registry=self.registry,
            route_of=lambda _: self.route,
            acd=self.acd,
            recordings=self.recordings,
            clock=self.clock,
            publish=self.publish,
        )
        self._listen()

    def _done(self, leg_id: str, why: LeftReason, to: str) -> None:
        self.done.append((leg_id, str(why)))
        self.sent_to[leg_id] = to

    def publish(self, fact: object) -> None:
        """As the publisher of core: through the codec (as the spool would keep it), the ledger, then to everybody."""
        if isinstance(fact, Fact):
            again = decode(encode(fact))
            assert again == fact
            self.facts.append(fact)
            self.ledger.apply(fact)
        self.bus.publish(fact)
        assert self.bus.failures == 0, f"a listener failed on {fact}"

    def _ports(self) -> Ports:
        return Ports(
            clock=self.clock,
            publish=self.publish,
            order_leg=self.registry.order_leg,
            lose_leg=self.registry.lose,
            is_parked=self._is_parked,
            switch_of=lambda _: self.switch,
            switches=lambda: [self.switch],
            drop_lease=lambda _, leg_id: self.guards.drop(leg_id),
            hold_lease=lambda _, leg_id: self.guards.hold(leg_id, leased=False),
            node_is_up=lambda _: self.is_up,
            may_return=self._may_return,
            join=JoinDoor(
                about=lambda _: self.about,
                audio=lambda phrase: f"/srv/{'-'.join(map(str, phrase))}.wav",
                introduce=self._introduce,
            ),
        )

    def _introduce(self, leg_id: str, number: str) -> bool:
        self.introductions.append((leg_id, number))
        return self.tell_flow(leg_id, number)

    def _may_return(self, queue_id: str) -> bool:
        calls = self.ledger.calls.values()
        return any(past.queue_id == queue_id and past.call_id not in self.registry.calls for past in calls)

    def _is_parked(self, leg_id: str) -> bool:
        leg = self.registry.legs.get(leg_id)
        return leg is not None and leg.parked and not leg.bridged_to

    def _listen(self) -> None:
        on = self.bus.on
        on(LegEnded, lambda fact: self.guards.forget(fact.leg_id))
        on(LegCreated, self.acd.offers.given_up.on_leg_created)
        on(LegCreated, self.acd.roster.seats.phones.on_leg_created)
        on(LegAnswered, self.acd.offers.bridging.on_answered)
        on(LegRinging, self.acd.offers.on_ringing)
        on(LegParked, self.acd.legs.on_parked)
        on(LegsBridged, self.acd.offers.bridging.on_bridged)
        on(ApplicationEnded, self.acd.offers.on_played)
        on(DigitPressed, self.acd.offers.accepting.on_pressed)
        on(RecordStopped, self.recordings.on_stopped)
        on(LegEnded, self.recordings.on_leg_ended)
        on(LegEnded, self.acd.legs.on_ended)
        CallMarks(self.registry).listen(self.bus)
        self.points.listen(self.bus)

    # --- configuration ----------------------------------------------------------------------------

    def configure(self, queues: list[Queue], agents: list[str], tiers: list[Tier], **stations: Station) -> None:
        """As a reload does it: queues first, then people."""
        self.acd.configure(tuple(queues))
        seats = [stations.get(name, station(name)) for name in agents]
        self.acd.roster.configure([agent(name) for name in agents], seats, tiers)

    def ready(self, *names: str) -> None:
        """Agents sign in, one a millisecond, so that the first named has been idle longest."""
        for name in names:
            self.acd.roster.login(f"a-{name}")
            self.clock.advance(0.001)

    def agent(self, name: str) -> AgentState:
        return self.acd.roster.agents[f"a-{name}"]

    # --- the phones' side ---------------------------------------------------------------------------

    def say(self, event: SwitchEvent) -> None:
        self.registry.apply(event, NODE)

    def created(self, leg_id: str, *, inbound: bool, number: str, context: str, name: str, **carried: str) -> None:
        self.say(
            ChannelCreated(
                leg_id=leg_id,
                at=self.clock.now(),
                inbound=inbound,
                caller_number=number,
                caller_name="",
                dialled="4008",
                context=context,
                name=name,
                core_uuid="core",
                carried=Carried(**carried),
            )
        )

    def parked(self, leg_id: str, *, inbound: bool = True, number: str = "13800000000", entry: str = "1") -> None:
        self.say(
            ChannelParked(
                leg_id=leg_id,
                at=self.clock.now(),
                inbound=inbound,
                caller_number=number,
                caller_name="",
                dialled="4008",
                context="ccd",
                carried=Carried(entry=entry),
            )
        )

    def caller_arrives(self, number: str = "13800000000", *, answered: bool = True) -> str:
        """A customer stands parked before us; returns his leg."""
        leg_id = new_leg()
        self.created(leg_id, inbound=True, number=number, context="ccd", name=f"sofia/outside/{number}@pbx")
        self.parked(leg_id, number=number)
        self.guards.hold(leg_id, leased=False)
        if answered:
            self.say(ChannelAnswered(leg_id=leg_id, at=self.clock.now()))
        return leg_id

    def enter(self, leg_id: str, queue_name: str = "support", priority: int = 0, **more: Any) -> QueuedCaller:
        """A caller who has arrived joins a queue. `more`: what else `Acd.enqueue` is told."""
        leg = self.registry.legs[leg_id]
        return self.acd.enqueue(
            call_id=leg.call_id,
            leg_id=leg_id,
            node=leg.node,
            number=leg.number,
            queue_id=f"q-{queue_name}",
            priority=priority,
            answered=bool(leg.answered_at),
            **more,
        )

    def caller_queues(self, queue_name: str = "support", priority: int = 0, *, answered: bool = True) -> str:
        """A customer arrives and joins a queue; a millisecond passes, so that the next one is behind him."""
        leg_id = self.caller_arrives(answered=answered)
        self.enter(leg_id, queue_name, priority)
        self.clock.advance(0.001)
        return leg_id

    def ringing(self, name: str) -> str:
        """The leg that rings at an agent's phone for an offer, '' when none does."""
        offer = self.acd.offers.out.get(self.agent(name).offer_id)
        return offer.leg_id if offer else ""

    def offered_to(self, caller: str) -> str:
        """The name of the agent whose phone rings for a caller, '' for nobody."""
        stay = self.acd.caller_of(caller)
        offer = self.acd.offers.out.get(stay.offer_id) if stay else None
        return offer.agent_id.removeprefix("a-") if offer else ""

    def phone_rings(self, name: str) -> str:
        leg_id = self.ringing(name)
        order = self.switch.last(Originate, leg_id)
        ours = {key.removeprefix("ccd_"): value for key, value in order.variables.items()}
        self.created(
            leg_id,
            inbound=False,
            number=order.caller_number,
            context="ccd",
            name=f"sofia/internal/{name}@192.0.2.1:5060",
            role=ours["role"],
            call_id=ours["call_id"],
            agent_id=ours["agent_id"],
            offer_id=ours["offer_id"],
        )
        self.say(ChannelProgressed(leg_id=leg_id, at=self.clock.now()))
        return leg_id

    def phone_answers(self, name: str) -> str:
        """The agent picks up; his leg is answered and then parked."""
        leg_id = self.ringing(name)
        if self.registry.legs[leg_id].ordered:
            self.phone_rings(name)
        self.say(ChannelAnswered(leg_id=leg_id, at=self.clock.now()))
        self.parked(leg_id, inbound=False, entry="")
        return leg_id

    def bridged(self, caller: str, leg_id: str) -> None:
        self.say(ChannelBridged(leg_id=caller, at=self.clock.now(), other_id=leg_id))

    def connect(self, caller: str, name: str) -> str:
        """The agent picks up and talks to the caller; returns the agent's leg."""
        leg_id = self.phone_answers(name)
        self.bridged(caller, leg_id)
        return leg_id

    def hung_up(
        self, leg_id: str, cause: str = "NORMAL_CLEARING", *, sip: str = "", disposition: str = "", rang: bool = False
    ) -> None:
        now = self.clock.now()
        self.say(
            ChannelHungUp(
                leg_id=leg_id,
                at=now,
                cause=cause,
                protocol_cause=sip,
                disposition=disposition,
                progressed_at=now - 1000 if rang else 0,
            )
        )

    def job_failed(self, leg_id: str, word: str) -> None:
        """An originate that fails without any channel."""
        self.say(JobEnded(leg_id=leg_id, at=self.clock.now(), result=f"-ERR {word}\n"))

    def agent_hangs_up(self, caller: str, leg_id: str) -> None:
        """The agent's BYE: his leg ends, the caller's is unbridged and comes back parked."""
        self.hung_up(leg_id, disposition="recv_bye")
        self.say(ChannelUnbridged(leg_id=caller, at=self.clock.now(), other_id=leg_id))
        self.parked(caller)

    def caller_hangs_up(self, caller: str) -> None:
        """The caller's BYE; a leg he is bridged to is ended by the switch, which says so first."""
        other = self.registry.legs[caller].bridged_to
        if other in self.registry.legs:
            self.hung_up(other, disposition="send_bye")
            self.say(ChannelUnbridged(leg_id=caller, at=self.clock.now(), other_id=other))
        self.hung_up(caller, disposition="recv_bye")

    def switch_obeys(self) -> None:
        """Every leg that ccd ordered to end, ends."""
        for order in self.switch.all(Hangup):
            if order.leg_id in self.registry.legs:
                self.hung_up(order.leg_id, order.cause, disposition="send_cancel")

    # --- what tests ask -----------------------------------------------------------------------------

    def of(self, kind: type[Any], **values: Any) -> list[Any]:
        """The facts of a kind whose fields have these values."""
        return [
            fact
            for fact in self.facts
            if type(fact) is kind and all(getattr(fact, name) == value for name, value in values.items())
        ]

    def results(self) -> list[tuple[str, OfferResult]]:
        """Who was offered what and how it ended, in order."""
        return [(fact.agent_id.removeprefix("a-"), fact.result) for fact in self.of(OfferEnded)]

    def left(self, caller: str) -> list[LeftReason]:
        """How a caller left the queue, by leg."""
        return [LeftReason(why) for leg_id, why in self.done if leg_id == caller]

    def assert_at_rest(self) -> None:
        """Nothing is left behind: no leg, call, caller, offer, timer of a call, lease or waiter."""
        assert self.registry.legs == {}
        assert self.registry.calls == {}
        assert self.acd.callers == {}
        assert self.acd.offers.out == {}
        assert self.acd.offers._by_leg == {}
        assert self.acd.talks._by_leg == {}
        assert self.acd._by_leg == {}
        assert self.guards.held() == 0
        assert self.recordings.running == {}
        assert all(len(one.line) == 0 for one in self.acd.queues.values())
        assert self.ledger.calls == {}
        assert self.ledger.recordings == {}
        assert self.ledger.masked == {}
        assert self.recordings.masking._held == {}
        assert self.points._courses == {}
        ready = self.acd.deciding.matcher.is_anybody_ready()
        assert self.acd.deciding.matcher.in_line() == []
        assert self.switch.awaited == (1 if ready else 0)
        assert self.switch.unsafe == []
