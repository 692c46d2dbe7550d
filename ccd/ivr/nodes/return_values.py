"""return: end a sub-flow and give the flow around it what came of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog
from pydantic import Field, field_validator

from ccd.base.errors import ExpressionError
from ccd.ivr.expression import Expression
from ccd.ivr.functions import Value
from ccd.ivr.nodes import RETURN, Node, node
from ccd.ivr.values import MAX_VALUES, is_value_name

if TYPE_CHECKING:
    from ccd.ivr.talk import Talk

log = structlog.get_logger(__name__)


@node("return")
class Return(Node):
    """Go back to the flow that entered this one, with results by name. In a flow that a route leads to, hang up.

    A result that cannot be had is left out, with a line in the log.
    """

    result: dict[str, Expression] = Field(default={}, max_length=MAX_VALUES)

    @field_validator("next")
    @classmethod
    def _no_next(cls, _: str) -> str:
        raise ValueError("has no place here: a return node ends its flow")

    @field_validator("result")
    @classmethod
    def _names(cls, result: dict[str, Expression]) -> dict[str, Expression]:
        for name in result:
            if not is_value_name(name):
                raise ValueError(f"{name!r} is no name for a value: a lower-case word, not one of the language's own")
        return result

    def edges(self) -> dict[str, str]:
        return {}

    def reads(self) -> list[tuple[tuple[str | int, ...], str]]:
        return [(("result", name), read) for name, one in self.result.items() for read in sorted(one.names)]

    def run(self, talk: Talk) -> str:
        known, secret = talk.values.readable(), set(talk.values.secrets)
        results: dict[str, Value] = {}
        for name, expression in self.result.items():
            try:
                results[name] = expression.evaluate(known)
            except ExpressionError as wrong:
                log.error("result_not_given", call_id=talk.call.call_id, value=name, reason=str(wrong))
        talk.handed(results, secret={name for name, one in self.result.items() if one.names & secret})
        return RETURN
