"""A leg's own ordered, bounded mailbox: the reader puts, the call's greenlet waits."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any, TypeVar

import structlog
from gevent.event import AsyncResult

from ccd.base.clock import Clock, Timer
from ccd.base.errors import LegGone

log = structlog.get_logger(__name__)

LIMIT = 200
T = TypeVar("T")


class Mailbox:
    """Events of one leg, in order; at most LIMIT wait, older ones of a kind that floods it are dropped and counted.

    One greenlet reads. `wait` raises LegGone as soon as the leg has ended, whatever else is still in the box.
    """

    def __init__(self, leg_id: str, clock: Clock) -> None:
        self.leg_id = leg_id
        self.dropped = 0
        self.gone: LegGone | None = None
        self.aside: Callable[[object], None] | None = None
        self._clock = clock
        self._events: deque[Any] = deque()
        self._waiter: AsyncResult | None = None

    def put(self, event: object) -> None:
        """Add an event; called by the reader, never waits."""
        if len(self._events) >= LIMIT:
            self._drop_one_like(event)
            self.dropped += 1
            if self.dropped == 1:
                log.warning("mailbox_overflowed", leg_id=self.leg_id)
        self._events.append(event)
        self._wake()

    def _drop_one_like(self, event: object) -> None:
        """The oldest of its kind: a caller's hundreds of keys may not cost him the one event that his flow waits for."""
        kind = type(event)
        del self._events[next((place for place, one in enumerate(self._events) if type(one) is kind), 0)]

    def close(self, cause: str) -> None:
        """The leg has ended: whoever waits, now or later, gets LegGone."""
        self.gone = LegGone(self.leg_id, cause)
        self._wake()

    def check(self) -> None:
        """Raises LegGone if the leg has ended: a new one each time, for one that is kept keeps all that it came through."""
        if self.gone is not None:
            raise LegGone(self.leg_id, self.gone.cause)

    def wait(self, *kinds: type[T], timeout: float | None = None) -> T | None:
        """The next event of one of `kinds` (others before it are passed over), or None after `timeout` seconds.

        What is passed over goes to `aside`, if the reader has set it: he may wait for one thing and need another later.

        Raises:
            LegGone: the leg has ended.
        """
        deadline = None if timeout is None else self._clock.monotonic() + timeout
        while True:
            self.check()
            while self._events:
                event = self._events.popleft()
                if isinstance(event, kinds):
                    return event
                if self.aside is not None:
                    self.aside(event)
            if deadline is not None and self._clock.monotonic() >= deadline:
                return None
            self._sleep(deadline)

    def _sleep(self, deadline: float | None) -> None:
        self._waiter = waiter = AsyncResult()
        timer: Timer | None = None
        if deadline is not None:
            timer = self._clock.call_later(deadline - self._clock.monotonic(), lambda: waiter.set(None))
        try:
            waiter.get()
        finally:
            self._waiter = None
            if timer is not None:
                timer.cancel()

    def _wake(self) -> None:
        if self._waiter is not None:
            self._waiter.set(None)
