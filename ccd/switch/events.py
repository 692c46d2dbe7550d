"""What FreeSWITCH said, as small frozen types. Features never see these; the registry turns them into facts."""

from __future__ import annotations

import msgspec

from ccd.base.clock import Moment
from ccd.base.sources import NOWHERE, Origin


class SwitchEvent(msgspec.Struct, frozen=True, kw_only=True):
    """Base of all events: the leg they are about (empty when none) and the switch's own time."""

    leg_id: str
    at: Moment


class Carried(msgspec.Struct, frozen=True, kw_only=True):
    """The variables of ccd that a channel carries, as the switch repeats them in each event; '' where unset."""

    version: str = ""
    call_id: str = ""
    role: str = ""
    agent_id: str = ""
    offer_id: str = ""
    entry: str = ""
    fallback: str = ""


class ChannelCreated(SwitchEvent, frozen=True, kw_only=True):
    """A channel exists; nothing has been answered."""

    inbound: bool
    caller_number: str
    caller_name: str
    dialled: str
    context: str
    name: str
    core_uuid: str
    carried: Carried


class ChannelAnswered(SwitchEvent, frozen=True, kw_only=True):
    """The far end, or we, answered."""


class ChannelParked(SwitchEvent, frozen=True, kw_only=True):
    """The channel is held for ccd: it may be driven now.

    `by_dialplan`: an extension parked it, which gave a customer a first lease; a bridge that came to nothing does not.
    """

    inbound: bool
    caller_number: str
    caller_name: str
    dialled: str
    context: str
    carried: Carried
    by_dialplan: bool = False
    origin: Origin = NOWHERE


class ChannelBridged(SwitchEvent, frozen=True, kw_only=True):
    """Two channels hear each other."""

    other_id: str


class ChannelUnbridged(SwitchEvent, frozen=True, kw_only=True):
    """Two channels no longer hear each other."""

    other_id: str


# The execution id of an ApplicationEnded that stands for whatever the leg was doing: its own event was missed.
ANY_EXECUTION = "*"


class ApplicationEnded(SwitchEvent, frozen=True, kw_only=True):
    """An application that we executed has ended; `execution_id` is the Event-UUID we gave it."""

    execution_id: str
    application: str
    response: str


class DigitPressed(SwitchEvent, frozen=True, kw_only=True):
    """A key of the far end's telephone, held for `duration_ms`; `source` is FreeSWITCH's word for how it came, '' if untold.

    It may be a digit of a secret, so that what prints an event must not show it.
    """

    digit: str
    source: str = ""
    duration_ms: int = 0

    def __repr__(self) -> str:
        return f"DigitPressed(leg_id={self.leg_id!r}, at={self.at!r}, source={self.source!r})"


class RecordStarted(SwitchEvent, frozen=True, kw_only=True):
    """A recording runs; `path` as the switch sees it."""

    path: str


class RecordStopped(SwitchEvent, frozen=True, kw_only=True):
    """A recording's file is closed; `duration_ms` as the switch counted it, `cause` its word for why.

    `hung_up`: the leg was ending.
    """

    path: str
    duration_ms: int
    cause: str = ""
    hung_up: bool = False


class ChannelProgressed(SwitchEvent, frozen=True, kw_only=True):
    """The far end of a leg rings, or sends sound before it answers (180, 183)."""


class ChannelHungUp(SwitchEvent, frozen=True, kw_only=True):
    """The channel is gone; `cause` is FreeSWITCH's word for why, `protocol_cause` the SIP status (`sip:486`) if any."""

    cause: str
    protocol_cause: str
    disposition: str
    progressed_at: Moment


class JobEnded(SwitchEvent, frozen=True, kw_only=True):
    """An originate of ours has ended, for `leg_id`; `result` begins with +OK or -ERR."""

    result: str


class Heartbeat(SwitchEvent, frozen=True, kw_only=True):
    """The switch lives; its Core-UUID tells whether it is still the same one. `channels` is -1 where it is not told."""

    core_uuid: str
    channels: int = -1
