"""The bench's callers, against a switch that is only a socket: they dial, acknowledge, and press keys as telephone events."""

from __future__ import annotations

import struct
from collections.abc import Iterator

import pytest
from gevent import socket

from ccd.bench.ivr_callers import BareCallers
from ccd.lab.ports import HOST
from ccd.lab.sip import parse, user_of
from ccd.lab.stories import CallerScript


def _port() -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind((HOST, 0))
    sock.settimeout(5)
    return sock


@pytest.fixture
def switch() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Its SIP and its RTP socket."""
    pair = _port(), _port()
    yield pair
    for sock in pair:
        sock.close()


def test_a_caller_is_answered_and_presses_each_key_once(switch: tuple[socket.socket, socket.socket]) -> None:
    sip, rtp = switch
    callers = BareCallers(sip.getsockname()[1])
    try:
        callers.call(CallerScript(number="13800138000", dialled="4008", keys=((0, "1"), (200, "#"))))
        data, caller = sip.recvfrom(65535)
        first, headers = parse(data)
        assert (user_of(first), user_of(headers["from"])) == ("4008", "13800138000")
        answer = (
            f"SIP/2.0 200 OK\r\nCall-ID: {headers['call-id']}\r\nTo: {headers['to']};tag=switch\r\nCSeq: 1 INVITE\r\n\r\n"
            f"v=0\r\nm=audio {rtp.getsockname()[1]} RTP/AVP 8 101\r\n"
        )
        sip.sendto(answer.encode(), caller)
        sip.sendto(answer.encode(), caller)  # once more: its ACK was late, and he is the same caller

        acknowledged = parse(sip.recv(65535))
        packets = [struct.unpack("!BBHIIBBH", rtp.recv(1500)) for _ in range(12)]
        assert acknowledged[0].startswith("ACK ")
        assert acknowledged[1]["to"].endswith("tag=switch")
        assert callers.answered == 1
    finally:
        callers.close()
    keys = [packets[:6], packets[6:]]
    assert [{packet[5] for packet in one} for one in keys] == [{1}, {11}]
    assert [len({packet[3] for packet in one}) for one in keys] == [1, 1], "one time stamp a press"
    assert all([bool(packet[1] & 0x80) for packet in one] == [True] + [False] * 5 for one in keys), (
        "marked at its beginning"
    )
    assert all([bool(packet[6] & 0x80) for packet in one] == [False] * 3 + [True] * 3 for one in keys), (
        "its end told thrice"
    )
    assert [packet[2] for packet in packets] == list(range(1, 13))
