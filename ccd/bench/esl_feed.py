"""A process that plays a recorded event stream to one client: `python -m ccd.bench.esl_feed FILE [LAPS]`.

It prints its port, greets, takes any password, answers every command with +OK and, after an `event…`
command, writes the stream as fast as the client reads it. It runs beside the measured process so that its
CPU time does not count there.
"""

from __future__ import annotations

import lzma
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def load(path: str | Path) -> bytes:
    """The bytes of a recorded stream, unpacked if it is an .xz file."""
    data = Path(path).read_bytes()
    return lzma.decompress(data) if str(path).endswith(".xz") else data


@contextmanager
def feed(path: str | Path, laps: int = 1) -> Iterator[int]:
    """Run the feeding process; gives its port on 127.0.0.1."""
    command = [sys.executable, "-m", "ccd.bench.esl_feed", str(path), str(laps)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield int(process.stdout.readline())
        finally:
            process.kill()


def serve(stream: bytes, laps: int) -> None:
    """Serve one client and return when it has gone."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        print(server.getsockname()[1], flush=True)
        client, _ = server.accept()
    with client, client.makefile("rb") as lines:
        client.sendall(b"Content-Type: auth/request\n\n")
        command = b""
        for line in lines:
            if line != b"\n":
                command += line
                continue
            if command:
                client.sendall(b"Content-Type: command/reply\nReply-Text: +OK accepted\n\n")
            if command.startswith(b"exit"):
                return
            if command.lower().startswith(b"event"):
                for _ in range(laps):
                    client.sendall(stream)
            command = b""


if __name__ == "__main__":
    try:
        serve(load(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 1)
    except (BrokenPipeError, ConnectionResetError):
        sys.exit(0)  # the client has seen enough
