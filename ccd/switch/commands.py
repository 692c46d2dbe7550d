"""What ccd orders, as values. Nothing here knows how FreeSWITCH spells it: see render."""

from __future__ import annotations

import msgspec


class Command(msgspec.Struct, frozen=True, kw_only=True):
    """Base of all commands."""


class LegCommand(Command, frozen=True, kw_only=True):
    """A command to one leg; all commands to a leg keep their order."""

    leg_id: str


class Answer(LegCommand, frozen=True, kw_only=True):
    """Answer an inbound leg."""


class Play(LegCommand, frozen=True, kw_only=True):
    """Play a file or stream; ApplicationEnded with `execution_id` follows. `times` 0 plays it once."""

    audio: str
    execution_id: str


class RingReady(LegCommand, frozen=True, kw_only=True):
    """Tell an inbound leg's far end that it rings (180); nothing once it is answered or hears sound."""


class StopPlaying(LegCommand, frozen=True, kw_only=True):
    """Break off what the leg hears, and what was queued behind it."""


class DetectTones(LegCommand, frozen=True, kw_only=True):
    """Listen for keys in what a leg says, for a trunk that sends them as tones; once more is as once."""


class StopDetectingTones(LegCommand, frozen=True, kw_only=True):
    """Do not listen for tones any more; nothing where nobody does."""


class SetVariables(LegCommand, frozen=True, kw_only=True):
    """Write channel variables, all at once; values are words or base64url, '' unsets."""

    values: dict[str, str]


class Hangup(LegCommand, frozen=True, kw_only=True):
    """End a leg."""

    cause: str = "NORMAL_CLEARING"


class Bridge(LegCommand, frozen=True, kw_only=True):
    """Join two legs in audio."""

    other_id: str


class Park(LegCommand, frozen=True, kw_only=True):
    """Take a leg out of what it does, a bridge included, and park it."""


class Overlay(LegCommand, frozen=True, kw_only=True):
    """Let a leg hear a sound once, besides what it hears; its other side hears nothing of it."""

    audio: str


class Transfer(LegCommand, frozen=True, kw_only=True):
    """Send a leg to an extension of the dialplan."""

    extension: str
    context: str


class Originate(LegCommand, frozen=True, kw_only=True):
    """Ring a phone under a leg id of our choice; it parks when answered, and is ended if it stays parked.

    `contact` is a dial string as words.contact allows; `variables` are written to the new leg before it rings. `alone_s`: so long
    it may stay parked. With an `extension` of the dialplan in `context` it goes there instead, and may stay.
    """

    contact: str
    caller_number: str
    caller_name: str
    timeout_s: int
    variables: dict[str, str]
    alone_s: int = 30
    extension: str = ""
    context: str = "ccd"


class StartRecording(LegCommand, frozen=True, kw_only=True):
    """Record a leg in stereo (left: what it says, right: what it hears) to a path as the switch sees it."""

    path: str


class MaskRecording(LegCommand, frozen=True, kw_only=True):
    """Write silence in place of sound, on the same time line."""

    path: str


class UnmaskRecording(LegCommand, frozen=True, kw_only=True):
    """Write sound again."""

    path: str


class RecordMessage(LegCommand, frozen=True, kw_only=True):
    """Record only what a leg says, for at most `limit_s` (whole seconds of the clock), until nothing was said for `silence_ms`.

    It goes on beside whatever the leg does; a call that is recorded otherwise stays so. RecordStopped follows.
    """

    path: str
    limit_s: int
    silence_ms: int


class StopRecording(LegCommand, frozen=True, kw_only=True):
    """Close a file that is being recorded to."""

    path: str


class Lease(LegCommand, frozen=True, kw_only=True):
    """In `seconds` from now the switch transfers the leg to the fallback, unless the lease is renewed or dropped.

    `hang_up`: it ends the leg instead, which is nobody's who calls.
    """

    seconds: int
    hang_up: bool = False


class DropLease(LegCommand, frozen=True, kw_only=True):
    """Void the lease of a leg."""


class MarkAlive(Command, frozen=True, kw_only=True):
    """Write the switch's own time into ccd_alive, or 0 when ccd stops."""

    alive: bool = True


class ListChannels(Command, frozen=True, kw_only=True):
    """All channels, as JSON."""


class DumpChannel(LegCommand, frozen=True, kw_only=True):
    """All headers and variables of a channel, as JSON."""


class AskLease(Command, frozen=True, kw_only=True):
    """The seconds of the first lease that the dialplan gives a leg (`ccd_lease_s` of vars.xml)."""


class AskIdentity(Command, frozen=True, kw_only=True):
    """The switch's Core-UUID: another one means that it was restarted and all its legs are gone."""
