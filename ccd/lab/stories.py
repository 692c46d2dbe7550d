"""What callers and agents' phones do, and what they write down about it.

The same scripts are played by the simulated switch and, through `ccd.lab.outside`, against a real FreeSWITCH; both keep
these diaries. Moments are integer microseconds UTC, None where it did not happen.
"""

from __future__ import annotations

from typing import Literal

import msgspec

RingKind = Literal["answer", "no_answer", "reject", "busy", "not_registered", "redirect", "unreachable", "dead"]

# What a phone never sees of: such a ring ends by time, not by being rung.
UNSEEN: frozenset[str] = frozenset({"not_registered", "unreachable"})


KeysAs = Literal["rfc2833", "info", "inband", "both"]
"""How a telephone sends its keys: telephone events, SIP INFO, tones in what it says; or the first two of each press."""


class CallerScript(msgspec.Struct, frozen=True, kw_only=True):
    """One caller: whom it calls, what it types, how long it waits and talks."""

    number: str
    dialled: str
    at_ms: int = 0
    # (ms, key) after the answer, or after early media when that comes first: from when the caller can hear a prompt.
    keys: tuple[tuple[int, str], ...] = ()
    keys_as: KeysAs = "rfc2833"
    # A tone that it says once it is answered; None is silence. The simulated switch hears every caller speak.
    tone_hz: int | None = None
    # Patience: hangs up this long after the start when no agent talks to it by then; None waits for ever.
    hang_up_after_ms: int | None = None
    # Hangs up this long after an agent connected; None leaves that to the agent.
    talk_ms: int | None = None


class Ring(msgspec.Struct, frozen=True):
    """What a phone does when it is rung.

    answer: after `after_ms`; then presses `keys` (ms after the answer, key) and talks `talk_ms` (None: until the other side hangs
    up). reject (603), busy (486),
    redirect (302): after `after_ms` of ringing. no_answer: rings for ever. dead: registered, but gone from the network.
    not_registered, unreachable (its port is closed): the phone cannot see such a ring, so this lasts `after_ms` from when
    its turn comes, 0 for ever.
    """

    kind: RingKind
    after_ms: int = 0
    talk_ms: int | None = None
    keys: tuple[tuple[int, str], ...] = ()


class PhoneScript(msgspec.Struct, frozen=True):
    """One phone and its behaviours, used in turn; the last repeats."""

    name: str
    behaviours: tuple[Ring, ...] = (Ring("answer"),)


class CallerDiary(msgspec.Struct, kw_only=True):
    """What happened to a caller, seen from its own end."""

    number: str
    dialled: str
    started_at: int | None = None
    answered_at: int | None = None
    connected_at: int | None = None
    connected_phone: str | None = None
    ended_at: int | None = None
    ended_by: Literal["caller", "switch"] | None = None
    cause: str | None = None


class RingDiary(msgspec.Struct, kw_only=True):
    """One ring of a phone: who was shown, and what became of it.

    `reason`: the Reason header of the CANCEL or BYE that ended it, as the phone got it; only a real switch's phones get any.
    """

    caller_number: str
    rang_at: int
    answered_at: int | None = None
    ended_at: int | None = None
    ended_by: Literal["phone", "switch"] | None = None
    cause: str | None = None
    reason: str = ""


class PhoneDiary(msgspec.Struct, kw_only=True):
    """All rings of a phone, in order."""

    name: str
    rings: list[RingDiary] = msgspec.field(default_factory=list)
