"""Frames of the event socket, cut out of bytes: pure, no socket, no clock.

Used by `ccd.esl.connection` and the benches.

A frame is a block of `Name: value` lines, an empty line and, if the block says `Content-Length`, a body of
so many bytes. Nearly all frames are JSON events, so these take a short path: no header dict is made for
them.
"""

from __future__ import annotations

from urllib.parse import unquote

import msgspec

from ccd.base.errors import SwitchError

EVENT_JSON = "text/event-json"
MAX_HEADER_BYTES = 64 * 1024
MAX_BODY_BYTES = 64 * 1024 * 1024

# mod_event_socket.c writes exactly these two lines, in this order, before each JSON event.
_EVENT_START = b"Content-Length: "
_EVENT_END = b"\nContent-Type: text/event-json"
_LENGTH_FROM = len(_EVENT_START)
_LENGTH_TO = len(_EVENT_END)
_PLAUSIBLE = _LENGTH_FROM + 10 + _LENGTH_TO  # a length of at most nine digits


class WireError(SwitchError):
    """The bytes are not what an event socket sends; the connection can't be read any further."""

    code = "wire_error"


class Frame(msgspec.Struct, gc=False):
    """One whole message of the switch. `headers` is empty for JSON events: theirs are in the body."""

    content_type: str
    headers: dict[str, str]
    body: bytes

    @property
    def text(self) -> str:
        """The body as text; what is not UTF-8 in it is replaced."""
        return self.body.decode(errors="replace")

    @property
    def reply_text(self) -> str:
        """What the switch answered.

        A command's Reply-Text, or what an `api` command printed, without its line end.
        """
        reply = self.headers.get("Reply-Text")
        return self.text.rstrip("\n") if reply is None else reply


class FrameReader:
    """Turns bytes, however they are cut, into whole frames."""

    __slots__ = ("_have", "_in_body", "_parts", "_want", "broken")

    def __init__(self) -> None:
        self._parts: list[bytes] = []  # a frame that has begun, in the pieces in which it came
        self._have = 0
        self._want = 0  # from so many bytes on it makes sense to look at the pieces again
        self._in_body = False  # then _want is the exact end of the frame
        self.broken: WireError | None = None  # what is wrong behind the frames that were given back last

    @property
    def pending(self) -> int:
        """Bytes of a frame that has begun and is not whole yet."""
        return self._have

    def feed(self, data: bytes) -> list[Frame]:
        """Take the next bytes and give back the frames that became whole.

        Raises WireError on a stream gone wrong; when whole frames stand before the fault, these are given
        back first, the fault is in `broken`, and the next call raises it.
        """
        if self.broken is not None:
            raise self.broken
        frames: list[Frame] = []
        try:
            self._feed(data, frames)
        except WireError as fault:
            self.broken = fault
            if not frames:
                raise
        return frames

    def _feed(self, data: bytes, frames: list[Frame]) -> None:
        start = 0
        if self._have:
            if self._have + len(data) < self._want:
                self._parts.append(data)
                self._have += len(data)
                return
            if self._in_body:  # join the one cut frame only; the rest of `data` is read where it lies
                start = self._want - self._have
                self._parts.append(data[:start])
                self._cut(self._take_parts(), 0, frames)
            else:
                self._parts.append(data)
                data = self._take_parts()
        self._cut(data, start, frames)

    def _take_parts(self) -> bytes:
        joined = b"".join(self._parts)
        self._parts.clear()
        self._have = 0
        return joined

    def _cut(self, data: bytes, pos: int, frames: list[Frame]) -> None:
        size = len(data)
        find, add = data.find, frames.append
        while (end := find(b"\n\n", pos)) >= 0:
            if data.startswith(_EVENT_START, pos) and data.endswith(_EVENT_END, pos, end):
                digits = data[pos + _LENGTH_FROM : end - _LENGTH_TO]
                if end - pos < _PLAUSIBLE and digits.isdigit() and (length := int(digits)) <= MAX_BODY_BYTES:
                    body = end + 2
                    stop = body + length
                    if stop > size:
                        self._keep(data, pos, stop - pos, in_body=True)
                        return
                    add(Frame(EVENT_JSON, {}, data[body:stop]))
                    pos = stop
                    continue
            if end == pos or data[pos] == 10:  # FreeSWITCH may send blank lines between frames
                pos += 1
                continue
            headers = frame_headers(data[pos:end])
            length = _content_length(headers)
            stop = end + 2 + length
            if stop > size:
                self._keep(data, pos, stop - pos, in_body=True)
                return
            content_type = headers["Content-Type"]
            add(Frame(content_type, {} if content_type == EVENT_JSON else headers, data[end + 2 : stop]))
            pos = stop
        if size - pos > MAX_HEADER_BYTES:
            raise WireError(f"no end of the header block after {size - pos} bytes")
        if pos < size:
            self._keep(data, pos, size - pos + 1, in_body=False)

    def _keep(self, data: bytes, pos: int, want: int, *, in_body: bool) -> None:
        self._parts.append(data[pos:] if pos else data)
        self._have = len(data) - pos
        self._want = want
        self._in_body = in_body


def parse_headers(block: bytes) -> dict[str, str]:
    """The `Name: value` lines of a block. Values are %-decoded one by one, after the lines are split.

    Decoding first would let a `%0A` in a caller's name forge headers. Of a repeated header the first
    counts; a line without a colon continues the one before it.
    """
    headers: dict[str, str] = {}
    name = ""
    for line in block.decode(errors="replace").split("\n"):
        found, colon, value = line.partition(":")
        if colon:
            name = found.strip()
            headers.setdefault(name, _decoded(value.strip()))
        elif name:
            headers[name] += "\n" + _decoded(line)
    return headers


def frame_headers(block: bytes) -> dict[str, str]:
    """The headers of a frame; WireError if no event socket writes such a block."""
    if len(block) > MAX_HEADER_BYTES:
        raise WireError(f"a header block of {len(block)} bytes")
    headers = parse_headers(block)
    if "Content-Type" not in headers:
        raise WireError(f"a frame without Content-Type: {block[:60]!r}")
    return headers


def _decoded(value: str) -> str:
    return unquote(value) if "%" in value else value


def _content_length(headers: dict[str, str]) -> int:
    text = headers.get("Content-Length", "0")
    if not (text.isascii() and text.isdigit()):
        raise WireError(f"Content-Length is {text[:40]!r}")
    if len(text) > 20 or int(text) > MAX_BODY_BYTES:
        raise WireError(f"a body of {text[:40]} bytes announced, {MAX_BODY_BYTES} is the limit")
    return int(text)
