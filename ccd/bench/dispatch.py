"""`bench dispatch`: how fast callers and agents meet, ccd and mod_callcenter in turn on a real FreeSWITCH.

Both run on a switch of their own with the same configuration, and the same outside world telephones with both. Where this
user may, the switch runs at its real-time priority, as it does at a site, and core as config/systemd/ccd.service says;
`realtime` tells whether. `p50_ms`
and `p95_ms` are read from the switch's own event times: in a backlog from the end of an agent's leg to the creation of
his next one, at an arrival from the answer of the caller's leg (which puts him into the queue) to the creation of an
agent's. `phones_…` is the same seen from outside: phone hangs up to next INVITE, caller's INVITE to agent's INVITE.
"""

from __future__ import annotations

import random
import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import gevent

from ccd.base.errors import NotFound, SwitchTimeout
from ccd.bench import dispatch_measure as measure
from ccd.bench.dispatch_peers import (
    NUMBER,
    CallcenterSide,
    CcdSide,
    Side,
    Stage,
    may_take_priority,
    switch_files,
)
from ccd.bench.result import Result, Row, ratio
from ccd.lab.freeswitch import find_freeswitch
from ccd.lab.outside import Outside
from ccd.lab.stories import CallerScript, PhoneScript, Ring

AGENTS = tuple(f"10{number:02d}" for number in range(50))
ARRIVAL_EVERY_S, ARRIVAL_TALK_MS = 0.2, 100
DIAL_EVERY_S = 0.02
TALK_MS = (1_000, 2_000)
WAIT_S = 60.0
# p50 and p95 of ccd in ms, and how many times mod_callcenter's p50 must be ccd's.
TARGETS = {"arrival_50": (5, 10, None), "backlog_10": (5, 12, 75), "backlog_50": (8, 60, 75)}
SERVED_RATIO = 1.3


def run(*, quick: bool) -> Result:
    """Measure every scenario on both sides."""
    binary = find_freeswitch()
    if binary is None:
        raise NotFound("no FreeSWITCH: set CCD_FREESWITCH to its prefix or have freeswitch in PATH")
    plan: dict[str, tuple[int, int]] = {"arrival_50": (50, 40), "backlog_10": (10, 100), "backlog_50": (50, 300)}
    if quick:
        plan = {"arrival_50": (50, 10), "backlog_10": (10, 30), "backlog_50": (50, 100)}
    realtime = may_take_priority()
    result = Result("who waits for whom", {"realtime": realtime})
    if not realtime:
        result.rows.append(Row("priority", "ordinary: this user may take no other; a site's is real-time"))
    folder = Path(tempfile.mkdtemp(prefix="ccd-bench-"))
    try:
        sides = {"ccd": _side(folder, "ccd", plan, result, realtime=realtime)}
        if _has_callcenter(binary):
            sides["mod_callcenter"] = _side(folder, "mod_callcenter", plan, result, realtime=realtime)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    for name in plan:
        result.values[name] = {side: sides[side][name] for side in sides} | {
            "p50_ratio": _over(sides, name, "p50_ms"),
            "served_ratio": _served(sides, name),
        }
        result.rows += _rows(name, result.values[name])
    return result


def _has_callcenter(binary: Path) -> bool:
    prefix = binary.parent.parent
    return any((prefix / place / "mod_callcenter.so").is_file() for place in ("lib/freeswitch/mod", "mod"))


def _side(
    folder: Path, name: str, plan: dict[str, tuple[int, int]], result: Result, *, realtime: bool
) -> dict[str, Any]:
    place = folder / name
    place.mkdir()
    config, dialplans = switch_files(place, callcenter=name != "ccd")
    world = Stage(place, config, dialplans, realtime=realtime)
    side: Side | None = None
    try:
        side = CcdSide(place / "core", world, AGENTS) if name == "ccd" else CallcenterSide(world, AGENTS)
        figures = {}
        for scenario, (agents, callers) in plan.items():
            play = _arrivals if scenario.startswith("arrival") else _backlog
            figures[scenario] = Scene(world, side, AGENTS[:agents], callers).play(play)
        result.faults += [f"{name}: {line[:300]}" for line in side.faults()]
        return figures
    finally:
        if side is not None:
            side.stop()
        world.close()


class Scene:
    """One scenario on one side: the phones on their desks, the recorder on the switch."""

    def __init__(self, world: Stage, side: Side, agents: Sequence[str], callers: int) -> None:
        self.side = side
        self.agents = agents
        self.count = callers
        self.outside: Outside = world.outside
        self._world = world
        self.moments: list[measure.Moment] = []
        self._first = len(self.outside.callers)

    def play(self, story: Callable[[Scene], tuple[list[float], list[float]]]) -> dict[str, Any]:
        """Play it and give its figures."""
        recorder = self._world.switch.wire(self._heard)
        try:
            if story is _backlog:  # of agents' legs alone: the switch shall have little to tell us
                recorder.command("filter Call-Direction outbound")
            recorder.command("event json " + " ".join(measure.KINDS))
            delays, from_phones = story(self)
        finally:
            recorder.close()
            self.side.sign_out(self.agents)
        served = None if story is _arrivals else measure.served_per_s(self.callers(), len(self.agents))
        figures = measure.summary(delays, from_phones, served)
        figures["connected"] = sum(one.connected_at is not None for one in self.callers())
        return figures

    def _heard(self, event: dict[str, Any]) -> None:
        if (moment := measure.moment_of(event)) is not None:
            self.moments.append(moment)

    def callers(self) -> list[Any]:
        """The diaries of this scene's callers."""
        return self.outside.caller_diaries()[self._first :]

    def phones(self) -> list[Any]:
        """The diaries of this scene's phones."""
        return [self.outside.phones[name].diary for name in self.agents]

    def put_phones(self, talks: Callable[[], int]) -> None:
        """Phones that answer at once."""
        for name in self.agents:
            rings = tuple(Ring("answer", 0, talks()) for _ in range(self.count))
            self.outside.phone(PhoneScript(name, rings), register=False)

    def dial(self, number: int) -> None:
        """One caller."""
        self.outside.call(CallerScript(number=f"1380{self._first + number:06d}", dialled=NUMBER))

    def wait(self, true: Callable[[], bool], what: str) -> None:
        """Wait for something; a bench that hangs says where."""
        deadline = time.monotonic() + WAIT_S
        while not true():
            if time.monotonic() > deadline:
                raise SwitchTimeout(f"{self.side.name}: {what} after {WAIT_S:.0f} s")
            gevent.sleep(0.05)


def _arrivals(scene: Scene) -> tuple[list[float], list[float]]:
    """All agents idle; callers come one after the other and find the switch at rest."""
    scene.put_phones(lambda: ARRIVAL_TALK_MS)
    scene.side.sign_in(scene.agents)
    gevent.sleep(1.0)
    for number in range(scene.count):
        scene.dial(number)
        gevent.sleep(ARRIVAL_EVERY_S + random.random() * 0.05)
    _all_ended(scene)
    return measure.answer_to_offer(scene.moments), measure.dial_to_ring(scene.callers(), scene.phones())


def _backlog(scene: Scene) -> tuple[list[float], list[float]]:
    """All callers wait before the agents come."""
    scene.put_phones(lambda: random.randint(*TALK_MS))
    for number in range(scene.count):
        scene.dial(number)
        gevent.sleep(DIAL_EVERY_S)
    scene.wait(lambda: scene.side.waiting() >= scene.count, "not all callers wait")
    gevent.sleep(1.0)
    scene.side.sign_in(scene.agents)
    _all_ended(scene)
    return measure.free_to_offer(scene.moments), measure.phone_free_to_ring(scene.phones())


def _all_ended(scene: Scene) -> None:
    scene.wait(lambda: all(one.ended_at is not None for one in scene.callers()), "not all calls have ended")
    with suppress(SwitchTimeout):
        scene.wait(lambda: scene.side.waiting() == 0, "callers are left in the queue")


def _over(sides: dict[str, Any], name: str, key: str) -> float | None:
    if "mod_callcenter" not in sides:
        return None
    return ratio(sides["mod_callcenter"][name][key], sides["ccd"][name][key])


def _served(sides: dict[str, Any], name: str) -> float | None:
    if "mod_callcenter" not in sides:
        return None
    return ratio(sides["ccd"][name]["served_per_s"], sides["mod_callcenter"][name]["served_per_s"])


def _rows(name: str, values: dict[str, Any]) -> list[Row]:
    p50, p95, times = TARGETS[name]
    rows = []
    for side in ("ccd", "mod_callcenter"):
        if side not in values:
            continue
        one = values[side]
        ours = side == "ccd" and one["p50_ms"] is not None
        figure = (
            f"p50 {one['p50_ms']}, p95 {one['p95_ms']} ms; at the phones {one['phones_p50_ms']}, {one['phones_p95_ms']}"
        )
        served = f"; {one['served_per_s']} calls/s" if one["served_per_s"] else ""
        met = (one["p50_ms"] <= p50 and one["p95_ms"] <= p95) if ours else None
        rows.append(Row(f"{name}, {side}", figure + served, f"≤ {p50}, ≤ {p95} ms" if ours else "", met))
    if times and values["p50_ratio"]:
        found = values["p50_ratio"]
        rows.append(Row(f"{name}, p50 over ours", f"{found:g} ×", f"≥ {times} ×", found >= times))
    if name == "backlog_10" and values["served_ratio"]:
        found = values["served_ratio"]
        rows.append(Row(f"{name}, calls served", f"{found:g} ×", f"≥ {SERVED_RATIO} ×", found >= SERVED_RATIO))
    return rows
