"""A flow is checked before its first call: every fault, with its path."""

from __future__ import annotations

from typing import Any

import pytest

from ccd.base.errors import SettingsError
from ccd.ivr.flow import Flow, check, fingerprint, load_flow
from ccd.ivr.nodes import types

END = {"type": "hangup"}
MENU = {"type": "menu", "prompt": "ask", "choices": {"1": "end"}, "next": "end"}


def flow(start: str = "begin", **nodes: Any) -> dict[str, Any]:
    return {"format": 1, "start": start, "nodes": nodes}


GOOD = flow(
    begin={"type": "answer", "next": "menu"},
    menu={"type": "menu", "prompt": "ask", "choices": {"1": "queue", "star": "say", "pound": "end"}, "no_input": "end"},
    say={"type": "play", "prompt": "hours", "next": "menu"},
    queue={"type": "queue", "queue": "support", "priority": -5, "timed_out": "end", "next": "end"},
    end={"type": "hangup", "prompt": "bye", "cause": "NORMAL_CLEARING"},
)
FAULTS = [
    ("no start", {"nodes": {"a": END}}, ("start",)),
    ("no nodes", {"start": "a", "nodes": {}}, ("nodes",)),
    ("extra field", flow(begin=END) | {"colour": "red"}, ("colour",)),
    ("a format of tomorrow", flow(begin=END) | {"format": 2}, ("format",)),
    ("language", flow(begin=END) | {"language": "Chinese"}, ("language",)),
    ("start that is no node", flow("nowhere", begin=END), ("start",)),
    ("unknown type", flow(begin={"type": "dance"}), ("nodes", "begin", "type")),
    ("no type", flow(begin={}), ("nodes", "begin", "type")),
    ("type that is no text", flow(begin={"type": ["play"]}), ("nodes", "begin", "type")),
    ("name of a node", flow("Begin!", **{"Begin!": END}), ("nodes", "Begin!")),
    ("extra field of a node", flow(begin=END | {"colour": "red"}), ("nodes", "begin", "colour")),
    ("edge to nowhere", flow(begin={"type": "answer", "next": "x"}), ("nodes", "begin", "next")),
    ("key to nowhere", flow(begin=MENU, end=END) | {}, None),
    ("choice to nowhere", flow(begin=MENU | {"choices": {"1": "x"}}, end=END), ("nodes", "begin", "choices", "1")),
    ("no_input to nowhere", flow(begin=MENU | {"no_input": "x"}, end=END), ("nodes", "begin", "no_input")),
    ("unreachable node", flow(begin=END, lost=END), ("nodes", "lost")),
    ("bad key", flow(begin=MENU | {"choices": {"12": "end"}}, end=END), ("nodes", "begin", "choices")),
    ("star as a sign", flow(begin=MENU | {"choices": {"*": "end"}}, end=END), ("nodes", "begin", "choices")),
    ("no choices", flow(begin=MENU | {"choices": {}}, end=END), ("nodes", "begin", "choices")),
    ("timeout too short", flow(begin=MENU | {"timeout": 10}, end=END), ("nodes", "begin", "timeout")),
    ("timeout that is none", flow(begin=MENU | {"timeout": "soon"}, end=END), ("nodes", "begin", "timeout")),
    ("tries", flow(begin=MENU | {"tries": 0}, end=END), ("nodes", "begin", "tries")),
    ("no prompt", flow(begin={"type": "play"}), ("nodes", "begin", "prompt")),
    ("empty prompt", flow(begin={"type": "play", "prompt": ""}), ("nodes", "begin", "prompt")),
    ("prompt that is a path", flow(begin={"type": "play", "prompt": "../../etc/x"}), ("nodes", "begin", "prompt")),
    ("prompt that runs a command", flow(begin=END | {"prompt": "${system(touch F)}"}), ("nodes", "begin", "prompt")),
    (
        "prompt of a retry",
        flow(begin=MENU | {"no_match_prompt": "a b"}, end=END),
        ("nodes", "begin", "no_match_prompt"),
    ),
    ("no queue", flow(begin={"type": "queue"}), ("nodes", "begin", "queue")),
    ("priority", flow(begin={"type": "queue", "queue": "q", "priority": 5000}), ("nodes", "begin", "priority")),
    ("cause", flow(begin=END | {"cause": "a\nb"}), ("nodes", "begin", "cause")),
]


@pytest.mark.parametrize(("document", "path"), [row[1:] for row in FAULTS], ids=[row[0] for row in FAULTS])
def test_every_fault_is_named_with_its_path(document: dict[str, Any], path: tuple[str, ...] | None) -> None:
    paths = [one for one, _ in check(document)]
    assert (path in paths) if path else (paths == [])


def test_good_flow_has_no_fault_and_uses_every_node_type() -> None:
    assert check(GOOD) == []
    assert {node["type"] for node in GOOD["nodes"].values()} == set(types())


def test_all_faults_at_once() -> None:
    faults = check(flow(a={"type": "dance"}, begin=MENU | {"tries": 99}, end={"type": "answer", "next": "x"}))
    assert len(faults) == 3


def test_hash_names_what_a_flow_says_not_how_it_is_written() -> None:
    turned = dict(reversed(list(GOOD.items())))
    assert fingerprint(turned) == fingerprint(GOOD) == Flow("x", GOOD).sha256
    assert fingerprint(flow(begin=END)) != fingerprint(GOOD)


class Tree:
    """A located tree of the loader, as far as load_flow looks at it."""

    def __init__(self, plain: Any) -> None:
        self.plain = plain

    def to_plain(self) -> Any:
        return self.plain

    def where(self, path: tuple[str | int, ...]) -> str:
        return f"flow.yaml:{len(path)}:1"


def test_durations_are_milliseconds_and_a_node_may_be_called_timeout() -> None:
    sha256, document = load_flow(
        "main", Tree(flow(begin=MENU | {"timeout": "5s", "next": "timeout"}, end=END, timeout=END))
    )
    assert document["nodes"]["begin"]["timeout"] == 5000
    assert Flow("main", document).sha256 == sha256


@pytest.mark.parametrize("plain", [flow(begin={"type": "dance"}), [], "x", None])
def test_faults_say_where(plain: Any) -> None:
    with pytest.raises(SettingsError, match=r"flow\.yaml:\d:1: "):
        load_flow("main", Tree(plain))
    with pytest.raises(SettingsError, match="lower-case"):
        load_flow("Main!", Tree(GOOD))
