"""Prompts and music that the switch could not play: callers hear silence, so somebody must be told, but not once a call."""

from __future__ import annotations

import math

import structlog

from ccd.base.clock import Clock
from ccd.switch.events import ApplicationEnded

log = structlog.get_logger(__name__)

AGAIN_S = 3600.0
NOT_FOUND = "FILE NOT FOUND"


class Unheard:
    """One for all calls. Warns of an audio file that cannot be opened, and again an hour later if it still cannot."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._told: dict[str, float] = {}

    def note(self, audio: str, ended: ApplicationEnded) -> None:
        """Look at how a playback of `audio` ended.

        The switch says the same of a file that is missing and of one that it cannot read. PLAYBACK ERROR is no fault of
        the file: music that a bridge breaks off ends so.
        """
        now = self._clock.monotonic()
        if ended.response != NOT_FOUND or now < self._told.get(audio, -math.inf) + AGAIN_S:
            return
        self._told[audio] = now
        log.warning("prompt_not_played", audio=audio, leg_id=ended.leg_id, response=ended.response)
