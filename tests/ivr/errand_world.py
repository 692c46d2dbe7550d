"""A caller whose errands the test does: `asked` are those that side was given, `answers` says what came of the latest."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from ccd.ivr.doors import Outcome
from tests.ivr.caller import Caller


class Asking(Caller):
    """A caller with a side behind him."""

    def __init__(self, document: dict[str, Any], **more: Any) -> None:
        super().__init__(document, **more)
        self.asked: list[dict[str, Any]] = []
        self.times: list[int] = []
        self.abandoned = 0
        self._done: Callable[[Outcome], None] | None = None
        self.talk.doors = dataclasses.replace(
            self.talk.doors, errand=self._errand, speech_path=lambda file: f"/speech/{file}"
        )

    def _errand(
        self, kind: str, given: Mapping[str, Any], timeout_ms: int, done: Callable[[Outcome], None]
    ) -> Callable[[], None]:
        self.asked.append({"kind": kind, **given})
        self.times.append(timeout_ms)
        self._done = done

        def abandon() -> None:
            self.abandoned += 1

        return abandon

    def brings(self, **ok: Any) -> None:
        assert self._done is not None
        self._done(Outcome(ok=ok))
        self.breathe()

    def fails(self, reason: str) -> None:
        assert self._done is not None
        self._done(Outcome(reason=reason))
        self.breathe()
