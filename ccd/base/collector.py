"""Python's cycle collector, run when there is something to find and nobody to be held up.

By itself it runs whenever 700 objects more were made than were freed. Where calls come and go at the same rate that is
rare, and everything made meanwhile is looked at in one go: at 100 calls a second it held the loop for 10 to 25 ms every
other second, and found nothing, since what a call leaves is freed by counting. So it is switched off, looks when no call
is up, and in a house that never sleeps only once so much has gathered that something must be leaking.
"""

from __future__ import annotations

import gc
from collections.abc import Callable

import structlog

from ccd.base.clock import Clock, Timer

log = structlog.get_logger(__name__)

LOOK_EVERY_S = 60.0
WORTH_IT = 20_000
"""Objects made and not freed since the last time; fewer are not worth a look, even when nobody is there."""
TOO_MANY = 1_000_000
"""As many are looked at whoever is there: some 150 MB. 5,000 waiting callers are about half of it."""


class Collector:
    """Decides when to collect. `calls` says how many are up now."""

    def __init__(self, clock: Clock, calls: Callable[[], int]) -> None:
        self._clock = clock
        self._calls = calls
        self._timer: Timer | None = None

    def start(self) -> None:
        """Set aside for good what is there now, which stays, and take over from Python."""
        gc.collect()
        gc.freeze()
        gc.disable()
        self._timer = self._clock.call_later(LOOK_EVERY_S, self._look)

    def stop(self) -> None:
        """Give it back to Python."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        gc.unfreeze()
        gc.enable()

    def _look(self) -> None:
        self._timer = self._clock.call_later(LOOK_EVERY_S, self._look)
        gathered, calls = gc.get_count()[0], self._calls()
        if gathered < (TOO_MANY if calls else WORTH_IT):
            return
        began = self._clock.monotonic()
        found = gc.collect()
        took_ms = round((self._clock.monotonic() - began) * 1000, 1)
        tell = log.warning if calls else log.debug
        tell("garbage_collected", objects=gathered, garbage=found, calls=calls, held_ms=took_ms)
