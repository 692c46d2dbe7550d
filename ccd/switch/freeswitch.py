"""The real switch: commands over one link per node, events translated and handed to the registry."""

from __future__ import annotations

from collections.abc import Callable

import structlog

from ccd.base.clock import Clock
from ccd.base.errors import CcdError, SwitchError, SwitchRefused
from ccd.esl.frame import Frame
from ccd.esl.link import Link
from ccd.switch.commands import Bridge, Command, Hangup, LegCommand, SetVariables, StopPlaying
from ccd.switch.events import SwitchEvent
from ccd.switch.port import Outcome
from ccd.switch.render import render
from ccd.switch.translate import Translator

log = structlog.get_logger(__name__)


class FreeSwitch:
    """One FreeSWITCH node; see ccd.switch.port.Switch.

    Variables of a leg that are told in one turn of the loop leave as one command, ahead of whatever else the leg is told:
    FreeSWITCH reads commands byte by byte, and yields its processor after each byte.
    """

    def __init__(self, node: str, on_event: Callable[[SwitchEvent], None], clock: Clock) -> None:
        self.node = node
        self.translator = Translator()
        self._on_event = on_event
        self._clock = clock
        self._link: Link | None = None
        self._unwritten: dict[str, dict[str, str]] = {}

    def use(self, link: Link) -> None:
        """Take the link that carries this node's words; its `on_events` is our `receive`."""
        self._link = link

    def receive(self, bodies: list[bytes]) -> None:
        """Translate a batch of event bodies and hand each event on, in order."""
        translate, hand_on = self.translator.event, self._on_event
        for body in bodies:
            event = translate(body)
            if event is None:
                continue
            try:
                hand_on(event)
            except Exception:
                log.exception("event_failed", event_type=type(event).__name__, leg_id=event.leg_id)

    def tell(self, command: Command, on_done: Outcome | None = None) -> None:
        if isinstance(command, LegCommand):
            if isinstance(command, SetVariables) and on_done is None:
                self._write_soon(command)
                return
            unwritten = self._unwritten.pop(command.leg_id, None)
            if unwritten and not isinstance(command, Hangup):  # nobody reads what a dead leg carries
                self._tell(SetVariables(leg_id=command.leg_id, values=unwritten), None)
        if isinstance(command, Bridge):
            # What the leg was told to play and has not begun would play inside the bridge, before the two hear each other:
            # for good, if it is music.
            self._tell(StopPlaying(leg_id=command.leg_id), None)
        self._tell(command, on_done)

    def flush(self) -> None:
        """Send the variables that wait for the end of the turn."""
        unwritten, self._unwritten = self._unwritten, {}
        for leg_id, values in unwritten.items():
            self._tell(SetVariables(leg_id=leg_id, values=values), None)

    def _write_soon(self, command: SetVariables) -> None:
        try:
            render(command)
        except CcdError as unsafe:  # here, so that it takes no other variable with it
            log.error("command_refused", command="SetVariables", reason=str(unsafe))
            return
        if not self._unwritten:
            self._clock.call_later(0.0, self.flush)
        self._unwritten.setdefault(command.leg_id, {}).update(command.values)

    def _tell(self, command: Command, on_done: Outcome | None) -> None:
        try:
            text = render(command)
        except CcdError as unsafe:
            log.error("command_refused", command=type(command).__name__, reason=str(unsafe))
            if on_done is not None:
                on_done(SwitchRefused(str(unsafe)))
            return

        def replied(reply: Frame | SwitchError) -> None:
            error = reply if isinstance(reply, SwitchError) else _refusal(reply)
            if error is not None:
                log.debug("command_failed", command=type(command).__name__, leg_id=_key(command), reason=str(error))
            if on_done is not None:
                on_done(error)

        self._the_link().tell(text, key=_key(command), on_reply=replied)

    def ask(self, command: Command, timeout: float = 5.0) -> str:
        self.flush()
        reply = self._the_link().request(render(command), key=_key(command), timeout=timeout)
        error = _refusal(reply)
        if error is not None:
            raise error
        return reply.body.decode("utf-8", "replace") or reply.reply_text

    def await_begin(self) -> None:
        self._the_link().await_begin()

    def await_end(self) -> None:
        self._the_link().await_end()

    def _the_link(self) -> Link:
        if self._link is None:
            raise SwitchRefused(f"switch {self.node} has no link yet")
        return self._link


def _key(command: Command) -> str:
    return command.leg_id if isinstance(command, LegCommand) else ""


def _refusal(reply: Frame) -> SwitchRefused | None:
    text = reply.body[:200].decode("utf-8", "replace") if reply.body else reply.reply_text
    return SwitchRefused(text.strip()) if text.startswith("-") else None
