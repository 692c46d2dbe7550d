"""Playing a message to a telephone: ccd rings a station, plays the file once it is answered, and hangs up.

The leg is the station's own, in no call: an agent who sits there is offered nothing meanwhile. Left alone by a dead ccd it
ends by itself (`park_timeout`).
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import msgspec
import structlog

from ccd.base import words
from ccd.base.clock import Clock
from ccd.base.errors import LegGone, Refused, SwitchError, Unsafe
from ccd.base.greenlets import spawn
from ccd.calls import onchannel
from ccd.calls.facts import Role
from ccd.calls.mailbox import Mailbox
from ccd.calls.model import Leg
from ccd.calls.registry import Registry
from ccd.switch.commands import Hangup, Originate, Play
from ccd.switch.events import ApplicationEnded, ChannelParked
from ccd.switch.port import Switch
from ccd.voicemail.facts import VoicemailChanged
from ccd.voicemail.model import FOLDER, Change

log = structlog.get_logger(__name__)

RING_S = 30
GRACE_S = 5.0
PLAYED = "FILE PLAYED"


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """A message, the telephone that shall hear it, and who asked. `path` is the switch's; `agent_id` whose desk it is."""

    voicemail_id: str
    path: str
    node: str
    station: str
    contact: str
    caller_number: str
    seconds: int
    who: str
    agent_id: str = ""


class Listening:
    """Messages that are being played, by leg."""

    def __init__(
        self,
        *,
        clock: Clock,
        publish: Callable[[Any], None],
        registry: Registry,
        switch_of: Callable[[str], Switch],
        switch_root: Callable[[str], str],
        node_is_up: Callable[[str], bool],
    ) -> None:
        self.playing: dict[str, Request] = {}
        self._clock = clock
        self._publish = publish
        self._registry = registry
        self._switch_of = switch_of
        self._switch_root = switch_root
        self._node_is_up = node_is_up

    def play(self, request: Request) -> str:
        """Ring the station for a message; the id of its leg.

        Raises:
            Unsafe: the path is none of a message, or the contact none.
            Refused: the station rings or plays a message already, or its switch is not reached.
        """
        folder = f"{self._switch_root(request.node).rstrip('/')}/{FOLDER}/"
        if not words.path(request.path).startswith(folder):
            raise Refused("the file lies in no folder of voicemail on that switch")
        words.contact(request.contact)
        if any(one.contact == request.contact for one in self.playing.values()):
            raise Refused(f"station {request.station} is being played a message already")
        if not self._node_is_up(request.node):
            raise Refused(f"the switch of station {request.station} is not reached now")
        leg = Leg(leg_id=str(uuid.uuid4()), node=request.node, role=Role.STATION)
        self._registry.order_leg(leg)
        mailbox = self._registry.open_mailbox(leg.leg_id)
        self.playing[leg.leg_id] = request
        self._ring(leg.leg_id, request)
        spawn("voicemail_play", self._run, leg.leg_id, request, mailbox, voicemail_id=request.voicemail_id)
        return leg.leg_id

    def _ring(self, leg_id: str, request: Request) -> None:
        self._switch_of(request.node).tell(
            Originate(
                leg_id=leg_id,
                contact=request.contact,
                caller_number=_showable(request.caller_number),
                caller_name="voicemail",
                timeout_s=RING_S,
                variables=onchannel.variables(role=Role.STATION.value),
            ),
            on_done=lambda error: self._ordered(leg_id, error),
        )

    def _ordered(self, leg_id: str, error: SwitchError | None) -> None:
        if error is not None:
            self._clock.call_later(0.0, lambda: self._registry.lose(leg_id, "SWITCH_CONGESTION"))

    def _run(self, leg_id: str, request: Request, mailbox: Mailbox) -> None:
        result = "not_answered"
        try:
            if mailbox.wait(ChannelParked, timeout=RING_S + GRACE_S) is not None:
                result = "broken_off"
                if self._played(leg_id, request, mailbox):
                    result = "played"
                self._hang_up(leg_id, "NORMAL_CLEARING", mailbox)
            else:
                self._hang_up(leg_id, "ORIGINATOR_CANCEL", mailbox)
        except LegGone as gone:
            log.debug("voicemail_leg_gone", leg_id=leg_id, cause=gone.cause)
        finally:
            del self.playing[leg_id]
            log.info("voicemail_played", station=request.station, who=request.who, result=result)

    def _played(self, leg_id: str, request: Request, mailbox: Mailbox) -> bool:
        """Whether it was heard to its end. Who hangs up before has listened all the same, to what he wanted of it."""
        execution_id = str(uuid.uuid4())
        self._publish(
            VoicemailChanged(
                at=self._clock.now(),
                voicemail_id=request.voicemail_id,
                change=Change.LISTENED,
                who=request.who,
                agent_id=request.agent_id,
                station=request.station,
            )
        )
        self._switch_of(request.node).tell(Play(leg_id=leg_id, audio=request.path, execution_id=execution_id))
        deadline = self._clock.monotonic() + request.seconds + GRACE_S
        while (left := deadline - self._clock.monotonic()) > 0:
            event = mailbox.wait(ApplicationEnded, timeout=left)
            if event is not None and event.execution_id == execution_id:
                if event.response != PLAYED:
                    log.error("voicemail_not_played", path=request.path, response=event.response)
                return event.response == PLAYED
        return False

    def _hang_up(self, leg_id: str, cause: str, mailbox: Mailbox) -> None:
        """And wait until the leg is gone: LegGone is how this ends."""
        self._switch_of(self.playing[leg_id].node).tell(Hangup(leg_id=leg_id, cause=cause))
        mailbox.wait(ApplicationEnded, timeout=GRACE_S)
        self._registry.lose(leg_id, "LOST")


def _showable(number: str) -> str:
    """A number as a phone may show it; '' for one that may not reach the switch."""
    try:
        return words.number(number)
    except Unsafe:
        return ""
