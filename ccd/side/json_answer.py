"""Values out of the JSON that a server answered: everything in it is hostile. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from ccd.ivr.functions import MAX_DIGITS, Wrong, bounded, to_text
from ccd.ivr.json_path import JsonPath
from ccd.side.errands import ErrandFailed


def values_of(body: bytes, paths: Mapping[str, JsonPath]) -> dict[str, list[Any]]:
    """What each path finds, as `[kind, value]`: text, number (written as text) or truth.

    Control characters in a text become blanks.

    Raises:
        ErrandFailed: the body is no JSON in UTF-8, is nested too deeply, or lacks a value (`lacks_<name>`); nothing of the
            body is told.
    """
    document = _read(body)
    found = {}
    for name, path in paths.items():
        try:
            found[name] = _told(path.find(document))
        except (LookupError, Wrong):
            raise ErrandFailed(f"lacks_{name}") from None
    return found


def _read(body: bytes) -> Any:
    try:
        text = body.decode("utf-8-sig")
        return json.loads(text, parse_int=_whole, parse_float=_fraction, parse_constant=_no_number)
    except UnicodeDecodeError:
        raise ErrandFailed("not_utf8") from None
    except (ValueError, RecursionError):
        raise ErrandFailed("not_json") from None


def _told(value: Any) -> list[Any]:
    if isinstance(value, bool):
        return ["truth", value]
    if isinstance(value, str):
        if any("\ud800" <= sign <= "\udfff" for sign in value):
            raise Wrong("half a character")
        return ["text", bounded("".join(sign if sign.isprintable() else " " for sign in value))]
    if isinstance(value, int | Decimal):
        return ["number", to_text(bounded(value))]
    raise Wrong("no value")


class _TooLong:
    """A number with more digits than a value may have; no value where a path leads to it."""


def _whole(text: str) -> int | _TooLong:
    return int(text) if len(text) <= MAX_DIGITS + 1 else _TooLong()


def _fraction(text: str) -> Decimal | _TooLong:
    try:
        return Decimal(text) if len(text) <= 4 * MAX_DIGITS else _TooLong()
    except InvalidOperation:
        return _TooLong()


def _no_number(word: str) -> Any:
    raise ValueError(f"{word} is no JSON")
