"""Patterns for what callers type, matched by RE2 in time that grows with the input alone: no pattern can hold up a call. Pure.

RE2 compiles to an automaton and never goes back, so that what would need it (look-around, references to groups) is refused
when the flow is checked. Python's own `re` takes such patterns, and hours for some harmless looking ones.
"""

from __future__ import annotations

from typing import Any

from pydantic_core import CoreSchema, core_schema

MAX_LENGTH = 256
MAX_MEMORY = 1 << 20


class Pattern:
    """A checked pattern; a text matches it as a whole or not at all.

    Raises:
        ValueError: the text is no pattern, or one that cannot be matched in linear time.
    """

    __slots__ = ("_compiled", "text")

    def __init__(self, text: str) -> None:
        import re2  # a flow without a pattern has no use for it

        if len(text) > MAX_LENGTH:
            raise ValueError(f"is longer than {MAX_LENGTH} characters")
        options = re2.Options()
        options.max_mem = MAX_MEMORY
        options.log_errors = False
        try:
            self._compiled = re2.compile(text, options)
        except re2.error as wrong:
            raise ValueError(f"is no pattern of RE2: {_said(wrong)}") from None
        self.text = text

    def __repr__(self) -> str:
        return f"Pattern({self.text!r})"

    def matches(self, text: str) -> bool:
        """Whether all of `text` is what the pattern says."""
        return self._compiled.fullmatch(text) is not None

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> CoreSchema:
        """Let a field of a node be a pattern: a wrong one is one of that field's faults."""
        return core_schema.no_info_after_validator_function(cls, core_schema.str_schema())


def _said(wrong: Exception) -> str:
    said = wrong.args[0] if wrong.args else ""
    return said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
