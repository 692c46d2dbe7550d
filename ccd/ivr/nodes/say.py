"""say: let the caller hear a value, composed from fragments in the flow's language."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import structlog
from pydantic import ValidationInfo, field_validator

from ccd.base.errors import ExpressionError
from ccd.ivr.expression import Expression
from ccd.ivr.nodes import Node, Prompt, node
from ccd.ivr.say import LANGUAGES, NotSayable, say
from ccd.settings.types import YesNo

if TYPE_CHECKING:
    from ccd.ivr.talk import Talk

log = structlog.get_logger(__name__)


@node("say")
class Say(Node):
    """Say a value as a number, digits, date, time or money, between two prompts if they are given, as one sentence.

    A value that is not of its kind leaves by `failed` and nothing is played, or where the flow writes no `failed`, by
    `next`; the log says so. So does a secret: what is played stands in the channel's variables and in events.
    With `barge_in` a key ends it and counts as the first digit of the next input.
    """

    kind: Literal["number", "digits", "date", "time", "money"]
    value: Expression
    before: Prompt = ""
    after: Prompt = ""
    barge_in: YesNo = True
    failed: str = ""

    @field_validator("value")
    @classmethod
    def _literal_is_of_its_kind(cls, value: Expression, info: ValidationInfo) -> Expression:
        if not value.names and "kind" in info.data:
            try:
                say(info.data["kind"], value.evaluate({}), next(iter(LANGUAGES)))
            except (NotSayable, ExpressionError) as wrong:
                raise ValueError(f"cannot be said: {wrong}") from None
        return value

    def edges(self) -> dict[str, str]:
        return super().edges() | ({"failed": self.failed} if self.failed else {})

    def prompts(self) -> list[str]:
        return [prompt for prompt in (self.before, self.after) if prompt]

    def reads(self) -> list[tuple[tuple[str | int, ...], str]]:
        return [(("value",), read) for read in sorted(self.value.names)]

    def shows(self) -> list[tuple[tuple[str | int, ...], str]]:
        return self.reads()

    def waits(self) -> bool:
        return False  # a key may skip it, and a value that cannot be said takes no time

    def run(self, talk: Talk) -> str:
        try:
            fragments = self._fragments(talk)
        except (NotSayable, ExpressionError) as wrong:
            log.error("value_not_said", call_id=talk.call.call_id, kind=self.kind, reason=str(wrong))
            return "failed" if self.failed else "next"
        talk.say_joined(self.before, fragments, self.after, barge_in=self.barge_in)
        return "next"

    def _fragments(self, talk: Talk) -> list[str]:
        if self.value.names & set(talk.values.secrets):
            raise NotSayable("the value is a secret")
        return say(self.kind, self.value.evaluate(talk.values.readable()), talk.language)
