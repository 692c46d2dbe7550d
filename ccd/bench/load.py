"""`bench load`: a whole call centre at a rising rate, on the simulated switch; core is tied to one processor.

Every call takes the whole way: route, menu, queue, agent, recording, end, with 1,000 agents signed in. The rate rises step
by step as long as nobody is left without a decision and 99 of 100 have it within 10 ms; a step that misses is tried once
more, and both are told. `calls_per_s` is the last step of which that holds; the other figures are those of that step, the
loop's longest hold that of all steps up to it. A decision is counted from the key that leads into the queue to the agent's
leg, by the switch's own clock: event socket and loop included. Callers dial from this process and the switch is another,
both on the other processors: where they cannot keep up, it is said. Then nobody is signed in, 5,000 callers wait, and the
memory that they take is looked at.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import gevent
import msgspec

from ccd.bench.dispatch_peers import NUMBER, configuration
from ccd.bench.load_measure import Decisions, stolen_s
from ccd.bench.result import Result, Row
from ccd.bench.stage import FLOW, Stage
from ccd.journal.configuration import Configuration, Route
from ccd.lab.stories import CallerScript, PhoneScript, Ring
from ccd.lab.wire import Wire

TALK_MS, KEY_AFTER_MS = 2_000, 300
DIALLED_SHARE = 0.95
"""Where fewer callers than this could dial as fast as they should, the step says nothing of core."""
OPEN_S = 1.0
"""A key that was pressed so long before a step's end and led to no offer is backlog."""
TARGET_CALLS, TARGET_P99_MS, TARGET_LAG_MS, TARGET_IDLE_MB, TARGET_KB = 100, 10.0, 20.0, 120.0, 50.0


@dataclass(frozen=True, slots=True)
class Size:
    """How much of it: agents, seconds a step, the rates to try, callers who wait at the end."""

    agents: int = 1_000
    step_s: float = 15.0
    rates: tuple[int, ...] = (20, 40, 60, 80, 100, 120, 140, 160, 180, 200, 240, 280)
    waiting: int = 5_000


QUICK = Size(agents=100, step_s=3.0, rates=(5, 10, 20), waiting=300)


def run(*, quick: bool) -> Result:
    """Measure speed, then memory, each with a core of its own."""
    size = QUICK if quick else Size()
    result = Result(f"the whole way of a call, {size.agents:,} agents, core on one processor")
    folder = Path(tempfile.mkdtemp(prefix="ccd-bench-"))
    try:
        with Centre(folder / "speed", size) as centre:
            Climb(centre, size, result).climb()
        with Centre(folder / "memory", size) as centre:
            _fill(centre, size, result)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    result.rows = _rows(result.values)
    return result


def _rows(values: dict[str, Any]) -> list[Row]:
    def row(what: str, key: str, unit: str, target: float, *, least: bool = False) -> Row:
        value = values[key]
        met = value is not None and (value >= target if least else value <= target)
        return Row(what, f"{value} {unit}", f"{'≥' if least else '≤'} {target:g} {unit}", met)

    return [
        row("calls sustained", "calls_per_s", "a second", TARGET_CALLS, least=True),
        Row("what ended the climb", values["limited_by"]),
        Row("decision p50 at that rate", f"{values['decision_p50_ms']} ms"),
        row("decision p99 at that rate", "decision_p99_ms", "ms", TARGET_P99_MS),
        row("longest hold of core's loop", "loop_lag_ms_max", "ms", TARGET_LAG_MS),
        Row("core's share of its processor", f"{values['core_cpu']:.0%}"),
        Row("what the host gave to others in the last step", f"{values['stolen']:.1%} of all processors"),
        row("core, idle", "idle_mb", "MB", TARGET_IDLE_MB),
        row(f"a waiting caller, of {values['waiting']:,}", "kb_per_waiting_call", "kB", TARGET_KB),
    ]


class Centre(Stage):
    """A stage with this many agents; core is tied to a processor of its own."""

    def __init__(self, folder: Path, size: Size) -> None:
        super().__init__(folder)
        self._numbers = iter(range(10**7))
        self.decisions = Decisions()
        self.agents = tuple(f"a{number:04d}" for number in range(size.agents))
        self._wire: Wire | None = None
        self._processors = sorted(os.sched_getaffinity(0))

    def __enter__(self) -> Self:
        ring = Ring("answer", 0, TALK_MS)
        try:
            contacts = {name: self.world.phone(PhoneScript(name, (ring,))) for name in self.agents}
            self.core.prepare(_recorded(configuration(self.agents, contacts, FLOW)))
            self.core.start()
            self._part()
        except BaseException:
            self.close()
            raise
        return self

    def close(self) -> None:
        """End everything."""
        os.sched_setaffinity(0, set(self._processors))
        if self._wire is not None:
            self._wire.close()
        super().close()

    def listen(self) -> None:
        """Follow keys and offers at the switch."""
        self._wire = self.wire(self.decisions.on_event)
        self._wire.command("event json " + " ".join(Decisions.EVENTS))

    def call(self) -> None:
        """One caller, now."""
        number = f"1390{next(self._numbers):07d}"
        self.world.call(CallerScript(number=number, dialled=NUMBER, keys=((KEY_AFTER_MS, "1"),)))

    def _part(self) -> None:
        """Core has a processor of its own, the rest has the others."""
        own, *others = self._processors = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(self.core.pid, {own})
        if others and self.world.process is not None:
            os.sched_setaffinity(self.world.process.pid, set(others))
            os.sched_setaffinity(0, set(others))  # who dials here would hold core up, and it would count as core's


def _recorded(made: Configuration) -> Configuration:
    return msgspec.structs.replace(made, routes=(Route(dialled="*", flow="main", record="agent"),))


class Climb:
    """The rate rises until decisions come late."""

    def __init__(self, centre: Centre, size: Size, result: Result) -> None:
        self._centre, self._size, self._result = centre, size, result

    def climb(self) -> None:
        """Step by step; the figures are those of the last step that was sustained."""
        core, values = self._centre.core, self._result.values
        for agent in self._centre.agents:
            core.ask("agents.login", agent_id=agent)
        self._centre.listen()
        best: dict[str, Any] = {"calls_per_s": 0, "decision_p50_ms": None, "decision_p99_ms": None}
        best |= {"core_cpu": 0.0, "stolen": 0.0}
        values |= best | {"limited_by": "the last rate to be tried", "steps": []}
        lags = [0.0]
        for rate in self._size.rates:
            step = self._step(rate)
            values["steps"].append(step)
            if step["why_not"]:  # once more: a host that others use as well stands still now and then
                step = self._step(rate)
                values["steps"].append(step)
            if step["why_not"]:
                values["limited_by"] = f"{step['why_not']} at {rate} a second"
                values["stolen"] = step["stolen"]
                break
            lags.append(step["loop_lag_ms_max"])
            values |= {key: step[key] for key in best}
        values["loop_lag_ms_max"] = max(lags)
        self._result.faults += [f"core: {line[:300]}" for line in core.errors()]

    def _step(self, rate: int) -> dict[str, Any]:
        centre, seconds = self._centre, self._size.step_s
        centre.decisions.clear()
        centre.core.ask("bench.lag")
        began, used, stolen, dialled = time.monotonic(), centre.core.processor_s(), stolen_s(), 0
        while (passed := time.monotonic() - began) < seconds:
            while dialled < passed * rate:
                centre.call()
                dialled += 1
                if time.monotonic() - began > seconds:
                    break
            gevent.sleep(0.5 / rate)
        took = time.monotonic() - began
        backlog = centre.decisions.open_longer_than(OPEN_S)
        p50_ms, p99_ms = (centre.decisions.percentile(share) for share in (0.5, 0.99))
        lag_ms = centre.core.ask("bench.lag")["max_ms"]
        used, stolen = centre.core.processor_s() - used, stolen_s() - stolen
        why_not = ""
        if backlog:
            why_not = f"{backlog} callers waited for a decision"
        elif dialled < DIALLED_SHARE * rate * seconds:
            why_not = "the simulated switch and its callers could not keep up"
        elif p99_ms is None or p99_ms > TARGET_P99_MS:
            why_not = f"one decision of a hundred took {p99_ms} ms or more"
        centre.until(lambda: centre.core.ask("status")["calls"] == 0, "not all calls have ended")
        return {
            "calls_per_s": rate,
            "decision_p50_ms": p50_ms,
            "decision_p99_ms": p99_ms,
            "loop_lag_ms_max": round(lag_ms, 1),
            "core_cpu": round(used / took, 3),
            "stolen": round(stolen / took / (os.cpu_count() or 1), 3),
            "dialled": dialled,
            "why_not": why_not,
        }


def _fill(centre: Centre, size: Size, result: Result) -> None:
    """Nobody is signed in, so everybody waits."""
    core = centre.core
    gevent.sleep(2.0)
    idle_mb = core.resident_mb()
    for _ in range(size.waiting):
        centre.call()
        gevent.sleep(0.01)
    centre.until(lambda: core.ask("status")["waiting"] == size.waiting, "not all callers wait")
    gevent.sleep(2.0)
    result.values |= {
        "idle_mb": round(idle_mb, 1),
        "waiting": size.waiting,
        "kb_per_waiting_call": round((core.resident_mb() - idle_mb) * 1000 / size.waiting, 1),
    }
    result.faults += [f"core: {line[:300]}" for line in core.errors()]
