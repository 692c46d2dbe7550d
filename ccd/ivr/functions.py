"""What expressions do with values: kinds, bounds, arithmetic and the listed functions. Pure; for ccd.ivr.expression."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Context, Decimal

Value = str | int | Decimal | bool

MAX_TEXT_BYTES = 4096
MAX_DIGITS = 30
MAX_PLACES = 10
NUMBER = re.compile(r"[0-9]{1,30}(?:\.[0-9]{1,10})?")

# Wide enough that sums and products of two bounded numbers are exact before they are bounded again.
_EXACT = Context(prec=100, rounding=ROUND_HALF_UP)
_FINEST = Decimal(1).scaleb(-MAX_PLACES)


class Wrong(Exception):
    """A value that an operation cannot take. The expression that asked for it knows the column."""


def kind(value: Value) -> str:
    """What a person calls the kind of a value."""
    if isinstance(value, bool):
        return "truth value"
    return "text" if isinstance(value, str) else "number"


def number(value: int | Decimal) -> int | Decimal:
    """A number as we keep it: rounded half up to ten places, whole ones as int, ≤ 30 digits in all."""
    exact = value if isinstance(value, int) else _rounded(value, _FINEST)
    if isinstance(exact, Decimal):
        exact = int(exact) if exact == exact.to_integral_value() else exact.normalize(_EXACT)
    digits = len(exact.as_tuple().digits) if isinstance(exact, Decimal) else (0 if abs(exact) < 10**MAX_DIGITS else 99)
    if digits > MAX_DIGITS:
        raise Wrong(f"the number has more than {MAX_DIGITS} digits")
    return exact


def _rounded(value: Decimal, finest: Decimal) -> Decimal:
    if not value.is_finite() or value.adjusted() > 2 * MAX_DIGITS:
        raise Wrong(f"the number has more than {MAX_DIGITS} digits")
    return value.quantize(finest, context=_EXACT)


def bounded(value: Value) -> Value:
    """The value, if it is one and within its bounds."""
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        if len(value) > MAX_TEXT_BYTES or len(value.encode(errors="replace")) > MAX_TEXT_BYTES:
            raise Wrong("the text is longer than 4 kB")
        return value
    return number(value)


def _text(value: Value) -> str:
    if not isinstance(value, str):
        raise Wrong(f"needs a text, not a {kind(value)}")
    return value


def _number(value: Value) -> int | Decimal:
    if isinstance(value, bool | str):
        raise Wrong(f"needs a number, not a {kind(value)}")
    return value


def _count(value: Value, most: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= most:
        raise Wrong(f"needs a whole number from 0 to {most}")
    return value


# --- arithmetic -------------------------------------------------------------------------------------


def add(left: Value, right: Value) -> Value:
    """The sum of two numbers, or one text behind the other."""
    if isinstance(left, str) and isinstance(right, str):
        return bounded(left + right)
    if isinstance(left, str) or isinstance(right, str):
        raise Wrong(
            f"a {kind(left)} and a {kind(right)} cannot be added: text(…) and number(…) turn one into the other"
        )
    return number(_EXACT.add(Decimal(_number(left)), Decimal(_number(right))))


def subtract(left: Value, right: Value) -> Value:
    """The difference of two numbers."""
    return number(_EXACT.subtract(Decimal(_number(left)), Decimal(_number(right))))


def multiply(left: Value, right: Value) -> Value:
    """The product of two numbers."""
    return number(_EXACT.multiply(Decimal(_number(left)), Decimal(_number(right))))


def divide(left: Value, right: Value) -> Value:
    """The quotient of two numbers, rounded half up to ten places."""
    if not _number(right):
        raise Wrong("divides by zero")
    return number(_EXACT.divide(Decimal(_number(left)), Decimal(_number(right))))


ARITHMETIC: dict[type[ast.operator], Callable[[Value, Value], Value]] = {
    ast.Add: add,
    ast.Sub: subtract,
    ast.Mult: multiply,
    ast.Div: divide,
}


# --- functions --------------------------------------------------------------------------------------


def _to_number(value: Value) -> Value:
    if isinstance(value, str):
        written = value.strip()
        if not NUMBER.fullmatch(written.removeprefix("-")):
            raise Wrong("the text is no number")
        return number(Decimal(written))
    return _number(value)


def to_text(value: Value) -> str:
    """A value as people write it: whole numbers without a point, `true` and `false`."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:f}" if isinstance(value, Decimal) else str(value)


def _first(text: Value, count: Value) -> Value:
    return _text(text)[: _count(count, MAX_TEXT_BYTES)]


def _last(text: Value, count: Value) -> Value:
    whole, wanted = _text(text), _count(count, MAX_TEXT_BYTES)
    return whole[max(len(whole) - wanted, 0) :]


def _round(value: Value, places: Value = 0) -> Value:
    return number(_rounded(Decimal(_number(value)), Decimal(1).scaleb(-_count(places, MAX_PLACES))))


@dataclass(frozen=True, slots=True)
class Function:
    """One function: how it is written, what it does, and how many arguments it takes."""

    written: str
    do: Callable[..., Value]
    least: int = 1
    most: int = 1


FUNCTIONS = {
    "len": Function("len(text)", lambda text: len(_text(text))),
    "lower": Function("lower(text)", lambda text: bounded(_text(text).lower())),
    "upper": Function("upper(text)", lambda text: bounded(_text(text).upper())),
    "trim": Function("trim(text)", lambda text: _text(text).strip()),
    "starts_with": Function("starts_with(text, start)", lambda text, start: _text(text).startswith(_text(start)), 2, 2),
    "ends_with": Function("ends_with(text, end)", lambda text, end: _text(text).endswith(_text(end)), 2, 2),
    "first": Function("first(text, count)", _first, 2, 2),
    "last": Function("last(text, count)", _last, 2, 2),
    "digits": Function("digits(text)", lambda text: re.sub("[^0-9]", "", _text(text))),
    "number": Function("number(text)", _to_number),
    "text": Function("text(value)", to_text),
    "min": Function("min(a, b, …)", lambda *each: min(_number(one) for one in each), 2, 20),
    "max": Function("max(a, b, …)", lambda *each: max(_number(one) for one in each), 2, 20),
    "round": Function("round(number) or round(number, places)", _round, 1, 2),
}
