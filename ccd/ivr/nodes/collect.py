"""collect: play a prompt and take a number that the caller types."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any, Literal

import structlog
from pydantic import AfterValidator, BeforeValidator, Field

from ccd.base.errors import Refused
from ccd.ivr.nodes import Node, Prompt, TypeAhead, node
from ccd.ivr.nodes.menu import patience
from ccd.ivr.pattern import Pattern
from ccd.ivr.values import is_value_name
from ccd.settings.types import DurationMs, YesNo

if TYPE_CHECKING:
    from ccd.ivr.talk import Talk

log = structlog.get_logger(__name__)

LONGEST = 32
TERMINATORS = {"pound": "#", "star": "*", "none": ""}
_DIGITS = re.compile(r"[0-9]*")
_LENGTH = re.compile(r"([0-9]{1,2})(?:\.\.([0-9]{1,2}))?", re.ASCII)


def _length(written: Any) -> Any:
    if not isinstance(written, str | int) or isinstance(written, bool):
        return written
    matched = _LENGTH.fullmatch(str(written).strip())
    if matched is None:
        raise ValueError("must be a number of keys like 4, or from .. to like 4..8")
    shortest = int(matched[1])
    longest = int(matched[2] or shortest)
    if not 1 <= shortest <= longest <= LONGEST:
        raise ValueError(f"must be from 1 to {LONGEST} keys, the smaller number first")
    return (shortest, longest)


def _value_name(name: str) -> str:
    if not is_value_name(name):
        raise ValueError(f"{name!r} is no name for a value: a lower-case word, not one of the language or a call's own")
    return name


@node("collect")
class Collect(Node):
    """Ask up to `tries` times for `length` keys; what was typed becomes the value `into`, and the call leaves by `next`.

    An entry is whole by its terminator, by its greatest length, or when nothing comes for `digit_timeout`. It is right when
    it is long enough and matches `pattern`, or where there is none, consists of digits. A wrong one leaves by `no_match`,
    silence by `no_input`, in the end; without such an edge the call is ended: nobody goes on without what was asked for.

    A `secret` is in memory only, and a recording of the call is silent while it is asked for. With a value that cannot be
    kept (a call has many already) the call leaves by `failed`, or where the flow writes none, by `no_match`.
    """

    prompt: Prompt = Field(min_length=1)
    into: Annotated[str, AfterValidator(_value_name)]
    length: Annotated[tuple[int, int], BeforeValidator(_length)]
    next: str = Field(min_length=1)
    terminator: Literal["pound", "star", "none"] = "pound"
    pattern: Pattern | None = None
    secret: YesNo = False
    tries: int = Field(default=3, ge=1, le=10)
    timeout_ms: Annotated[DurationMs, AfterValidator(patience)] = Field(default=5_000, alias="timeout")
    digit_timeout_ms: Annotated[DurationMs, AfterValidator(patience)] = Field(default=3_000, alias="digit_timeout")
    barge_in: YesNo = True
    type_ahead: TypeAhead = "keep"
    no_input: str = ""
    no_match: str = ""
    failed: str = ""
    no_input_prompt: Prompt = "entry_missing"
    no_match_prompt: Prompt = "entry_invalid"
    again_prompt: Prompt = "entry_again"

    def edges(self) -> dict[str, str]:
        named = {"no_input": self.no_input, "no_match": self.no_match, "failed": self.failed}
        return super().edges() | {name: target for name, target in named.items() if target}

    def prompts(self) -> list[str]:
        heard = [self.prompt, self.no_input_prompt, self.no_match_prompt, self.again_prompt]
        return [prompt for prompt in heard if prompt]

    def sets(self) -> list[str]:
        return [self.into]

    def secrets(self) -> list[str]:
        return [self.into] if self.secret else []

    def waits(self) -> bool:
        return True

    def run(self, talk: Talk) -> str:
        if not self.secret:
            return self._ask(talk)
        talk.conceal(True)
        try:
            return self._ask(talk)
        finally:
            talk.conceal(False)

    def _ask(self, talk: Talk) -> str:
        if self.type_ahead == "flush":
            talk.forget_keys()
        if talk.resumed and self.again_prompt:
            talk.say(self.again_prompt, barge_in=self.barge_in)
        missed = "no_input"
        for attempt in range(1, self.tries + 1):
            typed = talk.enter(
                self.prompt,
                longest=self.length[1],
                terminator=TERMINATORS[self.terminator],
                first_ms=self.timeout_ms,
                between_ms=self.digit_timeout_ms,
                barge_in=self.barge_in,
            )
            if self._is_right(typed.digits):
                return self._keep(talk, typed.digits)
            missed = "no_input" if typed.is_nothing else "no_match"
            talk.forget_keys()  # typed as a part of the wrong entry, before anybody said that it is wrong
            if attempt < self.tries:
                self._excuse(talk, self.no_input_prompt if typed.is_nothing else self.no_match_prompt)
        return missed

    def _excuse(self, talk: Talk, prompt: str) -> None:
        if prompt:
            talk.say(prompt, barge_in=self.barge_in)

    def _is_right(self, digits: str) -> bool:
        if len(digits) < self.length[0]:
            return False
        return self.pattern.matches(digits) if self.pattern else _DIGITS.fullmatch(digits) is not None

    def _keep(self, talk: Talk, digits: str) -> str:
        try:
            talk.values.put({self.into: digits}, secret={self.into} if self.secret else ())
        except Refused as wrong:
            log.error("entry_not_kept", call_id=talk.call.call_id, value=self.into, reason=str(wrong))
            return "failed" if self.failed else "no_match"
        return "next"
