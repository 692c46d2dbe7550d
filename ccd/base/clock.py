"""Time, passed in and never read from the side: the only place of ccd that looks at a clock.

A *moment* is an integer, microseconds since 1970 in UTC, as FreeSWITCH's Event-Date-Timestamp gives it. A *deadline* is
a float of monotonic seconds. Durations are integer milliseconds (`*_ms`) in facts and SQL.
"""

from __future__ import annotations

import datetime as dt
import heapq
import itertools
import time
from collections.abc import Callable
from typing import Protocol

Moment = int


class Timer(Protocol):
    """A call that is due later."""

    def cancel(self) -> None:
        """Void the call; doing it twice, or after it ran, is harmless."""


class Clock(Protocol):
    """What ccd knows of time."""

    def now(self) -> Moment:
        """The wall clock, in microseconds since 1970, UTC."""

    def monotonic(self) -> float:
        """Seconds that only go forward; for deadlines and durations."""

    def call_later(self, seconds: float, call: Callable[[], None]) -> Timer:
        """Run `call` after `seconds`, in the loop, where it must not wait."""


class SystemClock:
    """The machine's clocks; timers run in gevent's loop.

    The wall clock is read once: from there on moments follow the monotonic clock (which NTP steers as well), so that an
    operator who sets the time moves no caller's place and no figure.
    """

    def __init__(self) -> None:
        self._ahead_ns = time.time_ns() - time.monotonic_ns()

    def now(self) -> Moment:
        return (time.monotonic_ns() + self._ahead_ns) // 1000

    def monotonic(self) -> float:
        return time.monotonic()

    def call_later(self, seconds: float, call: Callable[[], None]) -> Timer:
        import gevent

        loop = gevent.get_hub().loop
        loop.update_now()  # libev's idea of now is as old as the current callback
        timer = loop.timer(max(seconds, 0.0))
        timer.start(_run_and_close, timer, call)
        return _LoopTimer(timer)


def _run_and_close(timer: object, call: Callable[[], None]) -> None:
    from ccd.base.greenlets import report_crash

    try:
        call()
    except Exception:
        report_crash("timer")
    finally:
        timer.close()  # type: ignore[attr-defined]


class _LoopTimer:
    __slots__ = ("_timer",)

    def __init__(self, timer: object) -> None:
        self._timer = timer

    def cancel(self) -> None:
        self._timer.close()  # type: ignore[attr-defined]


class FakeClock:
    """A clock that stands still until a test advances it; timers run in order of their due time."""

    def __init__(self, now: Moment = 1_800_000_000_000_000) -> None:
        self._now = now
        self._monotonic = 1000.0
        self._due: list[tuple[float, int, _FakeTimer]] = []
        self._order = itertools.count()

    def now(self) -> Moment:
        return self._now

    def monotonic(self) -> float:
        return self._monotonic

    def call_later(self, seconds: float, call: Callable[[], None]) -> Timer:
        timer = _FakeTimer(call)
        heapq.heappush(self._due, (self._monotonic + max(seconds, 0.0), next(self._order), timer))
        return timer

    def advance(self, seconds: float) -> None:
        """Let `seconds` pass and run what falls due, each at its own time."""
        end = self._monotonic + seconds
        while self._due and self._due[0][0] <= end:
            due, _, timer = heapq.heappop(self._due)
            self._step_to(due)
            if timer.call is not None:
                call, timer.call = timer.call, None
                call()
        self._step_to(end)

    def step_wall_clock(self, seconds: float) -> None:
        """Set the wall clock forward or back, as an operator or NTP does; deadlines do not move."""
        self._now += round(seconds * 1e6)

    def pending(self) -> int:
        """How many timers are still due."""
        return sum(1 for _, _, timer in self._due if timer.call is not None)

    def _step_to(self, monotonic: float) -> None:
        self._now += round((monotonic - self._monotonic) * 1e6)
        self._monotonic = monotonic


class _FakeTimer:
    def __init__(self, call: Callable[[], None]) -> None:
        self.call: Callable[[], None] | None = call

    def cancel(self) -> None:
        self.call = None


def as_datetime(moment: Moment) -> dt.datetime:
    """The moment as an aware UTC datetime."""
    return dt.datetime.fromtimestamp(moment / 1e6, dt.UTC)


def iso(moment: Moment | None) -> str | None:
    """The moment in ISO 8601 with milliseconds, as the API shows it; None stays None."""
    if moment is None:
        return None
    return as_datetime(moment).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def ms_between(earlier: Moment, later: Moment) -> int:
    """Whole milliseconds from `earlier` to `later`, never negative."""
    return max(0, (later - earlier) // 1000)
