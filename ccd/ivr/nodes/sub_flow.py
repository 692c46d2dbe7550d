"""flow: run another flow and come back, as a function is called."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog
from pydantic import Field, field_validator

from ccd.base.errors import ExpressionError
from ccd.ivr.expression import Expression
from ccd.ivr.nodes import ENTER, Node, node
from ccd.ivr.values import MAX_VALUES, is_value_name

if TYPE_CHECKING:
    from ccd.ivr.talk import Talk

log = structlog.get_logger(__name__)


@node("flow")
class SubFlow(Node):
    """Run the flow of that name, with these arguments and no other value of this one; go on by `next` when it is over.

    `into` gives names here to what the sub-flow returns: `{mine: its}`. A sub-flow that cannot be entered, because an
    argument cannot be had or the call's values would outgrow their bounds, leaves by `failed`, or where the flow writes
    none by `next`, with a line in the log.
    """

    flow: str = Field(min_length=1)
    with_: dict[str, Expression] = Field(default={}, alias="with", max_length=MAX_VALUES)
    into: dict[str, str] = Field(default={}, max_length=MAX_VALUES)
    failed: str = ""

    @field_validator("into")
    @classmethod
    def _names(cls, into: dict[str, str]) -> dict[str, str]:
        for name in into:
            if not is_value_name(name):
                raise ValueError(f"{name!r} is no name for a value: a lower-case word, not one of the language's own")
        return into

    def edges(self) -> dict[str, str]:
        return super().edges() | ({"failed": self.failed} if self.failed else {})

    def flows(self) -> list[str]:
        return [self.flow]

    def sets(self) -> list[str]:
        return list(self.into)

    def reads(self) -> list[tuple[tuple[str | int, ...], str]]:
        return [(("with", name), read) for name, one in self.with_.items() for read in sorted(one.names)]

    def waits(self) -> bool:
        return True  # what the other flow does is known where all flows are: `ccd.ivr.linking`

    @property
    def failing(self) -> str:
        """The edge of a sub-flow that could not be entered, or whose results could not be kept."""
        return "failed" if self.failed else "next"

    def run(self, talk: Talk) -> str:
        known, secret = talk.values.readable(), set(talk.values.secrets)
        try:
            given = {name: one.evaluate(known) for name, one in self.with_.items()}
        except ExpressionError as wrong:
            log.error("flow_not_entered", call_id=talk.call.call_id, flow=self.flow, reason=str(wrong))
            return self.failing
        talk.handed(given, secret={name for name, one in self.with_.items() if one.names & secret})
        return ENTER
