"""`bench ivr`: callers in menus press keys; how soon the next prompt begins, on a simulated and on a real FreeSWITCH.

Every caller goes from menu to menu, one key each few seconds, in the middle of a prompt as often as behind it. Times are the
switch's own: from its DTMF event to its PLAYBACK_START. On the real switch the peer is FreeSWITCH's own `ivr` application
with the same menu, in the same run: it has no socket, no other process and no flow between key and prompt. Core is tied to
one processor; `core_cpu` is its share of it.
"""

from __future__ import annotations

import os
import random
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import gevent

from ccd.base.errors import SwitchTimeout
from ccd.bench.core_process import CoreProcess
from ccd.bench.dispatch_peers import configuration, may_take_priority
from ccd.bench.ivr_callers import BareCallers
from ccd.bench.ivr_measure import KINDS, Heard, heard_of, key_to_prompt
from ccd.bench.result import Result, Row, percentile, ratio
from ccd.bench.stage import Stage
from ccd.lab.freeswitch import PrivateFreeSwitch, find_freeswitch
from ccd.lab.stories import CallerScript
from ccd.lab.wire import Wire
from ccd.settings.share import share

NUMBER = "4008"

CALLERS, QUICK_CALLERS = 500, 50
KEYS, EVERY_MS = 5, (8_000, 16_000)
DIAL_EVERY_S = 0.04
WAIT_S = 180.0
SILENT_CALLERS = {"ccd_media_timeout_ms": "600000"}
_MENU: dict[str, Any] = {"type": "menu", "prompt": "menu_main", "timeout": 60_000, "tries": 9}
FLOW: dict[str, Any] = {
    "start": "hello",
    "nodes": {
        "hello": {"type": "answer", "next": "one"},
        "one": _MENU | {"choices": {"1": "other"}},
        "other": _MENU | {"choices": {"1": "one"}},
    },
}
_CONTEXT = '<context name="ccd">'
_EXTENSION = f"""<context name="ccd">
    <extension name="bench">
      <condition field="destination_number" expression="^{NUMBER}$">
        <action application="answer"/>
        <action application="ivr" data="bench"/>
      </condition>
    </extension>"""


class Callers(Protocol):
    """Who lets callers dial: the simulated world, or `BareCallers` at a real switch."""

    def call(self, script: CallerScript) -> object:
        """One caller, now."""


def run(*, quick: bool) -> Result:
    """Measure on the simulated switch and, where there is one, on a FreeSWITCH."""
    count = QUICK_CALLERS if quick else CALLERS
    result = Result("Callers in menus: from the key to the next prompt", {})
    folder = Path(tempfile.mkdtemp(prefix="ccd-bench-"))
    try:
        result.values["simulated"] = _simulated(folder / "simulated", count, result)
        if find_freeswitch() is None:
            result.rows.append(Row("FreeSWITCH", "none here: set CCD_FREESWITCH to its prefix or have it in PATH"))
        else:
            realtime = may_take_priority()
            result.values["realtime"] = realtime
            for name in ("ccd", "freeswitch_ivr"):
                result.values[name] = _real(folder / name, name, count, result, realtime=realtime)
            result.values["p50_ratio"] = ratio(
                result.values["ccd"]["p50_ms"], result.values["freeswitch_ivr"]["p50_ms"]
            )
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    result.rows += [
        _row(name, result.values[name]) for name in ("simulated", "ccd", "freeswitch_ivr") if name in result.values
    ]
    return result


def _row(name: str, figures: dict[str, Any]) -> Row:
    shown = {"simulated": "ccd, simulated switch", "ccd": "ccd, FreeSWITCH", "freeswitch_ivr": "FreeSWITCH's own ivr"}[
        name
    ]
    core = "" if figures["core_cpu"] is None else f"; core {figures['core_cpu']:.0%} of a processor"
    keys = f"; {figures['callers']} callers, {figures['keys']} keys, {figures['keys_per_s']} a second"
    return Row(shown, f"p50 {figures['p50_ms']}, p99 {figures['p99_ms']} ms{keys}{core}")


def _simulated(folder: Path, count: int, result: Result) -> dict[str, Any]:
    with Stage(folder) as stage:
        stage.core.prepare(configuration((), {}, FLOW))
        stage.core.start()
        return Scene(stage.world, stage.core, count, stage.wire).play("simulated", result)


def _real(folder: Path, name: str, count: int, result: Result, *, realtime: bool) -> dict[str, Any]:
    folder.mkdir()
    config, dialplans = _switch_files(folder, own_ivr=name != "ccd")
    sounds = share("sounds").resolve()
    switch = PrivateFreeSwitch(
        config, dialplans, folder, "switch", sounds=sounds, variables=SILENT_CALLERS, realtime=realtime
    )
    callers = core = None
    try:
        switch.start()
        callers = BareCallers(switch.sip_port)
        if name == "ccd":
            core = CoreProcess(
                folder / "core",
                esl_port=switch.esl_port,
                esl_password=switch.esl_password,
                recordings=switch.recordings_dir,
                cdr=switch.cdr_dir,
                sounds=sounds,
            )
            core.prepare(configuration((), {}, FLOW))
            core.start()
            if realtime:
                core.take_priority()
        return Scene(callers, core, count, switch.wire).play(name, result)
    finally:
        if core is not None:
            core.stop()
        if callers is not None:
            callers.close()
        switch.close()


def _switch_files(folder: Path, *, own_ivr: bool) -> tuple[Path, Path]:
    """Copies of our configuration and dialplans; with the same menu for FreeSWITCH's own ivr, and an extension into it."""
    config, dialplans = folder / "switch-config", folder / "switch-dialplans"
    shutil.copytree(share("config") / "freeswitch", config)
    shutil.copytree(share("dialplans"), dialplans)
    if own_ivr:
        ccd = dialplans / "ccd.xml"
        ccd.write_text(ccd.read_text().replace(_CONTEXT, _EXTENSION, 1))
        prompt = share("sounds").resolve() / "zh" / "menu_main.wav"
        (config / "autoload_configs" / "ivr.conf.xml").write_text(
            '<configuration name="ivr.conf"><menus>'
            f'<menu name="bench" greet-long="{prompt}" greet-short="{prompt}" timeout="60000" inter-digit-timeout="500"'
            ' max-failures="9" max-timeouts="9" digit-len="1"><entry action="menu-top" digits="1"/></menu>'
            "</menus></configuration>\n"
        )
    return config, dialplans


class Scene:
    """One run: all dial, then all press their keys; a recorder listens at the switch."""

    def __init__(
        self, callers: Callers, core: CoreProcess | None, count: int, wire: Callable[[Callable[..., None]], Wire]
    ) -> None:
        self._callers = callers
        self._core = core
        self._count = count
        self._wire = wire
        self._heard: list[Heard] = []

    def play(self, name: str, result: Result) -> dict[str, Any]:
        """Its figures; a key that no prompt followed is a fault."""
        recorder = self._wire(self._note)
        if self._core is not None and self._core.pid:
            os.sched_setaffinity(self._core.pid, {min(os.sched_getaffinity(0))})
        try:
            recorder.command("event json " + " ".join(KINDS))
            settled_ms = round(self._count * DIAL_EVERY_S * 1000) + 2_000
            for number in range(self._count):
                self._callers.call(_script(number, settled_ms - round(number * DIAL_EVERY_S * 1000)))
                gevent.sleep(DIAL_EVERY_S)
            self._until(lambda: self._keys() > 0, "nobody pressed a key")
            began, used = time.monotonic(), self._core_s()
            self._until(lambda: self._keys() >= self._count * KEYS, "not all keys were pressed")
            seconds, used = time.monotonic() - began, self._core_s() - used
            gevent.sleep(2.0)
        finally:
            recorder.close()
        delays, unanswered = key_to_prompt(self._heard)
        if unanswered:
            result.faults.append(f"{name}: {unanswered} keys led to no prompt")
        if self._core is not None:
            result.faults += [f"{name}: {line[:300]}" for line in self._core.errors()]
        return {
            "p50_ms": _rounded(percentile(delays, 0.5)),
            "p99_ms": _rounded(percentile(delays, 0.99)),
            "callers": self._count,
            "keys": len(delays),
            "keys_per_s": round(self._keys() / seconds, 1),
            "core_cpu": None if self._core is None else round(used / seconds, 3),
        }

    def _note(self, event: dict[str, Any]) -> None:
        if (one := heard_of(event)) is not None:
            self._heard.append(one)

    def _keys(self) -> int:
        return sum(one.kind == "key" for one in self._heard)

    def _core_s(self) -> float:
        """Processor time that core has used so far."""
        if self._core is None or not self._core.pid:
            return 0.0
        fields = Path(f"/proc/{self._core.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def _until(self, true: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + WAIT_S
        while not true():
            if time.monotonic() > deadline:
                raise SwitchTimeout(f"{what} after {WAIT_S:.0f} s")
            gevent.sleep(0.1)


def _script(number: int, first_ms: int) -> CallerScript:
    """A caller who presses 1 again and again, at moments of his own."""
    rng = random.Random(number)
    at, keys = first_ms, []
    for _ in range(KEYS):
        at += rng.randint(*EVERY_MS)
        keys.append((at, "1"))
    return CallerScript(number=f"1380{number:07d}", dialled=NUMBER, keys=tuple(keys))


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 1)
