"""Texts with values in braces, `您好，{name}`: the whole value of a name, nothing computed, nothing interpreted. Pure.

`{{` and `}}` are braces. What a value becomes is the caller's business: `filled` takes a function that writes it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from pydantic_core import CoreSchema, core_schema

from ccd.base.errors import ExpressionError
from ccd.ivr.functions import Value
from ccd.ivr.grammar import TRUTHS, VALUE_NAME

MAX_LENGTH = 1_000
_PIECE = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")


class _Name(NamedTuple):
    name: str
    column: int


class Template:
    """A checked text; `names` are the values it shows.

    Raises:
        ExpressionError: the text is too long or its braces hold no name; the error says in which column.
    """

    __slots__ = ("_parts", "names", "text")

    def __init__(self, text: str) -> None:
        if len(text) > MAX_LENGTH:
            raise ExpressionError(f"is longer than {MAX_LENGTH} characters", MAX_LENGTH + 1)
        self.text = text
        self._parts: list[str | _Name] = []
        end = 0
        for found in _PIECE.finditer(text):
            self._parts.append(text[end : found.start()])
            self._parts.append(_part(found))
            end = found.end()
        self._parts.append(text[end:])
        self.names = frozenset(part.name for part in self._parts if isinstance(part, _Name))

    def filled(self, values: Mapping[str, Value], write: Callable[[Value], str]) -> str:
        """The text with every value written by `write`.

        Raises:
            ExpressionError: a value is not there.
        """
        written: list[str] = []
        for part in self._parts:
            if isinstance(part, str):
                written.append(part)
            elif part.name in values:
                written.append(write(values[part.name]))
            else:
                raise ExpressionError(f"there is no value {part.name!r}", part.column)
        return "".join(written)

    def literal(self) -> str:
        """The text with every value left out."""
        return "".join(part for part in self._parts if isinstance(part, str))

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> CoreSchema:
        """Let a field of a node be a template: a wrong one is one of that field's faults."""
        return core_schema.no_info_after_validator_function(cls._of_field, core_schema.str_schema())

    @classmethod
    def _of_field(cls, text: str) -> Template:
        try:
            return cls(text)
        except ExpressionError as wrong:
            raise ValueError(str(wrong).replace("of the expression", "of the text")) from None


def _part(found: re.Match[str]) -> str | _Name:
    column = found.start() + 1
    if found[0] in ("{{", "}}"):
        return found[0][0]
    name = found[1]
    if name is None:
        raise ExpressionError("has a brace without its partner; write {{ or }} for a brace itself", column)
    if not VALUE_NAME.fullmatch(name) or name in TRUTHS:
        raise ExpressionError(f"{{{name[:40]}}} is no name of a value; compute with a set node first", column)
    return _Name(name, column)
