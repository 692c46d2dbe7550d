"""voicemail: the caller leaves a message."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from ccd.ivr.nodes import Node, Prompt, node
from ccd.settings.types import DurationMs

if TYPE_CHECKING:
    from ccd.ivr.talk import Talk


@node("voicemail")
class Voicemail(Node):
    """Greeting, tone, and a message for a box: # ends it, as silence, its longest length and hanging up do.

    Goes on by `next` when a message was left, by `empty` when nothing was said, by `failed` when nothing could be recorded
    or there is no such box. `greeting` and `max_length` are used in place of the box's own.
    """

    box: str = Field(min_length=1)
    greeting: Prompt = ""
    max_length: Annotated[DurationMs, Field(ge=0, le=3_600_000)] = 0
    empty: str = ""
    failed: str = ""

    def edges(self) -> dict[str, str]:
        return super().edges() | {
            name: target for name, target in (("empty", self.empty), ("failed", self.failed)) if target
        }

    def prompts(self) -> list[str]:
        return [self.greeting] if self.greeting else []

    def boxes(self) -> list[str]:
        return [self.box]

    def waits(self) -> bool:
        return True

    def run(self, talk: Talk) -> str:
        how = talk.leave_message(self.box, greeting=self.greeting, max_ms=self.max_length)
        return "next" if how == "left" else how
