"""The simulated switch as tests, demo and benches hold it: start it, put phones on desks, let callers dial."""

from __future__ import annotations

import random
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import gevent
import structlog
from gevent.event import Event
from gevent.server import StreamServer

from ccd.base.clock import Clock, SystemClock
from ccd.lab.stories import CallerDiary, CallerScript, PhoneDiary, PhoneScript
from ccd.sim.api import Api
from ccd.sim.channel import Channel
from ccd.sim.core import Core
from ccd.sim.dialplan import Dialplan
from ccd.sim.legs import Legs
from ccd.sim.listener import Listener
from ccd.sim.parties import Caller, Phone
from ccd.sim.timing import QUICK, Faults, Latency

log = structlog.get_logger(__name__)

HEARTBEAT_S = 20.0
GLOBALS = {
    "ccd_alive": "0",
    "playback_terminators": "none",
    "outbound_redirect_fatal": "true",
    "ccd_lease_s": "30",
    "ccd_emergency": "^(110|119|120|122|999|112|911)$",
    "ccd_emergency_dial": "sofia/external/$1@127.0.0.1:5090",
    "ccd_fallback_prompt": "/simulated/fallback.wav",
    "hostname": "simulated",
    "domain": "ccd.local",
}


class SimulatedSwitch:
    """A FreeSWITCH event socket on a port of 127.0.0.1, with scripted phones behind it."""

    def __init__(
        self,
        *,
        password: str = "ClueCon",  # noqa: S107 — FreeSWITCH's well-known default, and no real switch
        host: str = "127.0.0.1",
        port: int = 0,
        clock: Clock | None = None,
        seed: int = 0,
        latency: Latency = QUICK,
        recordings_write: bool = True,
        cdr_folder: Path | None = None,
        lease_s: int = 30,
        fallback_prompt: str | None = None,
        fat: bool = False,
    ) -> None:
        self.password = password
        self.clock: Clock = clock or SystemClock()
        self.faults = Faults()
        self.running = Event()
        self.running.set()
        self.callers: list[Caller] = []
        self.phones: dict[str, Phone] = {}
        self._address = (host, port)
        self._rng = random.Random(seed)
        self._latency, self._write, self._fat = latency, recordings_write, fat
        self._cdr_folder = cdr_folder
        self._globals = GLOBALS | {"ccd_lease_s": str(lease_s)}
        if fallback_prompt is not None:
            self._globals["ccd_fallback_prompt"] = fallback_prompt
        self._server: StreamServer | None = None
        self._listeners: set[Listener] = set()
        self._boot()

    def _boot(self) -> None:
        self.core = Core(self.clock, self._latency, self.faults, self._rng, globals_=self._globals, fat=self._fat)
        self.api = Api(self.core, lambda: self.legs, self.phones)
        self.dialplan = Dialplan(self.core, self.api.run)
        self.legs = Legs(self.core, self.dialplan, write_recordings=self._write, cdr_folder=self._cdr_folder)

    # --- life -------------------------------------------------------------------------------------------------------

    @property
    def port(self) -> int:
        """Where the event socket listens."""
        return self._address[1]

    @property
    def channels(self) -> int:
        """How many channels exist."""
        return len(self.core.channels)

    @property
    def fallback_arrivals(self) -> list[str]:
        """The legs that came to the site's fallback since the start, in order."""
        return self.dialplan.fallback_arrivals

    def start(self) -> None:
        """Listen; after `kill` this is a new FreeSWITCH on the same port."""
        if self.core.dead:
            self._boot()
        self._server = StreamServer(self._address, self._serve)
        self._server.start()
        self._address = (self._address[0], self._server.server_port)
        self._beat(self.core)

    def stop(self) -> None:
        """Close, with every leg; the diaries stay readable."""
        self.kill()

    def kill(self) -> None:
        """Die as by kill -9: connections and legs are gone, nothing is said to anybody."""
        self.running.set()
        core, now = self.core, self.clock.now()
        core.dead = True
        core.tasks.clear()
        if self._server is not None:
            self._server.stop(timeout=0)
            self._server = None
        for listener in list(self._listeners):
            listener.drop()
        for channel in list(core.channels.values()):
            for timer in channel.timers:
                timer.cancel()
            for run in channel.stack:
                run.cancel()
            if channel.party is not None:
                channel.party.on_ended(now, by_party=False, cause="SWITCH_LOST")
        core.channels.clear()

    def freeze(self) -> None:
        """Answer nobody any more, as by SIGSTOP or a dead network; connections stay open."""
        self.running.clear()

    def thaw(self) -> None:
        """Go on answering."""
        self.running.set()

    def drop_connections(self) -> None:
        """Cut every event socket connection; calls live on."""
        for listener in list(self._listeners):
            listener.drop()

    def _serve(self, sock: Any, _address: Any) -> None:
        listener = Listener(self, self.core, sock)
        self._listeners.add(listener)
        try:
            listener.serve()
        finally:
            self._listeners.discard(listener)

    def _beat(self, core: Core) -> None:
        if core is self.core and not core.dead:
            core.heartbeat()
            core.later(HEARTBEAT_S, lambda: self._beat(core))

    # --- the outside world ------------------------------------------------------------------------------------------

    def phone(self, script: PhoneScript) -> Phone:
        """Put a phone on its desk, or give it a new script; its diary goes on."""
        old = self.phones.get(script.name)
        phone = Phone(script)
        phone.behaviour(self.clock.now())
        if old is not None:
            phone.diary = old.diary
        self.phones[script.name] = phone
        return phone

    def contact(self, name: str, profile: str = "internal") -> str:
        """How a phone is reached without a registration."""
        return f"sofia/{profile}/{name}@127.0.0.1:5062"

    def call(self, script: CallerScript) -> Caller:
        """Let a caller dial now, whatever its `at_ms`."""
        return self._dial(script, "external", "ccd")

    def dial(self, phone: str, number: str) -> Caller:
        """Have an agent dial `number` on a phone."""
        return self._dial(CallerScript(number=phone, dialled=number), "internal", "ccd_agents")

    def play(self, scripts: Iterable[CallerScript]) -> None:
        """Let callers dial, each at its `at_ms` from now."""
        for script in scripts:
            self.clock.call_later(script.at_ms / 1000, lambda script=script: self._call_only(script))  # type: ignore[misc]

    def diaries(self) -> tuple[list[CallerDiary], list[PhoneDiary]]:
        """What all callers and all phones wrote down."""
        return [caller.diary for caller in self.callers], [phone.diary for phone in self.phones.values()]

    def wait_all_ended(self, timeout: float) -> bool:
        """Wait until every caller's call is over; False when the time is."""
        with gevent.Timeout(timeout, False):
            for caller in self.callers:
                caller.ended.wait()
            return True
        return False

    def _call_only(self, script: CallerScript) -> None:
        self.call(script)

    def _dial(self, script: CallerScript, profile: str, context: str) -> Caller:
        c = Channel(
            uuid=self.core.new_uuid(),
            name=f"sofia/{profile}/{script.number}@127.0.0.1",
            inbound=True,
            number=script.number,
            caller_name=script.number,
            dialled=script.dialled,
            context=context,
        )
        for name, value in (
            ("sofia_profile_name", profile),
            ("sip_network_ip", "127.0.0.1"),
            ("sip_network_port", "5070"),
        ):
            c.set(name, value)
        caller = Caller(self.core, self.legs, script, c)
        c.party = caller
        self.callers.append(caller)
        if self.core.dead:  # nobody takes the call
            caller.on_ended(self.clock.now(), by_party=False, cause="SWITCH_LOST")
            return caller
        self.core.add(c)
        self.legs.route(c, script.dialled, context)
        return caller
