"""Texts into files that the switch plays: spoken once, kept, and spoken again when they are gone."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple, TypeVar, cast

import gevent
import structlog
from gevent.event import AsyncResult
from gevent.lock import BoundedSemaphore

from ccd.base.errors import CcdError, Refused
from ccd.base.greenlets import spawn
from ccd.settings.speech import Speech, Wanted
from ccd.side.errands import ErrandFailed
from ccd.side.speech.program import NotSpoken, speak
from ccd.side.speech.shelf import Shelf
from ccd.side.speech.sound import NotSound, length_ms, telephone

log = structlog.get_logger(__name__)

T = TypeVar("T")

TOLD_AGAIN_S = 3600.0
_BYTES_A_MB = 1_000_000


class Spoken(NamedTuple):
    """A file that was spoken, and whether it had been there before."""

    file: str
    was_there: bool


class Speaker:
    """Speaks. Concurrent requests for one text make one of it; a program that fails is told of once an hour."""

    def __init__(self, settings: Speech) -> None:
        self.settings = settings
        self._shelf = Shelf(Path(settings.path), settings.cache_mb * _BYTES_A_MB)
        self._room = BoundedSemaphore(settings.concurrent)
        self._in_hand: dict[str, AsyncResult] = {}
        self._told: dict[str, float] = {}

    @property
    def is_configured(self) -> bool:
        """Whether there is a program that speaks."""
        return bool(self.settings.command)

    def make(self, given: dict[str, Any]) -> dict[str, Any]:
        """The errand of a speak node: the file, below the folder of what was spoken.

        Raises:
            ErrandFailed: it could not be spoken.
        """
        try:
            wanted = self.settings.wanted(
                str(given["text"]), str(given.get("language", "")), str(given.get("voice", ""))
            )
            return {"file": self.file_of(wanted).file}
        except KeyError:
            raise ErrandFailed("not_understood") from None
        except CcdError as failed:
            raise ErrandFailed(failed.code) from None

    def file_of(self, wanted: Wanted) -> Spoken:
        """The file of a text, spoken now if it is not there.

        Raises:
            NotSpoken, NotSound, Refused: it cannot be had; the caller's own time-out interrupts nobody else.
        """
        name = self.settings.file_of(wanted)
        if self._shelf.has(name):
            return Spoken(name, was_there=True)
        spoken = self._in_hand.get(name)
        if spoken is None:
            spoken = self._in_hand[name] = AsyncResult()
            spawn(
                "speech", self._speak_into, spoken, name, wanted
            )  # its own: whoever asked first may stop waiting first
        spoken.get()
        return Spoken(name, was_there=False)

    def length_ms(self, file: str) -> int:
        """How long a file plays."""
        return length_ms(self._shelf.read(file))

    def prewarm(self, wanted: Iterable[Wanted]) -> None:
        """Speak what is not there yet, one after the other; a text that cannot be spoken is told, and the next one tried."""
        for one in wanted:
            try:
                self.file_of(one)
            except CcdError as failed:
                log.warning("text_not_prewarmed", language=one.language, reason=failed.code)

    def _speak_into(self, spoken: AsyncResult, name: str, wanted: Wanted) -> None:
        deadline = gevent.Timeout(self.settings.timeout_ms / 1000)
        try:
            with deadline, self._room:
                self._speak(name, wanted)
            spoken.set(None)
        except gevent.Timeout:
            self._fail(spoken, NotSpoken(f"{self.settings.command[0]} did not speak in time"))
        except (NotSpoken, NotSound) as failed:
            self._fail(spoken, failed)
        except OSError as error:
            self._fail(spoken, Refused(f"{self.settings.path} cannot be written: {error.strerror}"))
        except Exception as crash:
            self._fail(spoken, Refused(f"{type(crash).__name__} inside ccd"))
        finally:
            del self._in_hand[name]

    def _speak(self, name: str, wanted: Wanted) -> None:
        written = speak(self.settings.command, wanted.text, voice=wanted.voice, language=wanted.language)
        made = _beside(telephone, written)
        _beside(self._shelf.put, name, made)

    def _fail(self, spoken: AsyncResult, error: CcdError) -> None:
        now, why = time.monotonic(), str(error)
        if now >= self._told.get(why, -TOLD_AGAIN_S) + TOLD_AGAIN_S:
            self._told[why] = now
            log.error("speech_failed", reason=why)
        spoken.set_exception(error)


def _beside(do: Callable[..., T], *arguments: object) -> T:
    """What a function says, run in a thread beside the loop. gevent prints what its threads raise: they hand it over."""

    def tried() -> tuple[T | None, Exception | None]:
        try:
            return do(*arguments), None
        except Exception as wrong:
            return None, wrong

    made, wrong = gevent.get_hub().threadpool.apply(tried)
    if wrong is not None:
        raise wrong
    return cast(T, made)
