"""A tiny event socket client for the tests of the simulated switch."""

from __future__ import annotations

import json
from typing import Any

import gevent
from gevent import socket
from gevent.event import Event

from ccd.base.clock import FakeClock
from ccd.esl.frame import EVENT_JSON, Frame, FrameReader

ALL = (
    "BACKGROUND_JOB CHANNEL_CREATE CHANNEL_PROGRESS CHANNEL_PROGRESS_MEDIA CHANNEL_ANSWER CHANNEL_PARK CHANNEL_UNPARK "
    "CHANNEL_EXECUTE CHANNEL_EXECUTE_COMPLETE CHANNEL_BRIDGE CHANNEL_UNBRIDGE CHANNEL_HANGUP CHANNEL_HANGUP_COMPLETE "
    "CHANNEL_DESTROY DTMF PLAYBACK_START PLAYBACK_STOP RECORD_START RECORD_STOP HEARTBEAT"
)


_OPEN: list[Client] = []


def close_all() -> None:
    """Hang up on every switch."""
    while _OPEN:
        _OPEN.pop().close()


class Client:
    """Sends commands, keeps what comes."""

    def __init__(self, port: int, password: str | None = "ClueCon", events: str = ALL) -> None:
        self.sock = socket.create_connection(("127.0.0.1", port))
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._frames = FrameReader()
        self.replies: list[Frame] = []
        self.events: list[dict[str, Any]] = []
        self.order: list[str] = []
        self.closed = False
        self._news = Event()
        self._reader = gevent.spawn(self._read)
        _OPEN.append(self)
        self.reply()
        if password is not None:
            assert self.command(f"auth {password}") == "+OK accepted"
        if events:
            self.command(f"event json {events}")

    def _read(self) -> None:
        try:
            while data := self.sock.recv(1 << 16):
                for frame in self._frames.feed(data):
                    if frame.content_type == EVENT_JSON:
                        event = json.loads(frame.body)
                        self.events.append(event)
                        self.order.append(event["Event-Name"])
                    else:
                        self.replies.append(frame)
                        self.order.append("reply")
                self._news.set()
        except OSError:
            pass
        self.closed = True

    def close(self) -> None:
        self._reader.kill()
        self.sock.close()

    def send(self, text: str) -> None:
        self.sock.sendall(text.encode() + b"\n\n")

    def reply(self, timeout: float = 2.0) -> Frame:
        self.until(lambda: bool(self.replies), timeout)
        return self.replies.pop(0)

    def command(self, text: str) -> str:
        """The reply's text, or an api command's body."""
        self.send(text)
        reply = self.reply()
        return reply.text or reply.reply_text

    def api(self, text: str) -> str:
        return self.command("api " + text)

    def execute(self, leg: str, application: str, argument: str = "", execution_id: str = "") -> None:
        lines = f"sendmsg {leg}\ncall-command: execute\nexecute-app-name: {application}\nexecute-app-arg: {argument}"
        assert self.command(lines + (f"\nEvent-UUID: {execution_id}" if execution_id else "")) == "+OK"

    def until(self, true: Any, timeout: float = 2.0) -> None:
        """Let the loop run until `true()`; a deadline, never a guess."""
        with gevent.Timeout(timeout, AssertionError("waited in vain; seen: " + " ".join(self.order[-30:]))):
            while not true():
                self._news.clear()
                self._news.wait(0.001)  # sooner when something comes; a condition elsewhere is looked at again

    def settle(self) -> None:
        """What was sent to us so far has been read: a command's reply comes after it."""
        self.api("strepoch")

    def of(self, leg: str) -> list[str]:
        """The names of a leg's events, in order."""
        return [event["Event-Name"] for event in self.events if event.get("Unique-ID") == leg]

    def last(self, name: str, leg: str = "") -> dict[str, Any]:
        """The newest event of that name."""
        found = [e for e in self.events if e["Event-Name"] == name and leg in ("", e.get("Unique-ID"))]
        assert found, f"no {name} among {self.order}"
        return found[-1]

    def jobs(self) -> dict[str, str]:
        """What background jobs came to."""
        return {e["Job-UUID"]: e["_body"] for e in self.events if e["Event-Name"] == "BACKGROUND_JOB"}

    def pass_time(self, clock: FakeClock, seconds: float) -> None:
        """Let time pass on the switch, and read what happened."""
        clock.advance(seconds)
        self.settle()
