"""Texts that have been spoken already: core finds their files by itself, so that no caller waits for side to say so."""

from __future__ import annotations

import os

import gevent
from gevent.threadpool import ThreadPool

from ccd.base import words
from ccd.base.errors import Refused
from ccd.settings.speech import Speech

PATIENCE_S = 0.3
"""A disk that takes longer to say whether a file is there is no faster than speaking."""


class SpokenTexts:
    """The folder of what was spoken, as core sees it. It only looks; speaking and making room is side's."""

    def __init__(self, settings: Speech) -> None:
        self._settings = settings
        self._threads = ThreadPool(1)  # its own: a disk that hangs holds up no other

    def path_of(self, text: str, language: str, voice: str) -> str:
        """Where the switch finds a text that has been spoken, '' when it must be spoken first (or cannot be)."""
        try:
            name = self._settings.file_of(self._settings.wanted(text, language, voice))
        except Refused:
            return ""
        with gevent.Timeout(PATIENCE_S, False):
            if self._threads.apply(_is_there, (os.path.join(self._settings.path, name),)):
                return self.path(name)
        return ""

    def path(self, name: str) -> str:
        """Where the switch finds a file of the folder; Unsafe when it is none."""
        return words.below(self._settings.seen_by_switch, name)


def _is_there(path: str) -> bool:
    """Whether a file is there; it counts as used from now on, and is not removed to make room."""
    try:
        os.utime(path)
    except OSError:
        return False
    return True
