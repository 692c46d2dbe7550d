"""The office's line to the deciding process: JSON lines on core's unix socket.

`{"id": 1, "do": "agents.login", "with": {…}}` is answered by `{"id": 1, "ok": …}` or by
`{"id": 1, "error": {"code", "text"}}`; after `journal.follow` core also pushes
`{"journal": {"segment", "offset"}}`, and `{"errand": …}` for whoever said that he does errands (ccd.side.errands). The link
connects again by itself.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from typing import Any

import gevent
import structlog
from gevent import socket  # not the standard one: it must yield whether or not the process is patched
from gevent.event import AsyncResult, Event
from gevent.lock import Semaphore

from ccd.base.codes import from_reply
from ccd.base.errors import DaemonUnreachable
from ccd.base.greenlets import spawn

log = structlog.get_logger(__name__)

MAX_LINE = 16_000_000
_FIRST_PAUSE = 0.05
_LONGEST_PAUSE = 1.0


class CoreLink:
    """Asks core, and hears from it where the spool has grown.

    `on_connected` runs in a greenlet of its own after each connect; `on_journal(segment, offset)` and `on_errand(errand)` run
    in the reader and must not wait.
    """

    def __init__(
        self,
        path: str,
        *,
        on_connected: Callable[[], None] = lambda: None,
        on_journal: Callable[[int, int], None] = lambda _segment, _offset: None,
        on_errand: Callable[[Any], None] = lambda _errand: None,
    ) -> None:
        self._path = path
        self._on_connected = on_connected
        self._on_journal = on_journal
        self._on_errand = on_errand
        self._sock: socket.socket | None = None
        self._sending = Semaphore()
        self._waiting: dict[int, AsyncResult] = {}
        self._ids = itertools.count(1)
        self._stopped = Event()
        self.connected = Event()

    def run(self) -> None:
        """Connect, read, connect again, until `stop`."""
        pause = _FIRST_PAUSE
        while not self._stopped.is_set():
            if self._connect():
                pause = _FIRST_PAUSE
                spawn("core_connected", self._on_connected)
                self._read()
                self._lost()
            self._stopped.wait(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)

    def stop(self) -> None:
        """End `run`; whoever waits for an answer is told that core is unreachable."""
        self._stopped.set()
        self._lost()

    def ask(self, do: str, timeout: float = 5.0, **arguments: Any) -> Any:
        """Core's answer to a verb; its refusal is raised as the error it is."""
        result: AsyncResult = AsyncResult()
        number = next(self._ids)
        self._waiting[number] = result
        try:
            self._send({"id": number, "do": do, "with": arguments}, timeout)
            return result.get(timeout=timeout)
        except gevent.Timeout:
            raise DaemonUnreachable(f"core did not answer {do} within {timeout:g} s") from None
        finally:
            self._waiting.pop(number, None)

    def tell(self, do: str, **arguments: Any) -> None:
        """Say something that needs no answer; nothing happens while core is away."""
        try:
            self._send({"do": do, "with": arguments}, 5.0)
        except DaemonUnreachable:
            log.debug("core_not_told", what=do)

    def _connect(self) -> bool:
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            sock.connect(self._path)
        except OSError:
            sock.close()
            return False
        self._sock = sock
        self.connected.set()
        log.info("core_connected")
        return True

    def _send(self, request: dict[str, Any], timeout: float) -> None:
        data = json.dumps(request, ensure_ascii=False).encode() + b"\n"
        writing = False
        try:
            with gevent.Timeout(timeout), self._sending:
                if self._sock is None:
                    raise DaemonUnreachable("core is not there; it may be starting again")
                writing = True
                self._sock.sendall(data)
        except OSError as error:
            raise DaemonUnreachable(f"core is gone: {error.strerror}") from None
        except gevent.Timeout:
            if writing:
                self._lost()  # part of a line may be out: what follows on this socket would be nonsense
            raise DaemonUnreachable("core does not read its socket") from None

    def _read(self) -> None:
        sock = self._sock
        assert sock is not None
        buffer = bytearray()
        while True:
            try:
                data = sock.recv(65536)
            except OSError:
                return
            if not data:
                return
            buffer += data
            if len(buffer) > MAX_LINE:
                log.error("core_line_too_long", bytes=len(buffer))
                return
            *lines, rest = buffer.split(b"\n") if b"\n" in data else (buffer,)
            buffer = bytearray(rest)
            for line in lines:
                self._take(bytes(line))

    def _take(self, line: bytes) -> None:
        try:
            message = json.loads(line)
            if "journal" in message:
                place = message["journal"]
                self._on_journal(int(place["segment"]), int(place["offset"]))
                return
            if "errand" in message:
                self._on_errand(message["errand"])
                return
            if message["id"] is None:  # what was told without a number
                if "error" in message:
                    log.warning("core_did_not_like_it", error=message["error"])
                return
            waiter = self._waiting.get(message["id"])
        except (ValueError, KeyError, TypeError) as error:
            log.error(
                "core_said_nonsense", error=str(error), bytes=len(line)
            )  # not the line: an errand's may be secret
            return
        if waiter is None:
            log.debug("core_answered_too_late", id=message["id"])
        elif "error" in message:
            waiter.set_exception(from_reply(message["error"]))
        else:
            waiter.set(message.get("ok"))

    def _lost(self) -> None:
        sock, self._sock = self._sock, None
        self.connected.clear()
        if sock is None:
            return
        sock.close()
        if not self._stopped.is_set():
            log.warning("core_lost")
        for waiter in list(self._waiting.values()):
            waiter.set_exception(DaemonUnreachable("core went away before it answered"))
