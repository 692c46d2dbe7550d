"""set: give values of the call their names, from expressions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog
from pydantic import Field, field_validator

from ccd.base.errors import ExpressionError, Refused
from ccd.ivr.expression import Expression
from ccd.ivr.nodes import Node, node
from ccd.ivr.values import MAX_VALUES, is_value_name

if TYPE_CHECKING:
    from ccd.ivr.talk import Talk

log = structlog.get_logger(__name__)


@node("set")
class Set(Node):
    """Set values in order, each expression seeing those before it: all of them, or none when one cannot be had.

    Then the call leaves by `failed`, or where the flow writes none, as if nothing had been asked, by `next`, with a line
    in the log. What is made of a secret becomes a secret.
    """

    values: dict[str, Expression] = Field(min_length=1, max_length=MAX_VALUES)
    next: str = Field(min_length=1)
    failed: str = ""

    @field_validator("values")
    @classmethod
    def _names(cls, values: dict[str, Expression]) -> dict[str, Expression]:
        for name in values:
            if not is_value_name(name):
                raise ValueError(
                    f"{name!r} is no name for a value: a lower-case word, not one of the language or a call's own"
                )
        return values

    def edges(self) -> dict[str, str]:
        return super().edges() | ({"failed": self.failed} if self.failed else {})

    def sets(self) -> list[str]:
        return list(self.values)

    def reads(self) -> list[tuple[tuple[str | int, ...], str]]:
        return [(("values", name), read) for name, one in self.values.items() for read in sorted(one.names)]

    def derives(self) -> list[tuple[str, str]]:
        return [(name, read) for name, one in self.values.items() for read in one.names]

    def run(self, talk: Talk) -> str:
        known, secret = talk.values.readable(), set(talk.values.secrets)
        for name, expression in self.values.items():
            try:
                known[name] = expression.evaluate(known)
            except ExpressionError as wrong:
                log.error("value_not_set", call_id=talk.call.call_id, value=name, reason=str(wrong))
                return "failed" if self.failed else "next"
            (secret.add if expression.names & secret else secret.discard)(name)
        try:
            talk.values.put({name: known[name] for name in self.values}, secret=secret)
        except Refused as wrong:
            log.error("values_not_set", call_id=talk.call.call_id, reason=str(wrong))
            return "failed" if self.failed else "next"
        return "next"
