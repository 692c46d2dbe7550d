"""Side as a child of core: started, started again when it dies, ended with core, even with a killed one.

Calls never wait for it.
"""

from __future__ import annotations

import signal
import subprocess
import sys

import structlog
from gevent.event import Event

from ccd.base.clock import Clock
from ccd.base.greenlets import spawn
from ccd.base.processes import die_with_parent

log = structlog.get_logger(__name__)

PAUSES = (0.2, 1.0, 3.0, 10.0)
STOP_DEADLINE_S = 8.0
KILL_DEADLINE_S = 2.0


class SideProcess:
    """Keeps `ccd side` running with the settings that core runs with."""

    def __init__(self, arguments: list[str], clock: Clock) -> None:
        self._arguments = [sys.executable, "-m", "ccd", "side", *arguments]
        self._clock = clock
        self._stopping = Event()
        self._kept = False
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """The process id of the child that runs now."""
        return self._child.pid if self._child is not None else None

    def start(self) -> None:
        """Start the child and watch over it; to say so twice is harmless."""
        if not self._kept and not self._stopping.is_set():
            self._kept = True
            spawn("side_keeper", self._keep)

    def reload(self) -> None:
        """Have side read flows and tables again."""
        if self._child is not None and self._child.poll() is None:
            self._child.send_signal(signal.SIGHUP)

    def stop(self) -> None:
        """Ask the child to end, and end it if it does not."""
        self._stopping.set()
        child = self._child
        if child is None or child.poll() is not None:
            return
        child.terminate()
        try:
            child.wait(timeout=STOP_DEADLINE_S)
        except subprocess.TimeoutExpired:
            log.warning("side_killed", pid=child.pid)
            child.kill()
            try:
                child.wait(timeout=KILL_DEADLINE_S)
            except subprocess.TimeoutExpired:  # stuck in the kernel (a dead disk): core must not be stuck with it
                log.error("side_unkillable", pid=child.pid)

    def _run(self) -> int | None:
        """One life of the child; its exit code, None when there was none."""
        try:
            self._child = subprocess.Popen(
                self._arguments,
                stdin=subprocess.DEVNULL,
                preexec_fn=die_with_parent(signal.SIGTERM),  # noqa: PLW1509 (one prctl, nothing that allocates or locks)
            )
        except OSError as refused:  # no memory for another process now: later, perhaps
            log.error("side_not_started", reason=str(refused))
            return None
        log.info("side_started", pid=self._child.pid)
        return self._child.wait()

    def _keep(self) -> None:
        failures = 0
        while not self._stopping.is_set():
            started = self._clock.monotonic()
            code = self._run()
            if self._stopping.is_set():
                return
            failures = 0 if self._clock.monotonic() - started > 30 else failures + 1
            pause = PAUSES[min(failures, len(PAUSES) - 1)]
            log.error("side_died", exit_code=code, again_in_s=pause)
            self._stopping.wait(pause)
