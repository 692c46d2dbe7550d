"""Errands: what core gives to side and a call waits for. Each runs in a greenlet of its own, with a deadline, and is answered.

An answer that nobody awaits any more is dropped by core. What an errand carries may be secret, so that nothing of it, nor the
text of an exception that it caused, comes into a log: a failure is a word.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import gevent
import msgspec
import structlog

from ccd.base.errors import CcdError
from ccd.base.greenlets import spawn

log = structlog.get_logger(__name__)

AT_ONCE = 600
MAX_ANSWER = 64_000
LONGEST_MS = 30_000


class ErrandFailed(CcdError):
    """An errand that could not be done; the text is a word that says why, and nothing of what it carried."""

    code = "errand_failed"


class Errand(msgspec.Struct, frozen=True):
    """An errand as core sends it."""

    id: str
    kind: str
    timeout_ms: int
    given: dict[str, Any] = msgspec.field(name="with")

    def __repr__(self) -> str:
        return f"Errand({self.kind})"  # what it carries may be secret


Do = Callable[[dict[str, Any]], Mapping[str, Any]]


class Errands:
    """Does errands. `kinds` are the functions that do them; `tell` hands an answer to core."""

    def __init__(self, kinds: Mapping[str, Do], tell: Callable[..., None]) -> None:
        self._kinds = dict(kinds)
        self._tell = tell
        self._running = 0

    def take(self, message: Any) -> None:
        """Begin an errand; called by the reader of core's line, never waits."""
        try:
            errand = msgspec.convert(message, Errand)
        except msgspec.ValidationError:
            log.error("errand_not_understood")
            return
        self._running += 1  # here: the greenlets of a burst begin later than the next line is read
        spawn("errand", self._run, errand, self._running > AT_ONCE, kind=errand.kind)

    def _run(self, errand: Errand, too_many: bool) -> None:
        try:
            answer: dict[str, Any] = {"reason": "overfull"} if too_many else self._answer(errand)
        finally:
            self._running -= 1
        self._tell("errands.done", id=errand.id, **answer)

    def _answer(self, errand: Errand) -> dict[str, Any]:
        do = self._kinds.get(errand.kind)
        if do is None:
            return {"reason": "unknown_kind"}
        deadline = gevent.Timeout(min(max(errand.timeout_ms, 1), LONGEST_MS) / 1000)
        try:
            with deadline:
                ok = do(errand.given)
        except ErrandFailed as failed:
            return {"reason": str(failed)}
        except gevent.Timeout as over:
            if over is not deadline:
                raise
            return {"reason": "timed_out"}
        except Exception as crash:
            log.error("errand_crashed", error=type(crash).__name__, where=_where(crash))
            return {"reason": "failed"}
        if len(json.dumps(ok, ensure_ascii=False).encode(errors="replace")) > MAX_ANSWER:
            return {"reason": "too_large"}
        return {"ok": dict(ok)}


def _where(crash: Exception) -> str:
    """The places that an exception came through, without its text."""
    places = []
    trace = crash.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        places.append(f"{code.co_filename.rpartition('/')[2]}:{trace.tb_lineno}")
        trace = trace.tb_next
    return " ".join(places[-6:])
