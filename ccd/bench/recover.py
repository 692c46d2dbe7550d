"""`bench recover`: kill -9 of core with many live calls on the simulated switch, and how soon the next right offer is out.

The switch, with its callers and phones, is a process of its own and lives on. Calls stand in all phases: in a menu, in the
queue, ringing at an agent, talking. While core is dead one talking caller hangs up; the restarted core must find that
agent free and ring him for the caller who has waited longest. Who is lost, only the callers' own diaries say.
"""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

import gevent

from ccd.bench.dispatch_peers import NUMBER, configuration
from ccd.bench.result import Result, Row
from ccd.bench.stage import FLOW, Stage
from ccd.lab.stories import CallerDiary, CallerScript, PhoneDiary, PhoneScript, Ring

TARGET_MS = 2_000
LEASE_S = 30  # the settings' default
DIAL_EVERY_S = 0.02


@dataclass(frozen=True, slots=True)
class Crowd:
    """How many callers stand where when core dies."""

    talking: int
    ringing: int
    waiting: int
    in_menu: int

    @property
    def calls(self) -> int:
        """All of them."""
        return self.talking + self.ringing + self.waiting + self.in_menu


def run(*, quick: bool) -> Result:
    """Measure once; with `quick` a tenth of the calls, and no wait for leases."""
    crowd = Crowd(10, 4, 30, 6) if quick else Crowd(100, 40, 300, 60)
    folder = Path(tempfile.mkdtemp(prefix="ccd-bench-"))
    try:
        with Stage(folder) as stage:
            return Story(stage, crowd).play(outlive_leases=not quick)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class Story:
    """One kill, one restart."""

    def __init__(self, stage: Stage, crowd: Crowd) -> None:
        self._world = stage.world
        self._core = stage.core
        self._until = stage.until
        self._crowd = crowd
        self._legs: dict[str, str] = {}

    def play(self, *, outlive_leases: bool) -> Result:
        """Fill the house, kill, start again, look."""
        waiting, talking = self._fill()
        before = self._rings()
        self._core.kill()
        self._world.hang_up(self._legs[talking])
        self._core.exec()
        self._until(lambda: len(self._rings()) > len(before), "no offer came")
        first = min((ring for ring in self._rings()[len(before) :]), key=lambda ring: ring[0])
        gevent.sleep(LEASE_S + 5 if outlive_leases else 2.0)
        return self._result(first, waiting[0], talking)

    def _fill(self) -> tuple[list[str], str]:
        """All callers in their places; gives those who wait, in order, and one who talks."""
        crowd = self._crowd
        phones = {f"a{number:03d}": Ring("answer") for number in range(crowd.talking)}
        phones |= {f"r{number:03d}": Ring("no_answer") for number in range(crowd.ringing)}
        contacts = {name: self._world.phone(PhoneScript(name, (ring,))) for name, ring in phones.items()}
        self._core.prepare(configuration(tuple(phones), contacts, FLOW, ring_ms=600_000))
        self._core.start()
        for name in phones:
            self._core.ask("agents.login", agent_id=name)
        served = self._dial(0, crowd.talking + crowd.ringing, key=True)
        self._until(lambda: self._connected() == crowd.talking, "not all agents talk")
        self._until(lambda: len(self._rings()) == len(phones), "not all phones ring")
        waiting = self._dial(len(served), crowd.waiting, key=True)
        self._until(lambda: self._core.ask("status")["waiting"] == crowd.waiting, "not all callers wait")
        self._dial(len(served) + crowd.waiting, crowd.in_menu, key=False)
        self._until(lambda: self._core.ask("status")["calls"] == crowd.calls, "not all callers are there")
        talking = next(one.number for one in self._diaries() if one.connected_at is not None)
        return waiting, talking

    def _dial(self, first: int, count: int, *, key: bool) -> list[str]:
        numbers = [f"1390{first + number:06d}" for number in range(count)]
        for number in numbers:
            keys = ((200, "1"),) if key else ()
            self._legs[number] = self._world.call(CallerScript(number=number, dialled=NUMBER, keys=keys))
            gevent.sleep(DIAL_EVERY_S)
        return numbers

    def _diaries(self) -> list[CallerDiary]:
        return self._world.diaries()[0]

    def _connected(self) -> int:
        return sum(one.connected_at is not None for one in self._diaries())

    def _rings(self) -> list[tuple[int, str]]:
        """Every ring so far, the oldest first: when, and whose number it showed."""
        phones: list[PhoneDiary] = self._world.diaries()[1]
        return sorted((ring.rang_at, ring.caller_number) for phone in phones for ring in phone.rings)

    def _result(self, first: tuple[int, str], head: str, talking: str) -> Result:
        at, shown = first
        recover_ms = round((at - self._core.exec_at) / 1000)
        fallback = self._world.status().fallback_arrivals
        lost = lost_callers(self._diaries(), {talking}, fallback)
        result = Result(f"kill -9 of core with {self._crowd.calls} live calls")
        result.values = {
            "recover_ms": recover_ms,
            "lost": len(lost),
            "calls": self._crowd.calls,
            "in_fallback": len(fallback),
        }
        if shown != head:
            result.faults.append(f"the first offer was for {shown}, the head of the queue is {head}")
        result.faults += [f"core: {line[:300]}" for line in self._core.errors()]
        result.rows = [
            Row("from exec to the first right offer", f"{recover_ms} ms", f"≤ {TARGET_MS} ms", recover_ms <= TARGET_MS),
            Row("callers lost", str(len(lost)), "0", not lost),
        ]
        return result


def lost_callers(diaries: list[CallerDiary], left: set[str], in_fallback: list[str]) -> list[str]:
    """Whoever did not hang up himself and is gone, or stands in the fallback although core is back."""
    gone = [one.number for one in diaries if one.ended_at is not None and one.number not in left]
    return gone + [leg for leg in in_fallback if leg not in left]
