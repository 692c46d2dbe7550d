"""The expressions of flows: what they mean, what is refused and where, and that nothing makes them large or long."""

from __future__ import annotations

import warnings
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ccd.base.errors import ExpressionError
from ccd.ivr.expression import Expression
from ccd.ivr.functions import FUNCTIONS, MAX_DIGITS, MAX_TEXT_BYTES

VALUES = {
    "key": "1",
    "dialled": "4008001234",
    "name": "张三",
    "amount": Decimal("12.5"),
    "tries": 2,
    "vip": True,
    "no": "",
}

MEANS = [
    ("'a'", "a"),
    ('"it\'s"', "it's"),
    ("12", 12),
    ("0.50", Decimal("0.5")),
    ("true", True),
    ("key", "1"),
    ("key == '1'", True),
    ("key != '1'", False),
    ("tries < 3", True),
    ("1 <= tries <= 3", True),
    ("1 < tries < 2", False),
    ("3 > tries >= 2 > 1", True),
    ("'a' < 'b'", True),
    ("amount == 12.50", True),
    ("vip == true", True),
    ("vip and tries == 2", True),
    ("not vip or tries == 2", True),
    ("false and missing", False),
    ("true or missing == 1", True),
    ("'800' in dialled", True),
    ("'9' not in dialled", True),
    ("key in ['1', '2']", True),
    ("key not in ['1', '2']", False),
    ("key in []", False),
    ("'1' == key in ['1']", True),
    ("tries in [tries + 1, 2]", True),
    ("0.1 + 0.2 == 0.3", True),
    ("1 / 4", Decimal("0.25")),
    ("4 / 2", 2),
    ("2 / 3", Decimal("0.6666666667")),
    ("-tries - -3", 1),
    ("2 + 3 * 4", 14),
    ("(2 + 3) * 4", 20),
    ("amount * 2", 25),
    ("name + '，' + text(tries)", "张三，2"),
    ("len(name)", 2),
    ("lower('AbÉ')", "abé"),
    ("upper('ab')", "AB"),
    ("trim('  a ')", "a"),
    ("starts_with(dialled, '400')", True),
    ("ends_with(dialled, '400')", False),
    ("first(dialled, 3)", "400"),
    ("last(dialled, 4)", "1234"),
    ("last(key, 4)", "1"),
    ("last(key, 0)", ""),
    ("digits('+86 (571) 8')", "865718"),
    ("digits('１2')", "2"),
    ("number(' 12.50 ')", Decimal("12.5")),
    ("number('007')", 7),
    ("number('-3')", -3),
    ("number(tries)", 2),
    ("text(amount)", "12.5"),
    ("text(1 == 1)", "true"),
    ("text(1 / 10000000)", "0.0000001"),
    ("min(3, tries, 4)", 2),
    ("max(1.5, tries)", 2),
    ("round(2.5)", 3),
    ("round(-2.5)", -3),
    ("round(2.345, 2)", Decimal("2.35")),
    ("key ==\n\t'1'", True),
]


@pytest.mark.parametrize(("text", "meant"), MEANS, ids=[row[0] for row in MEANS])
def test_an_expression_means(text: str, meant: Any) -> None:
    found = Expression(text).evaluate(VALUES)
    assert (found, type(found)) == (meant, type(meant))


FAILS = [
    ("missing", "there is no value 'missing'", 1),
    ("1 + missing", "there is no value 'missing'", 5),
    ("key == 1", "a text cannot be compared with a number", 1),
    ("key in [1]", "a text cannot be compared with a number", 1),
    ("vip == 1", "a truth value cannot be compared with a number", 1),
    ("'x' < 1", "cannot be compared", 1),
    ("vip < false", "truth values have no order", 1),
    ("1 in dialled", "not for a number in a text", 1),
    ("key + 1", "a text and a number cannot be added", 1),
    ("key * 2", "needs a number, not a text", 1),
    ("vip + 1", "needs a number, not a truth value", 1),
    ("-key", "needs a number, not a text", 1),
    ("name == '张三' and 1 / 0 == 1", "divides by zero", 18),
    ("tries / no", "needs a number, not a text", 1),
    ("not key", "must be true or false, and is a text", 5),
    ("vip and tries", "must be true or false, and is a number", 9),
    ("len(tries)", "needs a text, not a number", 1),
    ("number('12a')", "the text is no number", 1),
    ("number('1e5')", "the text is no number", 1),
    ("number('--1')", "the text is no number", 1),
    ("number(vip)", "needs a number, not a truth value", 1),
    ("first(key, -1)", "needs a whole number from 0", 1),
    ("first(key, 1.5)", "needs a whole number from 0", 1),
    ("round(1.5, 11)", "needs a whole number from 0 to 10", 1),
    ("999999999999999999999999999999 + 1", "more than 30 digits", 1),
    ("999999999999999999999999999999 * 999999999999999999999999999999", "more than 30 digits", 1),
]


@pytest.mark.parametrize(("text", "why", "column"), FAILS, ids=[row[0] for row in FAILS])
def test_what_cannot_be_evaluated_is_told_with_its_column(text: str, why: str, column: int) -> None:
    expression = Expression(text)
    with pytest.raises(ExpressionError) as caught:
        expression.evaluate(VALUES)
    assert why in str(caught.value)
    assert caught.value.column == column


def test_an_error_tells_no_values() -> None:
    for text in ("pin + 1", "pin == 1", "number(pin)", "-pin", "pin and true", "len(pin + pin) < pin"):
        with pytest.raises(ExpressionError) as caught:
            Expression(text).evaluate({"pin": "4711x"})
        assert "4711" not in str(caught.value)
        assert caught.value.__cause__ is None


REFUSED = [
    ("", "is empty", 1),
    ("  ", "is empty", 1),
    ("1 + ", "is no expression", None),
    ("a) + (b", "is no expression", 2),
    ("a = 1", "to compare write ==", 3),
    ("0571", "put the digits of a telephone number into quotes", None),
    ("'abc", "no closing quote", None),
    ("“abc”", "outside of a text in quotes", 1),
    ("1or 2", "is no expression", None),
    ("  a == b.c", "has no place", 8),
    ("'张三' == b.c", "has no place", 9),
    ("a[0]", "has no place", 1),
    ("2 ** 3", "has no place", 1),
    ("2 % 3", "has no place", 1),
    ("2 // 3", "has no place", 1),
    ("a is b", "has no place", 1),
    ("~1", "has no place", 1),
    ("lambda: 1", "has no place", 1),
    ("[x for x in a]", "has no place", 1),
    ("f'{a}'", "has no place", 1),
    ("b'a'", "has no place", 1),
    ("{}", "has no place", 1),
    ("(1, 2)", "has no place", 1),
    ("a if b else c", "has no place", 1),
    ("(a := 1)", "has no place", 2),
    ("...", "has no place", 1),
    ("1j", "has no place", 1),
    ("'a\\n'", "has no place", 3),
    ("'a\x00'", "has no place", 3),
    ("True", "truth values are written true and false", 1),
    ("None", "truth values are written true and false", 1),
    ("TRUE", "write true", 1),
    ("Name", "is no name", 1),
    ("__import__", "is no name", 1),
    ("a" * 33, "is no name", 1),
    ("[1]", "a list stands only", 1),
    ("[1] == [1]", "a list stands only", 1),
    ("1 in [1] == true", "a list stands only", 6),
    ("1 in [[1]]", "a list stands only", 7),
    ("1e5", "a number is written like 12 or 0.5", 1),
    ("1_000", "a number is written like 12 or 0.5", 1),
    ("0x10", "a number is written like 12 or 0.5", 1),
    (".5", "a number is written like 12 or 0.5", 1),
    ("9" * 31, "a number is written like 12 or 0.5", 1),
    ("0.12345678901", "a number is written like 12 or 0.5", 1),
    ("lenn(a)", "unknown function 'lenn'; did you mean 'len'?", 1),
    ("open('x')", "unknown function 'open'", 1),
    ("len(a, b)", "len is written len(text)", 1),
    ("len(*a)", "has no place", 5),
    ("len(text=a)", "len is written len(text)", 1),
    ("len(len)(a)", "has no place", 1),
    ("'a'.join(b)", "has no place", 1),
    ("-" * 400 + "1", "too deeply nested", None),
    ("(" * 400 + "1", "", None),
    ("a" + "+a" * 60, "too deeply nested", None),
    ("a in [" + "1," * 220 + "]", "too many parts", None),
    ("'" + "a" * 500 + "'", "longer than 500", 501),
]


@pytest.mark.parametrize(("text", "why", "column"), REFUSED, ids=[row[0][:20] for row in REFUSED])
def test_what_is_no_expression_is_told_with_its_column(text: str, why: str, column: int | None) -> None:
    with pytest.raises(ExpressionError) as caught:
        Expression(text)
    assert why in str(caught.value)
    assert caught.value.column == column or column is None


def test_what_is_read_is_known_and_truth_values_are_no_names() -> None:
    assert Expression("a == 'x' and b in [c, true] or len(d) > 0").names == {"a", "b", "c", "d"}


def test_a_condition_must_be_true_or_false() -> None:
    assert Expression("tries == 2").is_true(VALUES) is True
    with pytest.raises(ExpressionError, match="must be true or false, and is a number"):
        Expression("tries").is_true(VALUES)


def test_no_text_grows_beyond_its_bound() -> None:
    long = {"a": "x" * 2049, "b": "张" * 1365, "huge": "x" * 4097, "odd": "ΐ" * 2000}
    assert len(Expression("b").evaluate(long)) == 1365  # type: ignore[arg-type]
    for text in ("a + a", "b + 'ab'", "huge", "upper(odd)"):
        with pytest.raises(ExpressionError, match="longer than 4 kB"):
            Expression(text).evaluate(long)


@pytest.mark.parametrize("value", ["NaN", "Infinity", "1E+999999", "-1E+31"])
def test_no_number_grows_beyond_its_bound(value: str) -> None:
    with pytest.raises(ExpressionError, match="digits"):
        Expression("x").evaluate({"x": Decimal(value)})
    assert Expression("x").evaluate({"x": Decimal("1E-999999")}) == 0


def test_looking_at_an_expression_changes_no_setting_of_the_process() -> None:
    before = list(warnings.filters)
    with pytest.raises(ExpressionError):
        Expression("1or 2")
    assert list(warnings.filters) == before


# --- anything at all ----------------------------------------------------------------------------------

NAMES = st.sampled_from(["a", "b", "key", "missing"])
LEAVES = st.one_of(
    NAMES,
    st.integers(0, 10**31).map(str),
    st.decimals(0, 10**6, places=3).map(str),
    st.text("ab张 1.", max_size=8).map(lambda text: f"'{text}'"),
    st.sampled_from(["true", "false"]),
)


def grown(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    operators = ["==", "!=", "<", "<=", ">", ">=", "and", "or", "in", "not in", "+", "-", "*", "/"]
    lists = st.lists(inner, max_size=3).map(lambda parts: f"[{', '.join(parts)}]")
    return st.one_of(
        st.tuples(inner, st.sampled_from(operators), inner).map(lambda parts: f"({' '.join(parts)})"),
        st.tuples(inner, lists).map(lambda parts: f"({parts[0]} in {parts[1]})"),
        inner.map(lambda part: f"(not {part})"),
        inner.map(lambda part: f"(-{part})"),
        st.tuples(st.sampled_from(sorted(FUNCTIONS)), st.lists(inner, min_size=1, max_size=3)).map(
            lambda parts: f"{parts[0]}({', '.join(parts[1])})"
        ),
    )


ANY_VALUE = st.one_of(
    st.text(max_size=20),
    st.sampled_from(["x" * 4096, "ß" * 2048, "1" * 30, "", "\ud800", "12.5"]),
    st.integers(-(10**31), 10**31),
    st.decimals(),
    st.booleans(),
)


def is_bounded(value: Any) -> bool:
    if isinstance(value, bool):
        return True
    if isinstance(value, str):
        return len(value.encode(errors="replace")) <= MAX_TEXT_BYTES
    if isinstance(value, Decimal):
        return value.is_finite() and len(value.as_tuple().digits) <= MAX_DIGITS and value != int(value)
    return isinstance(value, int) and abs(value) < 10**MAX_DIGITS


def outcome(text: str, values: dict[str, Any]) -> Any:
    """The value, or the one error there may be."""
    try:
        return Expression(text).evaluate(values)
    except ExpressionError as wrong:
        return wrong


@given(st.one_of(st.text(max_size=600), st.text("abe01.()[]'\"=<>!+-*/, not in or and\\\n{}:#@", max_size=60)))
def test_any_text_is_an_expression_or_a_clear_error(text: str) -> None:
    found = outcome(text, {"a": "x", "b": 1, "e": True})
    assert is_bounded(found) or 1 <= found.column <= len(text) + 1


@settings(max_examples=300)
@given(st.recursive(LEAVES, grown, max_leaves=12), st.dictionaries(NAMES, ANY_VALUE))
def test_any_expression_on_any_values_is_bounded_or_a_clear_error(text: str, values: dict[str, Any]) -> None:
    found = outcome(text, values)
    assert is_bounded(found) or 1 <= found.column <= len(text) + 1
