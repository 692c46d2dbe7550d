"""Inputs are checked before the first call: what collect and menu refuse, and that no flow tells a secret."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ccd.base.errors import SettingsError
from ccd.ivr.flow import Flow, check, load_flow, made_of
from ccd.ivr.pattern import Pattern
from ccd.settings.yaml_file import load_file

END = {"type": "hangup"}
COLLECT = {"type": "collect", "prompt": "ask", "into": "pin", "length": "4", "next": "end"}
SECRET = COLLECT | {"secret": "yes", "next": "then"}


def flow(begin: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"start": "begin", "nodes": {"begin": begin, **more, "end": END}}


FAULTS = [
    ({"length": "0"}, "length", "must be from 1 to 32 keys"),
    ({"length": "33"}, "length", "must be from 1 to 32 keys"),
    ({"length": "8..4"}, "length", "must be from 1 to 32 keys"),
    ({"length": "four"}, "length", "must be a number of keys like 4, or from .. to like 4..8"),
    ({"length": "4..٨"}, "length", "must be a number of keys"),
    ({"length": ""}, "length", "must be a number of keys"),
    ({"length": {}}, "length", ""),
    ({"into": "caller_number"}, "into", "is no name for a value"),
    ({"into": "Pin"}, "into", "is no name for a value"),
    ({"into": ""}, "into", "is no name for a value"),
    ({"pattern": "[0-9"}, "pattern", "is no pattern of RE2: missing ]"),
    ({"pattern": r"(.)\1"}, "pattern", "is no pattern of RE2: invalid escape sequence"),
    ({"pattern": "(?=1)1"}, "pattern", "is no pattern of RE2: invalid perl operator"),
    ({"pattern": "((a{1,99}){1,99}){1,99}"}, "pattern", "is no pattern of RE2"),
    ({"pattern": "1" * 257}, "pattern", "is longer than 256 characters"),
    ({"terminator": "#"}, "terminator", ""),
    ({"type_ahead": "drop"}, "type_ahead", ""),
    ({"secret": "maybe"}, "secret", "is not yes or no"),
    ({"tries": "0"}, "tries", "must be at least 1"),
    ({"timeout": "100ms"}, "timeout", "must be from 500ms to 1m"),
    ({"digit_timeout": "2m"}, "digit_timeout", "must be from 500ms to 1m"),
    ({"digit_timeout": "soon"}, "digit_timeout", "is not a duration"),
    ({"again_prompt": "../x"}, "again_prompt", "is no name of a prompt"),
    ({"no_match": "nowhere"}, "no_match", "leads to 'nowhere'"),
    ({"colour": "red"}, "colour", "unknown key"),
]


@pytest.mark.parametrize(
    ("wrong", "field", "says"), FAULTS, ids=[f"{next(iter(row[0].items()))}"[:60] for row in FAULTS]
)
def test_a_broken_collect_is_refused_at_its_field(wrong: dict[str, Any], field: str, says: str) -> None:
    faults = check(flow(COLLECT | wrong))
    assert [path for path, _ in faults] == [("nodes", "begin", field)]
    assert says in faults[0][1]


@pytest.mark.parametrize("lacking", ["prompt", "into", "length", "next"])
def test_what_a_collect_cannot_be_without(lacking: str) -> None:
    faults = check(flow({name: value for name, value in COLLECT.items() if name != lacking}, then=COLLECT))
    assert (("nodes", "begin", lacking), "is missing") in faults


def test_a_menu_keeps_or_drops_what_was_typed_before() -> None:
    menu = {"type": "menu", "prompt": "ask", "choices": {"1": "end"}}
    assert check(flow(menu | {"type_ahead": "flush"})) == []
    assert [path for path, _ in check(flow(menu | {"type_ahead": "yes"}))] == [("nodes", "begin", "type_ahead")]


def test_a_fault_in_a_file_says_line_and_column(tmp_path: Path) -> None:
    path = tmp_path / "main.yaml"
    path.write_text(
        "start: pin\nnodes:\n  pin:\n    type: collect\n    prompt: ask\n    into: pin\n    length: 4\n"
        '    pattern: "[0-9"\n    next: end\n  end: {type: hangup}\n'
    )
    with pytest.raises(SettingsError) as caught:
        load_flow("main", load_file(path))
    assert caught.value.faults == [f"{path}:8:14: nodes.pin.pattern: is no pattern of RE2: missing ]: [0-9"]


def test_a_flow_as_it_is_written_is_the_flow_that_runs(tmp_path: Path) -> None:
    path = tmp_path / "main.yaml"
    path.write_text(
        "start: pin\nnodes:\n  pin: {type: collect, prompt: ask, into: pin, length: 4..8, timeout: 8s, digit_timeout: 2s,\n"
        "    pattern: '[0-9]{4,8}', secret: yes, terminator: star, type_ahead: flush, barge_in: no, next: end}\n"
        "  end: {type: hangup}\n"
    )
    _, document = load_flow("main", load_file(path))
    node = Flow("main", document).nodes["pin"]
    assert (node.length, node.timeout_ms, node.digit_timeout_ms) == ((4, 8), 8000, 2000)  # type: ignore[attr-defined]
    assert (node.secrets(), node.sets(), node.waits()) == (["pin"], ["pin"], True)
    assert node.prompts() == ["ask", "entry_missing", "entry_invalid", "entry_again"]


# --- secrets are not shown ----------------------------------------------------------------------------

SAY = {"type": "say", "kind": "digits", "value": "pin", "next": "end"}
SHOWN = [
    (SAY, "value"),
    ({"type": "speak", "text": "Your PIN is {pin}.", "next": "end"}, "text"),
    ({"type": "transfer", "number_from": "'021' + pin", "next": "end"}, "number_from"),
    ({"type": "http", "url": "https://bank.example/{pin}", "next": "end"}, "url"),
]


@pytest.mark.parametrize(("node", "field"), SHOWN, ids=[row[0]["type"] for row in SHOWN])
def test_a_secret_is_neither_heard_nor_seen(node: dict[str, Any], field: str) -> None:
    assert check(flow(COLLECT | {"next": "then"}, then=node)) == []
    faults = check(flow(SECRET, then=node))
    assert [(path[:3], what) for path, what in faults] == [
        (("nodes", "then", field), "'pin' is a secret, which nobody may hear or see")
    ]


def test_what_is_made_of_a_secret_is_one_however_far_away() -> None:
    first = {"type": "set", "values": {"tail": "last(pin, 2)"}, "next": "second"}
    second = {"type": "set", "values": {"said": "'1' + tail"}, "next": "say"}
    nodes = {"then": first, "second": second, "say": SAY | {"value": "said"}}
    assert [path for path, _ in check(flow(SECRET, **nodes))] == [("nodes", "say", "value")]
    assert check(flow(COLLECT | {"next": "then"}, **nodes)) == []


class CountedName(str):
    """A name that counts how often a set or a dictionary looks it up."""

    looks = 0

    def __hash__(self) -> int:
        CountedName.looks += 1
        return super().__hash__()


def test_the_work_to_follow_a_secret_grows_with_the_flow_alone() -> None:
    names = [CountedName(f"v{number}") for number in range(2_000)]
    made = list(zip(names[1:], names, strict=False))[::-1]
    CountedName.looks = 0
    assert made_of({}, {names[0]}, made) == set(names)
    assert CountedName.looks <= 10 * len(names)


def test_a_branch_may_read_a_secret_and_a_body_may_hold_it() -> None:
    branch = {"type": "branch", "cases": [{"when": "pin == '1234'", "next": "ask"}], "otherwise": "end"}
    ask = {"type": "http", "method": "POST", "url": "https://bank.example/", "json": {"pin": "pin"}, "next": "end"}
    assert check(flow(SECRET, then=branch, ask=ask)) == []


# --- patterns -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pattern", "text", "fits"),
    [
        ("[0-9]{4}", "1234", True),
        ("[0-9]{4}", "12345", False),
        ("1|12", "12", True),
        ("", "", True),
        (r"6222\d{2,4}", "622212", True),
        (r"\*?[0-9]+#?", "*12#", True),
        ("^12$", "12", True),
        ("12", "12\n", False),
        (r"\d+", "١٢", False),
    ],
)
def test_a_pattern_fits_the_whole_text_or_not_at_all(pattern: str, text: str, fits: bool) -> None:
    assert Pattern(pattern).matches(text) is fits


@pytest.mark.parametrize("pattern", ["(a+)+b", "(a|aa)+b", "(.*)*b", "(a?){50}a{50}b"])
def test_patterns_that_hang_other_engines_do_not_hang_this_one(pattern: str) -> None:
    """2^64 steps for an engine that goes back: this test would never end."""
    assert not Pattern(pattern).matches("a" * 64)
