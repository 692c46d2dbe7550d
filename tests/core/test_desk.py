"""The desk: calls get their flow, and what a site's configuration lacks costs no caller his call."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast

import gevent
import pytest
from structlog.testing import capture_logs

from ccd.acd.facts import CallerLeft, LeftReason
from ccd.calls.facts import CallArrived, CallEnded, CallToFallback, EndedBy
from ccd.core.desk import Desk
from ccd.core.node import Node
from ccd.core.queue_door import QueueDesk
from ccd.core.site import Site
from ccd.ivr.flow import fingerprint
from ccd.journal.configuration import Configuration, Route
from ccd.switch.commands import Hangup, Play, Transfer
from tests.builders import NODE, World, queue

WAIT = {"start": "q", "nodes": {"q": {"type": "queue", "queue": "sales", "next": "end"}, "end": {"type": "hangup"}}}


class Reception:
    """A desk before a world. What stands in `flow` is what every number leads to."""

    def __init__(self, flow: dict[str, Any] | None) -> None:
        self.world = World()
        self.site = Site("/srv/sounds", "zh")
        if flow is not None:
            sha256 = fingerprint(flow)
            routes, flows = (Route(dialled="*", flow="main"),), {sha256: flow}
            self.site.take(Configuration(version=1, routes=routes, flows=flows, active_flows={"main": sha256}))
        node = cast(Node, SimpleNamespace(guards=self.world.guards, switch=self.world.switch))
        self.desk = Desk(
            clock=self.world.clock,
            registry=self.world.registry,
            acd=self.world.acd,
            site=self.site,
            nodes={NODE: node},
            publish=self.world.publish,
        )
        self.world.acd._on_done = self.desk.on_done
        self.world.bus.on(CallArrived, self.desk.on_arrived)

    def calls(self) -> str:
        """A caller arrives; returns his leg once his flow has nothing more to do for now."""
        leg = self.world.caller_arrives()
        self.breathe()
        return leg

    def breathe(self, seconds: float = 0.0) -> None:
        if seconds:
            self.world.clock.advance(seconds)
        for _ in range(5):
            gevent.sleep(0)

    def goes_home(self) -> None:
        """Whoever is still on the line hangs up; no greenlet is left."""
        for leg in list(self.world.registry.legs):
            self.world.caller_hangs_up(leg)
        self.breathe()
        assert self.desk.running == {}


@pytest.fixture
def lines() -> Iterator[list[Any]]:
    with capture_logs() as found:
        yield found


def events(lines: list[Any]) -> list[str]:
    return [line["event"] for line in lines]


def test_a_queue_that_nobody_made_costs_a_line_of_the_log_and_no_call(lines: list[Any]) -> None:
    reception = Reception(WAIT)
    leg = reception.calls()
    assert events(lines) == ["flow_names_no_queue", "flow_no_such_queue"]
    assert reception.world.switch.last(Hangup).leg_id == leg, "the flow went on to its next node"
    assert reception.world.of(CallToFallback) == []
    reception.goes_home()


def test_a_call_that_is_over_leaves_nothing_to_the_garbage_collector(lines: list[Any]) -> None:
    """At a hundred calls a second its collections held everybody up for 200 ms."""
    reception = Reception(WAIT)
    reception.world.configure([queue("sales")], [], [])
    gc.collect()
    gc.disable()
    try:
        leg = reception.world.registry.legs[reception.calls()]
        mailbox = weakref.ref(leg.mailbox)
        assert mailbox() is not None
        del leg
        reception.goes_home()
        reception.world.clock.advance(60.0)
        assert mailbox() is None
    finally:
        gc.enable()


def test_a_queue_that_is_removed_keeps_its_callers_and_its_words_for_them(lines: list[Any]) -> None:
    reception = Reception(WAIT)
    world = reception.world
    world.configure([queue("sales", max_wait_ms=30_000)], [], [])
    reception.calls()
    world.configure([], [], [])
    reception.breathe(30.1)
    assert [one.audio for one in world.switch.all(Play)] == [queue().music, "/srv/sounds/zh/queue_timeout.wav"]
    assert "greenlet_crashed" not in events(lines)
    reception.goes_home()


def test_who_timed_out_of_a_queue_that_is_gone_by_then_hears_its_words_all_the_same(lines: list[Any]) -> None:
    """The last caller out takes the queue with him, and only then its words are said."""
    reception = Reception(WAIT)
    world = reception.world
    world.configure([queue("sales", max_wait_ms=30_000)], [], [])
    reception.calls()
    world.clock.advance(30.1)  # he has left, and his flow has not gone on yet
    world.configure([], [], [])
    reception.breathe()
    assert [one.audio for one in world.switch.all(Play)] == [queue().music, "/srv/sounds/zh/queue_timeout.wav"]
    assert "greenlet_crashed" not in events(lines)
    reception.goes_home()


@pytest.mark.parametrize(("flow", "reason"), [(None, "no_route"), (WAIT, "flow_failed")])
def test_a_caller_for_whom_nothing_can_be_done_goes_to_the_fallback_and_the_switch_ends_his_call(
    flow: dict[str, Any] | None, reason: str, monkeypatch: pytest.MonkeyPatch, lines: list[Any]
) -> None:
    def fails(*_: object, **__: object) -> str:
        raise RuntimeError("a fault of ours")

    monkeypatch.setattr(QueueDesk, "_waits", fails)
    reception = Reception(flow)
    world = reception.world
    world.configure([queue("sales")], [], [])
    leg = reception.calls()
    assert world.switch.last(Transfer) == Transfer(leg_id=leg, extension="fallback", context="ccd_fallback")
    assert [fact.reason for fact in world.of(CallToFallback)] == [reason]
    world.hung_up(leg, disposition="send_bye")
    assert [fact.ended_by for fact in world.of(CallEnded)] == [EndedBy.SWITCH]
    reception.goes_home()


def test_a_caller_whose_flow_broke_in_a_queue_is_offered_to_nobody_in_the_fallback(
    monkeypatch: pytest.MonkeyPatch, lines: list[Any]
) -> None:
    reception = Reception(WAIT)
    world = reception.world
    world.configure([queue("sales")], [], [])
    leg = reception.calls()
    mailbox = world.registry.legs[leg].mailbox
    assert mailbox is not None
    mailbox.aside = lambda event: 1 / 0  # type: ignore[assignment, return-value]
    mailbox.put("what no flow waits for")
    reception.breathe()
    assert [fact.reason for fact in world.of(CallToFallback)] == ["flow_failed"]
    assert [fact.reason for fact in world.of(CallerLeft)] == [LeftReason.KICKED]
    assert world.acd.caller_of(leg) is None
    world.hung_up(leg)
    assert len(world.of(CallerLeft)) == 1
    reception.goes_home()
