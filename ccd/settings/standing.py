"""`standing` of ccd.yaml: agents whose leg stays up between calls."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from ccd.base import words
from ccd.base.errors import Unsafe
from ccd.settings.types import DurationMs, Section


def _beep(text: str) -> str:
    if text and (text.endswith(";loops=-1") or text.startswith("local_stream://")):
        raise ValueError("must end by itself")
    try:
        return words.audio(text) if text else ""
    except Unsafe:
        raise ValueError("must be like tone_stream://%(150,0,800), or an absolute path as FreeSWITCH sees it") from None


def _ring(ms: int) -> int:
    if not 5_000 <= ms <= 300_000:
        raise ValueError("must be from 5s to 5m")
    return ms


class Standing(Section):
    """What an agent hears of a caller who comes, and how long his phone rings for the leg that then stays up."""

    beep: Annotated[str, AfterValidator(_beep)] = Field(
        default="tone_stream://%(150,0,800)", description="what the agent hears as a caller comes; empty: nothing"
    )
    ring_ms: Annotated[DurationMs, AfterValidator(_ring)] = Field(
        default=30_000, alias="ring", description="so long his phone rings at a login; his own ring time comes first"
    )
