"""menu: play a prompt, take one key, go where it leads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import AfterValidator, Field, field_validator

from ccd.ivr.nodes import Node, Prompt, TypeAhead, node
from ccd.settings.types import DurationMs, YesNo
from ccd.settings.units import duration_text

if TYPE_CHECKING:
    from ccd.ivr.talk import Talk

KEYS = {str(digit): str(digit) for digit in range(10)} | {"star": "*", "pound": "#"}
_BY_DIGIT = {digit: name for name, digit in KEYS.items()}
SHORTEST_MS, LONGEST_MS = 500, 60_000


def patience(ms: int) -> int:
    """A time that a caller is given to press a key."""
    if not SHORTEST_MS <= ms <= LONGEST_MS:
        raise ValueError(f"must be from {duration_text(SHORTEST_MS)} to {duration_text(LONGEST_MS)}")
    return ms


@node("menu")
class Menu(Node):
    """Ask up to `tries` times. Edges are the keys (`1`, `star`, `pound`), `no_input` and `no_match`.

    Where a flow writes no edge for no_input or no_match, the menu leaves by `next`, and without that hangs up.
    """

    prompt: Prompt = Field(min_length=1)
    choices: dict[str, str] = Field(min_length=1)
    no_input: str = ""
    no_match: str = ""
    timeout_ms: Annotated[DurationMs, AfterValidator(patience)] = Field(default=5_000, alias="timeout")
    tries: int = Field(default=3, ge=1, le=10)
    barge_in: YesNo = True
    type_ahead: TypeAhead = "keep"
    no_input_prompt: Prompt = "no_input"
    no_match_prompt: Prompt = "no_match"

    @field_validator("choices")
    @classmethod
    def _known_keys(cls, choices: dict[str, str]) -> dict[str, str]:
        for key in choices:
            if key not in KEYS:
                raise ValueError(f"{key!r} is no key: 0 to 9, star or pound")
        return choices

    def edges(self) -> dict[str, str]:
        named = {"no_input": self.no_input, "no_match": self.no_match, "next": self.next}
        return self.choices | {name: target for name, target in named.items() if target}

    def prompts(self) -> list[str]:
        return [self.prompt, self.no_input_prompt, self.no_match_prompt]

    def waits(self) -> bool:
        return True

    def run(self, talk: Talk) -> str:
        if self.type_ahead == "flush":
            talk.forget_keys()
        missed = "no_input"
        for attempt in range(1, self.tries + 1):
            digit = talk.ask(self.prompt, timeout_ms=self.timeout_ms, barge_in=self.barge_in)
            if digit is not None and _BY_DIGIT.get(digit) in self.choices:
                return _BY_DIGIT[digit]
            missed = "no_input" if digit is None else "no_match"
            if attempt < self.tries:
                talk.say(self.no_input_prompt if digit is None else self.no_match_prompt, barge_in=self.barge_in)
        return missed if missed in self.edges() else "next"
