"""One connection to the simulated event socket: commands in, replies and events out, with the listener's habits."""

from __future__ import annotations

import contextlib
import socket
from typing import TYPE_CHECKING, Any

import gevent
from gevent.event import Event

from ccd.sim.core import Core

if TYPE_CHECKING:
    from ccd.sim.switch import SimulatedSwitch

_GOODBYE = "Disconnected, goodbye.\nSee you at ClueCon! http://www.cluecon.com/\n"
_REPLY = "Content-Type: command/reply\nReply-Text: {}\n\n"
_LEVELS = {"CONSOLE": 0, "ALERT": 1, "CRIT": 2, "ERR": 3, "WARNING": 4, "NOTICE": 5, "INFO": 6, "DEBUG": 7}


class Listener:
    """Serves its commands before its events, as mod_event_socket does."""

    def __init__(self, switch: SimulatedSwitch, core: Core, sock: Any) -> None:
        self._switch, self._core, self._sock = switch, core, sock
        self._authed = False
        self._closing = False
        self._logging = False
        self._wanted: set[str] = set()
        self._filters: list[tuple[str, str]] = []
        self._out: list[bytes] = []
        self._events: list[bytes] = []
        self._busy = False
        self._poll_due = False
        self._ready = Event()
        self._core.listen(self, self._wants, self._on_event)

    def serve(self) -> None:
        """Talk until one side has enough."""
        with contextlib.suppress(OSError):
            self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        writer = gevent.spawn(self._write)
        try:
            self._send("Content-Type: auth/request\n\n")
            self._read()
        finally:
            self._core.unlisten(self)
            if not self._closing:
                writer.kill()
            writer.join(timeout=1)
            self.drop()

    def drop(self) -> None:
        """Cut the connection without a word."""
        self._core.unlisten(self)
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)
        self._sock.close()

    # --- in ---------------------------------------------------------------------------------------------------------

    def _read(self) -> None:
        buffer = b""
        while not self._closing:
            try:
                data = self._sock.recv(65536)
            except OSError:
                return
            if not data:
                return
            self._switch.running.wait()
            buffer = (buffer + data).lstrip(b"\n")
            while (end := buffer.find(b"\n\n")) >= 0 and not self._closing:
                text, buffer = buffer[:end], buffer[end + 2 :].lstrip(b"\n")
                self._handle(text.decode(errors="replace"))
            self._flush()

    def _handle(self, text: str) -> None:
        faults = self._core.faults
        if faults.slow_replies_ms:
            woken = Event()
            self._core.later(faults.slow_replies_ms / 1000, woken.set)
            woken.wait()
        self._busy = True
        first, *lines = text.replace("\r", "").split("\n")
        headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        verb, _, argument = first.strip().partition(" ")
        reply = self._reply(verb.lower(), argument.strip(), headers)
        self._busy = False
        if faults.cut_replies > 0:
            faults.cut_replies -= 1
            self._closing = True
            self._send(reply[: len(reply) // 2])
            return
        self._send(reply)
        if self._closing:
            self._send(f"Content-Type: text/disconnect-notice\nContent-Length: {len(_GOODBYE)}\n\n{_GOODBYE}")

    def _reply(self, verb: str, argument: str, headers: dict[str, str]) -> str:
        if verb in ("exit", "..."):
            self._closing = True
            return _REPLY.format("+OK bye")
        if verb == "auth":
            self._authed = argument == self._switch.password
            self._closing = not self._authed
            return _REPLY.format("+OK accepted" if self._authed else "-ERR invalid")
        handler = getattr(self, f"_do_{verb}", None) if self._authed else None
        if handler is None:
            return _REPLY.format("-ERR command not found")
        answer: str = handler(argument, headers)
        return answer if answer.startswith("Content-Type") else _REPLY.format(answer)

    # --- the verbs: a Reply-Text, or a whole message ----------------------------------------------------------------

    def _do_event(self, argument: str, _headers: dict[str, str]) -> str:
        names = argument.split()
        if names and names[0] in ("json", "plain", "xml"):
            if names[0] != "json":
                return "-ERR the simulated switch speaks json only"
            names = names[1:]
        if not names:
            return "-ERR no keywords supplied"
        self._wanted.update(names)
        return "+OK event listener enabled json"

    def _do_filter(self, argument: str, _headers: dict[str, str]) -> str:
        header, _, value = argument.partition(" ")
        if not value or header == "delete":
            return "-ERR the simulated switch knows `filter <header> <value>` only"
        self._filters.append((header, value))
        return f"+OK filter added. [{header}]=[{value}]"

    def _wants(self, name: str, special: dict[str, str]) -> bool:
        """As mod_event_socket: without filters all that was asked for, with them what one of them names."""
        if name not in self._wanted:
            return False
        mine = {"Event-Name": name} | special
        return not self._filters or any(
            mine.get(header, "").lower() == value.lower() for header, value in self._filters
        )

    def _do_nixevent(self, argument: str, _headers: dict[str, str]) -> str:
        if not argument:
            return "-ERR no keywords supplied"
        self._wanted.difference_update(argument.split())
        return "+OK events nixed"

    def _do_noevents(self, _argument: str, _headers: dict[str, str]) -> str:
        if not self._wanted:
            return "-ERR not listening for events"
        self._wanted.clear()
        self._events.clear()
        return "+OK no longer listening for events"

    def _do_linger(self, _argument: str, _headers: dict[str, str]) -> str:
        return "-ERR not controlling a session"

    _do_nolinger = _do_linger

    def _do_log(self, argument: str, _headers: dict[str, str]) -> str:
        level = int(argument) if argument.isdigit() else _LEVELS.get(argument.upper() or "DEBUG", -1)
        if level not in range(11):
            return "-ERR invalid log level"
        self._logging = True
        return f"+OK log level {argument or 'debug'} [{level}]"

    def _do_nolog(self, _argument: str, _headers: dict[str, str]) -> str:
        was, self._logging = self._logging, False
        return "+OK no longer logging" if was else "-ERR not loging"

    def _do_api(self, argument: str, _headers: dict[str, str]) -> str:
        if not argument:
            return "-ERR command not found"
        body = self._switch.api.run(argument)
        return f"Content-Type: api/response\nContent-Length: {len(body.encode())}\n\n{body}"

    def _do_bgapi(self, argument: str, headers: dict[str, str]) -> str:
        job_id = headers.get("job-uuid") or self._core.new_uuid()
        command, _, rest = argument.partition(" ")

        def done(result: str) -> None:
            data = {"Job_Command_Arg": rest} if rest else {}
            self._core.emit("BACKGROUND_JOB", Job_UUID=job_id, Job_Command=command, **data, _body=result)

        self._switch.api.run_background(argument, done)
        return f"Content-Type: command/reply\nReply-Text: +OK Job-UUID: {job_id}\nJob-UUID: {job_id}\n\n"

    def _do_sendmsg(self, argument: str, headers: dict[str, str]) -> str:
        channel = self._core.find(argument)
        if channel is None:
            return f"-ERR invalid session id [{argument}]"
        application = headers.get("execute-app-name", "")
        execution_id = headers.get("event-uuid") or self._core.new_uuid()
        if headers.get("call-command", "").lower() == "execute" and application:
            self._switch.legs.enqueue(channel, application, headers.get("execute-app-arg", ""), execution_id)
        elif headers.get("call-command", "").lower() == "hangup":
            self._switch.legs.hangup(channel, headers.get("hangup-cause", "NORMAL_CLEARING"))
        return "+OK"

    # --- out --------------------------------------------------------------------------------------------------------

    def _on_event(self, _name: str, body: bytes) -> None:
        frame = b"Content-Length: %d\nContent-Type: text/event-json\n\n%s" % (len(body), body)
        delay = self._core.faults.delay_events_ms
        if delay:
            self._core.later(delay / 1000, lambda: self._queue(frame))
        else:
            self._queue(frame)

    def _queue(self, frame: bytes) -> None:
        self._events.append(frame)
        poll_ms = self._core.latency.socket_ms
        if self._busy:
            return
        if not poll_ms:
            self._flush()
        elif not self._poll_due:
            self._poll_due = True
            self._core.later(poll_ms / 1000, self._poll)

    def _poll(self) -> None:
        self._poll_due = False
        self._flush()

    def _flush(self) -> None:
        if self._events:
            self._out += self._events
            self._events.clear()
            self._ready.set()

    def _send(self, text: str) -> None:
        self._out.append(text.encode())
        self._ready.set()

    def _write(self) -> None:
        while True:
            self._ready.wait()
            self._switch.running.wait()
            self._ready.clear()
            data, self._out = b"".join(self._out), []
            try:
                self._sock.sendall(data)
            except OSError:
                return
            if self._closing and not self._out:
                return
