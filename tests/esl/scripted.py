"""A switch that does what a test scripts.

Each connection runs the next script, the last one again and again.
"""

from __future__ import annotations

import re
import socket as plain_socket
from collections.abc import Callable
from types import TracebackType

import gevent
import msgspec
from gevent.event import Event
from gevent.server import StreamServer

DEADLINE = 10.0


class Line:
    """One accepted connection, in the words of a script."""

    def __init__(self, sock, switch: ScriptedSwitch) -> None:
        self.sock = sock
        self.switch = switch
        self._input = b""

    def write(self, data: bytes | str) -> None:
        self.sock.sendall(data.encode() if isinstance(data, str) else data)

    def greet(self) -> None:
        self.write("Content-Type: auth/request\n\n")

    def reply(self, text: str, extra: str = "") -> None:
        self.write(f"Content-Type: command/reply\nReply-Text: {text}\n{extra}\n")

    def api(self, body: str) -> None:
        self.write(api_response(body))

    def event(self, **headers: str) -> None:
        self.write(json_event(**headers))

    def command(self) -> str | None:
        """The next command, None when the client has gone.

        Bare newlines are skipped and counted as nudges.
        """
        while b"\n\n" not in self._input.lstrip(b"\n"):
            data = self.sock.recv(65536)
            if not data:
                return None
            self._input += data
            if not self._input.strip(b"\n"):
                self.switch.nudged(len(self._input))
                self._input = b""
        command, _, self._input = self._input.lstrip(b"\n").partition(b"\n\n")
        if announced := re.search(rb"Content-Length: (\d+)", command):
            while len(self._input) < int(announced[1]):
                self._input += self.sock.recv(65536)
            command += b"\n\n" + self._input[: int(announced[1])]
            self._input = self._input[int(announced[1]) :]
        self.switch.commands.append(command.decode())
        return command.decode()

    def log_in(self) -> None:
        self.greet()
        self.command()
        self.reply("+OK accepted")

    def answer_all(self) -> None:
        """Log in and answer everything, until the client goes."""
        self.log_in()
        while (command := self.command()) is not None:
            if command == "exit":
                self.reply("+OK bye")
                return
            if command.startswith("api"):
                self.api(f"+OK {command[4:]}\n")
            else:
                self.reply("+OK")

    def wait_closed(self) -> None:
        while self.command() is not None:
            pass


class ScriptedSwitch:
    """Listens on 127.0.0.1 while a test runs."""

    def __init__(self, *scripts: Callable[[Line], None]) -> None:
        self.scripts = list(scripts)
        self.commands: list[str] = []
        self.nudges = 0
        self.nudge_seen = Event()
        self.accepted = 0
        self.lines: list[Line] = []
        self._server = StreamServer(("127.0.0.1", 0), self._accept)

    def _accept(self, sock, _address) -> None:
        sock.setsockopt(plain_socket.IPPROTO_TCP, plain_socket.TCP_NODELAY, 1)
        script = self.scripts[min(self.accepted, len(self.scripts) - 1)]
        self.accepted += 1
        line = Line(sock, self)
        self.lines.append(line)
        try:
            script(line)
        except OSError:
            return  # the client went away in the middle of the script
        finally:
            sock.close()

    def nudged(self, count: int) -> None:
        self.nudges += count
        if self.nudges >= 3:
            self.nudge_seen.set()

    @property
    def port(self) -> int:
        return self._server.server_port

    def cut_all(self) -> None:
        """The switch dies: every connection at once."""
        for line in self.lines:
            if line.sock.fileno() >= 0:
                line.sock.shutdown(plain_socket.SHUT_RDWR)
        self.lines.clear()

    def __enter__(self) -> ScriptedSwitch:
        self._server.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.stop(timeout=0)


def json_event(**headers: str) -> bytes:
    body = msgspec.json.encode({name.replace("_", "-").replace("--", "_"): value for name, value in headers.items()})
    return b"Content-Length: %d\nContent-Type: text/event-json\n\n%b" % (len(body), body)


def api_response(body: str) -> bytes:
    data = body.encode()
    return b"Content-Type: api/response\nContent-Length: %d\n\n%b" % (len(data), data)


def until(true: Callable[[], object], seconds: float = DEADLINE) -> None:
    """Let the loop turn until something is true; a test that waits in vain fails at the deadline."""
    with gevent.Timeout(seconds, AssertionError(f"not within {seconds} s")):
        while not true():
            gevent.sleep(0.001)
