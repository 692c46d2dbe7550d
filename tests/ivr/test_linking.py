"""What is wrong between flows, with its place; and that a flow's hash names all flows below it."""

from __future__ import annotations

from typing import Any

import pytest

from ccd.ivr.flow import Flow, check, fingerprint
from ccd.ivr.linking import MAX_DEPTH, Linked, link

END = {"type": "hangup"}
MENU = {"type": "menu", "prompt": "p", "choices": {"1": "r"}, "next": "r"}


def enters(name: str, **fields: Any) -> dict[str, Any]:
    return {"start": "in", "nodes": {"in": {"type": "flow", "flow": name, "next": "end", **fields}, "end": END}}


def returns(*names: str, arguments: tuple[str, ...] = ()) -> dict[str, Any]:
    back = {"type": "return", "result": dict.fromkeys(names, "1")}
    return {"arguments": list(arguments), "start": "r", "nodes": {"r": back}}


def faults(**documents: Any) -> list[tuple[str, tuple[str | int, ...], str]]:
    for document in documents.values():
        assert document is None or check(document) == []
    return [(name, path, what) for name, found in link(documents, {})[1].items() for path, what in found]


def tells(argument: str, **more: Any) -> dict[str, Any]:
    """A flow that says what it is given."""
    say = {"type": "say", "kind": "digits", "value": argument, "next": "r"}
    return {"arguments": [argument], "start": "s", "nodes": {"s": say, "r": {"type": "return"}, **more}}


def hands_over(value: str, name: str, argument: str) -> dict[str, Any]:
    """A flow that asks for a PIN and makes `code` of it, then enters another with one of its values."""
    pin = {"type": "collect", "prompt": "p", "into": "pin", "length": "4", "secret": "yes", "next": "make"}
    make = {"type": "set", "values": {"code": "pin + '0'", "open": "dialled"}, "next": "in"}
    inside = {"type": "flow", "flow": name, "with": {argument: value}, "next": "end"}
    return {"start": "pin", "nodes": {"pin": pin, "make": make, "in": inside, "end": END}}


THROUGH = {
    "arguments": ["x"],
    "start": "make",
    "nodes": {
        "make": {"type": "set", "values": {"y": "'1' + x"}, "next": "in"},
        "in": {"type": "flow", "flow": "b", "with": {"of": "y"}, "next": "r"},
        "r": {"type": "return"},
    },
}
KEEPS = {"arguments": ["of"], "start": "r", "nodes": {"r": {"type": "return", "result": {"out": "of == '1234'"}}}}


@pytest.mark.parametrize(
    ("documents", "wrong"),
    [
        ({"a": hands_over("pin", "b", "of"), "b": tells("of")}, "'pin' is a secret, and flow 'b' would let 'of'"),
        ({"a": hands_over("code", "b", "of"), "b": tells("of")}, "'code' is a secret, and flow 'b' would let 'of'"),
        (
            {"a": hands_over("pin + open", "t", "x"), "t": THROUGH, "b": tells("of")},
            "'pin' is a secret, and flow 't' would let 'x'",
        ),
        ({"a": hands_over("open", "b", "of"), "b": tells("of")}, ""),
        ({"a": hands_over("pin", "b", "of"), "b": KEEPS}, ""),
        ({"a": hands_over("pin", "t", "x"), "t": THROUGH, "b": KEEPS}, ""),
    ],
)
def test_secret_that_a_flow_below_would_tell_is_refused_where_it_is_handed_over(
    documents: dict[str, Any], wrong: str
) -> None:
    found = faults(**documents)
    assert [(name, path) for name, path, _ in found] == (
        [("a", ("nodes", "in", "with", next(iter(documents["a"]["nodes"]["in"]["with"]))))] if wrong else []
    )
    assert all(what.startswith(wrong) for _, _, what in found)


ASKS_PIN = {
    "start": "pin",
    "nodes": {
        "pin": {"type": "collect", "prompt": "p", "into": "pin", "length": "4", "secret": "yes", "next": "r"},
        "r": {"type": "return", "result": {"code": "pin + '0'", "done": "'yes'"}},
    },
}
THROUGH_AND_BACK = {
    "arguments": ["x"],
    "start": "in",
    "nodes": {
        "in": {"type": "flow", "flow": "echo", "with": {"of": "'1' + x"}, "into": {"y": "out"}, "next": "r"},
        "r": {"type": "return", "result": {"code": "y", "done": "'yes'"}},
    },
}
PASSES_ON = {
    "start": "in",
    "nodes": {
        "in": {"type": "flow", "flow": "inner", "into": {"got": "code"}, "next": "r"},
        "r": {"type": "return", "result": {"code": "got", "done": "'yes'"}},
    },
}


def shows_result(shows: dict[str, Any], **inside: Any) -> dict[str, Any]:
    """A flow that asks for a PIN, enters `b`, computes with what comes out, and shows a value."""
    node = {"type": "flow", "flow": "b", "into": {"code": "code", "done": "done"}, "next": "make", **inside}
    pin = {"type": "collect", "prompt": "p", "into": "pin", "length": "4", "secret": "yes", "next": "in"}
    make = {"type": "set", "values": {"made": "code + '1'"}, "next": "then"}
    nodes = {"pin": pin, "in": node, "make": make, "then": {**shows, "next": "end"}, "end": END}
    return {"start": "pin", "nodes": nodes}


def says(value: str) -> dict[str, Any]:
    return {"type": "say", "kind": "digits", "value": value}


def asks_web(**fields: Any) -> dict[str, Any]:
    return {"type": "http", "url": "http://h/x", "failed": "end", **fields}


@pytest.mark.parametrize(
    ("shows", "field", "value"),
    [
        (says("code"), ("value",), "code"),
        (says("made"), ("value",), "made"),
        ({"type": "speak", "text": "{code}"}, ("text",), "code"),
        ({"type": "transfer", "number_from": "made"}, ("number_from",), "made"),
        (asks_web(query={"c": "code"}), ("query", "c"), "code"),
        (asks_web(url="http://h/{made}"), ("url",), "made"),
        (asks_web(method="POST", json={"c": "code"}), (), ""),
        (says("done"), (), ""),
    ],
)
@pytest.mark.parametrize(
    ("inside", "below"),
    [
        ({}, {"b": ASKS_PIN}),
        ({}, {"b": PASSES_ON, "inner": ASKS_PIN}),
        ({"with": {"x": "pin"}}, {"b": THROUGH_AND_BACK, "echo": KEEPS}),
    ],
    ids=["its own secret", "a secret from below it", "our secret, there and back"],
)
def test_a_secret_result_of_a_sub_flow_that_would_be_shown_is_refused_where_it_would_be(
    inside: dict[str, Any], below: dict[str, Any], shows: dict[str, Any], field: tuple[str, ...], value: str
) -> None:
    wrong = [("a", ("nodes", "then", *field), f"{value!r} is a secret, which nobody may hear or see")]
    assert faults(a=shows_result(shows, **inside), **below) == (wrong if value else [])


def test_what_a_sub_flow_makes_of_an_open_value_may_be_shown() -> None:
    assert faults(a=shows_result(says("made"), **{"with": {"x": "dialled"}}), b=THROUGH_AND_BACK, echo=KEEPS) == []


def test_an_argument_that_comes_back_from_below_and_is_told_counts_as_told() -> None:
    middle = {
        "arguments": ["x"],
        "start": "in",
        "nodes": {
            "in": {"type": "flow", "flow": "echo", "with": {"of": "x"}, "into": {"y": "out"}, "next": "s"},
            "s": {**says("y"), "next": "r"},
            "r": {"type": "return"},
        },
    }
    ((name, path, what),) = faults(a=hands_over("pin", "m", "x"), m=middle, echo=KEEPS)
    assert (name, path) == ("a", ("nodes", "in", "with", "x"))
    assert what == "'pin' is a secret, and flow 'm' would let 'x' be heard or seen"


FLOW = ("nodes", "in", "flow")
WRONG = [
    ({"a": enters("b")}, [("a", FLOW, "no flow 'b'; known are a")]),
    ({"a": enters("pim"), "pin": returns()}, [("a", FLOW, "no flow 'pim'; did you mean 'pin'?")]),
    ({"a": enters("b"), "b": None}, [("a", FLOW, "leads to flow 'b', which is refused")]),
    ({"a": enters("a")}, [("a", FLOW, "comes back to itself: a -> a")]),
    (
        {"a": enters("b"), "b": enters("c"), "c": enters("a")},
        [
            ("c", FLOW, "comes back to itself: a -> b -> c -> a"),
            ("b", FLOW, "leads to flow 'c', which is refused"),
            ("a", FLOW, "leads to flow 'b', which is refused"),
        ],
    ),
    (
        {"a": enters("b", **{"with": {"x": "1"}}), "b": returns(arguments=("y",))},
        [
            ("a", ("nodes", "in", "with", "x"), "flow 'b' has no argument 'x'; known are y"),
            ("a", ("nodes", "in", "with"), "flow 'b' wants an argument 'y'"),
        ],
    ),
    (
        {"a": enters("b", into={"mine": "its"}), "b": returns("it")},
        [("a", ("nodes", "in", "into", "mine"), "flow 'b' returns no 'its'; did you mean 'it'?")],
    ),
]


@pytest.mark.parametrize(("documents", "wrong"), WRONG)
def test_what_is_wrong_between_flows_is_told_once_at_its_node(documents: dict[str, Any], wrong: Any) -> None:
    assert faults(**documents) == wrong


@pytest.mark.parametrize("length", [MAX_DEPTH, MAX_DEPTH + 1, 3_000])
def test_flows_nest_to_a_depth_and_no_deeper(length: int) -> None:
    chain = {f"f{number}": enters(f"f{number + 1}") for number in range(1, length)} | {f"f{length}": returns()}
    linked, wrong = link(chain, {})
    deepest = max((one.depth for one in linked.values()), default=0)
    assert deepest == MAX_DEPTH
    refused = length - MAX_DEPTH
    assert len(wrong) == refused
    if refused:
        assert wrong[f"f{refused}"] == [(FLOW, f"flows nest deeper than {MAX_DEPTH}")]


def test_a_diamond_is_no_circle_and_is_looked_at_once() -> None:
    documents = {f"d{i}": enters(f"d{i + 1}") for i in range(6)} | {"d6": returns()}
    for one in documents.values():
        one["nodes"] |= {"again": {"type": "flow", "flow": "d6", "next": "end"}} if one["start"] == "in" else {}
        if one["start"] == "in":
            one["nodes"]["in"]["next"] = "again"
    assert link(documents, {})[1] == {}


def test_the_hash_of_a_flow_changes_with_a_flow_far_below_it() -> None:
    before, _ = link({"a": enters("b"), "b": enters("c"), "c": returns("x")}, {})
    after, _ = link({"a": enters("b"), "b": enters("c"), "c": returns("x", "y")}, {})
    assert {name for name in before if before[name].flow.sha256 != after[name].flow.sha256} == {"a", "b", "c"}
    assert set(before["a"].documents) == {one.flow.sha256 for one in before.values()}
    for sha256, document in before["a"].documents.items():
        assert fingerprint(document) == sha256
        assert check(document) == []
        assert all(inner in before["a"].documents for inner in Flow("x", document).flows.values())


def test_a_flow_without_sub_flows_has_the_hash_that_it_always_had() -> None:
    document = returns()
    assert link({"a": document}, {})[0]["a"].flow.sha256 == fingerprint(document)


def test_a_broken_flow_leaves_its_last_good_version_and_those_around_it_in_use() -> None:
    good, _ = link({"a": enters("b"), "b": returns()}, {})
    linked, wrong = link({"a": enters("b", into={"x": "new"}), "b": None, "c": enters("b")}, good)
    assert (linked["a"], linked["b"]) == (good["a"], good["b"])
    assert isinstance(linked["c"], Linked)
    assert linked["c"].flow.flows == {"b": good["b"].flow.sha256}
    assert list(wrong) == ["a"], "what b says now is broken in itself, and told elsewhere"


CIRCLE = {
    "start": "in",
    "nodes": {
        "in": {"type": "flow", "flow": "inner", "into": {"ok": "ok"}, "next": "which"},
        "which": {"type": "branch", "cases": [{"when": "ok == 1", "next": "end"}], "otherwise": "in"},
        "end": END,
    },
}
ASKS = {"start": "m", "nodes": {"m": MENU, "r": {"type": "return", "result": {"ok": "1"}}}}


def test_a_circle_through_a_flow_needs_a_wait_in_that_flow() -> None:
    assert faults(main=CIRCLE, inner=ASKS) == []
    ((name, path, what),) = faults(main=CIRCLE, inner=returns("ok"))
    assert (name, path) == ("main", ("nodes", "in"))
    assert what == "goes round without waiting for the caller: in -> which -> in"


def test_a_way_past_the_wait_is_one_too_many() -> None:
    shortcut = {
        "start": "b",
        "nodes": {
            "b": {"type": "branch", "cases": [{"when": "dialled == '1'", "next": "r"}], "otherwise": "m"},
            **ASKS["nodes"],  # type: ignore[dict-item]
        },
    }
    assert len(faults(main=CIRCLE, inner=shortcut)) == 1
