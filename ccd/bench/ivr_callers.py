"""Callers for `bench ivr` who are no telephones: SIP just enough to be answered, and keys as RTP telephone events.

A FreeSWITCH that played 500 of them would need a processor of its own, and they stand for other machines. What the switch
sends them is never read: the kernel throws it away as soon as their one socket is full.
"""

from __future__ import annotations

import re
import struct
import uuid
from dataclasses import dataclass, field

import gevent
from gevent import socket
from gevent.pool import Group

from ccd.lab.ports import HOST
from ccd.lab.sip import parse, request
from ccd.lab.stories import CallerScript

_PCMA, _EVENTS = 8, 101
_PACKET_S, _PACKET = 0.02, 160
_BEFORE_END, _ENDS = 3, 3


@dataclass(slots=True)
class _Call:
    """One caller's dialogue. `rtp_port` is the switch's, 0 until it has answered."""

    script: CallerScript
    uri: str
    headers: dict[str, str]
    rtp_port: int = 0
    sequence: int = 0
    timestamp: int = field(default=_PACKET)


class BareCallers:
    """All callers behind one SIP socket and one RTP socket. They dial once, wait for the answer, and press their keys."""

    def __init__(self, switch_port: int) -> None:
        self._switch = (HOST, switch_port)
        self._calls: dict[str, _Call] = {}
        self._sip = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._sip.bind((HOST, 0))
        self._rtp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._rtp.bind((HOST, 0))
        self._offer = _offer(self._rtp.getsockname()[1])
        self._acts = Group()
        self._acts.spawn(self._listen)

    @property
    def answered(self) -> int:
        """How many were answered."""
        return sum(one.rtp_port > 0 for one in self._calls.values())

    def call(self, script: CallerScript) -> None:
        """Let one dial now."""
        call_id, own = uuid.uuid4().hex, self._sip.getsockname()[1]
        uri = f"sip:{script.dialled}@{HOST}:{self._switch[1]}"
        headers = {
            "Via": f"SIP/2.0/UDP {HOST}:{own};branch=z9hG4bK{call_id}",
            "Max-Forwards": "70",
            "From": f"<sip:{script.number}@{HOST}:{own}>;tag={call_id[:8]}",
            "To": f"<{uri}>",
            "Call-ID": call_id,
        }
        self._calls[call_id] = _Call(script, uri, headers)
        more = {"CSeq": "1 INVITE", "Contact": f"<sip:bench@{HOST}:{own}>", "Content-Type": "application/sdp"}
        self._sip.sendto(request("INVITE", uri, headers | more, self._offer), self._switch)

    def close(self) -> None:
        """They are no more; the switch is not told."""
        self._acts.kill()
        self._sip.close()
        self._rtp.close()

    def _listen(self) -> None:
        while True:
            data = self._sip.recv(65535)
            first, headers = parse(data)
            call = self._calls.get(headers.get("call-id", ""))
            if call is not None and first.startswith("SIP/2.0 200") and headers.get("cseq") == "1 INVITE":
                self._on_answer(call, headers["to"], data)

    def _on_answer(self, call: _Call, to: str, data: bytes) -> None:
        ack = call.headers | {"To": to, "CSeq": "1 ACK"}
        self._sip.sendto(request("ACK", call.uri, ack), self._switch)
        found = re.search(rb"\r\nm=audio (\d+) ", data)
        if call.rtp_port or found is None:
            return  # a 200 again: its ACK came late
        call.rtp_port = int(found.group(1))
        for at_ms, key in call.script.keys:
            press = gevent.Greenlet(self._press, call, key)
            self._acts.add(press)
            press.start_later(at_ms / 1000)

    def _press(self, call: _Call, key: str) -> None:
        """RFC 4733 §2.5: reports of a growing duration under one time stamp, and the last one three times."""
        call.timestamp += 8 * _PACKET
        code = "0123456789*#ABCD".index(key)
        for number in range(1, _BEFORE_END + _ENDS + 1):
            ended = number > _BEFORE_END
            duration = min(number, _BEFORE_END + 1) * _PACKET
            call.sequence = (call.sequence + 1) & 0xFFFF
            marker = 0x80 if number == 1 else 0
            head = struct.pack("!BBHII", 0x80, marker | _EVENTS, call.sequence, call.timestamp, call.rtp_port)
            event = struct.pack("!BBH", code, 0x8A if ended else 0x0A, duration)
            self._rtp.sendto(head + event, (HOST, call.rtp_port))
            if not ended:
                gevent.sleep(_PACKET_S)


def _offer(rtp_port: int) -> str:
    """An SDP offer of A-law and telephone events in packets of 20 ms."""
    lines = (
        "v=0",
        f"o=- 1 1 IN IP4 {HOST}",
        "s=-",
        f"c=IN IP4 {HOST}",
        "t=0 0",
        f"m=audio {rtp_port} RTP/AVP {_PCMA} {_EVENTS}",
        f"a=rtpmap:{_EVENTS} telephone-event/8000",
        "a=ptime:20",
        "",
    )
    return "\r\n".join(lines)
