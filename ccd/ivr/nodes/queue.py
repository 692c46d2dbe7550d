"""queue: wait for an agent and talk to him."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from ccd.ivr.nodes import Node, node

if TYPE_CHECKING:
    from ccd.ivr.talk import Talk


@node("queue")
class Queue(Node):
    """Stand in a queue until an agent has talked to the caller (`next`) or the longest wait is over (`timed_out`).

    A queue that there is not lets everybody through to `next`, and who comes to it again a second later.
    """

    queue: str = Field(min_length=1)
    priority: int = Field(default=0, ge=-1000, le=1000)
    timed_out: str = ""

    def edges(self) -> dict[str, str]:
        return super().edges() | ({"timed_out": self.timed_out} if self.timed_out else {})

    def queues(self) -> list[str]:
        return [self.queue]

    def waits(self) -> bool:
        return True

    def run(self, talk: Talk) -> str:
        ended = talk.wait_in_queue(self.queue, priority=self.priority)
        if ended in ("connected", "no_queue"):
            return "next"
        if ended == "timed_out" and not self.timed_out:
            talk.say_queue_timeout(self.queue)
            return "timed_out"
        return ended
