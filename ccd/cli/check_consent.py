"""`ccd check`: the prompts that callers hear before they are recorded. Nobody is recorded who could not hear them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ccd.settings.model import Settings


def consent_faults(settings: Settings, prompts: Path) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """What routes demand and the folder of prompts does not have: `(where, what)`; queues are not known here."""
    own = settings.recordings
    for demand, key, prompt in (
        ("announce", "consent_notice", own.consent_notice),
        ("ask", "consent_question", own.consent_question),
    ):
        demanded = any(route.consent == demand for route in settings.routes)
        if demanded and not os.path.isfile(prompts / f"{prompt}.wav"):
            yield ("recordings", key), f"no prompt {prompt!r} in {prompts}, so nobody would be recorded"
