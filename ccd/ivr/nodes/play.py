"""play: let the caller hear a prompt."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from ccd.ivr.nodes import Node, Prompt, node

if TYPE_CHECKING:
    from ccd.ivr.talk import Talk


@node("play")
class Play(Node):
    """Play a prompt. With `barge_in` a key ends it and counts as the first digit of the next input."""

    prompt: Prompt = Field(min_length=1)
    barge_in: bool = True

    def prompts(self) -> list[str]:
        return [self.prompt]

    def run(self, talk: Talk) -> str:
        talk.say(self.prompt, barge_in=self.barge_in)
        return "next"
