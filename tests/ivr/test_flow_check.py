"""A flow is checked before its first call: every fault, with its path."""

from __future__ import annotations

from typing import Any

import pytest

from ccd.base.errors import SettingsError
from ccd.ivr.flow import Flow, check, fingerprint, load_flow
from ccd.ivr.nodes import types
from ccd.settings.yaml_file import load_bytes

END = {"type": "hangup"}
MENU = {"type": "menu", "prompt": "ask", "choices": {"1": "end"}, "next": "end"}


def flow(start: str = "begin", **nodes: Any) -> dict[str, Any]:
    return {"format": 1, "start": start, "nodes": nodes}


GOOD = flow(
    begin={"type": "ring", "for": "4s", "with": "tone", "next": "pick_up"},
    pick_up={"type": "answer", "next": "noted"},
    noted={"type": "record", "do": "begin", "next": "office"},
    office={"type": "hours", "calendar": "office", "open": "note", "closed": "end"},
    note={"type": "set", "values": {"line": "last(dialled, 4)"}, "next": "card", "failed": "end"},
    card={"type": "collect", "prompt": "ask", "into": "card", "length": "4..8", "next": "which", "no_input": "end"},
    which={"type": "branch", "cases": [{"when": "line == '1001'", "next": "queue"}], "otherwise": "menu"},
    menu={
        "type": "menu",
        "prompt": "ask",
        "choices": {"1": "queue", "2": "boss", "star": "say", "pound": "back"},
        "no_input": "ask",
    },
    boss={"type": "transfer", "number": "02112345678", "ring": "20s", "busy": "menu", "failed": "end", "next": "end"},
    ask={"type": "flow", "flow": "pin", "with": {"of": "line"}, "into": {"known": "right"}, "next": "end"},
    back={"type": "return", "result": {"line": "line"}},
    say={"type": "play", "prompt": "hours", "next": "number"},
    number={"type": "say", "kind": "digits", "value": "line", "before": "hours", "next": "crm", "failed": "end"},
    crm={
        "type": "http",
        "url": "https://crm.example.cn/{line}",
        "into": {"name": "names[0]?"},
        "next": "greet",
        "failed": "end",
    },
    greet={"type": "speak", "text": "您好，{name}", "next": "menu"},
    queue={"type": "queue", "queue": "support", "priority": -5, "timed_out": "message", "next": "end"},
    message={"type": "voicemail", "box": "night", "max_length": "30s", "empty": "end", "failed": "end", "next": "end"},
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
    ("queue without a name", flow(begin={"type": "queue", "queue": ""}), ("nodes", "begin", "queue")),
    ("answer that leads nowhere", flow(begin={"type": "answer"}), ("nodes", "begin", "next")),
    ("node that leads to itself", flow(begin={"type": "answer", "next": "begin"}), ("nodes", "begin")),
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


ROUND = "goes round without waiting for the caller"
CIRCLES = [
    ({"a": {"type": "answer", "next": "b"}, "b": {"type": "answer", "next": "a"}}, [f"{ROUND}: a -> b -> a"]),
    ({"a": {"type": "answer", "next": "b"}, "b": {"type": "play", "prompt": "p", "next": "b"}}, [f"{ROUND}: b -> b"]),
    ({"a": {"type": "answer", "next": "b"}, "b": {"type": "play", "prompt": "p", "next": "b", "barge_in": "no"}}, []),
    (
        {"a": {"type": "hours", "calendar": "c", "open": "b", "closed": "b"}, "b": {"type": "answer", "next": "a"}},
        [f"{ROUND}: a -> b -> a"],
    ),
    ({"a": {"type": "queue", "queue": "q", "next": "a", "timed_out": "a"}}, []),
    ({"a": {"type": "answer", "next": "b"}, "b": MENU | {"choices": {"1": "a"}, "next": "a"}}, []),
]


@pytest.mark.parametrize(("nodes", "says"), CIRCLES)
def test_a_circle_needs_a_node_that_waits(nodes: dict[str, Any], says: list[str]) -> None:
    """A key that was pressed ahead skips every prompt with barge_in: such a circle would end the call at once."""
    assert [what for _, what in check(flow("a", **nodes))] == says


def test_every_circle_is_named_even_behind_a_thousand_nodes() -> None:
    chain = {f"n{number}": {"type": "answer", "next": f"n{number + 1}"} for number in range(997)}
    ends = {"n997": {"type": "menu", "prompt": "p", "choices": {"1": "x", "2": "y"}}}
    circles = {name: {"type": "answer", "next": name} for name in ("x", "y")}
    assert [path for path, _ in check(flow("n0", **chain, **ends, **circles))] == [("nodes", "x"), ("nodes", "y")]


SAYS = [
    (flow(begin=END | {"colour": "red"}), "colour: unknown key; known are cause, next, prompt, type"),
    (flow(begin=END | {"promt": "x"}), "promt: unknown key; did you mean 'prompt'?"),
    (flow(begin={"type": "anser"}), "unknown node type; did you mean 'answer'?"),
    (flow(begin={"prompt": "x"}), "type: is missing"),
    (flow(begin={"type": "play"}), "prompt: is missing"),
    (flow(begin={"type": "play", "prompt": ""}), "prompt: must not be empty"),
    (flow(begin={"type": "play", "prompt": "a b"}), "is no name of a prompt: letters, digits"),
    (flow(begin=END | {"cause": "busy"}), "is no cause as FreeSWITCH names them"),
    (flow(begin=MENU | {"timeout": "-5s"}, end=END), "timeout: is not a duration like"),
    (flow(begin=MENU | {"timeout": "5"}, end=END), "timeout: is not a duration like"),
    (flow(begin=MENU | {"timeout": "5ms"}, end=END), "timeout: must be from 500ms to 1m"),
    (flow(begin=MENU | {"tries": "0"}, end=END), "tries: must be at least 1"),
    (flow(begin=MENU | {"tries": "often"}, end=END), "tries: is not a whole number"),
    (flow(begin=MENU | {"barge_in": "maybe"}, end=END), "barge_in: is not yes or no: 'maybe'"),
    (flow(begin=MENU | {"choices": {}}, end=END), "choices: must not be empty"),
    (flow(begin=MENU | {"choices": {"12": "end"}}, end=END), "choices: '12' is no key: 0 to 9, star or pound"),
    (flow("begn", begin=END), "start: no node 'begn'; did you mean 'begin'?"),
    (flow(begin=END) | {"nodes": {}}, "nodes: must not be empty"),
    (flow(begin=END) | {"language": "Chinese"}, "language: must be two letters, like zh or en"),
    ({"nodes": {"a": END}}, "start: is missing"),
]


@pytest.mark.parametrize(("document", "says"), SAYS, ids=[row[1] for row in SAYS])
def test_faults_are_told_in_the_words_of_the_settings(document: dict[str, Any], says: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load_flow("main", Tree(document))
    (fault,) = caught.value.faults
    assert says in fault
    assert "nput should" not in fault


def test_a_broken_node_does_not_make_its_targets_unreachable() -> None:
    paths = [path for path, _ in check(flow(begin=MENU | {"tries": 99}, end=END))]
    assert paths == [("nodes", "begin", "tries")]


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


def test_a_value_or_a_field_of_a_request_may_be_called_timeout_too() -> None:
    text = """\
start: keep
nodes:
  keep: {type: set, values: {timeout: "0"}, next: ask}
  ask: {type: http, url: "http://h/x", query: {timeout: "0"}, timeout: 2s, next: in}
  in: {type: flow, flow: other, with: {timeout: "0"}, next: post}
  post: {type: http, method: POST, url: "http://h/x", json: {timeout: "0"}}
"""
    _, document = load_flow("x", load_bytes(text.encode(), "f.yaml"))
    keep, ask, enter, post = document["nodes"].values()
    assert (keep["values"], ask["query"], enter["with"], post["json"]) == ({"timeout": "0"},) * 4
    assert ask["timeout"] == 2_000


@pytest.mark.parametrize("plain", [flow(begin={"type": "dance"}), [], "x", None])
def test_faults_say_where(plain: Any) -> None:
    with pytest.raises(SettingsError, match=r"flow\.yaml:\d:1: "):
        load_flow("main", Tree(plain))
    with pytest.raises(SettingsError, match="lower-case"):
        load_flow("Main!", Tree(GOOD))
