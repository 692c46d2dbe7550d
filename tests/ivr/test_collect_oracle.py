"""collect against a naive model of it: whatever a caller types and whenever, both understand the same."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from ccd.base.clock import Timer
from ccd.ivr.facts import NodeEntered
from ccd.switch.commands import Command, Play, StopPlaying
from ccd.switch.events import ApplicationEnded, DigitPressed
from tests.ivr.caller import Caller

PROMPT_MS = {"ask": 1500, "entry_missing": 700, "entry_invalid": 900, "entry_again": 600}
Presses = list[tuple[int, str]]


@dataclass(frozen=True)
class Spec:
    """What the flow says."""

    shortest: int
    longest: int
    terminator: str
    tries: int
    first_ms: int
    between_ms: int
    barge_in: bool
    resumed: bool

    def document(self) -> dict[str, Any]:
        collect = {
            "type": "collect",
            "prompt": "ask",
            "into": "entry",
            "length": f"{self.shortest}..{self.longest}",
            "terminator": {"#": "pound", "*": "star", "": "none"}[self.terminator],
            "tries": self.tries,
            "timeout": self.first_ms,
            "digit_timeout": self.between_ms,
            "barge_in": self.barge_in,
            "next": "right",
            "no_input": "silent",
            "no_match": "wrong",
        }
        end = {"type": "hangup"}
        return {"start": "collect", "nodes": {"collect": collect, "right": end, "silent": end, "wrong": end}}


class Model:
    """The same in its own words: time is a number, keys a list."""

    def __init__(self, spec: Spec, presses: Presses) -> None:
        self.spec, self.left, self.now = spec, deque(presses), 0

    def outcome(self) -> tuple[str, str]:
        if self.spec.resumed:
            self.play("entry_again")
        missed = ""
        for attempt in range(self.spec.tries):
            self.play("ask")
            digits, ended = self.entry()
            if len(digits) >= self.spec.shortest and digits.isdecimal():
                return "right", digits
            missed = "wrong" if digits or ended else "silent"
            while self.left and self.left[0][0] <= self.now:
                self.left.popleft()
            if attempt + 1 < self.spec.tries:
                self.play("entry_invalid" if missed == "wrong" else "entry_missing")
        return missed, ""

    def play(self, prompt: str) -> None:
        end = self.now + PROMPT_MS[prompt]
        if self.spec.barge_in and self.left and self.left[0][0] < end:
            end = max(self.now, self.left[0][0])
        self.now = end

    def entry(self) -> tuple[str, bool]:
        digits, patience = "", self.spec.first_ms
        while len(digits) < self.spec.longest:
            if not self.left or self.left[0][0] > self.now + patience:
                self.now += patience
                return digits, False
            at, key = self.left.popleft()
            self.now, patience = max(self.now, at), self.spec.between_ms
            if key == self.spec.terminator:
                return digits, True
            digits += key
        if self.left and self.left[0][1] == self.spec.terminator and self.left[0][0] <= self.now + self.spec.between_ms:
            self.left.popleft()  # many press it though the entry is whole: it is this one's, not the next try's
        return digits, False


class Telephone(Caller):
    """A caller whose prompts end by themselves, and whose keys are pressed when their time has come."""

    def __init__(self, spec: Spec, presses: Presses) -> None:
        super().__init__(spec.document())
        self._playing: Timer | None = None
        self._tell, self.switch.tell = self.switch.tell, self._told  # type: ignore[method-assign]
        for ms, key in presses:
            pressed = DigitPressed(leg_id=self.leg_id, at=1, digit=key)
            self.clock.call_later(ms / 1000, lambda pressed=pressed: self.mailbox.put(pressed))  # type: ignore[misc]
        self.begins(**({"start": "collect"} if spec.resumed else {}))

    def _told(self, command: Command, on_done: Any = None) -> None:
        self._tell(command, on_done)
        if self._playing is not None and isinstance(command, Play | StopPlaying):
            self._playing.cancel()
        if isinstance(command, Play):
            seconds = PROMPT_MS[command.audio.split("/")[-1].removesuffix(".wav")] / 1000
            ended = ApplicationEnded(
                leg_id=self.leg_id, at=1, execution_id=command.execution_id, application="playback", response=""
            )
            self._playing = self.clock.call_later(seconds, lambda: self.mailbox.put(ended))

    def outcome(self) -> tuple[str, str]:
        while len(self.path) < 2:
            due = next(
                at for at, _, timer in sorted(self.clock._due, key=lambda one: one[:2]) if timer.call is not None
            )
            self.clock.advance(due - self.clock.monotonic())
            self.breathe()
        (entered,) = [fact.node for fact in self.facts if isinstance(fact, NodeEntered)][1:]
        return entered, str(self.talk.values.open.get("entry", ""))


SPECS = st.builds(
    lambda lengths, **more: Spec(shortest=min(lengths), longest=max(lengths), **more),
    lengths=st.tuples(st.integers(1, 6), st.integers(1, 6)),
    terminator=st.sampled_from(["#", "*", ""]),
    tries=st.integers(1, 3),
    first_ms=st.sampled_from([500, 2000, 5000]),
    between_ms=st.sampled_from([500, 1000, 3000]),
    barge_in=st.booleans(),
    resumed=st.booleans(),
)


@st.composite
def typing(draw: st.DrawFn) -> Presses:
    """Keys at moments no two of which have a time-out or the end of a prompt between them by accident of rounding."""
    keys = draw(st.text("01233#*", max_size=12))
    gaps = [draw(st.sampled_from([0, 1, 5, 20, 60, 120, 400])) for _ in keys]
    moments, now = [], 0
    for number, gap in enumerate(gaps, start=1):
        now += gap * 100
        moments.append(now + number)
    return list(zip(moments, keys, strict=True))


@settings(max_examples=300, deadline=None)
@given(SPECS, typing())
@example(Spec(1, 4, "#", 2, 500, 500, True, False), [(1, "0"), (2, "0"), (3, "0"), (4, "*"), (5, "#")])
def test_collect_understands_what_its_model_understands(spec: Spec, presses: Presses) -> None:
    telephone = Telephone(spec, presses)
    assert telephone.outcome() == Model(spec, presses).outcome()
    assert telephone.switch.awaited == 0
    assert telephone.talk.leg.leg_id == telephone.leg_id
    telephone.hangs_up()
    assert telephone.is_over()
    assert telephone.clock.pending() <= len(presses) + 1
