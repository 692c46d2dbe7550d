"""answer: answer the call. Harmless when it is answered already."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from ccd.ivr.nodes import Node, node

if TYPE_CHECKING:
    from ccd.ivr.talk import Talk


@node("answer")
class Answer(Node):
    """Answer the call and go on. Without a `next` it would end what it has just begun: a flow must say one."""

    next: str = Field(min_length=1)

    def run(self, talk: Talk) -> str:
        talk.answer()
        return "next"
