"""What is wrong with a body, in words for whoever sent it: `ring_ms: at least 1s`, where msgspec speaks of Python's types."""

from __future__ import annotations

import re
import types
import typing
from typing import Any

import msgspec

from ccd.settings.units import duration_text

_PLACE = re.compile(r"(?P<what>.*) - at `\$\.?(?P<key>[^`]*)`", re.DOTALL)
_BOUND = re.compile(r"Expected `int` (?P<sign>>=|<=) (?P<bound>-?[0-9]+)")
_KIND = re.compile(r"Expected `(?P<wanted>[^`]+)`, got `(?P<got>[^`]+)`")
_FIELD = re.compile(r"Object (?P<how>contains unknown|missing required) field `(?P<key>.*)`", re.DOTALL)
_ENUM = re.compile(r"Invalid enum value (?P<value>.*)", re.DOTALL)
_KINDS = {
    "int": "a whole number",
    "float": "a number with a fraction",
    "str": "a text",
    "bool": "true or false",
    "null": "null",
    "object": "an object",
    "array": "a list",
}


def explained(error: Exception, kind: type[msgspec.Struct]) -> str:
    """The fault that reading a `kind` met, as `key: what is wrong`; `body: …` when it is the body as a whole."""
    text = str(error)
    if isinstance(error, msgspec.ValidationError):
        if field := _FIELD.fullmatch(text):
            if field["how"].startswith("missing"):
                return f"{field['key']}: is missing"
            return f"{field['key'][:40]}: unknown key; known: {', '.join(kind.__struct_fields__)}"
        place = _PLACE.fullmatch(text)
        if place is not None and place["key"]:
            return f"{place['key']}: {_what(place['what'], place['key'], kind)}"
        if wrong := _KIND.fullmatch(text):
            return f"body: must be {_KINDS.get(wrong['wanted'], wrong['wanted'])}, not {_shown_kind(wrong['got'])}"
    return f"body: {text[:1].lower()}{text[1:]}"


def _what(text: str, key: str, kind: type[msgspec.Struct]) -> str:
    if bound := _BOUND.fullmatch(text):
        limit = duration_text(int(bound["bound"])) if key.endswith("_ms") else bound["bound"]
        return f"{'at least' if bound['sign'] == '>=' else 'at most'} {limit}"
    if wrong := _KIND.fullmatch(text):
        return f"must be {_KINDS.get(wrong['wanted'], wrong['wanted'])}, not {_shown_kind(wrong['got'])}"
    if enum := _ENUM.fullmatch(text):
        choices = _choices(kind, key)
        return (
            f"must be one of {', '.join(choices)}, not {enum['value'][:40]}" if choices else f"no {enum['value'][:40]}"
        )
    return f"{text[:1].lower()}{text[1:]}"


def _shown_kind(got: str) -> str:
    return _KINDS.get(got, got)


def _choices(kind: type[msgspec.Struct], key: str) -> list[str]:
    """What a Literal field may be; it may stand in a union with 'not given'. Nothing for a field of an object within."""
    hint: Any = typing.get_type_hints(kind).get(key)
    options = (
        typing.get_args(hint)
        if isinstance(hint, types.UnionType) or typing.get_origin(hint) is typing.Union
        else (hint,)
    )
    return [str(value) for one in options if typing.get_origin(one) is typing.Literal for value in typing.get_args(one)]
