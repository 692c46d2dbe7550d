"""Keeps one FreeSWITCH node reachable: a connection for events, a few for commands, up and down as one thing.

Used by `ccd.switch` (and by benches). Callers hear `on_up` after every successful connect, with the
subscriptions in place, and `on_down` once per loss. Back-off and heartbeat run on the clock that is passed
in.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Sequence

import gevent
import structlog
from gevent import Greenlet
from gevent.event import Event

from ccd.base.clock import Clock, SystemClock
from ccd.base.errors import SwitchAuthFailed, SwitchError, SwitchGone, SwitchRefused
from ccd.base.greenlets import spawn
from ccd.esl.connection import STOP_SECONDS, Connection
from ccd.esl.frame import Frame
from ccd.esl.outbox import OnReply

log = structlog.get_logger(__name__)

NUDGE_SECONDS = 0.001
DRAIN_SECONDS = 2 * STOP_SECONDS


class Link:
    """One node's event connection and command connections.

    With `filters` (header, value) the switch lets an event through that has one of those values, of those subscribed to.

    `on_events` runs in a reader greenlet and must not wait; it may be called shortly before `on_up`, for
    events that came as soon as the subscription stood. `on_up` runs in a greenlet of its own and may wait;
    `on_down` runs in the link's greenlet, and reconnecting begins when it returns. A command connection that
    owes a reply for `stuck_timeout` takes the link down: a command that never returns blocks all behind it.
    """

    def __init__(
        self,
        node: str,
        host: str,
        port: int,
        password: str,
        *,
        events: Sequence[str],
        filters: Sequence[tuple[str, str]] = (),
        on_events: Callable[[list[bytes]], None],
        on_up: Callable[[], None],
        on_down: Callable[[SwitchError], None],
        commands: int = 4,
        clock: Clock | None = None,
        backoff: Sequence[float] = (0.1, 0.2, 0.5, 1.0, 2.0),
        heartbeat_timeout: float = 30.0,
        stuck_timeout: float = 10.0,
        connect_timeout: float = 5.0,
    ) -> None:
        self.node = node
        self.host, self.port, self._password = host, port, password
        self._subscription = [f"filter {header} {value}" for header, value in filters] + [subscription(events)]
        self._on_events, self._on_up, self._on_down = on_events, on_up, on_down
        self._commands = commands
        self._clock: Clock = clock or SystemClock()
        self._backoff = tuple(backoff)
        self._heartbeat_timeout = heartbeat_timeout
        self._stuck_timeout = stuck_timeout
        self._connect_timeout = connect_timeout
        self._event_connection: Connection | None = None
        self._pool: list[Connection] = []
        self._up = False
        self._awaited = 0
        self._nudging = Event()
        self._stopping = Event()
        self._keeper: Greenlet | None = None
        self._nudger: Greenlet | None = None
        self._logged_cause = ""
        self._failure: SwitchError | None = None

    # -- life ----------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin to connect, and go on until `stop()`. Returns at once."""
        self._stopping.clear()
        self._keeper = spawn("link", self._keep, node=self.node)
        self._nudger = spawn("link-nudger", self._nudge, node=self.node)

    def stop(self) -> None:
        """Say goodbye behind what is still on its way out, and end. No `on_down` follows."""
        self._stopping.set()
        self._set_up(False)
        goodbyes = [gevent.spawn(connection.stop) for connection in self._connections()]
        gevent.joinall(goodbyes, timeout=DRAIN_SECONDS)
        if self._nudger is not None:
            self._nudger.kill()
        if self._keeper is not None and self._keeper is not gevent.getcurrent():
            self._keeper.kill()  # it may be waiting for a switch that does not answer
        self._close(SwitchGone("stopped"))

    @property
    def is_up(self) -> bool:
        """Whether commands can be sent and events are subscribed."""
        return self._up

    @property
    def failure(self) -> SwitchError | None:
        """Why it is not up: the last failed attempt, or the loss before it; None while it is up or nothing failed yet."""
        return self._failure

    # -- commands ------------------------------------------------------------------------------------------

    def request(self, text: str, key: str = "", timeout: float = 5.0) -> Frame:
        """Send a command and wait for its reply. Same key, same connection, in order.

        Raises SwitchTimeout, or SwitchGone while the link is down.
        """
        if not self._up:
            raise SwitchGone(f"{self.node} is down")
        return self._connection(key).request(text, timeout)

    def tell(self, text: str, key: str = "", on_reply: OnReply | None = None) -> None:
        """Send a command without waiting; any greenlet may, `on_events` too.

        Same key, same connection, in order.

        While the link is down, `on_reply` gets a SwitchGone before tell() returns.
        """
        if self._up:
            self._connection(key).tell(text, on_reply)
        elif on_reply is not None:
            on_reply(SwitchGone(f"{self.node} is down"))
        else:
            log.warning("command_lost", node=self.node, command=text.split(None, 1)[0], why="down")

    def await_begin(self) -> None:
        """Something is awaited from now on: the switch is nudged every ms to send its events at once."""
        self._awaited += 1
        self._set_nudging()

    def await_end(self) -> None:
        """One thing less is awaited; every `await_begin()` needs one."""
        if self._awaited == 0:
            raise RuntimeError("await_end() without await_begin()")
        self._awaited -= 1
        self._set_nudging()

    def _connection(self, key: str) -> Connection:
        return self._pool[zlib.crc32(key.encode()) % len(self._pool)]

    # -- nudging -------------------------------------------------------------------------------------------

    def _set_up(self, up: bool) -> None:
        self._up = up
        self._set_nudging()

    def _set_nudging(self) -> None:
        if self._up and self._awaited:
            self._nudging.set()
        else:
            self._nudging.clear()

    def _nudge(self) -> None:
        # A listener of FreeSWITCH sleeps up to 20 ms in poll() before it looks at its events; any byte wakes it.
        while True:
            self._nudging.wait()
            if self._event_connection is not None:
                self._event_connection.nudge()
            gevent.sleep(NUDGE_SECONDS)

    # -- keeping it alive ----------------------------------------------------------------------------------

    def _keep(self) -> None:
        attempt = 0
        while not self._stopping.is_set():
            lost = _Loss()
            try:
                self._establish(lost)
            except SwitchError as failed:
                self._failure = failed
                self._log_failure(failed)
                self._close(failed)
                last = len(self._backoff) - 1
                step = last if isinstance(failed, SwitchAuthFailed) else min(attempt, last)
                attempt += 1
                self._pause(self._backoff[step])
                continue
            attempt = 0
            self._logged_cause = ""
            self._failure = None
            self._set_up(True)
            log.info("link_up", node=self.node)
            spawn("link-up", self._on_up, node=self.node)
            why = lost.wait(self._stopping)
            if self._stopping.is_set():
                return
            self._failure = why
            self._set_up(False)
            self._close(why)
            log.warning("link_down", node=self.node, why=str(why), error=why.code)
            self._report_down(why)
            self._pause(self._backoff[0])

    def _establish(self, lost: _Loss) -> None:
        """Commands first and events last, so that no event is read before the whole link stands."""
        self._pool, self._event_connection = [], None
        for _ in range(self._commands):
            connection = self._new_connection(lost)
            connection.connect()
            self._pool.append(connection)
        connection = self._new_connection(lost, on_events=self._on_events, expects_heartbeat=True)
        connection.connect()
        self._event_connection = connection
        for command in self._subscription:
            reply = connection.request(command, self._connect_timeout)
            if not reply.reply_text.startswith("+OK"):
                raise SwitchRefused(f"{self.node} refused `{command[:40]}`: {reply.reply_text}")
        if lost.why is not None:
            raise lost.why

    def _new_connection(
        self,
        lost: _Loss,
        on_events: Callable[[list[bytes]], None] | None = None,
        expects_heartbeat: bool = False,
    ) -> Connection:
        return Connection(
            self.host,
            self.port,
            self._password,
            on_events=on_events,
            on_lost=lost.set,
            connect_timeout=self._connect_timeout,
            reply_timeout=self._connect_timeout,
            idle_timeout=self._heartbeat_timeout if expects_heartbeat else self._stuck_timeout,
            expects_heartbeat=expects_heartbeat,
            clock=self._clock,
        )

    def _connections(self) -> list[Connection]:
        return [*self._pool, *([self._event_connection] if self._event_connection else [])]

    def _close(self, why: SwitchError) -> None:
        """Drop what is left of the link; events that came before are delivered when this returns."""
        connections = self._connections()
        for connection in connections:
            connection.drop(why)
        for connection in connections:
            if not connection.wait_ended(DRAIN_SECONDS):
                log.error("reader_does_not_end", node=self.node)

    def _report_down(self, why: SwitchError) -> None:
        try:
            self._on_down(why)
        except Exception:
            log.exception("on_down_failed", node=self.node)

    def _log_failure(self, failed: SwitchError) -> None:
        cause = f"{failed.code}: {failed}"
        if cause != self._logged_cause:  # a switch that is away for an hour is one line, not two thousand
            self._logged_cause = cause
            log.warning("link_failed", node=self.node, error=failed.code, why=str(failed))

    def _pause(self, seconds: float) -> None:
        over = Event()
        timer = self._clock.call_later(seconds, over.set)
        gevent.wait([over, self._stopping], count=1)
        timer.cancel()


class _Loss:
    """The first connection that died takes the link with it; the reasons of the others do not count."""

    def __init__(self) -> None:
        self.why: SwitchError | None = None
        self._happened = Event()

    def set(self, why: SwitchError) -> None:
        if self.why is None:
            self.why = why
            self._happened.set()

    def wait(self, stopping: Event) -> SwitchError:
        gevent.wait([self._happened, stopping], count=1)
        return self.why or SwitchGone("stopped")


def subscription(events: Iterable[str]) -> str:
    """The `event json …` command for these names; HEARTBEAT is always among them.

    Everything behind the word CUSTOM is taken for a subclass, so the subclasses come last, behind one CUSTOM.
    """
    names, subclasses = ["HEARTBEAT"], []
    for event in events:
        name, _, subclass = event.partition(" ")
        if name == "CUSTOM" and subclass:
            subclasses += [word for word in subclass.split() if word not in subclasses]
        elif name not in names:
            names.append(name)
    return " ".join(["event json", *names, *(["CUSTOM", *subclasses] if subclasses else [])])
