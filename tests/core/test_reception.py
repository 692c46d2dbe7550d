"""A call that arrives: its trunk, its caller's past, its route open or closed, and an answer before the trunk gives up."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any, cast

import gevent
import pytest

from ccd.base.numbering import Numbering
from ccd.base.sources import NOWHERE, Origin
from ccd.calls.facts import CallArrived, CallEnded, CallToFallback
from ccd.calls.model import Call
from ccd.core.adoption import Adoption
from ccd.core.desk import Desk
from ccd.core.node import Node
from ccd.core.past_callers import PastCallers
from ccd.core.reception import Reception
from ccd.core.site import Site
from ccd.ivr.facts import FlowEntered
from ccd.ivr.flow import fingerprint
from ccd.journal.configuration import Configuration, Route
from ccd.routing.calendar import Calendar, Span
from ccd.routing.calendars import Calendars
from ccd.routing.closings import RouteClosings
from ccd.routing.facts import CallRouted
from ccd.routing.trunks import Trunk
from ccd.switch.commands import Answer, Play, SetVariables
from ccd.switch.events import Carried, ChannelAnswered, ChannelCreated, ChannelParked
from ccd.switch.found import read_dump
from tests.builders import NODE, World, new_leg, queue

E1 = Origin(span="e1a")
SIP = Origin(profile="external", address="10.0.0.5", port=5060)
DAY = (Span(9 * 60, 18 * 60),)  # the FakeClock begins on a Friday, 16:00 in Shanghai
OFFICE = Calendar(zone="Asia/Shanghai", weekly=(DAY,) * 5 + ((),) * 2)
NIGHT = Calendar(zone="Asia/Shanghai", weekly=((),) * 7)


def plays(prompt: str) -> dict[str, Any]:
    return {"start": "a", "nodes": {"a": {"type": "answer", "next": "p"}, "p": {"type": "hangup", "prompt": prompt}}}


FLOWS = {
    "main": plays("welcome"),
    "vip": plays("menu_main"),
    "night": plays("goodbye"),
    "wait": {"start": "q", "nodes": {"q": {"type": "queue", "queue": "sales", "next": "e"}, "e": {"type": "hangup"}}},
}
TRUNKS = (
    Trunk(name="e1a", spans=("e1a",), digits=4, prefix="0216123", answer_within_ms=20_000, dtmf="inband"),
    Trunk(name="sip", profile="external", sources=("10.0.0.5",), answer_within_ms=60_000),
)
ROUTES = (
    Route(dialled="*", flow="main"),
    Route(dialled="*", flow="night", caller_class="repeat"),
    Route(dialled="02161234567", flow="main", trunk="e1a"),
    Route(dialled="02161234567", flow="vip", caller_class="vip", dtmf="info"),
    Route(dialled="95500", flow="main", calendar="office", closed_flow="night"),
    Route(dialled="95501", flow="main", calendar="never"),
    Route(dialled="95502", flow="wait", answer="at_agent"),
    Route(dialled="95503", flow="main", answer="at_agent"),
)


class Hall:
    """A desk with everything before it. `classes` are what the lists would say, by number."""

    def __init__(self) -> None:
        self.world = world = World()
        self.callers, self.classes, self.kept = PastCallers(), {}, 0
        self.site = Site("/sounds", "zh", Numbering(area="021"))
        flows = {fingerprint(document): document for document in FLOWS.values()}
        self.site.take(
            Configuration(
                version=1,
                routes=ROUTES,
                trunks=TRUNKS,
                flows=flows,
                active_flows={name: fingerprint(document) for name, document in FLOWS.items()},
            )
        )
        world.registry.recognise = self.site.recognise
        calendars = Calendars(world.clock, world.publish, {})
        calendars.configure({"office": OFFICE, "never": NIGHT})
        self.routes = RouteClosings(world.clock, world.publish, {}, calendars.answer)
        self.routes.configure(self.site.routes)
        self.reception = Reception(
            clock=world.clock,
            site=self.site,
            publish=self._publish,
            closings=self.routes,
            callers=self.callers,
            window_ms=3_600_000,
            agent_name=lambda agent_id: agent_id.removeprefix("a-"),
            keep=self._keep,
        )
        node = cast(Node, SimpleNamespace(guards=world.guards, switch=world.switch))
        self.desk = Desk(
            clock=world.clock,
            registry=world.registry,
            acd=world.acd,
            site=self.site,
            nodes={NODE: node},
            publish=world.publish,
            reception=self.reception,
            screen=cast(Any, SimpleNamespace(arrival=self._screen, queue=lambda *_: None)),
        )
        world.acd._on_done = self.desk.on_done
        world.bus.on(CallArrived, self.callers.apply)
        world.bus.on(CallEnded, self.callers.apply)
        world.bus.on(CallArrived, self.desk.on_arrived)

    def _publish(self, fact: Any) -> None:
        self.world.publish(fact)

    def _keep(self) -> None:
        self.kept += 1

    def _screen(self, call: Call) -> None:
        call.caller_class = self.classes.get(call.caller_number, "")

    def calls(self, dialled: str, number: str = "13800138000", origin: Origin = NOWHERE) -> str:
        """A caller arrives, parked and unanswered; his leg."""
        leg_id, now = new_leg(), self.world.clock.now()
        more: dict[str, Any] = {"caller_number": number, "caller_name": "", "dialled": dialled, "context": "ccd"}
        self.world.say(
            ChannelCreated(leg_id=leg_id, at=now, inbound=True, name="x", core_uuid="core", carried=Carried(), **more)
        )
        self.world.say(
            ChannelParked(leg_id=leg_id, at=now, inbound=True, carried=Carried(entry="1"), origin=origin, **more)
        )
        self.breathe()
        return leg_id

    def breathe(self, seconds: float = 0.0) -> None:
        if seconds:
            self.world.clock.advance(seconds)
        for _ in range(5):
            gevent.sleep(0)

    def answered(self, leg_id: str) -> None:
        self.world.say(ChannelAnswered(leg_id=leg_id, at=self.world.clock.now()))
        self.breathe()

    def heard(self) -> list[str]:
        return [order.audio.removeprefix("/sounds/zh/") for order in self.world.switch.all(Play)]

    def orders(self, leg_id: str) -> int:
        """How often the switch was told to answer."""
        return sum(order.leg_id == leg_id for order in self.world.switch.all(Answer))

    def routed(self) -> CallRouted:
        return cast(CallRouted, self.world.of(CallRouted)[-1])

    def goes_home(self, leg_id: str) -> None:
        self.world.caller_hangs_up(leg_id)
        self.breathe()
        self.world.clock.advance(1)

    def is_empty(self) -> bool:
        return self.desk.running == {} and self.world.clock.pending() == 0


@pytest.fixture
def hall() -> Hall:
    return Hall()


def flow_of(hall: Hall) -> str:
    return str(hall.world.of(FlowEntered)[-1].flow)


def test_trunk_and_whole_number_stand_on_call_fact_channel_and_ledger(hall: Hall) -> None:
    leg = hall.calls("4567", origin=E1)
    call = hall.world.registry.calls[hall.world.registry.legs[leg].call_id]
    assert (call.trunk, call.dialled, call.dialled_e164) == ("e1a", "4567", "+862161234567")
    (arrived,) = hall.world.of(CallArrived)
    assert (arrived.trunk, arrived.dialled, arrived.dialled_e164) == ("e1a", "4567", "+862161234567")
    assert any(order.values.get("ccd_trunk") == "e1a" for order in hall.world.switch.all(SetVariables))
    past = hall.world.ledger.calls[call.call_id]
    assert (past.trunk, past.dialled_e164, past.routed_as) == ("e1a", "+862161234567", "")
    assert hall.routed().dialled == "02161234567"
    assert (hall.site.trunk_of(call), hall.site.dtmf_of(call)) == (TRUNKS[0], "inband")
    hall.goes_home(leg)
    assert hall.is_empty()


def test_the_class_of_the_caller_chooses_among_the_routes_of_a_number(hall: Hall) -> None:
    hall.classes["13900000001"] = "vip"
    leg = hall.calls("4567", "13900000001", E1)
    assert flow_of(hall) == "vip"
    call = hall.world.registry.calls[hall.world.registry.legs[leg].call_id]
    assert hall.site.dtmf_of(call) == "info"  # as the route says
    call.caller_class = "blacklist"  # a queue's list says so later: the route stays what it was
    route = hall.site.route_of(call)
    assert route is not None
    assert route.flow == "vip"
    hall.goes_home(leg)


def test_who_calls_again_is_known_for_it(hall: Hall) -> None:
    for _ in range(2):
        hall.goes_home(hall.calls("1000"))
    hall.world.clock.advance(600)
    leg = hall.calls("1000", "+8613800138000")  # however the number is written
    call = hall.world.registry.calls[hall.world.registry.legs[leg].call_id]
    assert (call.repeat_calls, flow_of(hall), hall.routed().caller_class) == (2, "night", "repeat")
    assert call.caller_class == "", "no list says anything of him"
    hall.goes_home(leg)
    hall.world.clock.advance(2 * 3600)
    hall.goes_home(hall.calls("1000"))
    assert (flow_of(hall), hall.routed().repeat_calls) == ("main", 0)


def test_a_list_stands_above_calling_again(hall: Hall) -> None:
    hall.goes_home(hall.calls("1000"))
    hall.classes["13800138000"] = "vip"
    hall.goes_home(hall.calls("1000"))
    assert (flow_of(hall), hall.routed().caller_class, hall.routed().repeat_calls) == ("main", "vip", 1)


def test_the_agent_who_talked_last_is_known_by_name(hall: Hall) -> None:
    hall.goes_home(hall.calls("1000"))
    hall.callers.numbers["+8613800138000"].agent_id = "a-alice"
    leg = hall.calls("1000")
    assert hall.routed().last_agent == "alice"
    hall.goes_home(leg)


# --- closed -----------------------------------------------------------------------------------------------


def test_outside_its_hours_a_route_leads_to_its_closed_flow(hall: Hall) -> None:
    hall.goes_home(hall.calls("95500", "13900000001"))
    assert (flow_of(hall), hall.routed().closed) == ("main", "")
    hall.world.clock.advance(3 * 3600)
    hall.goes_home(hall.calls("95500", "13900000002"))
    assert (flow_of(hall), hall.routed().closed) == ("night", "hours")


def test_without_a_flow_for_it_a_closed_route_says_so_and_hangs_up(hall: Hall) -> None:
    leg = hall.calls("95501")
    hall.answered(leg)
    assert (flow_of(hall), hall.routed().closed, hall.heard()) == ("closed_route", "hours", ["closed.wav"])
    assert hall.kept == 1, "the flow is on disk, so that a restart finds it by its hash"
    sha256 = hall.world.of(FlowEntered)[-1].sha256
    assert sha256 in hall.site.configuration.flows
    hall.goes_home(leg)
    hall.goes_home(hall.calls("95501", "13900000003"))
    assert hall.kept == 1


def test_closing_by_hand_takes_effect_for_the_next_caller(hall: Hall) -> None:
    assert hall.routes.close("+862161234567", "fire") == ["02161234567"]
    leg = hall.calls("4567", "13900000001", E1)
    assert (flow_of(hall), hall.routed().closed) == ("closed_route", "by_hand")
    hall.goes_home(leg)
    hall.goes_home(hall.calls("95500", "13900000002"))
    assert flow_of(hall) == "main"
    hall.routes.close("all")
    hall.goes_home(hall.calls("95500", "13900000003"))
    assert (flow_of(hall), hall.routed().closed) == ("night", "by_hand")
    hall.routes.open("all")
    hall.goes_home(hall.calls("4567", "13900000004", E1))
    assert flow_of(hall) == "main"


# --- answered in time -------------------------------------------------------------------------------------


def test_who_waits_unanswered_is_answered_before_the_trunk_gives_up(hall: Hall) -> None:
    hall.world.configure([queue("sales")], [], [])
    leg = hall.calls("95502", origin=SIP)
    hall.breathe(56.9)
    assert hall.orders(leg) == 0
    hall.breathe(0.2)
    assert hall.orders(leg) == 1
    hall.breathe(2.1)
    assert hall.orders(leg) == 2, "the order may have been lost"
    hall.answered(leg)
    hall.breathe(10)
    assert hall.orders(leg) == 2
    assert hall.world.acd.caller_of(leg) is not None, "he still stands in the queue"
    hall.goes_home(leg)
    assert hall.is_empty()


def test_a_prompt_does_not_go_on_unanswered_for_ever_either(hall: Hall) -> None:
    leg = hall.calls("95503", origin=SIP)
    assert hall.heard() == ["welcome.wav"]
    hall.breathe(57.1)
    assert hall.orders(leg) == 1
    hall.goes_home(leg)
    assert hall.is_empty()


@pytest.mark.parametrize("origin", [NOWHERE, SIP])
def test_who_is_answered_or_came_by_no_trunk_is_left_alone(hall: Hall, origin: Origin) -> None:
    hall.world.configure([queue("sales")], [], [])
    leg = hall.calls("95502", origin=origin)
    if origin is SIP:
        hall.answered(leg)
    hall.breathe(300)
    assert hall.orders(leg) == 0
    hall.goes_home(leg)
    assert hall.is_empty()


def test_the_moment_counts_from_the_arrival_also_after_a_restart(hall: Hall) -> None:
    hall.world.configure([queue("sales")], [], [])
    leg_id = hall.calls("95502", origin=SIP)
    registry = hall.world.registry
    leg, call = registry.legs[leg_id], registry.calls[registry.legs[leg_id].call_id]
    hall.desk.running[call.call_id].kill()
    hall.breathe(40)
    route = hall.site.route_of(call)
    assert route is not None
    hall.desk.run(leg, call, hall.site.flow_named("wait"), route)
    hall.breathe(16.9)
    assert hall.orders(leg_id) == 0
    hall.breathe(0.2)
    assert hall.orders(leg_id) == 1
    hall.goes_home(leg_id)


# --- found again ------------------------------------------------------------------------------------------


def dump(leg_id: str, **variables: str) -> str:
    said = {"Unique-ID": leg_id, "Call-Direction": "inbound", "Channel-State": "CS_EXECUTE"}
    said |= {"Caller-Caller-ID-Number": "13800138000", "Caller-Destination-Number": "after"}
    return json.dumps(said | {f"variable_{name}": value for name, value in variables.items()})


def test_a_call_that_is_found_again_sees_what_it_saw_before(hall: Hall) -> None:
    hall.goes_home(hall.calls("4567", origin=E1))
    hall.callers.numbers["+8613800138000"].agent_id = "a-alice"
    leg_id = hall.calls("4567", origin=E1)
    registry = hall.world.registry
    before = registry.calls[registry.legs[leg_id].call_id]
    written: dict[str, str] = {}
    for order in hall.world.switch.all(SetVariables):
        written |= order.values if order.leg_id == leg_id else {}
    found = read_dump(dump(leg_id, **written))
    seen = ("trunk", "dialled", "dialled_e164", "repeat_calls", "last_agent", "caller_class")
    for ledger in (hall.world.ledger, World().ledger):  # with what the ledger knows, and by the channel alone
        del registry.legs[leg_id], registry.calls[before.call_id]
        adoption = Adoption(clock=hall.world.clock, registry=registry, ledger=ledger, publish=hall.world.publish)
        place = adoption.places([found])[leg_id]
        adoption.take(NODE, found, place)
        after = registry.calls[before.call_id]
        assert [getattr(after, name) for name in seen] == [getattr(before, name) for name in seen]
        assert hall.site.route_of(after) == hall.site.route_of(before)
    assert (before.repeat_calls, before.last_agent, before.trunk) == (1, "alice", "e1a")


def test_a_call_without_any_route_goes_to_the_fallback(hall: Hall) -> None:
    hall.site.take(Configuration(version=2))
    leg = hall.calls("95500")
    assert [fact.reason for fact in hall.world.of(CallToFallback)] == ["no_route"]
    hall.world.hung_up(leg)
