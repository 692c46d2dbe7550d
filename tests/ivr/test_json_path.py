"""Paths into JSON: what they find, what they refuse, and that no document and no text makes them fall over."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccd.ivr.json_path import JsonPath

DOCUMENT = {"a": {"b": [{"c": "x"}, [1, 2]], "空": 7, "no": None}, "t": False, "0": "zero"}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("a.b[0].c", "x"),
        ("a.b[1][1]", 2),
        ("a.空", 7),
        ("t", False),
        ("0", "zero"),
        ("a.no?", ""),
        ("a.x.y[3]?", ""),
        ("t?", False),
    ],
)
def test_a_path_finds_its_value(path: str, value: Any) -> None:
    assert JsonPath(path).find(DOCUMENT) == value


@pytest.mark.parametrize("path", ["a", "a.b", "a.no", "a.b[9]", "a.b.c", "t.x", "[0]", "a.b[0].c.d", "a?", "a.b?"])
def test_where_no_value_stands_there_is_none(path: str) -> None:
    with pytest.raises(LookupError):
        JsonPath(path).find(DOCUMENT)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "?",
        ".a",
        "a.",
        "a..b",
        "a[",
        "a[-1]",
        "a[x]",
        "a[0]b",
        "a b",
        "a.*",
        "a[99999]",
        "$.a",
        "a??",
        "a" * 201,
        "a." * 20 + "a",
    ],
)
def test_what_is_no_path_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"path|empty|longer|steps"):
        JsonPath(text)


names = st.from_regex(r"[\w-]{1,8}", fullmatch=True)
leaves = st.none() | st.booleans() | st.integers() | st.text(max_size=5)
documents = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3), max_leaves=20
)


def naive(document: Any, steps: list[str | int]) -> Any:
    for step in steps:
        if not isinstance(document, dict | list):
            return None  # nothing lies below a text, though Python would give its letters
        try:
            document = document[step] if isinstance(document, dict) is isinstance(step, str) else {}[step]
        except (KeyError, IndexError, TypeError):
            return None
    return document


@given(documents, st.lists(names | st.integers(0, 3), min_size=1, max_size=5))
def test_a_path_finds_what_walking_finds(document: Any, steps: list[str | int]) -> None:
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps).removeprefix(".")
    there = naive(document, steps)
    try:
        assert JsonPath(text).find(document) == there
        assert not isinstance(there, dict | list)
    except LookupError:
        assert there is None or isinstance(there, dict | list)
    if there is None:
        assert JsonPath(text + "?").find(document) == ""


@given(st.text(max_size=30))
def test_any_text_is_a_path_or_is_refused(text: str) -> None:
    try:
        path = JsonPath(text)
    except ValueError:
        return
    with contextlib.suppress(LookupError):
        path.find(DOCUMENT)
