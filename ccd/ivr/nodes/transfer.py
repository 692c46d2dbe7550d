"""transfer: call somebody for the caller, and let the two talk."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import structlog
from pydantic import AfterValidator, Field, field_validator, model_validator

from ccd.base import words
from ccd.base.errors import ExpressionError, Unsafe
from ccd.ivr.expression import Expression
from ccd.ivr.nodes import REPEAT, Node, OnRecover, node
from ccd.settings.types import DurationMs
from ccd.settings.units import duration_text

if TYPE_CHECKING:
    from ccd.ivr.talk import Talk

log = structlog.get_logger(__name__)

SHORTEST_MS, LONGEST_MS = 3_000, 120_000
EDGES = ("answered", "busy", "no_answer", "refused", "failed")
_OF_RESULT = {
    "answered": "answered",
    "busy": "busy",
    "no_answer": "no_answer",
    "rejected": "refused",
    "not_allowed": "refused",
}


def _a_while(ms: int) -> int:
    if not SHORTEST_MS <= ms <= LONGEST_MS:
        raise ValueError(f"must be from {duration_text(SHORTEST_MS)} to {duration_text(LONGEST_MS)}")
    return ms


def _number(text: str) -> str:
    try:
        return words.number(text) if text else ""
    except Unsafe:
        raise ValueError("is no number: digits, * # and +, at most 32") from None


def _caller_id(text: str) -> str:
    try:
        return text if text in ("caller", "site") else words.number(text)
    except Unsafe:
        raise ValueError("must be caller, site or a number") from None


@node("transfer")
class Transfer(Node):
    """Call a `number`, the number that `number_from` says, or a `station`, and let the caller talk with whoever answers.

    After the talk the caller, if he is still there, leaves by `answered`, else where the flow writes none by `next`. Whom
    nobody answered leaves by `busy`, `no_answer` or `refused` (they declined, or ccd.yaml does not allow the number), by
    `failed` where one of these is not written and for every other cause, and by `next` where there is no `failed` either.
    """

    number: Annotated[str, AfterValidator(_number)] = ""
    number_from: Expression | None = None
    station: str = Field(default="", max_length=128)
    ring_ms: Annotated[DurationMs, AfterValidator(_a_while)] = Field(default=25_000, alias="ring")
    caller_id: Annotated[str, AfterValidator(_caller_id)] = "caller"
    hears: Literal["ringing", "music"] = "ringing"
    on_recover: OnRecover = "repeat"
    answered: str = ""
    busy: str = ""
    no_answer: str = ""
    refused: str = ""
    failed: str = ""

    @field_validator("number_from", mode="after")
    @classmethod
    def _literal_is_a_number(cls, value: Expression | None) -> Expression | None:
        if value is not None and not value.names:
            raise ValueError("reads no value: write the number as `number`")
        return value

    @model_validator(mode="after")
    def _one_target(self) -> Transfer:
        if sum((bool(self.number), self.number_from is not None, bool(self.station))) != 1:
            raise ValueError("needs one of number, number_from and station")
        return self

    def edges(self) -> dict[str, str]:
        named = {name: getattr(self, name) for name in EDGES}
        return super().edges() | {name: target for name, target in named.items() if target}

    def reads(self) -> list[tuple[tuple[str | int, ...], str]]:
        names = self.number_from.names if self.number_from is not None else ()
        return [(("number_from",), read) for read in sorted(names)]

    def shows(self) -> list[tuple[tuple[str | int, ...], str]]:
        return self.reads()

    def recovers(self) -> str:
        return REPEAT if self.on_recover == "repeat" else self.leaves_by("interrupted")

    def leaves_by(self, result: str) -> str:
        """The edge for what came of the call, among those that the flow wrote."""
        edge = _OF_RESULT.get(result, "failed")
        wanted = (edge,) if edge == "answered" else (edge, "failed")
        return next((one for one in wanted if getattr(self, one)), "next")

    def run(self, talk: Talk) -> str:
        number = self.number
        if self.number_from is not None:
            try:
                number = self._computed(self.number_from, talk)
            except ExpressionError as wrong:
                log.error("number_not_known", call_id=talk.call.call_id, reason=str(wrong))
                return self.leaves_by("failed")
        return self.leaves_by(talk.transfer(self, number))

    def _computed(self, expression: Expression, talk: Talk) -> str:
        """The number to call; a secret is none, since what is dialled stands in events and records."""
        if expression.names & set(talk.values.secrets):
            raise ExpressionError("the value is a secret", 1)
        value = expression.evaluate(talk.values.readable())
        if not isinstance(value, str):
            raise ExpressionError("a number to call is a text of digits", 1)
        return value
