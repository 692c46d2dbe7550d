"""Commands on their way to the switch, and those who wait for the replies. Used by `ccd.esl.connection` only.

The event socket answers in the order of the commands and names none of them: the order is the only key. So
a command and its waiter are queued in one step, without a switch of greenlets between, and a waiter that
lost its patience keeps its place: the late reply is still its own.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

import structlog
from gevent.event import Event

from ccd.base.clock import Clock
from ccd.base.errors import SwitchError
from ccd.esl.compat import NotConnected
from ccd.esl.frame import Frame

log = structlog.get_logger(__name__)

OnReply = Callable[[Frame | SwitchError], None]


class Outbox:
    """The outgoing bytes and the waiters of one connection, in one order."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._outgoing: list[bytes] = []
        self._waiting: deque[tuple[str, float, OnReply | None]] = deque()
        self._closed: str | None = None
        self.size = 0  # outgoing bytes
        self.ready = Event()  # set while there are outgoing bytes, and once closed
        self.unsolicited = 0

    def put(self, text: str, on_reply: OnReply | None) -> None:
        """Queue a command; `on_reply` is called once, with its reply or with why there will be none."""
        data = command_bytes(text)
        word = text.split(None, 1)[0]
        if self._closed is not None:
            _tell(on_reply, word, NotConnected(self._closed))
            return
        self._waiting.append((word, self._clock.monotonic(), on_reply))
        self._outgoing.append(data)
        self.size += len(data)
        self.ready.set()

    def take(self) -> bytes:
        """All outgoing bytes at once: many commands, one write."""
        data = b"".join(self._outgoing)
        self._outgoing.clear()
        self.size = 0
        if self._closed is None:
            self.ready.clear()
        return data

    def answer(self, frame: Frame) -> None:
        """Give a reply to the one whose turn it is.

        Nobody's turn: it is logged and counted, and goes nowhere.
        """
        if not self._waiting:
            self.unsolicited += 1
            log.warning("unsolicited_reply", content_type=frame.content_type, reply=frame.reply_text[:80])
            return
        word, _, on_reply = self._waiting.popleft()
        _tell(on_reply, word, frame)

    def shut(self, why: str) -> None:
        """Take no more commands. Who waits already may still get a reply that is on its way."""
        if self._closed is None:
            self._closed = why
            self._outgoing.clear()
            self.ready.set()

    def fail(self, why: str) -> None:
        """Shut, and tell all who wait that no reply will come."""
        self.shut(why)
        while self._waiting:
            word, _, on_reply = self._waiting.popleft()
            _tell(on_reply, word, NotConnected(why))

    @property
    def closed(self) -> bool:
        """Whether the connection is over."""
        return self._closed is not None

    @property
    def outstanding(self) -> int:
        """How many commands have no reply yet."""
        return len(self._waiting)

    @property
    def oldest_at(self) -> float | None:
        """When the command was queued whose reply comes next, in monotonic seconds."""
        return self._waiting[0][1] if self._waiting else None


def command_bytes(text: str) -> bytes:
    """A command as written to the socket.

    ValueError for what would shift all replies: nothing at all, or two in one.
    """
    head, cut, body = text.strip("\n").partition("\n\n")
    if not head.strip():
        raise ValueError("an empty command gets no reply")
    word = head.split(None, 1)[0]
    if "\r" in head or "\0" in head:  # FreeSWITCH ends a line at either
        raise ValueError(f"a control character in a command: {word}")
    if not cut:
        return head.encode() + b"\n\n"
    if "content-length:" not in head.lower():
        raise ValueError(f"two commands in one text: {word}")
    body = text.lstrip("\n").partition("\n\n")[2]  # as it is: its length was announced
    return f"{head}\n\n{body}".encode()


def _tell(on_reply: OnReply | None, word: str, reply: Frame | SwitchError) -> None:
    if on_reply is not None:
        try:
            on_reply(reply)
        except Exception:
            log.exception("on_reply_failed", command=word)
    elif isinstance(reply, SwitchError):
        log.warning("command_lost", command=word, why=str(reply))
    elif reply.reply_text.startswith("-"):
        log.warning("command_refused", command=word, reply=reply.reply_text[:80])
