"""gevent's WSGI server on the control socket: who may connect is the socket's file mode, who did is asked of the kernel."""

from __future__ import annotations

import contextlib
import grp
import os
import re
import stat
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import structlog
from gevent import socket
from gevent.pool import Pool
from gevent.pywsgi import WSGIHandler, WSGIServer

from ccd.base.errors import Refused
from ccd.side.http.exchange import MAX_BODY, peer_name

log = structlog.get_logger(__name__)

_MOST_CONNECTIONS = 200
_MOST_READ_AWAY = 1_000_000  # closing on unread bytes would lose the answer, so a moderate body is read and refused
MOST_IMPORTED = 256_000_000
_IMPORT = re.compile(r"/v1/lists/[a-z]{1,20}/import(\?.*)?")  # what comes there goes to a file, block by block
_SILENCE_S = 30.0
_CREDENTIALS = struct.Struct("3i")


class _Handler(WSGIHandler):  # type: ignore[misc]
    """One connection; silence for 30 s ends it."""

    def __init__(self, sock: Any, address: Any, server: Any, rfile: Any = None) -> None:
        sock.settimeout(_SILENCE_S)
        super().__init__(sock, ("local", 0), server, rfile)

    def handle_one_request(self) -> Any:
        try:
            return super().handle_one_request()
        except TimeoutError:
            return None

    def handle_one_response(self) -> None:
        """A body that is too large is refused unread, and the connection ends: there is nothing to wait for."""
        most = MOST_IMPORTED if _IMPORT.fullmatch(str(self.path)) else _MOST_READ_AWAY
        if (self.content_length or 0) <= most:
            super().handle_one_response()
            return
        text = b'{"error": {"code": "too_large", "text": "the body may have %d bytes"}}\n' % MAX_BODY
        head = b"HTTP/1.1 413 Content Too Large\r\nConnection: close\r\nContent-Type: application/json\r\n"
        self.close_connection = True
        self.socket.sendall(head + b"Content-Length: %d\r\n\r\n" % len(text) + text)

    def get_environ(self) -> dict[str, Any]:
        environ: dict[str, Any] = super().get_environ()
        data = self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
        pid, uid, _ = _CREDENTIALS.unpack(data)
        environ["ccd.peer"] = peer_name(uid, pid)
        return environ


class _ErrorLines:
    """Where pywsgi writes what it has to complain about."""

    def write(self, text: str) -> None:
        if text.strip():
            log.warning("http_server_said", text=text.strip()[:500])

    def flush(self) -> None:
        """Nothing is kept back."""


class ControlServer:
    """Serves an application on a unix socket."""

    def __init__(self, app: Callable[..., Any], path: str, *, mode: int = 0o660, group: str = "") -> None:
        self._path = Path(path)
        self._listener = _listen(self._path, mode, group)
        self._identity = self._path.stat().st_ino
        self._server = WSGIServer(
            self._listener,
            app,
            log=None,
            error_log=_ErrorLines(),
            handler_class=_Handler,
            spawn=Pool(_MOST_CONNECTIONS),
        )

    def start(self) -> None:
        """Begin to serve."""
        self._server.start()
        log.info("control_socket_open", path=str(self._path))

    def stop(self) -> None:
        """Take no new requests, give running ones a second, and remove the socket if it is still ours."""
        self._server.stop(timeout=1)
        with contextlib.suppress(FileNotFoundError):
            if self._path.stat().st_ino == self._identity:
                self._path.unlink()


def _listen(path: Path, mode: int, group: str) -> socket.socket:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o755)
    _remove_stale(path)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)  # nobody else may connect before mode and group stand
    try:
        listener.bind(str(path))
    finally:
        os.umask(before)
    if group:
        os.chown(path, -1, grp.getgrnam(group).gr_gid)
    path.chmod(mode)
    listener.listen(128)
    listener.setblocking(False)
    return listener


def _remove_stale(path: Path) -> None:
    """A socket that nobody answers is left over from a crash; one that answers, or no socket at all, is not ours."""
    try:
        kind = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(kind):
        raise Refused(f"{path} is there already and is not a socket")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink(missing_ok=True)
            return
        except OSError as error:
            raise Refused(f"{path} is in use: {error.strerror or error}") from None
    raise Refused(f"{path} is in use: another ccd answers there")
