"""play: let the caller hear a prompt."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from ccd.ivr.nodes import Node, Prompt, node
from ccd.settings.types import YesNo

if TYPE_CHECKING:
    from ccd.ivr.talk import Talk


@node("play")
class Play(Node):
    """Play a prompt. With `barge_in` a key ends it and counts as the first digit of the next input."""

    prompt: Prompt = Field(min_length=1)
    barge_in: YesNo = True

    def prompts(self) -> list[str]:
        return [self.prompt]

    def waits(self) -> bool:
        return not self.barge_in  # a key that waits for the next input skips it

    def run(self, talk: Talk) -> str:
        talk.say(self.prompt, barge_in=self.barge_in)
        return "next"
