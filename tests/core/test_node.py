"""A node compares what its heartbeats tell with what ccd knows."""

from __future__ import annotations

import json

import gevent
import pytest
from gevent.event import Event
from pydantic import SecretStr

from ccd.base.clock import FakeClock
from ccd.core.node import DIFFER_OFTEN, Node
from ccd.settings.model import Lease, Switch


class Watched:
    """A node that was never connected, and what it did."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.legs = 3
        self.reconciled = Event()
        self.node = Node(
            Switch(name="local", port=1, password=SecretStr("secret")),
            Lease(),
            self.clock,
            apply=lambda event, node: None,
            reconcile=lambda node: self.reconciled.set(),
            on_down=lambda node, reason: None,
            count_legs=lambda node: self.legs,
        )

    def heartbeat(self, channels: int | None, ahead_s: float = 0.0) -> None:
        body = {"Event-Name": "HEARTBEAT", "Event-Date-Timestamp": str(self.clock.now() + int(ahead_s * 1e6))}
        if channels is not None:
            body["Session-Count"] = str(channels)
        self.node.switch.receive([json.dumps(body).encode()])


@pytest.fixture
def watched() -> Watched:
    return Watched()


def test_a_leg_that_nobody_told_of_is_found_by_the_counts(watched: Watched) -> None:
    """Once or twice is a busy minute, every time is a lost event."""
    for _ in range(DIFFER_OFTEN - 1):
        watched.heartbeat(channels=4)
    assert not watched.reconciled.wait(0.01)
    watched.heartbeat(channels=4)
    assert watched.reconciled.wait(2)


def test_counts_that_agree_now_and_then_ask_nothing(watched: Watched) -> None:
    for channels in (4, 4, 3, 4, 4, 3):
        watched.heartbeat(channels)
    assert not watched.reconciled.wait(0.01)


def test_a_heartbeat_without_a_count_says_nothing(watched: Watched) -> None:
    for _ in range(2 * DIFFER_OFTEN):
        watched.heartbeat(channels=None)
    assert not watched.reconciled.wait(0.01)


def test_the_offset_of_the_switchs_clock_is_watched(watched: Watched) -> None:
    watched.heartbeat(channels=3, ahead_s=2.5)
    assert watched.node.clock_offset_ms == 2500


def test_a_node_that_is_not_ready_says_why(watched: Watched) -> None:
    """Refused, unreachable, busy with the comparison: who reads the status must not have to guess."""
    assert watched.node.why == "connecting"
    watched.node.start()
    with gevent.Timeout(5, AssertionError("no attempt failed")):
        while watched.node.why == "connecting":
            gevent.sleep(0.001)
    watched.node.stop()
    assert "cannot connect to 127.0.0.1:1" in watched.node.why
    assert not watched.node.is_ready
