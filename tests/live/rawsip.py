"""A caller that no telephone is: an INVITE whose every value can be chosen, answered just enough to go on."""

from __future__ import annotations

import uuid

import gevent
from gevent import socket
from gevent.event import AsyncResult

from ccd.lab.ports import HOST
from ccd.lab.sip import parse, request


class RawCall:
    """One INVITE sent; the replies are acknowledged, a BYE is answered, and no sound is ever sent."""

    def __init__(self, port: int, uri: str, from_header: str, headers: dict[str, str]) -> None:
        self.call_id = uuid.uuid4().hex
        self.final: AsyncResult[dict[str, str]] = AsyncResult()  # the headers of the final reply
        self._sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._sock.bind((HOST, 0))
        self._sock.connect((HOST, port))
        own = self._sock.getsockname()[1]
        self._uri = uri
        self._base = {
            "Via": f"SIP/2.0/UDP {HOST}:{own};branch=z9hG4bK{uuid.uuid4().hex}",
            "Max-Forwards": "70",
            "From": from_header,
            "To": f"<{uri}>",
            "Call-ID": self.call_id,
        }
        body = f"v=0\r\no=- 1 1 IN IP4 {HOST}\r\ns=-\r\nc=IN IP4 {HOST}\r\nt=0 0\r\nm=audio {own} RTP/AVP 8\r\n"
        more = {"CSeq": "1 INVITE", "Contact": f"<sip:raw@{HOST}:{own}>", "Content-Type": "application/sdp"}
        self._sock.send(request("INVITE", uri, {**self._base, **more, **headers}, body))
        self._listener = gevent.spawn(self._listen)

    def close(self) -> None:
        """Stop answering."""
        self._listener.kill()
        self._sock.close()

    def _listen(self) -> None:
        while True:
            data = self._sock.recv(65535)
            if data[:1].isalpha():
                self._hear(data)

    def _hear(self, data: bytes) -> None:
        first, headers = parse(data)
        if first.startswith("SIP/2.0 ") and headers.get("cseq") == "1 INVITE" and int(first.split()[1]) >= 200:
            ack = {**self._base, "To": headers["to"], "CSeq": "1 ACK"}
            self._sock.send(request("ACK", self._uri, ack))
            self.final.set(headers)
        elif first.startswith("BYE "):
            echoed = {name: headers[name.lower()] for name in ("Via", "From", "To", "Call-ID", "CSeq")}
            lines = [f"{name}: {value}" for name, value in echoed.items()]
            self._sock.send("\r\n".join(["SIP/2.0 200 OK", *lines, "Content-Length: 0", "", ""]).encode())


def invite_with(port: int, value: str, place: str) -> RawCall:
    """A call that carries `value` in one place, or in all."""
    escaped = "".join(c if c.isalnum() else f"%{ord(c):02x}" for c in value)
    user = escaped if place in ("from_user", "all") else "13800138000"
    name = value if place in ("display_name", "all") else "Zhang San"
    dialled = escaped if place in ("dialled", "all") else "95500"
    headers = {}
    if place in ("x_header", "all"):
        headers = {"X-Note": value, "P-Asserted-Identity": f'"{value}" <sip:{user}@{HOST}>', "User-Agent": value}
        headers["Subject"] = value
    return RawCall(port, f"sip:{dialled}@{HOST}:{port}", f'"{name}" <sip:{user}@{HOST}>;tag=1', headers)
