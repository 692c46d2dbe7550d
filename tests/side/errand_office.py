"""The office process as core starts it, with a scripted core that gives it errands, and a web server that nobody should trust."""

from __future__ import annotations

import contextlib
import http.server
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gevent

from tests.office_world import FakeCore, in_thread


class Rogue(http.server.ThreadingHTTPServer):
    """A web server whose paths say how it misbehaves; `asked` are the requests that it got."""

    daemon_threads = True

    def __init__(self, certificate: Path | None = None) -> None:
        """With a certificate and its key it speaks TLS."""
        super().__init__(("127.0.0.1", 0), _Answers)
        self.asked: list[tuple[str, str, dict[str, str], bytes]] = []
        self.leave = threading.Event()
        self.url = f"http://127.0.0.1:{self.server_port}"
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self.socket = context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)
            self.url = self.url.replace("http:", "https:")
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, *_: Any) -> None:
        """Clients go away; that is what the tests want."""

    def close(self) -> None:
        self.leave.set()
        self.shutdown()
        self.server_close()


class _Answers(http.server.BaseHTTPRequestHandler):
    server: Rogue
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: Any) -> None:
        """Say nothing."""

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.asked.append((self.command, self.path, dict(self.headers), body))
        with contextlib.suppress(OSError):
            getattr(self, "say_" + self.path.split("/")[1].partition("?")[0], self.say_json)()

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = answer

    def says(self, body: bytes, status: int = 200, **headers: str) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def say_json(self) -> None:
        self.says(b'{"a": {"b": [{"c": "x"}], "n": 12.50, "z": null}, "t": true}')

    def say_late(self) -> None:
        """The headers, and the body when they have been read; it says that it will close, or is of HTTP/1.0, and closes."""
        version = self.path.split("/")[2].encode()
        how = b"Connection: close\r\nContent-Length: 11\r\n" if version == b"1.1" else b""
        self.wfile.write(b"HTTP/" + version + b" 200 OK\r\n" + how + b"\r\n")
        self.server.leave.wait(0.05)
        self.wfile.write(b'{"t": true')
        self.server.leave.wait(0.02)
        self.wfile.write(b"}")
        self.close_connection = True

    def say_cut(self) -> None:
        """Less than was promised."""
        self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 200\r\n\r\n{")
        self.close_connection = True

    def say_farewell(self) -> None:
        """A body that ends with TLS's own goodbye, which few servers say."""
        self.wfile.write(b'HTTP/1.0 200 OK\r\n\r\n{"t": true}')
        assert isinstance(self.connection, ssl.SSLSocket)
        self.connection.unwrap()
        self.close_connection = True

    def say_status(self) -> None:
        self.says(b"no", int(self.path.split("/")[2]))

    def say_raw(self) -> None:
        self.says(bytes.fromhex(self.path.split("/")[2]))

    def say_huge(self) -> None:
        self.says(b'{"a": "' + b"x" * 10_000_000 + b'"}')

    def say_chunks(self) -> None:
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        while not self.server.leave.is_set():
            self.wfile.write(b"1000\r\n" + b"x" * 0x1000 + b"\r\n")

    def say_continues(self) -> None:
        while not self.server.leave.is_set():
            self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n" * 500)

    def say_headers(self) -> None:
        self.wfile.write(b"HTTP/1.1 200 OK\r\n")
        while not self.server.leave.is_set():
            self.wfile.write(b"X-A: " + b"a" * 1000 + b"\r\n")

    def say_slowly(self) -> None:
        """A byte now and then: no single read ever takes long."""
        self.send_response(200)
        self.send_header("Content-Length", "5000")
        self.end_headers()
        while not self.server.leave.wait(0.05):
            self.wfile.write(b" ")

    def say_nothing(self) -> None:
        self.server.leave.wait(30)

    def say_bye(self) -> None:
        self.connection.shutdown(socket.SHUT_RDWR)

    def say_zipped(self) -> None:
        self.says(b"\x1f\x8b", Content_Encoding="gzip")

    def say_again(self) -> None:
        left = int(self.path.split("/")[2])
        self.says(b"", 302, Location=f"/again/{left - 1}" if left else "/json")

    def say_elsewhere(self) -> None:
        self.says(b"", 302, Location="http://169.254.169.254/latest/meta-data")


class ErrandOffice:
    """`ccd side` with these settings, and its core. `does` gives it an errand and waits for its answer."""

    def __init__(self, folder: Path, settings: dict[str, Any]) -> None:
        self.folder = folder
        self.core = FakeCore(folder / "core.sock")
        self.core.start()
        (folder / "flows").mkdir()
        (folder / "state" / "spool").mkdir(parents=True)
        written = {"state_dir": str(folder / "state"), "run_dir": str(folder), "flows_dir": str(folder / "flows")}
        (folder / "ccd.yaml").write_text(json.dumps(written | settings, ensure_ascii=False))
        with (folder / "log").open("wb") as log:
            self.child = subprocess.Popen(
                [sys.executable, "-m", "ccd", "side", "-c", str(folder / "ccd.yaml"), "--core", str(self.core.path)],
                stderr=log,
            )
        self.soon(lambda: ("journal.follow", {"errands": True}) in self.core.asked, 30)

    def soon(self, true: Callable[[], Any], seconds: float = 15) -> Any:
        with gevent.Timeout(seconds):
            while not (found := true()):
                gevent.sleep(0.01)
        return found

    def begins(self, kind: str, timeout_ms: int = 5_000, **given: Any) -> str:
        errand_id = str(uuid.uuid4())
        errand = {"id": errand_id, "kind": kind, "timeout_ms": timeout_ms, "with": given}
        self.core.push(json.dumps({"errand": errand}).encode())
        return errand_id

    def answer(self, errand_id: str) -> dict[str, Any]:
        def found() -> dict[str, Any] | None:
            told = [given for verb, given in self.core.asked if verb == "errands.done" and given["id"] == errand_id]
            return told[0] if told else None

        answer: dict[str, Any] = dict(self.soon(found))
        del answer["id"]
        return answer

    def does(self, kind: str, timeout_ms: int = 5_000, **given: Any) -> dict[str, Any]:
        return self.answer(self.begins(kind, timeout_ms, **given))

    def sockets(self) -> int:
        """How many the office holds open."""
        held = (os.readlink(file) for file in Path(f"/proc/{self.child.pid}/fd").iterdir())
        return sum(name.startswith("socket:") for name in held)

    def log(self) -> str:
        return (self.folder / "log").read_text()

    def close(self) -> None:
        self.child.send_signal(signal.SIGTERM)
        in_thread(self.child.wait, 10)
        self.core.stop()


def wait_for(path: Path, seconds: float = 10) -> None:
    """A file that a program of the test writes."""
    deadline = time.monotonic() + seconds
    while not path.exists():
        assert time.monotonic() < deadline, f"{path} is not there"
        gevent.sleep(0.01)
