"""`bench growth`: what a decision costs with few and with very many callers waiting, and with few and very many agents.

The real queue (service, offers, roster, matcher) on a switch that only listens. An operation is a call that the interpreter
makes, of Python or of C: the same on every machine. The milliseconds are processor time.
"""

from __future__ import annotations

import gc
import statistics
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from ccd.acd.facts import LeftReason
from ccd.acd.model import Agent, Queue, Station, Tier
from ccd.acd.ports import Ports
from ccd.acd.remembered import Remembered
from ccd.acd.service import Acd
from ccd.base.clock import FakeClock
from ccd.bench.result import Result, Row
from ccd.calls.facts import LegEnded, Role
from ccd.calls.model import Leg
from ccd.switch.commands import Command
from ccd.switch.port import Outcome

FEW, MANY_WAITING, MANY_AGENTS = 10, 10_000, 5_000
QUICK_WAITING, QUICK_AGENTS = 1_000, 500
ROUNDS = 200
TARGET = 2.0


def run(*, quick: bool) -> Result:
    """Measure both ends of both scales, and divide."""
    waiting, agents = (QUICK_WAITING, QUICK_AGENTS) if quick else (MANY_WAITING, MANY_AGENTS)
    result = Result("what a decision costs as the lines grow")
    figures: dict[str, Any] = result.values
    for what, few, many in (
        ("waiting", Scene(2, FEW), Scene(2, waiting)),
        ("agents", Scene(FEW, 0), Scene(agents, 0)),
    ):
        play = Scene.freed if what == "waiting" else Scene.asked
        costs = [(operations(scene, play), _milliseconds(scene, play)) for scene in (few, many)]
        (few_ops, few_ms), (many_ops, many_ms) = costs
        figures[f"ratio_{what}"] = round(many_ops / few_ops, 2)
        figures[f"ratio_{what}_ms"] = round(many_ms / few_ms, 2)
        figures[f"{what}_operations"] = [few_ops, many_ops]
        figures[f"{what}_ms"] = [round(few_ms, 4), round(many_ms, 4)]
        size = waiting if what == "waiting" else agents
        figures[f"{what}_from_to"] = [FEW, size]
        result.rows += _rows(figures, what, f"{FEW} → {size:,} {what}")
    return result


def _rows(figures: dict[str, Any], what: str, shown: str) -> list[Row]:
    rows = []
    for key, unit, unit_name in (("", "operations", "operations"), ("_ms", "ms", "ms")):
        ratio = figures[f"ratio_{what}{key}"]
        few, many = figures[f"{what}_{unit}"]
        rows.append(
            Row(f"{shown}, {unit_name}", f"{few:g} → {many:g}: {ratio} times", f"≤ {TARGET:g}", ratio <= TARGET)
        )
    return rows


class Scene:
    """A queue in which so many callers wait, or so many agents are ready."""

    def __init__(self, agents: int, callers: int) -> None:
        self._clock = FakeClock()
        self._ends: dict[str, str] = {}
        silent = Silent()
        self.acd = Acd(
            Ports(
                clock=self._clock,
                publish=lambda fact: None,
                order_leg=self._ordered,
                lose_leg=lambda leg_id, cause: None,
                is_parked=lambda leg_id: True,
                switch_of=lambda node: silent,
                switches=lambda: [silent],
                drop_lease=lambda node, leg_id: None,
                hold_lease=lambda node, leg_id: None,
                node_is_up=lambda node: True,
            ),
            _done,
            Remembered(),
        )
        names = [f"a{number:05d}" for number in range(agents)]
        self.acd.configure((Queue(queue_id="q", name="q"),))
        self.acd.roster.configure(
            [Agent(agent_id=name, name=name, station_id=name) for name in names],
            [Station(station_id=name, name=name, contact=f"user/{name}@bench") for name in names],
            [Tier(queue_id="q", agent_id=name) for name in names],
        )
        for _ in range(callers):
            self._clock.advance(0.001)
            self.enter()
        self._first = names[0]
        if not callers:
            for name in names:
                self._clock.advance(0.001)
                self.acd.roster.login(name)

    def enter(self) -> str:
        """A caller joins; his leg."""
        leg_id = str(uuid.uuid4())
        self.acd.enqueue(call_id=leg_id, leg_id=leg_id, node="", number="", queue_id="q", priority=0, answered=True)
        return leg_id

    def freed(self) -> None:
        """An agent becomes free and is offered the first in line; he goes again, and the caller is back at the head."""
        self.acd.roster.login(self._first)
        self.acd.roster.logout(self._first)
        self._phone_ends()

    def asked(self) -> None:
        """A caller comes, an agent's phone rings for him; he hangs up, and the agent is ready again."""
        leg_id = self.enter()
        self._ended(leg_id, Role.CUSTOMER)
        self._phone_ends()

    def settle(self) -> None:
        """Between two rounds, time passes: who must rest has rested."""
        self._clock.advance(60)

    def _ordered(self, leg: Leg) -> None:
        self._ends[leg.leg_id] = leg.agent_id

    def _phone_ends(self) -> None:
        for leg_id in list(self._ends):
            del self._ends[leg_id]
            self._ended(leg_id, Role.AGENT)

    def _ended(self, leg_id: str, role: Role) -> None:
        self.acd.legs.on_ended(
            LegEnded(at=self._clock.now(), leg_id=leg_id, call_id="", role=role, cause="ORIGINATOR_CANCEL")
        )


class Silent:
    """A switch that is told everything and never says a word."""

    node = ""

    def tell(self, command: Command, on_done: Outcome | None = None) -> None:
        """Taken."""

    def ask(self, command: Command, timeout: float = 5.0) -> str:
        """Nothing to say."""
        return ""

    def await_begin(self) -> None:
        """Nothing comes."""

    def await_end(self) -> None:
        """Nothing came."""


def _done(leg_id: str, why: LeftReason, to: str) -> None:
    """A stay ended; nobody goes on from here."""


def operations(scene: Scene, play: Callable[[Scene], None]) -> int:
    """How many calls the interpreter makes for one round."""
    count = 0

    def seen(frame: object, event: str, argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    play(scene)  # whatever the first round sets up is there from now on
    scene.settle()
    sys.setprofile(seen)
    try:
        play(scene)
    finally:
        sys.setprofile(None)
    scene.settle()
    return count


def _milliseconds(scene: Scene, play: Callable[[Scene], None]) -> float:
    spent = []
    with _without_collecting():
        for _ in range(ROUNDS):
            began = time.thread_time_ns()
            play(scene)
            spent.append((time.thread_time_ns() - began) / 1e6)
            scene.settle()
    return statistics.median(spent)


@contextmanager
def _without_collecting() -> Iterator[None]:
    """The garbage collector walks through the whole scene whenever it likes: that is no part of a decision."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
