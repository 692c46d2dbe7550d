"""The outside world: a second FreeSWITCH that plays callers on a trunk and agents' phones against the switch under test."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from pathlib import Path

from gevent import Greenlet
from gevent.pool import Group

from ccd.base import words
from ccd.lab.freeswitch import PrivateFreeSwitch
from ccd.lab.lifetime import Running
from ccd.lab.outside_config import write_outside_config
from ccd.lab.parties import Caller, Phone, moment_of
from ccd.lab.ports import HOST, PortBlock
from ccd.lab.sip import MutePhones, Registration
from ccd.lab.stories import CallerDiary, CallerScript, PhoneDiary, PhoneScript
from ccd.lab.wire import Event, Wire

_EVENTS = (
    "CHANNEL_CREATE",
    "CHANNEL_PROGRESS_MEDIA",
    "CHANNEL_ANSWER",
    "CHANNEL_PARK",
    "CHANNEL_HANGUP_COMPLETE",
    "BACKGROUND_JOB",
)


class Outside(Running):
    """Callers and phones. Make it before the switch, whose fallback may be one of its phones; `attach` the switch then."""

    def __init__(self, folder: Path, name: str = "outside") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.instance = PrivateFreeSwitch(write_outside_config(folder), None, folder, name)
        self.ports: PortBlock = self.instance.ports
        self.callers: list[Caller] = []
        self.phones: dict[str, Phone] = {}
        self._switch: PrivateFreeSwitch | None = None
        self._wire: Wire | None = None
        self._mute: MutePhones | None = None
        self._by_leg: dict[str, Caller | Phone] = {}
        self._acts = Group()  # what the parties will do; nobody acts any more once we close

    def start(self) -> None:
        """Start the outside switch and listen to it."""
        self.instance.start()
        self._wire = self.instance.wire(self._on_event)
        self._wire.command("event json " + " ".join(_EVENTS))
        self._mute = MutePhones(self.ports.mute, self._on_mute_invite)

    def close(self) -> None:
        """Stop everything; the diaries stay readable."""
        self._acts.kill()
        if self._mute is not None:
            self._mute.close()
        if self._wire is not None:
            self._wire.close()
        self.instance.close()

    def attach(self, switch: PrivateFreeSwitch) -> None:
        """From now on callers dial `switch`, and phones register there."""
        self._switch = switch

    def contact(self, name: str, profile: str = "internal") -> str:
        """How the switch under test reaches the phone `name` without a registration."""
        return words.contact(f"sofia/{profile}/{name}@{HOST}:{self.ports.trunk}")

    def call(self, script: CallerScript, tone_hz: int | None = None) -> Caller:
        """Let a caller dial now (whatever its `at_ms`); with `tone_hz` it plays that tone once answered."""
        caller = Caller(self, script)
        self.callers.append(caller)
        self._by_leg[caller.uuid] = caller
        words.number(script.number)
        target = f"sofia/outside/{words.number(script.dialled)}@{HOST}:{self._attached().sip_port}"
        caller.start(target, tone_hz or script.tone_hz)
        return caller

    def play(self, scripts: Iterable[CallerScript]) -> None:
        """Let callers dial, each at its `at_ms` from now."""
        for script in scripts:
            self.later(script.at_ms, self.call, script)

    def phone(self, script: PhoneScript, *, register: bool = True) -> Phone:
        """Put a phone on its desk; registered as a user of the switch's directory, or only reachable by `contact`."""
        registration = None
        if register:
            switch = self._attached()
            registration = Registration(script.name, switch.phone_password, switch.domain, switch.phone_port)
        phone = Phone(self, script, registration)
        self.phones[script.name] = phone
        phone.settle()
        return phone

    def dial(self, phone: str, number: str) -> Caller:
        """Have an agent dial `number` on a phone; the leg comes to the switch as that phone's."""
        switch = self._attached()
        caller = Caller(self, CallerScript(number=phone, dialled=number))
        self.callers.append(caller)
        self._by_leg[caller.uuid] = caller
        login = f"[sip_auth_username={phone},sip_auth_password={switch.phone_password}]"
        caller.start(f"{login}sofia/outside/{words.number(number)}@{HOST}:{switch.phone_port}", None)
        return caller

    def caller_diaries(self) -> list[CallerDiary]:
        """What all callers wrote down."""
        return [caller.diary for caller in self.callers]

    def phone_diaries(self) -> list[PhoneDiary]:
        """What all phones wrote down."""
        return [phone.diary for phone in self.phones.values()]

    def post(self, command: str) -> None:
        """Send a command to the outside switch without waiting for its reply."""
        if self._wire is not None:
            self._wire.post(command)

    def later(self, ms: int, act: Callable[..., object], *args: object) -> Greenlet[..., object]:
        """Have a party act in a while, unless the world ends before."""
        greenlet = Greenlet(act, *args)
        self._acts.add(greenlet)
        greenlet.start_later(ms / 1000)
        return greenlet

    def api(self, command: str) -> str:
        """Ask the outside switch; for what no script says, such as a REFER or a recording of what a party hears."""
        if self._wire is None:
            raise RuntimeError("the outside world has not been started")
        return self._wire.must(command)

    def wait_all_ended(self, timeout: float) -> bool:
        """Wait until every caller hung up or was hung up; False when the time is over."""
        deadline = time.monotonic() + timeout
        return all(caller.ended.wait(max(0.0, deadline - time.monotonic())) for caller in self.callers)

    def _attached(self) -> PrivateFreeSwitch:
        if self._switch is None:
            raise RuntimeError("attach a switch first")
        return self._switch

    def _on_event(self, event: Event) -> None:
        name, leg = event["Event-Name"], event.get("Unique-ID") or event.get("Job-UUID", "")
        party = self._by_leg.get(leg)
        if party is None and name == "CHANNEL_CREATE" and event.get("Call-Direction") == "inbound":
            self._on_invite(leg, event)
        elif isinstance(party, Caller):
            party.on_event(name, event)
        elif isinstance(party, Phone):
            self._on_phone_event(party, name, leg, event)
        if name == "CHANNEL_HANGUP_COMPLETE":
            self._by_leg.pop(leg, None)

    def _on_invite(self, leg: str, event: Event) -> None:
        phone = self.phones.get(str(event.get("Caller-Destination-Number", "")))
        if phone is None:
            self.post(f"api uuid_kill {leg} UNALLOCATED_NUMBER")
        else:
            self._by_leg[leg] = phone

    def _on_phone_event(self, phone: Phone, name: str, leg: str, event: Event) -> None:
        if name == "CHANNEL_PARK" and leg not in phone.legs:
            number = str(event.get("Caller-Caller-ID-Number", ""))
            phone.on_ring(leg, number, int(event.get("Caller-Channel-Created-Time") or moment_of(event)))
        elif name == "CHANNEL_ANSWER":
            at = moment_of(event)
            ring = phone.on_answered(leg, at)
            if ring is not None:
                self._connect(ring.caller_number, phone.script.name, at)
        elif name == "CHANNEL_HANGUP_COMPLETE":
            phone.on_hangup(leg, event)

    def _connect(self, number: str, phone: str, at: int) -> None:
        for caller in reversed(self.callers):
            if caller.script.number == number and not caller.ended.is_set():
                caller.on_connected(phone, at)
                return

    def _on_mute_invite(self, name: str, caller_number: str) -> None:
        phone = self.phones.get(name)
        if phone is not None:
            phone.on_mute_ring(caller_number, time.time_ns() // 1000)
