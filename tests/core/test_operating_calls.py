"""Kicked and moved callers whose flows run: where they go on, and what the verbs of core answer."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from ccd.acd.facts import CallerLeft, CallerQueued, LeftReason
from ccd.base.errors import Refused
from ccd.calls.facts import CallToFallback
from ccd.core.house import House
from ccd.core.verbs import VERBS
from ccd.ivr.facts import FlowLeft, NodeEntered
from ccd.switch.commands import Hangup, Play, Transfer
from tests.builders import queue
from tests.core.test_desk import Reception

LINE = {"type": "queue", "queue": "sales", "next": "end"}
END = {"type": "hangup", "cause": "NORMAL_CLEARING"}
PLAIN = {"start": "q", "nodes": {"q": LINE, "end": END}}
WITH_EDGE = {
    "start": "q",
    "nodes": {"q": LINE | {"overflowed": "sorry"}, "end": END, "sorry": {"type": "hangup", "cause": "USER_BUSY"}},
}


class Floor(Reception):
    """A reception with two queues, and core's verbs."""

    def __init__(self, flow: dict[str, Any]) -> None:
        super().__init__(flow)
        self.world.bus.on(CallerQueued, self.desk.on_queued)
        self.world.configure([queue("sales"), queue("night", music="local_stream://night")], [], [])

    def does(self, verb: str, **given: Any) -> Any:
        house = SimpleNamespace(acd=self.world.acd, registry=self.world.registry, desk=self.desk)
        answer = VERBS[verb](cast(House, house), given)
        self.breathe()
        return answer

    def call_of(self, leg: str) -> str:
        return self.world.registry.legs[leg].call_id


@pytest.mark.parametrize(("flow", "cause"), [(PLAIN, "NORMAL_CLEARING"), (WITH_EDGE, "USER_BUSY")])
def test_a_kicked_caller_goes_on_by_overflowed_or_is_hung_up(flow: dict[str, Any], cause: str) -> None:
    floor = Floor(flow)
    caller = floor.calls()
    told = floor.does("calls.kick", call_id=floor.call_of(caller))
    assert (told["kicked"], told["to_fallback"]) == (True, False)
    assert [fact.reason for fact in floor.world.of(CallerLeft)] == [LeftReason.KICKED]
    assert [order.cause for order in floor.world.switch.all(Hangup, caller)] == [cause]
    assert len(floor.world.of(NodeEntered)) == (2 if flow is WITH_EDGE else 1)
    floor.goes_home()


def test_a_caller_who_is_kicked_to_the_fallback_leaves_his_flow_and_stays_on_the_line() -> None:
    floor = Floor(WITH_EDGE)
    caller = floor.calls()
    floor.does("calls.kick", call_id=floor.call_of(caller), to_fallback=True)
    assert floor.world.switch.last(Transfer, caller).context == "ccd_fallback"
    assert [fact.reason for fact in floor.world.of(CallToFallback)] == ["kicked"]
    assert [fact.reason for fact in floor.world.of(CallerLeft)] == [LeftReason.KICKED]
    assert len(floor.world.of(FlowLeft)) == 1
    assert floor.world.switch.all(Hangup, caller) == []
    assert floor.desk.running == {}
    floor.goes_home()


def test_a_moved_caller_waits_on_in_his_flow_with_the_music_of_the_other_queue() -> None:
    floor = Floor(PLAIN)
    caller = floor.calls()
    assert floor.does("queues.move", queue="sales", target="night")["moved"] == [floor.call_of(caller)]
    assert floor.world.switch.last(Play, caller).audio == "local_stream://night"
    assert floor.world.switch.all(Hangup, caller) == []
    assert len(floor.desk.running) == 1
    assert floor.does("queues.move", queue="night", target="sales", first=1)["moved"] == [floor.call_of(caller)]
    floor.goes_home()


def test_a_priority_is_answered_with_the_new_place() -> None:
    floor = Floor(PLAIN)
    floor.calls()
    second = floor.calls()
    told = floor.does("calls.priority", call_id=floor.call_of(second), priority=3, who="chen")
    assert (told["queue"], told["priority"], told["position"]) == ("sales", 3, 1)
    with pytest.raises(Refused, match="no whole number"):
        floor.does("calls.priority", call_id=floor.call_of(second), priority="high")
    floor.goes_home()


def test_a_door_is_told_as_it_stands() -> None:
    floor = Floor(PLAIN)
    floor.calls()
    draining = floor.does("queues.drain", queue="sales", who="chen", reason="night")
    assert (draining["door"], draining["inside"]) == ("draining", 1)
    assert (draining["closed_by"], draining["closed_why"]) == ("chen", "night")
    floor.goes_home()
    assert floor.does("queues.close", queue="sales")["door"] == "closed"
    opened = floor.does("queues.open", queue="sales")
    assert (opened["door"], opened["closed_at"], opened["closed_by"]) == ("open", None, "")


@pytest.mark.parametrize("verb", ["queues.close", "queues.drain"])
def test_whoever_comes_to_a_closed_queue_is_not_let_in(verb: str) -> None:
    floor = Floor(
        {**PLAIN, "nodes": PLAIN["nodes"] | {"q": LINE | {"closed": "shut"}, "shut": {**END, "cause": "USER_BUSY"}}}
    )  # type: ignore[operator]
    inside = floor.calls()
    floor.does(verb, queue="sales")
    outside = floor.calls()
    assert floor.world.acd.caller_of(inside) is not None
    assert floor.world.acd.caller_of(outside) is None
    assert [order.cause for order in floor.world.switch.all(Hangup, outside)] == ["USER_BUSY"]
    floor.goes_home()
