"""Callers and agents' phones of the outside world, each playing its script and keeping its diary.

They are moved by the events of the outside FreeSWITCH, which `ccd.lab.outside` hands to them.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Protocol

import structlog
from gevent import Greenlet
from gevent.event import Event as Flag

from ccd.lab.ports import HOST, PortBlock
from ccd.lab.sip import Registration
from ccd.lab.stories import UNSEEN, CallerDiary, CallerScript, PhoneDiary, PhoneScript, Ring, RingDiary
from ccd.lab.wire import Event

log = structlog.get_logger(__name__)

_KEY_MS = 100
_ROWS, _COLUMNS = (697, 770, 852, 941), (1209, 1336, 1477, 1633)
_TONES = {
    key: f"{_ROWS[row]},{_COLUMNS[column]}"
    for row, keys in enumerate(("123A", "456B", "789C", "*0#D"))
    for column, key in enumerate(keys)
}


class Exchange(Protocol):
    """What a party needs of the switch it sits on."""

    ports: PortBlock

    def post(self, command: str) -> None:
        """Send a command without waiting for its reply."""

    def later(self, ms: int, act: Callable[..., object], *args: object) -> Greenlet[..., object]:
        """Have a party act in a while, unless the world ends before."""


def moment_of(event: Event) -> int:
    """When the switch fired the event."""
    return int(event["Event-Date-Timestamp"])


def _hung_up_here(event: Event) -> bool:
    return str(event.get("variable_sip_hangup_disposition", "")).startswith("send_")


def _hangup_at(event: Event) -> int:
    return int(event.get("Caller-Channel-Hangup-Time") or 0) or moment_of(event)


class Caller:
    """One caller in the act: `answered`, `connected` and `ended` are flags to wait for."""

    def __init__(self, exchange: Exchange, script: CallerScript) -> None:
        self.script = script
        self.uuid = str(uuid.uuid4())
        self.diary = CallerDiary(number=script.number, dialled=script.dialled)
        self.answered, self.connected, self.ended = Flag(), Flag(), Flag()
        self.rtp_packets_heard = 0  # counted by the outside switch, known when the call has ended
        self._exchange = exchange
        self._timers: list[Greenlet[..., object]] = []
        self._may_type = False

    def start(self, target: str, tone_hz: int | None) -> None:
        """Dial `target`, a dial string of the outside switch."""
        number = self.script.number
        variables = (
            f"origination_uuid={self.uuid},origination_caller_id_number={number},origination_caller_id_name={number},"
            "ignore_early_media=true,originate_timeout=36000,sip_contact_user=caller"
        )
        app = "park()" if tone_hz is None else f"playback(tone_stream://%(60000,0,{tone_hz});loops=-1)"
        if app == "park()" and self.script.keys_as == "inband":
            app = "playback(silence_stream://-1)"  # a tone out of nothing, without packets before it, loses some of its own
        self._exchange.post(f"bgapi originate {{{variables}}}{target} &{app}\nJob-UUID: {self.uuid}")
        if self.script.hang_up_after_ms is not None:
            self._later(self.script.hang_up_after_ms, self._lose_patience)

    def hang_up(self) -> None:
        """Hang up now."""
        cause = "NORMAL_CLEARING" if self.answered.is_set() else "ORIGINATOR_CANCEL"
        self._exchange.post(f"api uuid_kill {self.uuid} {cause}")

    def press(self, key: str) -> None:
        """Press one key, sent as the script says."""
        send = f"api uuid_send_dtmf {self.uuid} {key}@{_KEY_MS}"
        match self.script.keys_as:
            case "rfc2833":
                self._exchange.post(send)
            case "inband":
                tone = f"tone_stream://%({_KEY_MS},0,{_TONES[key]})"
                self._exchange.post(f"api uuid_displace {self.uuid} start {tone} 0 mux")
            case as_info_too:
                for how in ("info", "rfc2833") if as_info_too == "both" else ("info",):
                    self._exchange.post(f"api uuid_setvar {self.uuid} dtmf_type {how}")
                    self._exchange.post(send)

    def on_event(self, name: str, event: Event) -> None:
        """The outside switch says something about this caller's leg."""
        if name == "CHANNEL_CREATE":
            self.diary.started_at = moment_of(event)
        elif name == "CHANNEL_PROGRESS_MEDIA":
            self._hears()
        elif name == "CHANNEL_ANSWER":
            self.diary.answered_at = moment_of(event)
            self.answered.set()
            self._hears()
        elif name == "CHANNEL_HANGUP_COMPLETE":
            self.rtp_packets_heard = int(event.get("variable_rtp_audio_in_packet_count") or 0)
            self._end(_hangup_at(event), _hung_up_here(event), str(event.get("Hangup-Cause", "")))
        elif name == "BACKGROUND_JOB" and self.diary.started_at is None and "-ERR" in str(event.get("_body")):
            self._end(moment_of(event), False, str(event["_body"]).split()[-1])

    def on_connected(self, phone: str, at: int) -> None:
        """An agent's phone that shows this caller's number was answered."""
        if self.connected.is_set() or self.ended.is_set():
            return
        self.diary.connected_at, self.diary.connected_phone = at, phone
        self.connected.set()
        if self.script.talk_ms is not None:
            self._later(self.script.talk_ms, self.hang_up)

    def _hears(self) -> None:
        if not self._may_type:
            self._may_type = True
            for ms, key in self.script.keys:
                self._later(ms, self.press, key)

    def _lose_patience(self) -> None:
        if not self.connected.is_set():
            self.hang_up()

    def _later(self, ms: int, act: Callable[..., object], *args: object) -> None:
        self._timers.append(self._exchange.later(ms, act, *args))

    def _end(self, at: int, by_caller: bool, cause: str) -> None:
        if self.ended.is_set():
            return
        self.diary.ended_at, self.diary.cause = at, cause
        self.diary.ended_by = "caller" if by_caller else "switch"
        for timer in self._timers:
            timer.kill(block=False)
        self.ended.set()


class Phone:
    """One phone: what rings it is answered as its script says."""

    def __init__(self, exchange: Exchange, script: PhoneScript, registration: Registration | None) -> None:
        self.script = script
        self.diary = PhoneDiary(name=script.name)
        self.legs: dict[str, RingDiary] = {}
        self._talk_ms: dict[str, int] = {}  # leg → how long it talks once it has been answered
        self._keys: dict[str, tuple[tuple[int, str], ...]] = {}
        self._exchange = exchange
        self._registration = registration
        self._turn = 0
        unregistrable = UNSEEN | {"dead"}
        if registration is None and any(ring.kind in unregistrable for ring in script.behaviours):
            raise ValueError(f"phone {script.name} does not register and can't be dead, unreachable or unregistered")

    @property
    def behaviour(self) -> Ring:
        """What it does when it is rung now."""
        return self.script.behaviours[min(self._turn, len(self.script.behaviours) - 1)]

    def settle(self) -> None:
        """Register where its behaviour says; waits for the registrar."""
        ring, turn = self.behaviour, self._turn
        if self._registration is None:
            return
        ports = self._exchange.ports
        places = {"dead": ports.mute, "unreachable": ports.closed}
        if ring.kind == "not_registered":
            self._registration.remove()
        else:
            self._registration.put(places.get(ring.kind, ports.trunk))
        if ring.kind in UNSEEN and ring.after_ms:
            self._exchange.later(ring.after_ms, self._next, turn)

    def on_ring(self, leg: str, caller_number: str, at: int) -> None:
        """An INVITE reached the phone."""
        diary = RingDiary(caller_number=caller_number, rang_at=at)
        self.diary.rings.append(diary)
        self.legs[leg] = diary
        ring = self.behaviour
        if ring.kind in ("answer", "no_answer") or ring.after_ms:
            self._exchange.post(f"api uuid_ring_ready {leg}")
        if ring.kind != "no_answer":
            self._act_later(ring.after_ms, leg, ring)
        self._exchange.later(0, self._next, self._turn)

    def on_mute_ring(self, caller_number: str, at: int) -> None:
        """An INVITE reached the place where the dead phone is still registered."""
        self.diary.rings.append(RingDiary(caller_number=caller_number, rang_at=at, cause="dead"))
        self._exchange.later(0, self._next, self._turn)

    def on_answered(self, leg: str, at: int) -> RingDiary | None:
        """The phone was answered; None when that is no ring of this phone."""
        diary = self.legs.get(leg)
        if diary is not None:
            diary.answered_at = at
            for ms, key in self._keys.pop(leg, ()):
                self._exchange.later(ms, self._exchange.post, f"api uuid_send_dtmf {leg} {key}@{_KEY_MS}")
            if (talk_ms := self._talk_ms.pop(leg, None)) is not None:
                self._exchange.later(talk_ms, self._exchange.post, f"api uuid_kill {leg}")
        return diary

    def on_hangup(self, leg: str, event: Event) -> None:
        """The phone's leg is gone."""
        self._talk_ms.pop(leg, None)
        self._keys.pop(leg, None)
        diary = self.legs.pop(leg, None)
        if diary is not None:
            diary.ended_at = _hangup_at(event)
            diary.ended_by = "phone" if _hung_up_here(event) else "switch"
            diary.cause = str(event.get("Hangup-Cause", ""))
            diary.reason = str(event.get("variable_sip_reason", ""))

    def _act_later(self, ms: int, leg: str, ring: Ring) -> None:
        if ms:
            self._exchange.later(ms, self._act, leg, ring)
        else:
            self._act(leg, ring)

    def _act(self, leg: str, ring: Ring) -> None:
        if leg not in self.legs:
            return
        if ring.kind == "answer":
            self._exchange.post(f"sendmsg {leg}\ncall-command: execute\nexecute-app-name: answer")
            self._keys[leg] = ring.keys
            if ring.talk_ms is not None:
                self._talk_ms[leg] = ring.talk_ms
        elif ring.kind == "redirect":
            target = f"sip:9999@{HOST}:{self._exchange.ports.closed}"
            self._exchange.post(
                f"sendmsg {leg}\ncall-command: execute\nexecute-app-name: redirect\nexecute-app-arg: {target}"
            )
        else:
            causes = {"reject": "CALL_REJECTED", "busy": "USER_BUSY"}
            self._exchange.post(f"api uuid_kill {leg} {causes.get(ring.kind, 'USER_NOT_REGISTERED')}")

    def _next(self, turn: int) -> None:
        if turn != self._turn or turn + 1 >= len(self.script.behaviours):
            return
        before = self.behaviour.kind
        self._turn += 1
        if before in UNSEEN | {"dead"} or self.behaviour.kind in UNSEEN | {"dead"}:
            self.settle()
