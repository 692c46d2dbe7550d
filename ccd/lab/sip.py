"""As much SIP over UDP as the lab needs beside FreeSWITCH: registering phones, and hearing a phone that never replies."""

from __future__ import annotations

import hashlib
import re
import uuid
from collections.abc import Callable, Mapping

import gevent
from gevent import socket

from ccd.base.errors import SwitchRefused, SwitchTimeout
from ccd.lab.ports import HOST

_RESEND_S = (0.5, 1.0, 2.0)


def request(method: str, uri: str, headers: Mapping[str, str], body: str = "") -> bytes:
    """A SIP request as it goes on the wire; headers are taken as they are, whatever stands in them."""
    lines = [f"{method} {uri} SIP/2.0", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, f"Content-Length: {len(body.encode())}", "", body]).encode()


def parse(data: bytes) -> tuple[str, dict[str, str]]:
    """First line and headers (names in lower case, the last of several wins) of a message."""
    head = data.decode(errors="replace").partition("\r\n\r\n")[0]
    first, *lines = head.split("\r\n")
    pairs = (line.partition(":") for line in lines)
    return first, {name.strip().lower(): value.strip() for name, _, value in pairs}


def user_of(address: str) -> str:
    """The user part of a SIP address or a header that holds one."""
    found = re.search(r"sips?:([^@;>]*)@", address)
    return found.group(1) if found else ""


class Registration:
    """One phone's place in the registrar's book."""

    def __init__(self, user: str, password: str, domain: str, registrar_port: int) -> None:
        self._user, self._password, self._domain = user, password, domain
        self._registrar = (HOST, registrar_port)
        self._call_id = uuid.uuid4().hex
        self._sequence = 0

    def put(self, contact_port: int) -> None:
        """The phone is at `contact_port` of 127.0.0.1 from now on."""
        self._send(f"<sip:{self._user}@{HOST}:{contact_port}>", expires=3600)

    def remove(self) -> None:
        """The phone is nowhere."""
        self._send("*", expires=0)

    def _send(self, contact: str, expires: int) -> None:
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            sock.bind((HOST, 0))
            status, headers = self._ask(sock, contact, expires, None)
            if status in (401, 407):
                challenge = headers.get("www-authenticate", headers.get("proxy-authenticate", ""))
                status, headers = self._ask(sock, contact, expires, challenge)
            if status != 200:
                raise SwitchRefused(f"REGISTER of {self._user}: {status}")
        finally:
            sock.close()

    def _ask(
        self, sock: socket.socket, contact: str, expires: int, challenge: str | None
    ) -> tuple[int, dict[str, str]]:
        self._sequence += 1
        me = f"<sip:{self._user}@{self._domain}>"
        headers = {
            "Via": f"SIP/2.0/UDP {HOST}:{sock.getsockname()[1]};branch=z9hG4bK{uuid.uuid4().hex}",
            "Max-Forwards": "70",
            "From": f"{me};tag={uuid.uuid4().hex[:8]}",
            "To": me,
            "Call-ID": self._call_id,
            "CSeq": f"{self._sequence} REGISTER",
            "Contact": contact,
            "Expires": str(expires),
        }
        if challenge is not None:
            headers["Authorization"] = self._answer(challenge)
        message = request("REGISTER", f"sip:{self._domain}", headers)
        for patience in _RESEND_S:
            sock.sendto(message, self._registrar)
            with gevent.Timeout(patience, False):
                while True:
                    first, found = parse(sock.recv(65535))
                    status = int(first.split()[1])
                    if status >= 200:
                        return status, found
        raise SwitchTimeout(f"REGISTER of {self._user}: no reply")

    def _answer(self, challenge: str) -> str:
        wants = dict(re.findall(r'(\w+)="?([^",]+)"?', challenge))
        uri, count, own = f"sip:{self._domain}", "00000001", uuid.uuid4().hex[:16]
        who = _md5(f"{self._user}:{wants['realm']}:{self._password}")
        response = _md5(f"{who}:{wants['nonce']}:{count}:{own}:auth:{_md5(f'REGISTER:{uri}')}")
        return (
            f'Digest username="{self._user}", realm="{wants["realm"]}", nonce="{wants["nonce"]}", uri="{uri}", '
            f'response="{response}", algorithm=MD5, qop=auth, nc={count}, cnonce="{own}"'
        )


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


class MutePhones:
    """A port where phones are registered that died: it hears INVITEs and never says a word."""

    def __init__(self, port: int, on_invite: Callable[[str, str], None]) -> None:
        self._on_invite = on_invite
        self._seen: set[str] = set()
        self._sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._sock.bind((HOST, port))
        self._listener = gevent.spawn(self._listen)

    def close(self) -> None:
        """Stop listening."""
        self._listener.kill()
        self._sock.close()

    def _listen(self) -> None:
        while True:
            first, headers = parse(self._sock.recv(65535))
            if first.startswith("INVITE ") and headers.get("call-id", "") not in self._seen:
                self._seen.add(headers.get("call-id", ""))
                self._on_invite(user_of(first), user_of(headers.get("from", "")))
