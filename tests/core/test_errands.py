"""Errands: core gives them to whoever follows its socket; they end in time whatever becomes of him."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gevent
import pytest
from gevent import socket as gsocket
from structlog.testing import capture_logs

from ccd.base.clock import FakeClock, SystemClock
from ccd.core.errands import MAX_BYTES, MAX_OUTSTANDING, Errands
from ccd.core.socket import CommandSocket
from ccd.core.verbs.errands import VERBS
from ccd.ivr.doors import Outcome


class Side:
    """Somebody who does errands, without a socket."""

    def __init__(self, errands: Errands) -> None:
        self.rings = 0
        self.errands = errands

    def comes(self) -> Side:
        self.errands.attach(self, self._ring)
        return self

    def _ring(self) -> None:
        self.rings += 1

    def takes(self) -> dict[str, Any] | None:
        line = self.errands.next_line(self)
        return None if line is None else json.loads(line)["errand"]


def asked(errands: Errands, timeout_ms: int = 5_000, **given: Any) -> list[Outcome]:
    heard: list[Outcome] = []
    errands.start("http.request", given or {"url": "x"}, timeout_ms, heard.append)
    return heard


def test_an_errand_is_done_and_answered() -> None:
    clock = FakeClock()
    errands = Errands(clock)
    side = Side(errands).comes()
    heard = asked(errands, url="https://a", pin="4711")
    clock.advance(1)
    errand = side.takes()
    assert errand is not None
    assert (errand["kind"], errand["with"], errand["timeout_ms"]) == (
        "http.request",
        {"url": "https://a", "pin": "4711"},
        4_000,
    )
    assert side.takes() is None, "sent once"
    assert errands.finish(errand["id"], {"status": 200})
    assert heard == [Outcome(ok={"status": 200})]
    assert not errands.finish(errand["id"], {"status": 500}), "a second answer is dropped"
    assert (len(heard), len(errands), clock.pending()) == (1, 0, 0)


def test_an_errand_that_is_not_answered_in_time_fails_and_its_late_answer_is_dropped() -> None:
    clock = FakeClock()
    errands = Errands(clock, {"http.request": 3_000})
    side = Side(errands).comes()
    heard = asked(errands, timeout_ms=0)
    errand = side.takes()
    assert errand is not None
    clock.advance(3)
    assert heard == [Outcome(reason="timed_out")]
    assert not errands.finish(errand["id"], {"status": 200})
    assert len(heard) == 1


def test_an_errand_waits_for_a_side_that_is_starting_but_not_longer_than_its_time() -> None:
    clock = FakeClock()
    errands = Errands(clock)
    first, second = asked(errands, timeout_ms=2_000), asked(errands, timeout_ms=5_000)
    clock.advance(3)
    side = Side(errands).comes()
    assert first == [Outcome(reason="timed_out")]
    errand = side.takes()
    assert errand is not None
    assert errand["timeout_ms"] == 2_000
    errands.finish(errand["id"], None, "no_answer")
    assert second == [Outcome(reason="no_answer")]
    assert side.takes() is None


def test_what_side_had_in_hand_fails_when_it_dies_and_the_rest_goes_to_the_next_one() -> None:
    errands = Errands(FakeClock())
    side = Side(errands).comes()
    in_hand, waiting = asked(errands), asked(errands)
    taken = side.takes()
    assert taken is not None
    errands.detach(side)
    assert in_hand == [Outcome(reason="side_lost")]
    assert waiting == []
    other = Side(errands).comes()
    errand = other.takes()
    assert errand is not None
    assert errand["id"] != taken["id"]
    errands.detach(side)
    assert waiting == [], "the one that is gone takes nothing with it"


class CountingClock(FakeClock):
    """Counts how often it is looked at."""

    looks = 0

    def monotonic(self) -> float:
        self.looks += 1
        return super().monotonic()


@pytest.mark.parametrize("in_hand", [1, MAX_OUTSTANDING - 1])
def test_the_next_errand_costs_the_same_however_many_are_in_hand(in_hand: int) -> None:
    clock = CountingClock()
    errands = Errands(clock)
    side = Side(errands).comes()
    for _ in range(in_hand):
        asked(errands)
        assert side.takes() is not None
    clock.looks = 0
    assert side.takes() is None
    assert clock.looks == 0
    asked(errands, url="last")
    clock.looks = 0
    last = side.takes()
    assert last is not None
    assert last["with"] == {"url": "last"}
    assert clock.looks == 1


def test_errands_that_are_over_before_any_side_comes_leave_nothing() -> None:
    clock = FakeClock()
    errands = Errands(clock)
    for _ in range(3):
        errands.start("http.request", {"pin": "4711"}, 5_000, lambda outcome: None)()
        asked(errands, timeout_ms=1_000)
    clock.advance(1)
    assert (len(errands), len(errands._unsent), clock.pending()) == (0, 0, 0)
    assert Side(errands).comes().takes() is None


def test_an_errand_that_nobody_waits_for_any_more_is_not_sent() -> None:
    clock = FakeClock()
    errands = Errands(clock)
    heard: list[Outcome] = []
    errands.start("http.request", {}, 1_000, heard.append)()
    side = Side(errands).comes()
    assert side.takes() is None
    clock.advance(5)
    assert heard == []
    assert (len(errands), clock.pending()) == (0, 0)


def test_more_errands_than_side_may_have_fail_at_once_and_that_is_said_once() -> None:
    errands = Errands(FakeClock())
    for _ in range(MAX_OUTSTANDING):
        assert asked(errands) == []
    with capture_logs() as logs:
        assert [asked(errands)[0].reason for _ in range(3)] == ["overfull"] * 3
    assert [line["event"] for line in logs] == ["errands_overfull"]


def test_an_errand_that_is_too_large_is_refused() -> None:
    assert asked(Errands(FakeClock()), body="张" * (MAX_BYTES // 3)) == [Outcome(reason="too_large")]


def test_what_an_errand_carries_shows_nowhere() -> None:
    errands = Errands(FakeClock())
    asked(errands, pin="geheim")
    assert "geheim" not in repr(list(errands._open.values()))
    assert "geheim" not in repr(Outcome(ok={"pin": "geheim"}))


# --- over the socket ------------------------------------------------------------------------------


class Door:
    """Core's socket with errands behind it."""

    def __init__(self, folder: Path) -> None:
        self.errands = Errands(SystemClock())
        self.path = str(folder / "core.sock")
        self.position = (1, 0)
        self.socket = CommandSocket(self.path, self._do, lambda: self.position, self.errands)
        self.socket.start()

    def _do(self, verb: str, given: dict[str, Any]) -> Any:
        return VERBS[verb](self, given)  # type: ignore[arg-type]

    def side(self, **given: Any) -> Connection:
        connection = Connection(self.path)
        connection.says(id=1, do="journal.follow", **{"with": given})
        assert connection.hears() == {"id": 1, "ok": {}}
        assert connection.hears() == {"journal": {"segment": 1, "offset": 0}}
        return connection


class Connection:
    def __init__(self, path: str) -> None:
        self.sock = gsocket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.connect(path)
        self._lines = self.sock.makefile("rb")

    def says(self, **message: Any) -> None:
        self.sock.sendall(json.dumps(message).encode() + b"\n")

    def hears(self) -> Any:
        with gevent.Timeout(5):
            return json.loads(self._lines.readline())

    def dies(self) -> None:
        self.sock.shutdown(socket.SHUT_RDWR)
        self._lines.close()
        self.sock.close()


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Door]:
    made = Door(tmp_path)
    yield made
    made.socket.stop()


def soon(true: Any) -> Any:
    with gevent.Timeout(5):
        while not (found := true()):
            gevent.sleep(0.005)
    return found


def test_errands_travel_over_the_socket_that_tells_of_the_journal(door: Door) -> None:
    side = door.side(errands=True)
    heard = asked(door.errands, name="张三\n")
    errand = side.hears()["errand"]
    assert errand["with"] == {"name": "张三\n"}
    side.says(do="errands.done", **{"with": {"id": errand["id"], "ok": {"status": 204}}})
    assert side.hears() == {"id": None, "ok": {"awaited": True}}
    assert heard == [Outcome(ok={"status": 204})]
    door.position = (1, 77)
    door.socket.journal_grew()
    assert side.hears() == {"journal": {"segment": 1, "offset": 77}}
    side.dies()


def test_a_follower_that_does_no_errands_is_sent_none(door: Door) -> None:
    reader = door.side()
    heard = asked(door.errands, timeout_ms=60)
    soon(lambda: heard)
    assert heard == [Outcome(reason="timed_out")]
    reader.dies()


def test_a_connection_that_ends_takes_its_errands_with_it(door: Door) -> None:
    side = door.side(errands=True)
    heard = asked(door.errands, timeout_ms=30_000)
    side.hears()
    side.dies()
    soon(lambda: heard)
    assert heard == [Outcome(reason="side_lost")]


def test_a_side_that_reads_nothing_holds_nobody_up(door: Door) -> None:
    """Frozen, as by SIGSTOP: the errands end in time, and the loop goes on."""
    frozen = door.side(errands=True)
    heard = [asked(door.errands, timeout_ms=150, body="x" * 60_000) for _ in range(40)]
    soon(lambda: all(heard))
    assert {one[0].reason for one in heard} == {"timed_out"}
    frozen.dies()
