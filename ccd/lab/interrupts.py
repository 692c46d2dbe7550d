"""Ctrl-C for a program of greenlets: it reaches the main one, whichever runs, and does not disturb the way out."""

from __future__ import annotations

import signal
from types import TracebackType
from typing import Self

import gevent

_NUMBERS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupts:
    """Inside `with`, the first of SIGINT, SIGTERM and SIGHUP raises KeyboardInterrupt where the main greenlet waits.

    Without it, Python raises in whatever greenlet happens to run, and gevent prints what it then hands on.
    """

    def __init__(self) -> None:
        self._main = gevent.getcurrent()
        self._loop = gevent.get_hub().loop
        self._deaf = False
        # whoever started us with a signal ignored (nohup, a shell's background job) meant it
        self._before = {one: signal.getsignal(one) for one in _NUMBERS if signal.getsignal(one) != signal.SIG_IGN}
        self._watchers = [gevent.signal_handler(number, self._interrupt) for number in self._before]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for watcher in self._watchers:
            watcher.cancel()
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def shield(self) -> None:
        """From now on signals are passed over: what was started is being ended."""
        self._deaf = True

    def _interrupt(self) -> None:
        # not from here: this greenlet would be left hanging
        self._loop.run_callback(self._throw)

    def _throw(self) -> None:
        if not self._deaf:
            self._deaf = True
            self._main.throw(KeyboardInterrupt)
