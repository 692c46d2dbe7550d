"""A telephone that is a socket: it answers every INVITE with the SIP status that a test wants, after a ring or without one."""

from __future__ import annotations

import uuid

import gevent
from gevent import socket

from ccd.lab.ports import HOST
from ccd.lab.sip import parse

_ECHOED = ("Via", "From", "To", "Call-ID", "CSeq")


class RawPhone:
    """`status` 0 says nothing at all (dead), 180 rings until it is told to stop."""

    def __init__(self, status: int, *, rings: bool = False) -> None:
        self.invites = 0
        self.stopped = 0
        self._status, self._rings = status, rings
        self._sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._sock.bind((HOST, 0))
        self._seen: set[str] = set()
        self._invite: dict[str, str] = {}
        self._tag = uuid.uuid4().hex
        self._listener = gevent.spawn(self._listen)

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._sock.getsockname()[1])

    def close(self) -> None:
        """Stop listening."""
        self._listener.kill()
        self._sock.close()

    def _listen(self) -> None:
        while True:
            data, sender = self._sock.recvfrom(65535)
            first, headers = parse(data)
            if first.startswith("INVITE "):
                self._rung(headers, sender)
            elif first.startswith("CANCEL "):
                self.stopped += 1
                self._reply(200, headers, sender)
                self._reply(487, self._invite, sender)

    def _rung(self, headers: dict[str, str], sender: tuple[str, int]) -> None:
        again = headers["call-id"] in self._seen
        self._seen.add(headers["call-id"])
        self._invite = headers
        self.invites += not again
        if not self._status:
            return
        self._reply(100, headers, sender)
        if self._rings or self._status == 180:
            self._reply(180, headers, sender)
        if self._status != 180:
            if self._rings:
                gevent.sleep(0.2)
            self._reply(self._status, headers, sender)

    def _reply(self, status: int, headers: dict[str, str], sender: tuple[str, int]) -> None:
        lines = [f"{name}: {headers[name.lower()]}" for name in _ECHOED]
        if status > 100:
            lines = [
                f"{line};tag={self._tag}" if line.startswith("To: ") and ";tag=" not in line else line for line in lines
            ]
        contact = f"<sip:elsewhere@{HOST}:9>" if status == 302 else f"<sip:raw@{HOST}:{self.port}>"
        text = [f"SIP/2.0 {status} So", *lines, f"Contact: {contact}", "Content-Length: 0", "", ""]
        self._sock.sendto("\r\n".join(text).encode(), sender)
