"""Frames are the same however the stream is cut, and a stream gone wrong has a name."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ccd.base.errors import SwitchError
from ccd.bench.esl_parse import count_events, frames_per_s
from ccd.esl.frame import EVENT_JSON, MAX_BODY_BYTES, Frame, FrameReader, WireError

DATA = Path(__file__).parent.parent / "data" / "esl"
EVENT = b'Content-Length: 21\nContent-Type: text/event-json\n\n{"Event-Name":"DTMF"}'
REPLY = b"Content-Type: command/reply\nReply-Text: +OK Job-UUID: 7f4e\nJob-UUID: 7f4e\n\n"
API = b"Content-Type: api/response\nContent-Length: 9\n\n+OK\n\nmore"
STREAM = b"Content-Type: auth/request\n\n" + REPLY + EVENT + EVENT + b"\n" + API + b"\n\n" + REPLY + EVENT


def as_tuples(frames: list[Frame]) -> list[tuple[str, dict[str, str], bytes]]:
    return [(frame.content_type, frame.headers, frame.body) for frame in frames]


def cut(stream: bytes, at: list[int]) -> list[Frame]:
    reader, frames, begin = FrameReader(), [], 0
    for end in [*sorted(at), len(stream)]:
        frames += reader.feed(stream[begin:end])
        begin = end
    assert reader.pending == 0
    return frames


def recorded(story: str) -> list[bytes]:
    """What the switch sent.

    Paths were made neutral after the recording, so the announced lengths are restated.
    """
    with gzip.open(DATA / f"{story}.jsonl.gz", "rt") as lines:
        return [restated(line["text"].encode()) for line in map(json.loads, lines) if line["from"] == "switch"]


def restated(message: bytes) -> bytes:
    head, gap, body = message.partition(b"\n\n")
    return re.sub(rb"(?<=Content-Length: )\d+", b"%d" % len(body), head) + gap + body


WHOLE = as_tuples(FrameReader().feed(STREAM))


def test_a_stream_in_one_piece_gives_its_frames_in_order():
    assert [kind for kind, _, _ in WHOLE] == [
        "auth/request",
        "command/reply",
        EVENT_JSON,
        EVENT_JSON,
        "api/response",
        "command/reply",
        EVENT_JSON,
    ]
    assert WHOLE[1][1]["Job-UUID"] == "7f4e"
    assert WHOLE[4][2] == b"+OK\n\nmore", "an empty line in a body ends nothing"


@given(st.lists(st.integers(0, len(STREAM)), max_size=12))
@settings(max_examples=300, deadline=None)
def test_frames_are_the_same_wherever_the_stream_is_cut(at):
    assert as_tuples(cut(STREAM, at)) == WHOLE


def test_frames_are_the_same_byte_by_byte():
    assert as_tuples(cut(STREAM, list(range(len(STREAM))))) == WHOLE


@given(st.lists(st.tuples(st.booleans(), st.binary(max_size=300)), max_size=8), st.data())
@settings(deadline=None)
def test_any_bodies_survive_any_cut(bodies, data):
    """Bodies hold line breaks, header names, anything: only the announced length counts."""
    kinds = (b"api/response", b"text/event-json")
    stream = b"".join(
        b"Content-Length: %d\nContent-Type: %b\n\n%b" % (len(body), kinds[is_event], body) for is_event, body in bodies
    )
    at = data.draw(st.lists(st.integers(0, len(stream)), max_size=8))
    assert [frame.body for frame in cut(stream, at)] == [body for _, body in bodies]


@pytest.mark.parametrize("story", ["queries", "ivr", "queue", "fails"])
def test_recorded_conversations_are_read_message_by_message(story):
    """Each recorded message is one frame, whether it comes alone or the stream is cut every 777 bytes."""
    messages = recorded(story)
    reader = FrameReader()
    alone = [reader.feed(message) for message in messages]
    assert all(len(frames) == 1 for frames in alone)
    stream = b"".join(messages)
    together = cut(stream, list(range(0, len(stream), 777)))
    assert as_tuples(together) == as_tuples([frame for frames in alone for frame in frames])
    for frame, message in zip(together, messages, strict=True):
        assert message.endswith(frame.body)


def test_a_line_break_in_a_value_forges_no_header():
    """%0A is decoded after the lines are split: a caller's name stays in its header."""
    stream = b"Content-Type: command/reply\nCaller-Name: Eve%0AReply-Text: +OK\nReply-Text: -ERR\n\n"
    (frame,) = FrameReader().feed(stream)
    assert frame.headers["Caller-Name"] == "Eve\nReply-Text: +OK"
    assert frame.reply_text == "-ERR"


def test_only_a_line_feed_ends_a_header_line():
    name = "a\u2028Content-Length: 7\x0bReply-Text: +OK\x85"
    (frame,) = FrameReader().feed(f"Content-Type: command/reply\nName: {name}\n\n".encode())
    assert set(frame.headers) == {"Content-Type", "Name"}


@pytest.mark.parametrize(
    "stream",
    [
        b"Content-Type: api/response\nContent-Length: nine\n\n",
        b"Content-Type: api/response\nContent-Length: -1\n\n",
        b"Content-Type: api/response\nContent-Length: 1_0\n\n",
        "Content-Type: api/response\nContent-Length: \u00b2\n\n".encode(),
        b"Content-Length: \nContent-Type: text/event-json\n\n",
        b"Content-Length: +5\nContent-Type: text/event-json\n\n",
        b"Content-Length: %d\nContent-Type: text/event-json\n\n" % (MAX_BODY_BYTES + 1),
        b"Content-Length: " + b"9" * 5000 + b"\nContent-Type: text/event-json\n\n",
        b"Content-Type: command/reply\nReply-Text: " + b"x" * 70_000,
        b"Content-Type: command/reply\nReply-Text: " + b"x" * 70_000 + b"\n\n",
        b"HTTP/1.1 400 Bad Request\nServer: nginx\n\n",
    ],
    ids=lambda stream: f"{stream[:24]!r}…{len(stream)}",
)
def test_a_stream_gone_wrong_is_a_wire_error_behind_the_frames_before_it(stream):
    with pytest.raises(WireError):
        FrameReader().feed(stream)
    reader = FrameReader()
    assert len(reader.feed(EVENT + stream)) == 1, "what came before the fault is delivered"
    assert isinstance(reader.broken, SwitchError)
    with pytest.raises(WireError):
        reader.feed(EVENT)


def test_a_header_block_that_never_ends_is_refused_though_it_comes_in_small_pieces():
    reader = FrameReader()
    for _ in range(65):
        assert reader.feed(b"X: " + b"y" * 996 + b"\n") == []
    with pytest.raises(WireError):
        reader.feed(b"X: " + b"y" * 996 + b"\n")


def test_a_big_body_in_small_pieces_is_joined_once():
    """64 kB pieces of a 32 MB body: copying all of it for each piece would take minutes."""
    size = 32 * 1024 * 1024
    reader = FrameReader()
    assert reader.feed(b"Content-Type: api/response\nContent-Length: %d\n\n" % size) == []
    piece = bytes(65536)
    for _ in range(size // 65536 - 1):
        assert reader.feed(piece) == []
    (frame,) = reader.feed(piece)
    assert len(frame.body) == size


def test_an_events_path_costs_little_more_than_its_decoding():
    """A floor that only a blunder (copies of the buffer, a header dict an event) falls below, also on a busy machine."""
    stream = b"".join(text for text in recorded("queue") if b"event-json" in text[:80]) * 20
    plain = max(frames_per_s(stream, decode=len) for _ in range(3))
    assert count_events(stream) == 760
    assert plain > 40_000
