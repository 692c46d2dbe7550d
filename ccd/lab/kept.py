"""A demo that was kept: one that stays lets callers dial for whoever asks in its folder, real or simulated.

`ccd demo --keep` serves a socket there, `ccd demo --call FOLDER` asks on it. Each connection is one caller; what becomes
of him comes back line by line.
"""

from __future__ import annotations

import os
import random
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gevent
from gevent.server import StreamServer

from ccd.base.errors import DaemonUnreachable
from ccd.lab.demo_story import DIALLED, PHONES
from ccd.lab.stories import CallerDiary, CallerScript, PhoneScript, Ring
from ccd.lab.worlds import World

ANSWER_MS, TALK_MS = 2_000, 20_000
_KEY = (1_200, "1")
_LOOK_S = 0.2


class Kept:
    """The socket of a kept demo, served between `start` and `close`."""

    def __init__(self, folder: Path, world: World) -> None:
        self._path = _socket_in(folder)
        self._world = world
        self._server: StreamServer | None = None

    def start(self) -> None:
        """Serve; from now on the phones answer every ring and talk long enough to be looked at."""
        for name in PHONES:
            self._world.phone(PhoneScript(name, (Ring("answer", ANSWER_MS, TALK_MS),)))
        listener = gevent.socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listener.bind(str(self._path))
        self._path.chmod(0o600)
        listener.listen(16)
        self._server = StreamServer(listener, self._serve)
        self._server.start()

    def close(self) -> None:
        """Serve no more; whoever still listens to a call hears that the demo ended."""
        if self._server is not None:
            self._server.stop(timeout=0)
            self._path.unlink(missing_ok=True)

    def _serve(self, sock: Any, _address: Any) -> None:
        try:
            for line in self._story_of_a_call():
                sock.sendall(f"{line}\n".encode())
        except OSError:
            return  # nobody listens any more; the caller talks on

    def _story_of_a_call(self) -> Iterator[str]:
        taken = {diary.number for diary in self._world.callers()}
        number = next(one for one in iter(_any_number, "") if one not in taken)
        self._world.call(CallerScript(number=number, dialled=DIALLED, keys=(_KEY,)))
        yield f"{number} dials {DIALLED} and presses {_KEY[1]}"
        talks = False
        while True:
            gevent.sleep(_LOOK_S)
            diary = next((one for one in self._world.callers() if one.number == number), None)
            if diary is None or diary.started_at is None:
                continue
            if diary.connected_at is not None and not talks:
                talks = True
                yield f"talks to phone {diary.connected_phone} after {_seconds(diary, diary.connected_at)}"
            if diary.ended_at is not None:
                by = "the caller" if diary.ended_by == "caller" else "the other side"
                yield f"over after {_seconds(diary, diary.ended_at)}: {by} hung up"
                return


def place(folder: Path) -> int:
    """Have a caller dial in the demo that is kept in `folder`, and tell what becomes of him; 0 when his call is over."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        try:
            sock.connect(str(_socket_in(folder)))
        except OSError:
            raise DaemonUnreachable(
                f"no demo is kept in {folder}; start one: ccd demo --keep --folder {folder}"
            ) from None
        line = ""
        with sock.makefile("r", encoding="utf-8") as lines:
            for line in lines:
                sys.stdout.write(line)
                sys.stdout.flush()
    if not line.startswith("over"):
        raise DaemonUnreachable("the demo has ended")
    return 0


def ccd_itself() -> str:
    """How this very ccd is called, wherever it is installed."""
    beside = Path(sys.executable).with_name("ccd")
    return str(beside) if os.access(beside, os.X_OK) else f"{sys.executable} -m ccd"


def _any_number() -> str:
    return f"139{random.randrange(10**8):08d}"


def _seconds(diary: CallerDiary, at: int) -> str:
    return f"{(at - (diary.started_at or at)) / 1e6:.1f} s"


def _socket_in(folder: Path) -> Path:
    return folder / "call.sock"
