"""ring: let the caller hear ringing for a time, without answering."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import AfterValidator, Field

from ccd.ivr.nodes import Node, node
from ccd.settings.types import DurationMs
from ccd.settings.units import duration_text

if TYPE_CHECKING:
    from ccd.ivr.talk import Talk

SHORTEST_MS, LONGEST_MS = 500, 120_000


def _a_while(ms: int) -> int:
    if not SHORTEST_MS <= ms <= LONGEST_MS:
        raise ValueError(f"must be from {duration_text(SHORTEST_MS)} to {duration_text(LONGEST_MS)}")
    return ms


@node("ring")
class Ring(Node):
    """Ring for a time and go on. `signal` has the caller's own network ring; where he is answered already, or hears
    something already, and with `tone`, he hears a ring-back tone of ours. Keys pressed meanwhile count for the next input.
    """

    for_ms: Annotated[DurationMs, AfterValidator(_a_while)] = Field(alias="for")
    with_: Literal["signal", "tone"] = Field(default="signal", alias="with")
    next: str = Field(min_length=1)

    def waits(self) -> bool:
        return True

    def run(self, talk: Talk) -> str:
        talk.ring(ms=self.for_ms, tone=self.with_ == "tone")
        return "next"
