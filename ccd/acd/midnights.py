"""When a new day begins in the zones where a strategy forgets at midnight. For ccd.acd.deciding."""

from __future__ import annotations

from collections.abc import Callable, Set

from ccd.acd.remembered import next_midnight
from ccd.base.clock import Clock, Timer


class Midnights:
    """The next midnight of each zone; `new_day` hears of it."""

    def __init__(self, clock: Clock, new_day: Callable[[], None]) -> None:
        self._clock = clock
        self._new_day = new_day
        self._timers: dict[str, Timer] = {}

    def watch(self, zones: Set[str]) -> None:
        """These zones count from now on, and no others."""
        for zone in zones - set(self._timers):
            self._await(zone)
        for zone in set(self._timers) - zones:
            self._timers.pop(zone).cancel()

    def _await(self, zone: str) -> None:
        now = self._clock.now()
        seconds = (next_midnight(now, zone) - now) / 1e6
        self._timers[zone] = self._clock.call_later(seconds, lambda: self._midnight(zone))

    def _midnight(self, zone: str) -> None:
        self._await(zone)
        self._new_day()
