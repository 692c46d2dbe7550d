"""Where a value stands in a JSON answer: `account.balance`, `items[0].name`, `[2]`, and with `?` at its end `name?`. Pure.

A path is names with points between them and places in brackets, counted from 0. A name is letters of any script, digits, `_`
and `-`. There are no wildcards, filters or negative places: what a path finds is one value, and looking for it takes as many
steps as the path has.
"""

from __future__ import annotations

import re
from typing import Any

from pydantic_core import CoreSchema, core_schema

MAX_LENGTH = 200
MAX_STEPS = 20
MAX_PLACE = 9_999
_STEP = re.compile(r"(?P<point>\.?)(?P<name>[\w-]+)|\[(?P<place>[0-9]{1,4})\]")


class JsonPath:
    """A checked path.

    Raises:
        ValueError: the text is no path; the error says why.
    """

    __slots__ = ("_optional", "_steps", "text")

    def __init__(self, text: str) -> None:
        if len(text) > MAX_LENGTH:
            raise ValueError(f"is longer than {MAX_LENGTH} characters")
        self.text = text
        self._optional = text.endswith("?")
        self._steps = _steps(text.removesuffix("?"))

    def find(self, document: Any) -> Any:
        """What stands there: a text, number or truth value. With `?` it is '' where nothing is, or null.

        Raises:
            LookupError: there is nothing, or null, or a list or an object. It tells nothing of the document.
        """
        found = document
        for step in self._steps:
            if not _has(found, step):
                found = None
                break
            found = found[step]
        if found is None and self._optional:
            return ""
        if found is None or isinstance(found, dict | list):
            raise LookupError("no value there")
        return found

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> CoreSchema:
        """Let a field of a node be a path."""
        return core_schema.no_info_after_validator_function(cls, core_schema.str_schema())


def _has(found: Any, step: str | int) -> bool:
    if isinstance(step, str):
        return isinstance(found, dict) and step in found
    return isinstance(found, list) and step < len(found)


def _steps(text: str) -> tuple[str | int, ...]:
    steps: list[str | int] = []
    end = 0
    while end < len(text):
        found = _STEP.match(text, end)
        if found is None or (found["name"] is not None and bool(found["point"]) is (end == 0)):
            raise ValueError(f"is no path at its character {end + 1}; one is written like account.items[0].name")
        steps.append(int(found["place"]) if found["name"] is None else found["name"])
        end = found.end()
    if not 0 < len(steps) <= MAX_STEPS:
        raise ValueError("is empty" if not steps else f"has more than {MAX_STEPS} steps")
    return tuple(steps)
