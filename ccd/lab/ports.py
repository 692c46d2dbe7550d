"""Ports of 127.0.0.1 for private instances: blocks that two programs never share.

A block is held by a socket bound to its first port for as long as its owner lives, so instances of parallel test runs
keep apart without a lock file.
"""

from __future__ import annotations

import random
import socket

_FIRST, _LAST, _SIZE = 4096, 32768, 2048  # below the ports that the kernel gives away itself

HOST = "127.0.0.1"


class PortBlock:
    """A block of free ports: a few by name, the rest for RTP."""

    def __init__(self) -> None:
        starts = list(range(_FIRST, _LAST, _SIZE))
        random.shuffle(starts)
        for start in starts:
            held = _bind(start, socket.SOCK_DGRAM)
            if held is None:
                continue
            if _is_free(start):
                self._held = held
                self._start = start
                break
            held.close()
        else:
            raise OSError("no free block of ports on 127.0.0.1")
        self.esl = self._start + 2
        self.trunk = self._start + 4
        self.phone = self._start + 6
        self.mute = self._start + 8  # bound by whoever plays a phone that never replies
        self.closed = self._start + 10  # nobody binds this one
        self.rtp_start = self._start + 16
        self.rtp_end = self._start + _SIZE - 2

    def release(self) -> None:
        """Let others have the block."""
        self._held.close()


def _is_free(start: int) -> bool:
    wanted = [(start + 2, socket.SOCK_STREAM)]
    wanted += [(start + offset, socket.SOCK_DGRAM) for offset in (4, 6, 8, 10, 16, 18, 512, 1024, 1536)]
    wanted += [(start + offset, socket.SOCK_STREAM) for offset in (4, 6)]
    for port, kind in wanted:
        bound = _bind(port, kind)
        if bound is None:
            return False
        bound.close()
    return True


def _bind(port: int, kind: int) -> socket.socket | None:
    sock = socket.socket(socket.AF_INET, kind)
    if kind == socket.SOCK_STREAM:  # a minute of TIME_WAIT behind the last owner is no reason; one who listens still is
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((HOST, port))
    except OSError:
        sock.close()
        return None
    return sock
