"""One socket to one FreeSWITCH: a reader greenlet, a writer greenlet, replies in order.

Used by `ccd.esl.link` and benches.

It is a greenswitch InboundESL whose weak methods are replaced, so a script written for greenswitch runs on
it unchanged. The reader parses and hands over; it never waits. Deadlines of a connection are the machine's;
only `idle_timeout` runs on the clock that is passed in.
"""

from __future__ import annotations

import socket as plain_socket
from collections.abc import Callable

import gevent
import structlog
from gevent import socket
from gevent.event import AsyncResult, Event
from greenswitch import InboundESL

from ccd.base.clock import Clock, SystemClock, Timer
from ccd.base.errors import SwitchError, SwitchTimeout
from ccd.base.greenlets import spawn
from ccd.esl.compat import (
    AddressRefused,
    ConnectTimedOut,
    FrameEvent,
    HandlerQueue,
    NotConnected,
    PasswordRefused,
    handlers_for,
    reply_event,
)
from ccd.esl.frame import EVENT_JSON, Frame, FrameReader
from ccd.esl.outbox import OnReply, Outbox

log = structlog.get_logger(__name__)

RECEIVE_BYTES = 256 * 1024
BATCH = 32  # events handed over at once; between two batches the reader looks whether it must yield
YIELD_EVENTS = 200
YIELD_SECONDS = 0.002
YIELD_FOR = 1e-6  # anything above 0 waits for the next turn of the loop
MAX_OUTGOING_BYTES = 16 * 1024 * 1024
STOP_SECONDS = 1.0  # for a goodbye, and for reading what is still there when a connection is dropped
HANDLER_SECONDS = 10.0
# `send` is the greenswitch way, and there scripts wait for an `api originate` to be answered.
SEND_SECONDS = 120.0
REQUEST_SECONDS = 5.0


class Connection(InboundESL):  # type: ignore[misc]
    """An authenticated inbound connection to the event socket.

    `on_events` gets the bodies of JSON events (bytes of JSON), in order and in batches; `on_lost` is called
    once when a connection that `connect()` had established is lost, after all events that came before. Both
    run in the reader's greenlet and must not wait. With `idle_timeout` the connection counts as lost when
    no byte came for so long while a reply is owed or, with `expects_heartbeat`, at any time.
    """

    def __init__(
        self,
        host: str,
        port: int,
        password: str,
        timeout: float = 5.0,
        *,
        on_events: Callable[[list[bytes]], None] | None = None,
        on_lost: Callable[[SwitchError], None] | None = None,
        connect_timeout: float | None = None,
        reply_timeout: float | None = None,
        idle_timeout: float | None = None,
        expects_heartbeat: bool = False,
        clock: Clock | None = None,
    ) -> None:
        super().__init__(host, port, password, timeout)
        self.connected: bool = False
        self.on_events = on_events
        self.on_lost = on_lost
        self.connect_timeout = timeout if connect_timeout is None else connect_timeout
        self.request_timeout = REQUEST_SECONDS if reply_timeout is None else reply_timeout
        self.send_timeout = SEND_SECONDS if reply_timeout is None else reply_timeout
        self.idle_timeout = idle_timeout
        self.expects_heartbeat = expects_heartbeat
        self.clock: Clock = clock or SystemClock()
        self.failures = 0  # errors of on_events
        self._reset()
        self._outbox.shut("not connected")

    def _reset(self) -> None:
        self._outbox = Outbox(self.clock)
        self._auth_request_event = Event()
        self._handlers = HandlerQueue()
        self._ended = Event()
        self._error: SwitchError | None = None
        self._established = self._stopping = self._writing = False
        self._drain_until: float | None = None
        self._idle_timer: Timer | None = None
        self._heard_at = self._resumed_at = self.clock.monotonic()
        self._busy = 0.0
        self._since_yield = 0

    # -- coming up ---------------------------------------------------------------------------------------

    def connect(self) -> None:
        """Connect and log in.

        Raises SwitchTimeout, SwitchAuthFailed or SwitchGone; then nothing is left open.
        """
        if self.connected:
            raise RuntimeError("already connected")
        address = f"{self.host}:{self.port}"
        try:
            self.sock = socket.create_connection((self.host, self.port), self.connect_timeout)
        except TimeoutError:
            raise ConnectTimedOut(f"{address} did not answer in {self.connect_timeout:g} s") from None
        except OSError as failed:
            raise NotConnected(f"cannot connect to {address}: {failed}") from None
        self._reset()
        self.sock.settimeout(None)
        self.sock.setsockopt(plain_socket.IPPROTO_TCP, plain_socket.TCP_NODELAY, 1)
        self.connected = True
        self.start_event_handlers()
        try:
            if not self._auth_request_event.wait(self.connect_timeout):
                raise ConnectTimedOut(f"{address} did not greet in {self.connect_timeout:g} s")
            if self._error is None:
                self.authenticate()
            if self._error is not None:
                raise self._error
        except BaseException as failed:
            self.drop(failed if isinstance(failed, SwitchError) else NotConnected("given up while connecting"))
            raise
        self._established = True
        self._watch_idle()

    def authenticate(self) -> None:
        """Send the password. Raises SwitchAuthFailed when it is refused."""
        reply = self.request(f"auth {self.password}")
        if not reply.reply_text.startswith("+OK"):
            raise PasswordRefused(f"{self.host}:{self.port} refused the password: {reply.reply_text}")

    def start_event_handlers(self) -> None:
        """Start the greenlets of this connection.

        Reader, writer, and the one that calls registered handlers.
        """
        peer = f"{self.host}:{self.port}"
        self._receive_events_greenlet = spawn("esl-reader", self.receive_events, peer=peer)
        self._writer = spawn("esl-writer", self._write, self._outbox, peer=peer)
        self._process_events_greenlet = spawn("esl-handlers", self.process_events, peer=peer)

    # -- asking ------------------------------------------------------------------------------------------

    def request(self, text: str, timeout: float | None = None) -> Frame:
        """Send a command and wait for its reply.

        Raises SwitchTimeout, or SwitchGone when the connection is lost.
        """
        if gevent.getcurrent() in (self._receive_events_greenlet, gevent.get_hub()):
            raise RuntimeError("the reader would wait for itself: use tell()")
        seconds = self.request_timeout if timeout is None else timeout
        reply = AsyncResult()
        self.tell(text, reply.set)
        reply.wait(seconds)  # wait() and not get(): a gevent.Timeout of the caller's own must pass through
        if not reply.ready():
            raise SwitchTimeout(f"no reply to {text.split(None, 1)[0]} in {seconds:g} s")
        answer: Frame | SwitchError = reply.get(block=False)
        if isinstance(answer, SwitchError):
            raise NotConnected(str(answer)) from answer
        return answer

    def tell(self, text: str, on_reply: OnReply | None = None) -> None:
        """Send a command without waiting; any greenlet may, the reader too.

        `on_reply` runs in the reader's greenlet.

        When the connection is lost, `on_reply` gets a SwitchGone; perhaps before tell() returns.
        """
        self._outbox.put(text, on_reply)
        if self._outbox.size > MAX_OUTGOING_BYTES:
            self.drop(SwitchTimeout(f"the switch does not read: {self._outbox.size} bytes wait"))

    def send(self, data: str) -> FrameEvent:
        """Send a command and wait for its reply, the greenswitch way."""
        return reply_event(self.request(data, self.send_timeout))

    @property
    def unsolicited(self) -> int:
        """How many replies came that nobody had asked for."""
        return self._outbox.unsolicited

    def nudge(self) -> None:
        """Write a bare newline if nothing is on its way out.

        FreeSWITCH wakes up and flushes its event queue.
        """
        if not self.connected or self._writing or self._outbox.size:
            return
        try:
            self.sock.send(b"\n", 0, 0.0)
        except BlockingIOError:
            return  # a full send buffer wakes the switch as well
        except OSError as failed:
            self.drop(NotConnected(f"connection lost: {failed}"))

    def _write(self, outbox: Outbox) -> None:
        while not outbox.closed:
            outbox.ready.wait()
            self._writing = True
            try:
                self.sock.sendall(outbox.take())
            except OSError as failed:
                self.drop(NotConnected(f"connection lost: {failed}"))
                return
            finally:
                self._writing = False

    # -- reading -----------------------------------------------------------------------------------------

    def receive_events(self) -> None:
        """Read until the connection ends; the body of the reader's greenlet."""
        frames = FrameReader()
        why: SwitchError = NotConnected("the reader failed")
        try:
            while self._drain_until is None or self.clock.monotonic() < self._drain_until:
                data = self.sock.recv(RECEIVE_BYTES)
                if not data:
                    where = f"in mid-frame, {frames.pending} bytes of it read" if frames.pending else "by the switch"
                    why = NotConnected(f"connection closed {where}")
                    break
                self._heard_at = self._resumed_at = self.clock.monotonic()
                self._take(frames.feed(data))
                if frames.broken is not None:
                    raise frames.broken
        except OSError as failed:
            why = NotConnected(f"connection lost: {failed}")
        except SwitchError as wrong:
            why = wrong
        finally:
            self._end(self._error or why)

    def _take(self, frames: list[Frame]) -> None:
        batch: list[bytes] = []
        for frame in frames:
            if frame.content_type == EVENT_JSON:
                batch.append(frame.body)
                if self.event_handlers:
                    self._handlers.put(frame)
                if len(batch) < BATCH:
                    continue
            self._deliver(batch)
            batch = []
            if frame.content_type != EVENT_JSON:
                self.handle_event(frame)
        self._deliver(batch)
        self._busy += self.clock.monotonic() - self._resumed_at

    def _deliver(self, batch: list[bytes]) -> None:
        self._since_yield += len(batch)
        if batch and self.on_events is not None:
            try:
                self.on_events(batch)
            except Exception:
                self.failures += 1
                log.exception("on_events_failed", events=len(batch))
        busy = self._busy + self.clock.monotonic() - self._resumed_at
        if self._since_yield >= YIELD_EVENTS or busy >= YIELD_SECONDS:
            # gevent's recv does not yield while there is data: a burst would hold all other greenlets. And sleep(0)
            # is no yield to timers and sockets: gevent may run 50 of them before it turns the loop once.
            gevent.sleep(YIELD_FOR)
            self._busy, self._since_yield = 0.0, 0
            self._resumed_at = self.clock.monotonic()

    def handle_event(self, frame: Frame) -> None:
        """Act on a frame that is no JSON event."""
        kind = frame.content_type
        if kind in ("command/reply", "api/response"):
            self._outbox.answer(frame)
        elif kind == "auth/request":
            self._auth_request_event.set()
        elif kind == "text/rude-rejection":
            self.drop(AddressRefused(f"{self.host}:{self.port} refuses our address: {frame.text.strip()}"))
            self._auth_request_event.set()
        elif kind == "text/disconnect-notice":
            if frame.headers.get("Content-Disposition") != "linger":
                self.drop(NotConnected("the switch ended the connection"))
            self._handlers.put(frame)
        else:
            self._handlers.put(frame)

    def process_events(self) -> None:
        """Call the registered handlers, event by event, until all that came before the end is handled."""
        self._handlers.run(self._call_handlers)

    def _call_handlers(self, event: FrameEvent) -> None:
        if handlers := handlers_for(event, self.event_handlers):
            before, after = getattr(self, "before_handle", None), getattr(self, "after_handle", None)
            for handler in (before, *handlers, after):
                if handler is not None:
                    self._safe_exec_handler(handler, event)

    # -- going down --------------------------------------------------------------------------------------

    def drop(self, why: SwitchError) -> None:
        """End the connection now, for this reason.

        What the switch has sent so far is still read and delivered.
        """
        if self._error is None:
            self._error = why
        if self.connected:
            self.connected = False
            self._drain_until = self.clock.monotonic() + STOP_SECONDS
            self._outbox.shut(f"connection lost: {self._error}")
            try:
                self.sock.shutdown(plain_socket.SHUT_RDWR)
            except OSError as gone:
                log.debug("already_closed", why=str(gone))

    def stop(self) -> None:
        """Say goodbye, let handlers finish, close. No `on_lost` follows. Stopping twice is harmless."""
        self._stopping = True
        if self.connected:
            try:
                self.request("exit", STOP_SECONDS)
            except (SwitchError, RuntimeError) as left:
                log.debug("left_without_goodbye", why=str(left))
        self.drop(NotConnected("stopped"))
        current = gevent.getcurrent()
        if self._receive_events_greenlet in (None, current):
            return
        self._receive_events_greenlet.join(HANDLER_SECONDS)
        if self._process_events_greenlet is not current:
            self._process_events_greenlet.join(HANDLER_SECONDS)

    def wait_ended(self, seconds: float) -> bool:
        """Wait until the reader has delivered everything and closed the socket; False if it still has not."""
        return bool(self._ended.wait(seconds))

    def _end(self, why: SwitchError) -> None:
        self._error = why
        self.connected = False
        if self._idle_timer is not None:
            self._idle_timer.cancel()
        self._outbox.fail(f"connection lost: {why}")
        self._auth_request_event.set()
        self.sock.close()
        self._handlers.end()
        if self._established and not self._stopping and self.on_lost is not None:
            try:
                self.on_lost(why)
            except Exception:
                log.exception("on_lost_failed")
        self._ended.set()

    def _watch_idle(self) -> None:
        if self.idle_timeout is None or not self.connected:
            return
        now = self.clock.monotonic()
        owed_since = now if self._outbox.oldest_at is None else self._outbox.oldest_at
        silent_since = self._heard_at if self.expects_heartbeat else max(self._heard_at, owed_since)
        left = silent_since + self.idle_timeout - now
        if left <= 0:
            self.drop(SwitchTimeout(f"silence for {self.idle_timeout:g} s"))
        else:
            self._idle_timer = self.clock.call_later(left, self._watch_idle)
