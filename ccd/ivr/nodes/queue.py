"""queue: wait for an agent and talk to him."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from ccd.base.skills import BEST, LEAST, Step, checked_steps
from ccd.ivr.nodes import Node, node
from ccd.settings.types import DurationMs

if TYPE_CHECKING:
    from ccd.ivr.talk import Talk


EDGES = ("timed_out", "full", "no_agents", "closed", "exit_key", "overflowed")
Levels = dict[str, Annotated[int, Field(ge=LEAST, le=BEST)]]


class Relaxed(BaseModel):
    """What is still asked after some waiting; it replaces what was asked before."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    after_ms: DurationMs = Field(alias="after")
    skills: Levels = Field(default_factory=dict)
    prefer: Levels = Field(default_factory=dict)


@node("queue")
class Queue(Node):
    """Stand in a queue until an agent has talked to the caller (`next`) or the longest wait is over (`timed_out`).

    Whom the queue does not let wait, or who leaves it by a rule or a key, goes on by `full`, `no_agents`, `closed`,
    `overflowed` or `exit_key`; where the flow writes no such edge he hears the queue's apology and is hung up.
    `skills` are what an agent must have, `prefer` what puts him first, `relax` what is left of both as the caller waits;
    without them it is as the queue says.
    A queue that there is not lets everybody through to `next`, and who comes to it again a second later.
    """

    queue: str = Field(min_length=1)
    priority: int = Field(default=0, ge=-1000, le=1000)
    skills: Levels = Field(default_factory=dict)
    prefer: Levels = Field(default_factory=dict)
    relax: tuple[Relaxed, ...] = ()
    timed_out: str = ""
    full: str = ""
    no_agents: str = ""
    closed: str = ""
    exit_key: str = ""
    overflowed: str = ""

    @model_validator(mode="after")
    def _only_relaxes(self) -> Self:
        if any(not one.after_ms for one in self.relax):
            raise ValueError("relax: `after` is the waiting time from which on less is asked, as 30s")
        self.steps()
        return self

    def steps(self) -> tuple[Step, ...]:
        """What is asked of agents, by waiting time; () leaves it to the queue."""
        relaxed = (Step(one.after_ms, one.skills, one.prefer) for one in self.relax)
        return checked_steps((Step(0, self.skills, self.prefer), *relaxed))

    def edges(self) -> dict[str, str]:
        named = {name: getattr(self, name) for name in EDGES}
        return super().edges() | {name: target for name, target in named.items() if target}

    def queues(self) -> list[str]:
        return [self.queue]

    def waits(self) -> bool:
        return True

    def run(self, talk: Talk) -> str:
        ended = talk.wait_in_queue(self.queue, priority=self.priority, steps=self.steps())
        if ended in ("connected", "no_queue"):
            return "next"
        if ended in EDGES and not getattr(self, ended):
            talk.say_queue_timeout(self.queue)
        return "overflowed" if ended == "kicked" else ended
