"""What a script written for greenswitch sees: its events, its exceptions, its way to find handlers.

Used by `ccd.esl.connection` only. The exceptions are ccd's and greenswitch's at once, so that both kinds of
caller catch what they expect.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import msgspec
import structlog
from gevent.queue import Queue
from greenswitch.esl import ESLEvent, NotConnectedError

from ccd.base.errors import SwitchAuthFailed, SwitchGone, SwitchTimeout
from ccd.esl.frame import EVENT_JSON, Frame, parse_headers

log = structlog.get_logger(__name__)

Handler = Callable[[ESLEvent], object]
MAX_WAITING = 100_000  # as long as FreeSWITCH's own queue of a listener


class NotConnected(SwitchGone, NotConnectedError):  # type: ignore[misc]
    """There is no connection to the switch, or it is lost."""


class ConnectTimedOut(SwitchTimeout, NotConnectedError):  # type: ignore[misc]
    """The switch did not take the connection, or did not greet, within the deadline."""


class PasswordRefused(SwitchAuthFailed, ValueError):
    """The switch does not know this password."""


class AddressRefused(SwitchAuthFailed, NotConnectedError):  # type: ignore[misc]
    """The switch's access list refuses the address we come from."""


class FrameEvent(ESLEvent):  # type: ignore[misc]
    """An ESLEvent made of a frame, without greenswitch's parser (it decodes %XX before it splits the lines)."""

    def __init__(self, headers: dict[str, str], data: str | None = None) -> None:
        self.headers = headers
        if data is not None:
            self.data = data


def reply_event(frame: Frame) -> FrameEvent:
    """The answer to `send`: `.data` is the Reply-Text of a command, the output of an `api` command."""
    return FrameEvent(frame.headers, frame.headers.get("Reply-Text", frame.text))


def event_of(frame: Frame) -> FrameEvent:
    """The event in a frame; its own body, if it has one, is `.data`.

    Raises msgspec.DecodeError on broken JSON.
    """
    if frame.content_type == EVENT_JSON:
        try:
            headers = msgspec.json.decode(frame.body, type=dict[str, object])
        except (msgspec.DecodeError, UnicodeDecodeError):  # a name that is not UTF-8, from an old PBX
            headers = msgspec.json.decode(frame.text, type=dict[str, object])
        data = headers.pop("_body", None)
        return FrameEvent(
            {"Content-Type": EVENT_JSON, **{name: _text(value) for name, value in headers.items()}},
            None if data is None else _text(data),
        )
    if frame.content_type == "text/event-plain":
        block, _, body = frame.body.partition(b"\n\n")
        return FrameEvent({**frame.headers, **parse_headers(block)}, body.decode(errors="replace") or None)
    return FrameEvent(frame.headers, frame.text)


def handlers_for(event: FrameEvent, registered: Mapping[str, Sequence[Handler]]) -> tuple[Handler, ...]:
    """The handlers that greenswitch would call for this event."""
    name = event.headers.get("Event-Name", "")
    if name == "CUSTOM":
        name = event.headers.get("Event-Subclass", "")
    content_type = event.headers.get("Content-Type")
    if content_type == "text/disconnect-notice":
        name = "DISCONNECT"
    elif content_type == "log/data":
        name = "log"
    return tuple(registered.get(name) or registered.get("*") or ())


class HandlerQueue:
    """Events on their way to registered handlers, which may wait; the reader that fills it never does."""

    def __init__(self) -> None:
        self._queue: Queue[Frame | None] = Queue()
        self.dropped = 0

    def put(self, frame: Frame) -> None:
        """Queue an event; one too many is counted, logged and dropped."""
        if self._queue.qsize() < MAX_WAITING:
            self._queue.put(frame)
            return
        self.dropped += 1
        if self.dropped == 1:
            log.error("handlers_too_slow", waiting=MAX_WAITING)

    def end(self) -> None:
        """No more events; what is queued is still handled."""
        self._queue.put(None)

    def run(self, handle: Callable[[FrameEvent], None]) -> None:
        """Hand over event by event until the end."""
        while (frame := self._queue.get()) is not None:
            try:
                event = event_of(frame)
            except ValueError:
                log.exception("event_unreadable", bytes=len(frame.body))
                continue
            handle(event)


def _text(value: object) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
