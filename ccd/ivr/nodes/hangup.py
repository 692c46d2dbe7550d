"""hangup: say goodbye, if a prompt is given, and end the call."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated

from pydantic import AfterValidator

from ccd.ivr.nodes import HANG_UP, Node, Prompt, node

if TYPE_CHECKING:
    from ccd.ivr.talk import Talk


def _cause(word: str) -> str:
    if not re.fullmatch(r"[A-Z][A-Z0-9_]{0,63}", word):
        raise ValueError("is no cause as FreeSWITCH names them, like NORMAL_CLEARING or USER_BUSY")
    return word


@node("hangup")
class Hangup(Node):
    """End the call with a cause as FreeSWITCH names it."""

    prompt: Prompt = ""
    cause: Annotated[str, AfterValidator(_cause)] = "NORMAL_CLEARING"

    def prompts(self) -> list[str]:
        return [self.prompt] if self.prompt else []

    def edges(self) -> dict[str, str]:
        return {}

    def run(self, talk: Talk) -> str:
        if self.prompt:
            talk.say(self.prompt, barge_in=False)
        talk.hang_up(self.cause)
        return HANG_UP
