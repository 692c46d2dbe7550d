"""The simulated switch in a process of its own, and the client that directs its outside world over the control line.

It lives on while ccd is killed and started again. Works with and without gevent's patches.
"""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
from types import TracebackType
from typing import Any, Self

import msgspec

from ccd.base.processes import die_with_parent
from ccd.lab.stories import CallerDiary, CallerScript, PhoneDiary, PhoneScript
from ccd.sim.messages import Diaries, Status

_START_S = 20.0


class WorldError(Exception):
    """The process did not do what was asked."""


class SimulatedWorld:
    """The outside world of a simulated switch: the same verbs that the real outside world has."""

    def __init__(self, control_port: int, *, port: int = 0, process: subprocess.Popen[bytes] | None = None) -> None:
        self.port = port
        self.process = process
        self._socket = socket.create_connection(("127.0.0.1", control_port), timeout=10)
        self._lines = self._socket.makefile("rb")
        self._lock = threading.Lock()

    @classmethod
    def launch(cls, *options: str) -> Self:
        """Start `python -m ccd.sim` with these options and take its control line; `port` is its event socket."""
        process = subprocess.Popen(
            [sys.executable, "-m", "ccd.sim", *options],
            stdout=subprocess.PIPE,
            start_new_session=True,  # a Ctrl-C at the terminal is its owner's to handle
            preexec_fn=die_with_parent(),  # noqa: PLW1509 (one prctl, nothing that allocates or locks)
        )
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            raise WorldError(f"the simulated switch did not start (exit code {process.wait(_START_S)})")
        ready = msgspec.json.decode(line)
        return cls(ready["control"], port=ready["port"], process=process)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def call(self, script: CallerScript) -> str:
        """Let a caller dial now; its leg's id."""
        return str(self._ask("call", script=script))

    def dial(self, phone: str, number: str) -> str:
        """Have an agent dial a number on a phone; the leg's id."""
        return str(self._ask("dial", phone=phone, number=number))

    def phone(self, script: PhoneScript) -> str:
        """Put a phone on its desk; the contact to reach it by."""
        return str(self._ask("phone", script=script))

    def diaries(self) -> tuple[list[CallerDiary], list[PhoneDiary]]:
        """What callers and phones wrote down so far."""
        written = msgspec.convert(self._ask("diaries"), Diaries)
        return written.callers, written.phones

    def status(self) -> Status:
        """How the switch is: live channels, leases, who came to the fallback."""
        return msgspec.convert(self._ask("status"), Status)

    def hang_up(self, caller: str) -> None:
        """Have a caller hang up now."""
        self._ask("hang_up", caller=caller)

    def press(self, caller: str, key: str) -> None:
        """Have a caller press a key."""
        self._ask("press", caller=caller, key=key)

    def restart_switch(self) -> None:
        """Kill the switch as by kill -9 and start a new one on the same port."""
        self._ask("kill")

    def drop_connections(self) -> None:
        """Cut every event socket connection; calls live on."""
        self._ask("drop")

    def freeze(self) -> None:
        """Have the event socket answer nobody."""
        self._ask("freeze")

    def thaw(self) -> None:
        """Have it go on."""
        self._ask("thaw")

    def close(self) -> None:
        """End the switch, if we started it, and leave."""
        try:
            if self.process is not None:
                self._ask("stop")
                self.process.wait(10)
        finally:
            self._lines.close()
            self._socket.close()
            if self.process is not None:
                if self.process.poll() is None:
                    self.process.kill()
                    self.process.wait(10)
                assert self.process.stdout is not None
                self.process.stdout.close()

    def _ask(self, verb: str, **said: Any) -> Any:
        with self._lock:
            self._socket.sendall(msgspec.json.encode({"do": verb, **said}) + b"\n")
            line = self._lines.readline()
        if not line:
            raise WorldError("the simulated switch is gone")
        answer = msgspec.json.decode(line)
        if "error" in answer:
            raise WorldError(answer["error"])
        return answer["result"]
