"""The kinds of text that ccd.yaml holds, each checked; their ValueErrors are for the person who wrote it."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field

from ccd.base import words
from ccd.base.errors import Unsafe
from ccd.settings import hours


def _word(text: str) -> str:
    try:
        return words.word(text)
    except Unsafe:
        raise ValueError("must be letters, digits, _ - . or :, beginning with a letter, digit or _") from None


def _switch_path(text: str) -> str:
    try:
        return words.path(text)
    except Unsafe:
        raise ValueError("must be a plain absolute path, without blanks, .. or signs that FreeSWITCH expands") from None


def _dialled(text: str) -> str:
    try:
        return words.number(text)
    except Unsafe:
        raise ValueError(
            "must be the digits as dialled, the first of them with * behind, or '*' for the rest"
        ) from None


def _spans(text: str) -> str:
    hours.spans(text)
    return text


def _weekdays(text: str) -> str:
    hours.weekdays(text)
    return text


def _dates(text: str) -> str:
    hours.dates(text)
    return text


def _several(value: Any) -> Any:
    return () if value == "" else value


def _none_yet(value: Any) -> Any:
    return {} if value == "" else value


def _filled(text: str) -> str:
    if not text.strip() or any(ord(letter) < 32 for letter in text):
        raise ValueError("must not be empty or hold control characters")
    return text


def _country(text: str) -> str:
    if not re.fullmatch(r"[1-9][0-9]{0,2}", text, re.ASCII):
        raise ValueError("must be the one to three digits of a country code, like 86")
    return text


def _area(text: str) -> str:
    if not re.fullmatch(r"(0[1-9][0-9]{1,4})?", text, re.ASCII):
        raise ValueError("must be an area code with its 0, like 021 or 0571")
    return text


def _outside(text: str) -> str:
    if not re.fullmatch(r"[0-9]{0,3}", text, re.ASCII):
        raise ValueError("must be at most three digits, like 9")
    return text


Word = Annotated[str, AfterValidator(_word)]
Filled = Annotated[str, AfterValidator(_filled)]
SwitchPath = Annotated[str, AfterValidator(_switch_path)]
Port = Annotated[int, Field(ge=1, le=65535)]
Dialled = Annotated[str, AfterValidator(_dialled)]
Country = Annotated[str, AfterValidator(_country)]
Area = Annotated[str, AfterValidator(_area)]
Outside = Annotated[str, AfterValidator(_outside)]
Hours = Annotated[str, AfterValidator(_spans)]
Dates = Annotated[str, AfterValidator(_dates)]
Weekdays = Annotated[str, AfterValidator(_weekdays)]
Zone = Annotated[str, AfterValidator(hours.zone)]
Several = BeforeValidator(_several)
"""An empty text stands for an empty list."""
NoneYet = BeforeValidator(_none_yet)
"""An empty text stands for an empty mapping."""
