"""Values on a real FreeSWITCH: callers go where `set` and `branch` send them, and a kill -9 of core loses no value."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ccd.base import words
from ccd.lab.daemon import Daemon
from ccd.lab.freeswitch import find_freeswitch
from ccd.lab.parties import Caller
from ccd.lab.stories import CallerScript
from ccd.lab.wire import Event
from ccd.lab.worlds import RealWorld
from live.field import until
from live.rooms import a_room

pytestmark = pytest.mark.live

ROOT = Path(__file__).parents[2]
SOUNDS = ROOT / "sounds"
LINES = """\
start: hello
nodes:
  hello: {type: answer, next: note}
  note:
    type: set
    values:
      line: last(dialled, 2)
      words: '"${system(touch FILE)};a=b " + caller_number + " 张三"'
    next: which
  which:
    type: branch
    cases:
      - {when: line == '01', next: first}
      - {when: "line in ['02', '03'] and '${system' in words", next: second}
    otherwise: third
  first: {type: hangup, cause: USER_BUSY}
  second: {type: hangup, cause: CALL_REJECTED}
  third: {type: hangup}
"""
HEAVY = f"""\
start: hello
nodes:
  hello: {{type: answer, next: one}}
  one: {{type: set, values: {{a: "'{"x" * 400}'", count: "1"}}, next: two}}
  two: {{type: set, values: {{a: a + a + a + a + a, count: count + 1}}, next: three}}
  three: {{type: set, values: {{b: a + a, count: count + 0.5}}, next: ask}}
  ask: {{type: menu, prompt: menu_main, timeout: 1m, choices: {{1: which}}, next: lost}}
  which:
    type: branch
    cases: [{{when: len(a) == 2000 and len(b) == 4000 and count == 2.5, next: kept}}]
    otherwise: lost
    failed: lost
  kept: {{type: hangup, cause: USER_BUSY}}
  lost: {{type: hangup, cause: CALL_REJECTED}}
"""


class Lines:
    """A switch, the outside world, and a ccd whose flows set and compare values."""

    def __init__(self, folder: Path) -> None:
        flows = folder / "flows"
        flows.mkdir()
        (flows / "lines.yaml").write_text(LINES.replace("FILE", str(folder / "touched")))
        (flows / "heavy.yaml").write_text(HEAVY)
        self.events: list[Event] = []
        self.world = RealWorld(folder, ROOT / "config" / "freeswitch", ROOT / "dialplans", SOUNDS)
        self.wire = self.world.switch.wire(self.events.append)
        self.wire.command("event json CHANNEL_CREATE CHANNEL_HANGUP_COMPLETE PLAYBACK_START")
        self.daemon = Daemon(
            folder / "ccd",
            esl_port=self.world.esl_port,
            esl_password=self.world.esl_password,
            recordings=self.world.recordings,
            cdr=self.world.cdr,
            sounds=SOUNDS,
            flows=flows,
            routes=[{"dialled": "4999", "flow": "heavy"}, {"dialled": "*", "flow": "lines"}],
        )
        self.folder = folder

    def close(self) -> None:
        self.wire.close()
        self.daemon.stop()
        self.world.close()

    def calls(self, dialled: str, number: str) -> Caller:
        return self.world.outside.call(CallerScript(number=number, dialled=dialled))

    def seen(self, name: str, number: str) -> list[Event]:
        events = [one for one in self.events if one["Event-Name"] == name]
        return [one for one in events if one.get("Caller-Caller-ID-Number") == number]

    def cause(self, caller: Caller) -> str:
        assert caller.ended.wait(10)
        number = caller.script.number
        (ended,) = until(lambda: self.seen("CHANNEL_HANGUP_COMPLETE", number), f"{number} has ended", 5)
        return str(ended["Hangup-Cause"])


@pytest.fixture(scope="module")
def lines() -> Iterator[Lines]:
    if find_freeswitch() is None:
        pytest.skip("no FreeSWITCH: set CCD_FREESWITCH to its prefix or have freeswitch in PATH")
    with a_room("values") as folder:
        made = Lines(folder)
        try:
            made.daemon.start()
            yield made
        finally:
            made.close()


@pytest.mark.parametrize(
    ("dialled", "cause"),
    [("4001", "USER_BUSY"), ("4002", "CALL_REJECTED"), ("4003", "CALL_REJECTED"), ("4004", "NORMAL_CLEARING")],
)
def test_the_dialled_number_decides_where_the_call_goes(lines: Lines, dialled: str, cause: str) -> None:
    assert lines.cause(lines.calls(dialled, f"1380000{dialled}")) == cause
    assert not (lines.folder / "touched").exists(), "a value was expanded"
    assert lines.daemon.errors() == []


@pytest.mark.long
def test_values_as_large_as_they_may_be_survive_a_kill_of_core(lines: Lines) -> None:
    caller = lines.calls("4999", "13900000001")
    until(lambda: lines.seen("PLAYBACK_START", "13900000001"), "the menu is heard", 10)
    leg = str(lines.seen("CHANNEL_CREATE", "13900000001")[0]["Unique-ID"])
    written = until(lambda: lines.wire.getvar(leg, "ccd_values") or "", "values are on the channel", 5)
    assert len(written) > 8000
    assert words.decode_text(written).endswith('","count":2.5}')
    lines.daemon.kill()
    lines.daemon.start()
    until(lambda: len(lines.seen("PLAYBACK_START", "13900000001")) == 2, "the menu is heard again", 10)
    caller.press("1")
    assert lines.cause(caller) == "USER_BUSY"
    assert lines.daemon.errors() == []
