"""The one YAML loader: text stays text, places are exact, cleverness is refused."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ccd.base.errors import SettingsError
from ccd.settings.yaml_file import MAX_BYTES, Mapping, load_bytes, to_plain


def faults(text: str | bytes) -> list[str]:
    with pytest.raises(SettingsError) as refused:
        load_bytes(text.encode() if isinstance(text, str) else text, "f.yaml")
    return refused.value.faults


@pytest.mark.parametrize("text", ["18:30", "0571", "on", "no", "~", "1e3", "2026-01-01", "0x10", "1_000", "null", "=="])
def test_scalars_stay_as_they_were_written(text: str) -> None:
    assert to_plain(load_bytes(f"{text}: {text}\n".encode(), "f")) == {text: text}


def test_every_value_knows_its_place() -> None:
    tree = load_bytes("a: 1\nb:\n  - x\n  - c: 名字\n".encode(), "f.yaml")
    assert tree.where(("b", 1, "c")) == "f.yaml:4:8"
    assert tree.where(("b", 7)) == "f.yaml:3:3"


def test_an_empty_file_is_an_empty_mapping() -> None:
    for nothing in (b"", b"# only a comment\n", b"---\n", b"\xef\xbb\xbf"):
        assert isinstance(load_bytes(nothing, "f"), Mapping)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a: 1\nb: 2\na: 3\n", "f.yaml:3:1: key 'a' stands twice; first on line 1"),
        ("a: &x 1\n", "anchor &x"),
        ("a: *x\n", "alias *x"),
        ("a: !!python/object:os.system x\n", "tag"),
        ("a: !!str 1\n", "tag"),
        ("a: 1\n---\nb: 2\n", "second document"),
        ("<<: {a: 1}\n", "merge key"),
        ("? [a, b]\n: 1\n", "a key must be plain text"),
        ("a: 'x\n", "f.yaml:"),
        ("a: b: c\n", "f.yaml:1:5"),
        ("\ta: 1\n", "f.yaml:1:1"),
        (b"a: \xff\n", "f.yaml:1:1: not UTF-8"),
        (b"a: \x00\n", "f.yaml"),
        ("[" * 51 + "]" * 51, "nested deeper than 50"),
        ("[" * 200_000, "nested deeper than 50"),
        ("- x\n" * 100_001, "more than 100000 values"),
        (b" " * (MAX_BYTES + 1), "larger than"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_what_is_refused_says_where_and_why(text: str | bytes, says: str) -> None:
    assert any(says in fault for fault in faults(text))


def test_all_double_keys_are_told_at_once() -> None:
    assert len(faults("a: 1\na: 2\nb: {c: 1, c: 2}\n")) == 2


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200))
def test_whatever_comes_is_a_tree_or_a_settings_error(data: bytes) -> None:
    with contextlib.suppress(SettingsError):
        to_plain(load_bytes(data, "f"))
