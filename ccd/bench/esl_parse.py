"""How many events of a recorded stream are read per second of process CPU time: ours, greenswitch's, the C client's.

Each figure is taken over a real socket, fed by another process. Call one function per fresh process, so
that no figure depends on the heap another one left. `python -m ccd.bench.esl_parse NAME FILE` prints one
figure.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import gevent
import greenswitch
import msgspec
from gevent.event import Event

from ccd.bench.esl_feed import feed, load
from ccd.esl.connection import RECEIVE_BYTES, Connection
from ccd.esl.frame import FrameReader

DEADLINE_SECONDS = 120.0
# About what the switch layer reads of an event; a decoder that names its headers skips all others.
HEADERS = (
    "Event-Name",
    "Event-Subclass",
    "Core-UUID",
    "Event-Date-Timestamp",
    "Event-Sequence",
    "Unique-ID",
    "Channel-State",
    "Channel-Call-State",
    "Answer-State",
    "Call-Direction",
    "Caller-Caller-ID-Number",
    "Caller-Caller-ID-Name",
    "Caller-Destination-Number",
    "Caller-Context",
    "Other-Leg-Unique-ID",
    "Hangup-Cause",
    "Application",
    "Application-Data",
    "Application-UUID",
    "Job-UUID",
    "DTMF-Digit",
    "variable_call_uuid",
    "Bridge-A-Unique-ID",
    "Bridge-B-Unique-ID",
    "_body",
)
Headers = msgspec.defstruct(
    "Headers",
    [(name.replace("-", "_"), str, "") for name in HEADERS],
    rename={name.replace("-", "_"): name for name in HEADERS},
    gc=False,
)

Decode = Callable[[bytes], object]


def typed_decode() -> Decode:
    """Decode a body into a struct of the headers that are read."""
    return msgspec.json.Decoder(Headers).decode


def count_events(raw: bytes) -> int:
    """How many events the stream holds."""
    return len(FrameReader().feed(raw))


def frames_per_s(raw: bytes, decode: Decode | None = None) -> float:
    """Framing and decoding alone, without a socket."""
    decode = decode or typed_decode()
    chunks = [raw[at : at + RECEIVE_BYTES] for at in range(0, len(raw), RECEIVE_BYTES)]
    reader, events = FrameReader(), 0
    began = time.process_time()
    for chunk in chunks:
        for frame in reader.feed(chunk):
            decode(frame.body)
            events += 1
    return events / (time.process_time() - began)


def ours_per_s(raw: bytes, decode: Decode | None = None) -> float:
    """ccd's connection on the JSON stream, every body decoded as the switch layer does it."""
    decode = decode or typed_decode()
    expected, seen, done = count_events(raw), 0, Event()

    def on_events(bodies: list[bytes]) -> None:
        nonlocal seen
        for body in bodies:
            decode(body)
        seen += len(bodies)
        if seen >= expected:
            done.set()

    with _fed(raw) as port:
        connection = Connection("127.0.0.1", port, "ClueCon", on_events=on_events)
        connection.connect()
        began = time.process_time()
        connection.tell("event json ALL")
        _finished(done)
        spent = time.process_time() - began
        connection.stop()
    return expected / spent


def greenswitch_per_s(raw: bytes) -> float:
    """greenswitch as it runs, on the plain stream, with one handler that counts."""
    expected, seen, done = count_events(raw), 0, Event()

    def handler(event: object) -> None:
        nonlocal seen
        seen += 1
        if seen >= expected:
            done.set()

    with _fed(raw) as port:
        peer = greenswitch.InboundESL("127.0.0.1", port, "ClueCon")
        peer.connect()
        peer.register_handle("*", handler)
        began = time.process_time()
        peer.send("event plain ALL")
        _finished(done)
        spent = time.process_time() - began
        peer.stop()
    return expected / spent


def libesl_per_s(raw: bytes, library: str | None = None) -> float | None:
    """FreeSWITCH's C client on the plain stream; None where its library (CCD_LIBESL, or the linker's) is not found."""
    found = library or os.environ.get("CCD_LIBESL") or ctypes.util.find_library("esl")
    if found is None:
        return None
    try:
        esl = ctypes.CDLL(found)
        connect, receive, send = esl.esl_connect_timeout, esl.esl_recv_event, esl.esl_send
    except (OSError, AttributeError):
        return None
    expected = count_events(raw)
    handle = ctypes.create_string_buffer(
        256 * 1024
    )  # an esl_handle_t is about 70 kB, its layout is no business of ours
    with _fed(raw) as port:
        if connect(handle, b"127.0.0.1", ctypes.c_uint16(port), None, b"ClueCon", 5000) != 0:
            return None
        send(handle, b"event plain ALL")
        if receive(handle, 0, None) != 0:  # the reply to it
            return None
        began = time.process_time()
        for _ in range(expected):
            if receive(handle, 0, None) != 0:
                return None
        spent = time.process_time() - began
        esl.esl_disconnect(handle)
    return expected / spent


@contextmanager
def _fed(raw: bytes) -> Iterator[int]:
    with tempfile.NamedTemporaryFile() as file:
        file.write(raw)
        file.flush()
        with feed(file.name) as port:
            yield port


def _finished(done: Event) -> None:
    with gevent.Timeout(DEADLINE_SECONDS):
        done.wait()


FIGURES: dict[str, Callable[[bytes], float | None]] = {
    "frames": frames_per_s,
    "ours": ours_per_s,
    "greenswitch": greenswitch_per_s,
    "libesl": libesl_per_s,
}

if __name__ == "__main__":
    figure = FIGURES[sys.argv[1]](load(sys.argv[2]))
    print("null" if figure is None else round(figure))
