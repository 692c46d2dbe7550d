"""What travels between a simulated switch in a process of its own and those who direct it."""

from __future__ import annotations

import msgspec

from ccd.lab.stories import CallerDiary, CallerScript, PhoneDiary, PhoneScript


class Story(msgspec.Struct, frozen=True, kw_only=True):
    """What a process of its own plays from its start."""

    phones: tuple[PhoneScript, ...] = ()
    callers: tuple[CallerScript, ...] = ()


class Diaries(msgspec.Struct, kw_only=True):
    """What callers and phones wrote down."""

    callers: list[CallerDiary]
    phones: list[PhoneDiary]


class Status(msgspec.Struct, kw_only=True):
    """How the simulated switch is."""

    channels: int
    leases: int
    fallback_arrivals: list[str]
    core_uuid: str
