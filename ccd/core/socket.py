"""Core's command socket: JSON lines on a unix socket, for side and nobody else; one greenlet a client."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import structlog
from gevent import Greenlet
from gevent.event import Event
from gevent.lock import Semaphore
from gevent.server import StreamServer

from ccd.base.errors import CcdError
from ccd.base.greenlets import spawn

log = structlog.get_logger(__name__)

MAX_LINE = 16_000_000


class Work(Protocol):
    """What a follower may be sent to do (ccd.core.errands)."""

    def attach(self, runner: object, ring: Callable[[], None]) -> None:
        """`runner` does errands from now on."""

    def detach(self, runner: object) -> None:
        """`runner` is gone."""

    def next_line(self, runner: object) -> bytes | None:
        """The next errand for `runner`, as a line."""


class CommandSocket:
    """Listens on `path` (mode 0600). `do(verb, arguments)` answers a verb; `journal` tells how far the spool reaches;
    a client that follows the journal and says that it does errands is sent those of `work`."""

    def __init__(
        self,
        path: str,
        do: Callable[[str, dict[str, Any]], Any],
        journal: Callable[[], tuple[int, int]],
        work: Work | None = None,
    ) -> None:
        self._path = path
        self._do = do
        self._journal = journal
        self._work = work
        self._followers: set[Event] = set()
        self._server: StreamServer | None = None

    def start(self) -> None:
        """Listen; a socket left by a dead core is taken away first."""
        Path(self._path).unlink(missing_ok=True)
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        old = os.umask(0o177)
        try:
            listener.bind(self._path)
        finally:
            os.umask(old)
        listener.listen(16)
        listener.setblocking(False)
        self._server = StreamServer(listener, self._serve)
        self._server.start()

    def stop(self) -> None:
        """Close the door; clients see the end of file."""
        if self._server is not None:
            self._server.stop()
            Path(self._path).unlink(missing_ok=True)

    def journal_grew(self) -> None:
        """The spool has more: followers are told, however many facts came at once, with one line."""
        for follower in self._followers:
            follower.set()

    def _serve(self, sock: socket.socket, address: Any) -> None:
        client = _Client(sock)
        following: list[Greenlet] = []
        try:
            with sock, sock.makefile("rb") as lines:
                while line := lines.readline(MAX_LINE):
                    try:
                        request = json.loads(line)
                        number, verb, given = request.get("id"), str(request["do"]), dict(request.get("with") or {})
                    except (ValueError, KeyError, TypeError, AttributeError):
                        client.send({"id": None, "error": {"code": "refused", "text": "not a request"}})
                        continue
                    if verb == "journal.follow":
                        client.send({"id": number, "ok": {}})
                        following.append(spawn("journal_follower", self._follow, client, given.get("errands") is True))
                    else:
                        client.send(self._answer(number, verb, given))
        except OSError:
            return  # the client is gone
        finally:
            for follower in following:
                follower.kill(block=False)

    def _answer(self, number: Any, verb: str, given: dict[str, Any]) -> dict[str, Any]:
        try:
            return {"id": number, "ok": self._do(verb, given)}
        except CcdError as wrong:
            return {"id": number, "error": {"code": wrong.code, "text": str(wrong)}}
        except Exception:
            log.exception("verb_failed", verb=verb)
            return {"id": number, "error": {"code": "error", "text": f"{verb} failed inside ccd; its log says why"}}

    def _follow(self, client: _Client, errands: bool) -> None:
        grew = Event()
        grew.set()
        self._followers.add(grew)
        work = self._work if errands else None
        if work is not None:
            work.attach(grew, grew.set)
        told: tuple[int, int] | None = None
        try:
            while True:
                grew.wait()
                grew.clear()
                while work is not None and (line := work.next_line(grew)) is not None:
                    client.send_line(line)
                if (place := self._journal()) != told:
                    told = place
                    client.send({"journal": {"segment": place[0], "offset": place[1]}})
        except OSError:
            return
        finally:
            self._followers.discard(grew)
            if work is not None:
                work.detach(grew)


class _Client:
    """One connection. Answers and what a follower is told go out by two greenlets, a whole line at a time."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._sending = Semaphore()

    def send(self, message: dict[str, Any]) -> None:
        self.send_line(json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode() + b"\n")

    def send_line(self, line: bytes) -> None:
        with self._sending:
            self._sock.sendall(line)
