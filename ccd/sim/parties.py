"""Callers and agents' phones of the simulated switch: each plays its script and keeps its own diary.

A diary is written from what its party hears and does, never from what ccd says.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from gevent.event import Event

from ccd.base.clock import Moment, Timer
from ccd.lab.stories import UNSEEN, CallerDiary, CallerScript, PhoneDiary, PhoneScript, Ring, RingDiary
from ccd.sim.channel import Channel, Party
from ccd.sim.core import Core

if TYPE_CHECKING:
    from ccd.sim.legs import Legs

REFUSALS = {
    "reject": ("CALL_REJECTED", "603"),
    "busy": ("USER_BUSY", "486"),
    "redirect": ("REQUESTED_CHAN_UNAVAIL", "302"),
}


class Caller:
    """One caller in the act: `answered`, `connected` and `ended` are flags to wait for."""

    def __init__(self, core: Core, legs: Legs, script: CallerScript, channel: Channel) -> None:
        self.script = script
        self.uuid = channel.uuid
        self.diary = CallerDiary(number=script.number, dialled=script.dialled, started_at=core.clock.now())
        self.answered, self.connected, self.ended = Event(), Event(), Event()
        self._core, self._legs, self._channel = core, legs, channel
        self._timers: list[Timer] = []
        self._hears = False
        if script.hang_up_after_ms is not None:
            self._later(script.hang_up_after_ms, self._lose_patience)

    @property
    def label(self) -> str:
        return self.script.number

    def hang_up(self) -> None:
        """Hang up now."""
        if self._channel.answered_at:
            self._legs.hangup(self._channel, "NORMAL_CLEARING", by_party=True)
        else:
            self._legs.hangup(self._channel, "ORIGINATOR_CANCEL", by_party=True, status="487")

    def press(self, key: str) -> None:
        """Press one key."""
        self._legs.key(self._channel, key, self.script.keys_as)

    def on_hears(self, at: Moment) -> None:
        if not self._hears:
            self._hears = True
            for ms, key in self.script.keys:
                self._later(ms, lambda key=key: self.press(key))  # type: ignore[misc]

    def on_answered(self, at: Moment) -> None:
        self.diary.answered_at = at
        self.answered.set()
        self.on_hears(at)

    def on_bridged(self, other: Party, at: Moment) -> None:
        if self.connected.is_set():
            return
        self.diary.connected_at, self.diary.connected_phone = at, other.label
        self.connected.set()
        if self.script.talk_ms is not None:
            self._later(self.script.talk_ms, self.hang_up)

    def on_ended(self, at: Moment, *, by_party: bool, cause: str) -> None:
        if self.ended.is_set():
            return
        for timer in self._timers:
            timer.cancel()
        self.diary.ended_at, self.diary.cause = at, cause
        self.diary.ended_by = "caller" if by_party else "switch"
        self.ended.set()

    def _lose_patience(self) -> None:
        if not self.connected.is_set():
            self.hang_up()

    def _later(self, ms: int, call: Callable[[], None]) -> None:
        self._timers.append(self._core.later(ms / 1000, call))


class Phone:
    """One phone: its script says what it does when it is rung."""

    def __init__(self, script: PhoneScript) -> None:
        self.script = script
        self.diary = PhoneDiary(name=script.name)
        self._turn = 0
        self._since: Moment | None = None

    def behaviour(self, now: Moment) -> Ring:
        """What it does when it is rung now; rings that it cannot see pass by time."""
        if self._since is None:
            self._since = now
        while (ring := self._current()).kind in UNSEEN and ring.after_ms and self._has_next():
            over = self._since + ring.after_ms * 1000
            if now < over:
                break
            self._turn, self._since = self._turn + 1, over
        return ring

    def ring(self, core: Core, legs: Legs, c: Channel) -> PhoneRing:
        """An INVITE reached the phone."""
        ring = self._current()
        self._next(core.clock.now())
        return PhoneRing(core, legs, self, ring, c)

    def _current(self) -> Ring:
        return self.script.behaviours[min(self._turn, len(self.script.behaviours) - 1)]

    def _has_next(self) -> bool:
        return self._turn + 1 < len(self.script.behaviours)

    def _next(self, now: Moment) -> None:
        if self._has_next():
            self._turn, self._since = self._turn + 1, now


class PhoneRing:
    """One ring of a phone, from the INVITE to the end."""

    def __init__(self, core: Core, legs: Legs, phone: Phone, ring: Ring, channel: Channel) -> None:
        self.phone, self.behaviour = phone, ring
        self.diary = RingDiary(caller_number=channel.number, rang_at=core.clock.now())
        if ring.kind == "dead":
            self.diary.cause = "dead"
        phone.diary.rings.append(self.diary)
        self._core, self._legs, self._channel = core, legs, channel

    @property
    def label(self) -> str:
        return self.phone.script.name

    def start(self, on_progress: Callable[[], None], on_answer: Callable[[], None]) -> None:
        """Ring, and do what the script says."""
        ring = self.behaviour
        if ring.kind == "dead":
            return
        if ring.kind in ("answer", "no_answer") or ring.after_ms:
            self._channel.timers.append(self._core.soon(on_progress))
        if ring.kind != "no_answer":
            loop_ms = self._core.latency.loop_ms
            seconds = max(ring.after_ms, loop_ms) / 1000
            self._channel.timers.append(self._core.later(seconds, lambda: self._act(on_answer)))

    def hang_up(self) -> None:
        """Hang up now."""
        self._legs.hangup(self._channel, "NORMAL_CLEARING", by_party=True)

    def _act(self, on_answer: Callable[[], None]) -> None:
        if not self._channel.is_up:
            return
        kind = self.behaviour.kind
        followed = kind == "redirect" and self._core.variable(self._channel, "outbound_redirect_fatal") != "true"
        # A redirect that is followed is answered by its target, as if by the agent.
        if kind == "answer" or followed:
            on_answer()
        elif kind in REFUSALS:
            cause, status = REFUSALS[kind]
            self._legs.hangup(self._channel, cause, by_party=True, status=status)

    def on_hears(self, at: Moment) -> None:
        """Nothing: a phone that is rung hears nobody."""

    def on_answered(self, at: Moment) -> None:
        self.diary.answered_at = at
        for ms, key in self.behaviour.keys:
            self._channel.timers.append(self._core.later(ms / 1000, lambda key=key: self._legs.key(self._channel, key)))  # type: ignore[misc]
        if self.behaviour.talk_ms is not None:
            self._channel.timers.append(self._core.later(self.behaviour.talk_ms / 1000, self.hang_up))

    def on_bridged(self, other: Party, at: Moment) -> None:
        """Nothing: who shows on the display is in the diary since the ring."""

    def on_ended(self, at: Moment, *, by_party: bool, cause: str) -> None:
        if self.behaviour.kind == "dead":
            return
        self.diary.ended_at, self.diary.cause = at, cause
        self.diary.ended_by = "phone" if by_party else "switch"
