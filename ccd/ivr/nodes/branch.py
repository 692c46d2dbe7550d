"""branch: go where the first true case leads."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog
from pydantic import BaseModel, ConfigDict, Field

from ccd.base.errors import ExpressionError
from ccd.ivr.expression import Expression
from ccd.ivr.nodes import Node, node

if TYPE_CHECKING:
    from ccd.ivr.talk import Talk

log = structlog.get_logger(__name__)

MAX_CASES = 64


class Case(BaseModel):
    """One way out, and when it is taken."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    when: Expression
    next: str = Field(min_length=1)


@node("branch")
class Branch(Node):
    """Try the cases in order; the first whose `when` is true wins (edges `case_1`, `case_2`…), else `otherwise`.

    A case that cannot be evaluated ends the search: the call leaves by `failed`, or where the flow writes none, by
    `otherwise`, with a line in the log. Where there is no `otherwise` either, `next` stands for it.
    """

    cases: list[Case] = Field(min_length=1, max_length=MAX_CASES)
    otherwise: str = ""
    failed: str = ""

    def edges(self) -> dict[str, str]:
        named = {"otherwise": self.otherwise, "failed": self.failed, "next": self.next}
        cases = {f"case_{number}": case.next for number, case in enumerate(self.cases, start=1)}
        return cases | {name: target for name, target in named.items() if target}

    def field_of(self, edge: str) -> tuple[str | int, ...]:
        number = edge.removeprefix("case_")
        return ("cases", int(number) - 1, "next") if number != edge else (edge,)

    def reads(self) -> list[tuple[tuple[str | int, ...], str]]:
        return [
            (("cases", index, "when"), read)
            for index, case in enumerate(self.cases)
            for read in sorted(case.when.names)
        ]

    def run(self, talk: Talk) -> str:
        known = talk.values.readable()
        for number, case in enumerate(self.cases, start=1):
            try:
                if case.when.is_true(known):
                    return f"case_{number}"
            except ExpressionError as wrong:
                log.error("case_not_decided", call_id=talk.call.call_id, case=number, reason=str(wrong))
                if self.failed:
                    return "failed"
                break
        return "otherwise" if self.otherwise else "next"
