"""A simulated switch and a core at it, each a process of its own: what `bench load`, `recover` and `ivr` stand on."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import gevent

from ccd.base.errors import SwitchTimeout
from ccd.bench.core_process import CoreProcess
from ccd.lab.wire import Wire
from ccd.sim.world import SimulatedWorld

PASSWORD = "ClueCon"
WAIT_S = 120.0
FLOW: dict[str, Any] = {
    "start": "hello",
    "nodes": {
        "hello": {"type": "answer", "next": "menu"},
        "menu": {"type": "menu", "prompt": "menu_main", "timeout": 60_000, "tries": 3, "choices": {"1": "line"}},
        "line": {"type": "queue", "queue": "bench", "next": "bye"},
        "bye": {"type": "hangup"},
    },
}
"""A menu whose key 1 leads into the queue `bench`."""


class Stage:
    """Both, below `folder`; the switch runs from the beginning, core when it is prepared and started. A context manager."""

    def __init__(self, folder: Path) -> None:
        recordings, cdr = folder / "recordings", folder / "cdr"
        for path in (recordings, cdr):
            path.mkdir(parents=True)
        self.world = SimulatedWorld.launch("--password", PASSWORD, "--no-recordings", "--cdr", str(cdr))
        self.core = CoreProcess(
            folder / "core",
            esl_port=self.world.port,
            esl_password=PASSWORD,
            recordings=recordings,
            cdr=cdr,
            sounds=Path("/simulated"),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End both."""
        self.core.stop()
        self.world.close()

    def wire(self, on_event: Callable[[dict[str, Any]], None]) -> Wire:
        """An event socket of one's own at the switch."""
        return Wire("127.0.0.1", self.world.port, PASSWORD, on_event)

    def until(self, true: Callable[[], bool], what: str) -> None:
        """Wait for it; the error says what did not come about, with the end of core's log."""
        deadline = time.monotonic() + WAIT_S
        while not true():
            if time.monotonic() > deadline:
                raise SwitchTimeout(f"{what} after {WAIT_S:.0f} s:\n{self.core.log_tail()}")
            gevent.sleep(0.1)
