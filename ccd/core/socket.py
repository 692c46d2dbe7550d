"""Core's command socket: JSON lines on a unix socket, for side and nobody else; one greenlet a client."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import structlog
from gevent.event import Event
from gevent.server import StreamServer

from ccd.base.errors import CcdError
from ccd.base.greenlets import spawn

log = structlog.get_logger(__name__)

MAX_LINE = 16_000_000


class CommandSocket:
    """Listens on `path` (mode 0600). `do(verb, arguments)` answers a verb; `journal` tells how far the spool reaches."""

    def __init__(
        self, path: str, do: Callable[[str, dict[str, Any]], Any], journal: Callable[[], tuple[int, int]]
    ) -> None:
        self._path = path
        self._do = do
        self._journal = journal
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
        with sock, sock.makefile("rb") as lines:
            while line := lines.readline(MAX_LINE):
                try:
                    request = json.loads(line)
                    number, verb, given = request.get("id"), str(request["do"]), dict(request.get("with") or {})
                except (ValueError, KeyError, TypeError, AttributeError):
                    self._send(sock, {"id": None, "error": {"code": "refused", "text": "not a request"}})
                    continue
                if verb == "journal.follow":
                    self._send(sock, {"id": number, "ok": {}})
                    spawn("journal_follower", self._follow, sock)
                else:
                    self._send(sock, self._answer(number, verb, given))

    def _answer(self, number: Any, verb: str, given: dict[str, Any]) -> dict[str, Any]:
        try:
            return {"id": number, "ok": self._do(verb, given)}
        except CcdError as wrong:
            return {"id": number, "error": {"code": wrong.code, "text": str(wrong)}}
        except Exception:
            log.exception("verb_failed", verb=verb)
            return {"id": number, "error": {"code": "error", "text": f"{verb} failed inside ccd; its log says why"}}

    def _follow(self, sock: socket.socket) -> None:
        grew = Event()
        grew.set()
        self._followers.add(grew)
        try:
            while True:
                grew.wait()
                grew.clear()
                segment, offset = self._journal()
                self._send(sock, {"journal": {"segment": segment, "offset": offset}})
        except OSError:
            return
        finally:
            self._followers.discard(grew)

    def _send(self, sock: socket.socket, message: dict[str, Any]) -> None:
        sock.sendall(json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode() + b"\n")
