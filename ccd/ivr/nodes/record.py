"""record: begin to record the call, or keep a part of it silent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from ccd.ivr.nodes import Node, node

if TYPE_CHECKING:
    from ccd.ivr.talk import Talk


@node("record")
class Record(Node):
    """`begin` records from here on, if nobody in charge says never, after the consent that the route demands.

    `mask` keeps what follows silent, through queues and conversations, until `unmask` or the call's end; also in a recording
    that begins later. An agent's own mask is his.
    """

    do: Literal["begin", "mask", "unmask"]
    next: str = Field(min_length=1)

    def run(self, talk: Talk) -> str:
        talk.record(self.do)
        return "next"
