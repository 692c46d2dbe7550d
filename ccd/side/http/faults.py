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
_PARAMETER = re.compile(r'The "(?P<key>[^"]+)" parameter is invalid\. (?P<what>.*)', re.DOTALL)
_EXCEEDED = re.compile(r"The value (?:may not exceed|(?P<least>must be at least)) (?P<bound>-?[0-9]+)")
_STEP = re.compile(r"\[[^\]]*\]|[^.\[]+")
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
    if not isinstance(error, msgspec.ValidationError):
        return f"body: {text[:1].lower()}{text[1:]}"
    place = _PLACE.fullmatch(text)
    what, at = (place["what"], place["key"]) if place is not None else (text, "")
    if field := _FIELD.fullmatch(what):
        key = f"{at}.{field['key']}" if at else field["key"]
        if field["how"].startswith("missing"):
            return f"{key}: is missing"
        return f"{key[:80]}: unknown key; known: {', '.join(_fields(_inside(kind, at)))}"
    if at:
        return f"{at}: {_what(what, at, _inside(kind, at))}"
    if wrong := _KIND.fullmatch(what):
        return f"body: must be {_KINDS.get(wrong['wanted'], wrong['wanted'])}, not {_shown_kind(wrong['got'])}"
    return f"body: {text[:1].lower()}{text[1:]}"


def of_parameter(text: str) -> str:
    """What falcon says of a parameter in the query, as the faults of a body are said."""
    wrong = _PARAMETER.fullmatch(text)
    if wrong is None:
        return text
    bound = _EXCEEDED.fullmatch(wrong["what"])
    if bound is None:
        return f"{wrong['key']}: {wrong['what'][:1].lower()}{wrong['what'][1:]}"
    limit = duration_text(int(bound["bound"])) if wrong["key"].endswith("_ms") else bound["bound"]
    return f"{wrong['key']}: {'at least' if bound['least'] else 'at most'} {limit}"


def _what(text: str, key: str, hint: Any) -> str:
    if bound := _BOUND.fullmatch(text):
        limit = duration_text(int(bound["bound"])) if key.endswith("_ms") else bound["bound"]
        return f"{'at least' if bound['sign'] == '>=' else 'at most'} {limit}"
    if wrong := _KIND.fullmatch(text):
        return f"must be {_KINDS.get(wrong['wanted'], wrong['wanted'])}, not {_shown_kind(wrong['got'])}"
    if enum := _ENUM.fullmatch(text):
        choices = _choices(hint)
        return (
            f"must be one of {', '.join(choices)}, not {enum['value'][:40]}" if choices else f"no {enum['value'][:40]}"
        )
    return f"{text[:1].lower()}{text[1:]}"


def _shown_kind(got: str) -> str:
    return _KINDS.get(got, got)


def _inside(hint: Any, at: str) -> Any:
    """What may stand at a path like `causes.rejected.then` or `asks[0].skills`; None where the types do not say."""
    for step in _STEP.findall(at):
        if step.startswith("["):
            hint = next((arguments[0] for one in _options(hint) if (arguments := typing.get_args(one))), None)
            continue
        kind = next((one for one in _options(hint) if _fields(one)), None)
        hint = typing.get_type_hints(kind, include_extras=True).get(step) if kind is not None else None
    return hint


def _options(hint: Any) -> tuple[Any, ...]:
    """The members of a union, for a field may be left out; without what is only noted of them."""
    if typing.get_origin(hint) is typing.Annotated:
        return _options(typing.get_args(hint)[0])
    if isinstance(hint, types.UnionType) or typing.get_origin(hint) is typing.Union:
        return tuple(option for one in typing.get_args(hint) for option in _options(one))
    return (hint,)


def _fields(hint: Any) -> tuple[str, ...]:
    """The keys of the object that may stand there."""
    kinds = [one for one in _options(hint) if isinstance(one, type) and issubclass(one, msgspec.Struct)]
    return kinds[0].__struct_fields__ if kinds else ()


def _choices(hint: Any) -> list[str]:
    """What a Literal field may be."""
    return [
        str(value)
        for one in _options(hint)
        if typing.get_origin(one) is typing.Literal
        for value in typing.get_args(one)
    ]
