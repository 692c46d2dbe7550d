"""Errands: work that core gives to side, such as an HTTP request, and whose answer a call waits for in its own greenlet.

An errand has a deadline by core's clock. It goes to whoever follows core's socket and does errands, waits for him while he is
away, and fails when he is lost with it, when he says so, or when its time is over: a reason is always told. What comes later
is dropped. What an errand carries may be secret: it is in memory and on the unix socket, and in no log or exception.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import structlog

from ccd.base.clock import Clock, Timer
from ccd.base.ids import new_id
from ccd.ivr.doors import Outcome

log = structlog.get_logger(__name__)

MAX_OUTSTANDING = 500
MAX_BYTES = 64_000
LONGEST_MS = 30_000
DEFAULT_MS = 5_000
_REASON_LENGTH = 60

Done = Callable[[Outcome], None]


@dataclass(slots=True, eq=False)
class _Errand:
    errand_id: str
    kind: str
    given: str = field(repr=False)
    deadline: float
    done: Done
    timer: Timer | None = None
    runner: object | None = None


class Errands:
    """Everything that side was asked to do and has not answered. `default_ms` is the time of a kind that says none.

    A *runner* is a connection of the command socket that does errands; `ring` tells it that there is something to send.
    """

    def __init__(self, clock: Clock, default_ms: Mapping[str, int] | None = None) -> None:
        self._clock = clock
        self._default_ms = dict(default_ms or {})
        self._open: dict[str, _Errand] = {}
        self._unsent: OrderedDict[str, _Errand] = OrderedDict()  # cheap to take from its front, and from anywhere
        self._runner: object | None = None
        self._ring: Callable[[], None] = lambda: None
        self._overfull = False

    def __len__(self) -> int:
        return len(self._open)

    def start(self, kind: str, given: Mapping[str, Any], timeout_ms: int, done: Done) -> Callable[[], None]:
        """Give an errand to side; `done` hears its outcome once, in the loop, and must not wait.

        Returns what abandons it: nothing is heard of it any more, and if it has not been sent it never will be.
        """
        text = json.dumps(given, ensure_ascii=False, separators=(",", ":"))
        if len(self._open) >= MAX_OUTSTANDING or len(text.encode(errors="replace")) > MAX_BYTES:
            self._tell_overfull()
            done(Outcome(reason="overfull" if len(self._open) >= MAX_OUTSTANDING else "too_large"))
            return lambda: None
        seconds = min(timeout_ms or self._default_ms.get(kind, DEFAULT_MS), LONGEST_MS) / 1000
        errand = _Errand(new_id(), kind, text, self._clock.monotonic() + seconds, done)
        self._open[errand.errand_id] = self._unsent[errand.errand_id] = errand
        errand.timer = self._clock.call_later(seconds, lambda: self._end(errand.errand_id, Outcome(reason="timed_out")))
        self._ring()

        def abandon() -> None:
            self._forget(errand.errand_id)

        return abandon

    def finish(self, errand_id: str, ok: Mapping[str, Any] | None, reason: str = "") -> bool:
        """Side's answer: what it brought, or why not. False when nobody waits for it any more."""
        if errand_id not in self._open:
            return False
        self._end(errand_id, Outcome(ok=ok, reason="" if ok is not None else (reason[:_REASON_LENGTH] or "failed")))
        return True

    # --- the connection's side ---------------------------------------------------------------------

    def attach(self, runner: object, ring: Callable[[], None]) -> None:
        """`runner` does errands from now on; what another one had in hand is lost with him."""
        if self._runner is not None and self._runner is not runner:
            self.detach(self._runner)
        self._runner, self._ring = runner, ring
        ring()

    def detach(self, runner: object) -> None:
        """`runner` is gone: what was sent to him fails, for nobody knows how far he came; the rest waits for the next."""
        if self._runner is runner:
            self._runner, self._ring = None, lambda: None
        for errand in [one for one in self._open.values() if one.runner is runner]:
            self._end(errand.errand_id, Outcome(reason="side_lost"))

    def next_line(self, runner: object) -> bytes | None:
        """The next errand that `runner` has not been sent, as a line; None when there is none."""
        if self._runner is not runner:
            return None
        while self._unsent:
            _, errand = self._unsent.popitem(last=False)
            left_ms = int((errand.deadline - self._clock.monotonic()) * 1000)
            if left_ms > 0:  # else its timer is about to end it
                errand.runner = runner
                head = json.dumps({"id": errand.errand_id, "kind": errand.kind, "timeout_ms": left_ms})
                line = f'{{"errand":{head[:-1]},"with":{errand.given}}}}}\n'
                errand.given = ""
                return line.encode(errors="replace")
        return None

    def _end(self, errand_id: str, outcome: Outcome) -> None:
        errand = self._forget(errand_id)
        if errand is not None:
            errand.done(outcome)

    def _forget(self, errand_id: str) -> _Errand | None:
        errand = self._open.pop(errand_id, None)
        self._unsent.pop(errand_id, None)
        if errand is not None and errand.timer is not None:
            errand.timer.cancel()
        if len(self._open) < MAX_OUTSTANDING // 2:
            self._overfull = False
        return errand

    def _tell_overfull(self) -> None:
        if len(self._open) >= MAX_OUTSTANDING and not self._overfull:
            self._overfull = True  # said once, not by every call of a busy hour
            log.error("errands_overfull", outstanding=len(self._open))
