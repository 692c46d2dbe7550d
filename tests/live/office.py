"""A ccd on a real FreeSWITCH whose flows do more than lead into queues; the words in which their stories are told."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from ccd.lab.daemon import Daemon
from ccd.lab.freeswitch import find_freeswitch
from ccd.lab.parties import Caller, Phone
from ccd.lab.ports import HOST
from ccd.lab.stories import CallerScript, PhoneScript, Ring, RingDiary
from ccd.lab.wire import Event
from ccd.lab.worlds import RealWorld
from live.field import DEADLINE_S, until
from live.rooms import a_room
from live.site import WATCHED, Site

ROOT = Path(__file__).parents[2]
SOUNDS = ROOT / "sounds"
DIAL = """\
dial:
  through: sofia/external@{host}:{port}
  allowed: [021*]
  caller_id: "02155550000"
"""


class Office:
    """A switch, the outside world, and a ccd with these flows and routes; numbers from 021 on may be called."""

    def __init__(self, world: RealWorld, daemon: Daemon, events: list[Event], numbers: Iterator[str]) -> None:
        self.world, self.daemon, self.events = world, daemon, events
        self.outside = world.outside
        self.expected = daemon.errors()
        self._numbers = numbers

    def phone(self, dialled: str, *rings: Ring) -> Phone:
        """Whom the flow of `dialled` calls."""
        return self.outside.phone(PhoneScript(f"0216123{dialled}", rings or (Ring("answer"),)), register=False)

    def calls(self, dialled: str) -> Caller:
        return self.outside.call(CallerScript(number=next(self._numbers), dialled=dialled))

    def seen(self, name: str, number: str) -> list[Event]:
        """Events about the caller's own leg."""
        mine = [one for one in self.events if one.get("Caller-Caller-ID-Number") == number]
        return [one for one in mine if one["Event-Name"] == name and one.get("Call-Direction") == "inbound"]

    def cause(self, caller: Caller, timeout: float = DEADLINE_S) -> str:
        assert caller.ended.wait(timeout)
        number = caller.script.number
        (ended,) = until(lambda: self.seen("CHANNEL_HANGUP_COMPLETE", number), f"{number} has ended")
        return str(ended["Hangup-Cause"])

    def rung(self, phone: Phone, times: int = 1) -> RingDiary:
        return until(lambda: len(phone.diary.rings) >= times and phone.diary.rings[-1], f"{phone.script.name} rung")

    def hangs_up(self, phone: Phone) -> None:
        """Whatever is on this phone is over."""
        for leg in list(phone.legs):
            self.outside.api(f"uuid_kill {leg}")

    def live(self, caller: Caller) -> dict[str, Any]:
        rows = [one for one in self.daemon.listed("calls") if one["caller_number"] == caller.script.number]
        return rows[0] if rows else {}

    def place(self, caller: Caller, place: str) -> dict[str, Any]:
        return until(lambda: (row := self.live(caller)).get("place") == place and row, f"caller is {place}")

    def record(self, caller: Caller) -> dict[str, Any]:
        number = caller.script.number

        def row() -> dict[str, Any] | None:
            rows = self.daemon.listed("calls", ended=1, limit=50)
            return next((one for one in rows if one["caller_number"] == number), None)

        found = until(row, f"{number} on record")
        return self.daemon.client.get("calls", found["call_id"])

    def told(self, why: str) -> bool:
        """Whether the log has an error that says so; it is expected, and told of once."""
        said = [line for line in self.daemon.errors() if why in line]
        self.expected += said
        return bool(said)

    def nobody_is_left(self) -> None:
        until(lambda: self.world.channels() == 0, "no channel is left")
        assert [line for line in self.daemon.errors() if line not in self.expected] == []


@contextmanager
def served_by(site: Site, texts: Mapping[str, str], routes: list[dict[str, str]]) -> Iterator[Office]:
    """The site that all stories share, which has these flows (by name) and routes while the block runs."""
    with site.serves(texts, routes):
        yield Office(site.world, site.daemon, site.events, iter(site.a_number, ""))


@contextmanager
def an_office(
    what: str, texts: Mapping[str, str], routes: list[dict[str, str]], more: Mapping[str, Any] | None = None
) -> Iterator[Office]:
    """An office in a folder of its own with these flows, routes and `more` settings, started."""
    if find_freeswitch() is None:
        pytest.skip("no FreeSWITCH: set CCD_FREESWITCH to its prefix or have freeswitch in PATH")
    with a_room(what) as folder, ExitStack() as running:
        flows = folder / "flows"
        flows.mkdir()
        for name, text in texts.items():
            (flows / f"{name}.yaml").write_text(text)
        world = RealWorld(folder, ROOT / "config" / "freeswitch", ROOT / "dialplans", SOUNDS)
        running.callback(world.close)
        events: list[Event] = []
        wire = world.switch.wire(events.append)
        running.callback(wire.close)
        wire.command(f"event json {WATCHED}")
        daemon = Daemon(
            folder / "ccd",
            esl_port=world.esl_port,
            esl_password=world.esl_password,
            recordings=world.recordings,
            cdr=world.cdr,
            sounds=SOUNDS,
            flows=flows,
            routes=routes,
        )
        running.callback(daemon.stop)
        (daemon.folder / "conf.d").mkdir()
        dial = DIAL.format(host=HOST, port=world.outside.ports.trunk)
        (daemon.folder / "conf.d" / "dial.yaml").write_text(dial)
        (daemon.folder / "conf.d" / "more.yaml").write_text(json.dumps(more or {}))
        daemon.start()
        yield Office(world, daemon, events, (str(number) for number in range(13900000001, 13900009999)))
