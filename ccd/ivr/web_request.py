"""What an http node asks, made of literals and values: an address, a query, headers and a body. Pure.

A value is always encoded for its place: percent-encoded in the path, form-encoded in query and form, JSON in JSON, one line
of visible ASCII in a header. It never changes where a request goes or what else it says.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

from pydantic_core import CoreSchema, core_schema

from ccd.base import web
from ccd.base.errors import ExpressionError, Refused
from ccd.ivr.expression import Expression
from ccd.ivr.functions import Value, to_text
from ccd.ivr.template import Template

MAX_URL = 4_000
MAX_BODY = 32_000
MAX_DEPTH = 8
MAX_LEAVES = 200
_PATH = re.compile(r"(?:[A-Za-z0-9._~!$&'()*+,;=:@/-]|%[0-9A-Fa-f]{2})*")


class NotAskable(Refused):
    """A value does not fit where the request would put it. The text tells no value."""

    code = "not_askable"


class Url:
    """An address whose path may show values: `https://crm.example.cn/accounts/{account}`. `names` are those values.

    Raises:
        ValueError: the text is no such address.
    """

    __slots__ = ("_path", "names", "origin", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self.origin, path = web.split(text)
        if "?" in path or "#" in path:
            raise ValueError("must end with the path: what comes behind a ? stands under query")
        try:
            self._path = Template(path)
        except ExpressionError as wrong:
            raise ValueError(f"path: {str(wrong).replace('of the expression', 'of the path')}") from None
        if not _PATH.fullmatch(self._path.literal()):
            raise ValueError("has a character in its path that must be percent-encoded")
        if any(part in (".", "..") for part in path.split("/")):
            raise ValueError("has . or .. as a part of its path")
        self.names = self._path.names

    def filled(self, values: Mapping[str, Value]) -> str:
        """The address with its values.

        Raises:
            ExpressionError: a value is not there.
            NotAskable: a value would be another path, or the address gets too long.
        """
        path = self._path.filled(values, _segment)
        if any(part in (".", "..") for part in path.split("/")):
            raise NotAskable("a value would make another path of the address")
        url = self.origin + (path or "/")
        if len(url) > MAX_URL:
            raise NotAskable(f"the address is longer than {MAX_URL} characters")
        return url

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> CoreSchema:
        """Let a field of a node be an address."""
        return core_schema.no_info_after_validator_function(cls, core_schema.str_schema())


def _segment(value: Value) -> str:
    text = to_text(value)
    if not text or not text.isprintable() or any(part in (".", "..") for part in re.split(r"[/\\]", text)):
        raise NotAskable("a value is empty, or not a part of a path")
    return quote(text, safe="", errors="replace")


class Shape:
    """A JSON body whose leaves are expressions, in mappings and lists as the flow writes them; `names` are what they read.

    Raises:
        ValueError: something in it is no expression, or it is too large; the error names its place.
    """

    __slots__ = ("_tree", "names")

    def __init__(self, written: object) -> None:
        self.names: dict[tuple[str | int, ...], frozenset[str]] = {}
        self._tree = self._compiled(written, ())

    def filled(self, values: Mapping[str, Value]) -> str:
        """The body as JSON; ExpressionError as for an expression."""
        return _json(self._tree, values)

    def _compiled(self, written: object, place: tuple[str | int, ...]) -> Any:
        if len(place) > MAX_DEPTH:
            raise ValueError(f"is nested more than {MAX_DEPTH} deep")
        if isinstance(written, Mapping):
            return {str(key): self._compiled(item, (*place, str(key))) for key, item in written.items()}
        if isinstance(written, list):
            return [self._compiled(item, (*place, index)) for index, item in enumerate(written)]
        if len(self.names) >= MAX_LEAVES:
            raise ValueError(f"has more than {MAX_LEAVES} values")
        try:
            leaf = Expression(str(written))
        except ExpressionError as wrong:
            raise ValueError(f"{'.'.join(map(str, place))}: {wrong}") from None
        self.names[place] = leaf.names
        return leaf

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> CoreSchema:
        """Let a field of a node be a body: a mapping."""
        return core_schema.no_info_after_validator_function(cls, core_schema.dict_schema())


def _json(tree: Any, values: Mapping[str, Value]) -> str:
    if isinstance(tree, dict):
        return "{" + ",".join(f"{_text(key)}:{_json(item, values)}" for key, item in tree.items()) + "}"
    if isinstance(tree, list):
        return "[" + ",".join(_json(item, values) for item in tree) + "]"
    value = tree.evaluate(values)
    return _text(value) if isinstance(value, str) else to_text(value)


def _text(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def encoded(pairs: Mapping[str, Expression], values: Mapping[str, Value]) -> str:
    """Names and values as a query or a form; ExpressionError as for an expression."""
    written = {name: to_text(expression.evaluate(values)) for name, expression in pairs.items()}
    return urlencode(written, quote_via=quote, safe="", errors="replace")


def headers(named: Mapping[str, Expression], values: Mapping[str, Value]) -> dict[str, str]:
    """Headers with their values.

    Raises:
        ExpressionError: as for an expression.
        NotAskable: a value cannot stand in a header.
    """
    written: dict[str, str] = {}
    for name, expression in named.items():
        try:
            written[name] = web.header_value(to_text(expression.evaluate(values)).strip())
        except ValueError as unfit:
            raise NotAskable(f"header {name}: {unfit}") from None
    return written
