"""A switch with its outside world, real or simulated, behind the same few verbs: for the demo, the stories and the benches."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Protocol

import gevent
from msgspec import MsgspecError

from ccd.lab.freeswitch import PrivateFreeSwitch, find_freeswitch
from ccd.lab.outside import Outside
from ccd.lab.stories import CallerDiary, CallerScript, PhoneDiary, PhoneScript
from ccd.sim.world import SimulatedWorld, WorldError


class World(Protocol):
    """A switch and everybody who telephones with it. Paths are the switch's own."""

    name: str
    esl_port: int
    esl_password: str
    recordings: Path
    cdr: Path

    def call(self, script: CallerScript) -> None:
        """Let a caller dial now."""

    def phone(self, script: PhoneScript) -> str:
        """Put a phone on its desk; how the switch reaches it."""

    def callers(self) -> list[CallerDiary]:
        """What the callers wrote down."""

    def phones(self) -> list[PhoneDiary]:
        """What the phones wrote down."""

    def channels(self) -> int:
        """How many channels the switch has."""

    def close(self) -> None:
        """End everything."""


class RealWorld:
    """A private FreeSWITCH with our configuration, and a second one that plays callers and phones."""

    def __init__(
        self, folder: Path, config: Path, dialplans: Path, sounds: Path, variables: dict[str, str] | None = None
    ) -> None:
        with ExitStack() as started:
            self._outside = Outside(folder)
            started.callback(self._outside.close)
            more = {"ccd_fallback_dial": self._outside.contact("fallback", "external")} | (variables or {})
            self.switch = PrivateFreeSwitch(config, dialplans, folder, "switch", sounds=sounds, variables=more)
            started.callback(self.switch.close)
            starts = [gevent.spawn(one.start) for one in (self._outside, self.switch)]
            started.callback(gevent.killall, starts)
            gevent.joinall(starts, raise_error=True)
            self._outside.attach(self.switch)
            self._wire = self.switch.wire()
            started.callback(self._wire.close)
            self._started = started.pop_all()
        self.name = f"freeswitch {self.switch.version}"
        self.esl_port, self.esl_password = self.switch.esl_port, self.switch.esl_password
        self.recordings, self.cdr = self.switch.recordings_dir, self.switch.cdr_dir

    @property
    def outside(self) -> Outside:
        """The outside world itself, for what no script says."""
        return self._outside

    def call(self, script: CallerScript) -> None:
        self._outside.call(script)

    def phone(self, script: PhoneScript) -> str:
        self._outside.phone(script, register=True)
        return f"user/{script.name}@{self.switch.domain}"

    def callers(self) -> list[CallerDiary]:
        return self._outside.caller_diaries()

    def phones(self) -> list[PhoneDiary]:
        return self._outside.phone_diaries()

    def channels(self) -> int:
        return int(self._wire.api("show channels count").split()[0])

    def close(self) -> None:
        self._outside.close()  # first, so that no phone asks a switch that is gone
        self._started.close()


class SimWorld:
    """The simulated switch in a process of its own."""

    name = "simulated"
    esl_password = "ClueCon"  # noqa: S105 (FreeSWITCH's own default; the simulated switch listens on 127.0.0.1 only)

    def __init__(self, folder: Path, *options: str) -> None:
        self.recordings = folder / "recordings"
        self.cdr = folder / "cdr"
        for path in (self.recordings, self.cdr):
            path.mkdir(parents=True, exist_ok=True)
        self.world = SimulatedWorld.launch("--password", self.esl_password, "--cdr", str(self.cdr), *options)
        self.esl_port = self.world.port

    def call(self, script: CallerScript) -> None:
        self.world.call(script)

    def phone(self, script: PhoneScript) -> str:
        return self.world.phone(script)

    def callers(self) -> list[CallerDiary]:
        return self.world.diaries()[0]

    def phones(self) -> list[PhoneDiary]:
        return self.world.diaries()[1]

    def channels(self) -> int:
        return self.world.status().channels

    def close(self) -> None:
        with suppress(
            WorldError, MsgspecError, OSError
        ):  # an interrupted question spoils the line; the process ends anyway
            self.world.close()


def make_world(folder: Path, config: Path, dialplans: Path, sounds: Path, *, simulated: bool = False) -> World:
    """A real world where a FreeSWITCH is found, a simulated one elsewhere, or if asked for."""
    if simulated or find_freeswitch() is None:
        return SimWorld(folder)
    return RealWorld(folder, config, dialplans, sounds)


def play(world: World, scripts: list[CallerScript], between: Callable[[], None]) -> None:
    """Let the callers dial, each at its time; `between` runs about once a second until all have dialled and ended."""
    begun = [gevent.spawn_later(script.at_ms / 1000, world.call, script) for script in scripts]
    try:
        while True:
            gevent.sleep(1.0)
            between()
            dialled = all(one.dead for one in begun)
            if dialled and all(diary.ended_at is not None for diary in world.callers()):
                return
    finally:
        gevent.killall(begun)  # who has not dialled by now has no switch to dial
