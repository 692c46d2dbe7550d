"""A small event-socket client for the lab: it drives the outside world and looks into private instances.

Apart from `ccd.esl` on purpose: what judges ccd must not share its faults.
"""

from __future__ import annotations

import contextlib
import json
from collections import deque
from collections.abc import Callable
from typing import Any

import gevent
from gevent import socket
from gevent.event import AsyncResult
from gevent.lock import RLock

from ccd.base.errors import SwitchAuthFailed, SwitchGone, SwitchRefused, SwitchTimeout

Event = dict[str, Any]


class Wire:
    """One connection: commands in order, events to one handler, which must not wait."""

    def __init__(self, host: str, port: int, password: str, on_event: Callable[[Event], None] | None = None) -> None:
        self._on_event = on_event
        self._waiting: deque[AsyncResult[str]] = deque()
        self._sending = RLock()
        self._reader: gevent.Greenlet | None = None
        self._sock = socket.create_connection((host, port), timeout=5)
        self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._file = self._sock.makefile("rb")
        try:
            self._read_frame()
            self._sock.sendall(f"auth {password}\n\n".encode())
            if not self._read_frame()[0].get("Reply-Text", "").startswith("+OK"):
                raise SwitchAuthFailed("the event socket refused the password")
        except BaseException:
            self.close()
            raise
        self._sock.settimeout(None)
        self._reader = gevent.spawn(self._read)

    def command(self, text: str, timeout: float = 10.0) -> str:
        """Send one command as it stands and return its reply."""
        reply: AsyncResult[str] = AsyncResult()
        with self._sending:
            self._waiting.append(reply)
            self._sock.sendall(f"{text}\n\n".encode())
        try:
            answer: str = reply.get(timeout=timeout)
        except gevent.Timeout:
            raise SwitchTimeout(text[:80]) from None
        return answer

    def post(self, text: str) -> None:
        """Send one command and let its reply go; for handlers, which must not wait."""
        with self._sending:
            self._waiting.append(AsyncResult())
            self._sock.sendall(f"{text}\n\n".encode())

    def api(self, text: str, timeout: float = 10.0) -> str:
        """The body that `api` returns, without blanks around it; -ERR is not an error here."""
        return self.command(f"api {text}", timeout).strip()

    def must(self, text: str) -> str:
        """As `api`, but -ERR raises."""
        answer = self.api(text)
        if answer.startswith("-ERR"):
            raise SwitchRefused(f"{text[:120]}: {answer}")
        return answer

    def execute(self, uuid: str, app: str, arg: str = "") -> str:
        """Have a leg run a dialplan application; it begins when the one before it has ended."""
        return self.command(f"sendmsg {uuid}\ncall-command: execute\nexecute-app-name: {app}\nexecute-app-arg: {arg}")

    def getvar(self, uuid: str, name: str) -> str | None:
        """A channel variable, None when it is not set."""
        value = self.api(f"uuid_getvar {uuid} {name}")
        return None if value == "_undef_" or value.startswith("-ERR") else value

    def close(self) -> None:
        """Hang up the connection; doing it twice is harmless."""
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)
        if self._reader is None:
            self._drop()
        else:
            self._reader.join(timeout=1)  # it closes what it reads from

    def _drop(self) -> None:
        self._file.close()
        self._sock.close()

    def _read(self) -> None:
        try:
            while True:
                headers, body = self._read_frame()
                kind = headers.get("Content-Type", "")
                if kind == "text/event-json":
                    if self._on_event is not None:
                        self._on_event(json.loads(body.decode(errors="replace"), strict=False))
                elif kind in ("api/response", "command/reply") and self._waiting:
                    text = body.decode(errors="replace") if body else headers.get("Reply-Text", "")
                    self._waiting.popleft().set(text)
        except (OSError, ValueError, SwitchGone):
            pass  # the socket is closed; whoever waits learns it here
        finally:
            while self._waiting:
                self._waiting.popleft().set_exception(SwitchGone("the event socket is closed"))
            self._drop()

    def _read_frame(self) -> tuple[dict[str, str], bytes]:
        headers: dict[str, str] = {}
        while (line := self._file.readline()) != b"\n" or not headers:
            if not line:
                raise SwitchGone("the event socket is closed")
            name, _, value = line.decode(errors="replace").strip().partition(": ")
            if name:
                headers[name] = value
        length = int(headers.get("Content-Length", 0))
        return headers, self._file.read(length) if length else b""
