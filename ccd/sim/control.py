"""The second line into a simulated switch that runs as a process of its own: one JSON object a line, one answer a line.

Verbs: `call`, `dial`, `phone`, `diaries`, `status`, `hang_up`, `press`, `kill`, `drop`, `freeze`, `thaw`, `stop`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import structlog
from gevent.event import Event
from gevent.server import StreamServer

from ccd.lab.stories import CallerScript, PhoneScript
from ccd.sim.messages import Diaries, Status
from ccd.sim.switch import SimulatedSwitch

log = structlog.get_logger(__name__)


class Control:
    """Serves the control line of one switch; `stopped` is set when a client asked for the end."""

    def __init__(self, switch: SimulatedSwitch, port: int = 0) -> None:
        self.stopped = Event()
        self._switch = switch
        self._server = StreamServer(("127.0.0.1", port), self._serve)
        self._verbs: dict[str, Callable[[dict[str, Any]], Any]] = {
            "call": lambda said: self._switch.call(msgspec.convert(said["script"], CallerScript)).uuid,
            "dial": lambda said: self._switch.dial(said["phone"], said["number"]).uuid,
            "phone": self._phone,
            "diaries": lambda _said: diaries_of(self._switch),
            "status": lambda _said: self._status(),
            "hang_up": self._hang_up,
            "press": self._press,
            "kill": lambda _said: self._restart(),
            "drop": lambda _said: self._switch.drop_connections(),
            "freeze": lambda _said: self._switch.freeze(),
            "thaw": lambda _said: self._switch.thaw(),
            "stop": lambda _said: self.stopped.set(),
        }

    @property
    def port(self) -> int:
        """Where the control line listens."""
        return int(self._server.server_port)

    def start(self) -> None:
        """Listen."""
        self._server.start()

    def close(self) -> None:
        """Listen no more."""
        self._server.stop(timeout=1)

    def _phone(self, said: dict[str, Any]) -> str:
        script = msgspec.convert(said["script"], PhoneScript)
        self._switch.phone(script)
        return self._switch.contact(script.name)

    def _caller(self, said: dict[str, Any]) -> Any:
        for caller in self._switch.callers:
            if caller.uuid == said["caller"]:
                return caller
        raise LookupError(f"no caller {said['caller']}")

    def _hang_up(self, said: dict[str, Any]) -> None:
        self._caller(said).hang_up()

    def _press(self, said: dict[str, Any]) -> None:
        self._caller(said).press(said["key"])

    def _restart(self) -> None:
        self._switch.kill()
        self._switch.start()

    def _status(self) -> Status:
        core = self._switch.core
        return Status(
            channels=self._switch.channels,
            leases=core.tasks.count(),
            fallback_arrivals=self._switch.fallback_arrivals,
            core_uuid=core.core_uuid,
        )

    def _serve(self, sock: Any, _address: Any) -> None:
        with sock.makefile("rb") as lines:
            for line in lines:
                try:
                    sock.sendall(msgspec.json.encode(self._answer(line)) + b"\n")
                except OSError:
                    return

    def _answer(self, line: bytes) -> dict[str, Any]:
        try:
            said = msgspec.json.decode(line, type=dict[str, Any])
            return {"result": self._verbs[said["do"]](said)}
        except (KeyError, LookupError, msgspec.MsgspecError) as error:
            return {"error": f"{type(error).__name__}: {error}"}


def diaries_of(switch: SimulatedSwitch) -> Diaries:
    """The diaries of a switch, as they travel."""
    callers, phones = switch.diaries()
    return Diaries(callers=callers, phones=phones)


def write_diaries(switch: SimulatedSwitch, path: Path) -> None:
    """The diaries as a file that is whole or absent."""
    unfinished = path.with_suffix(".part")
    unfinished.write_bytes(msgspec.json.format(msgspec.json.encode(diaries_of(switch))))
    unfinished.replace(path)
