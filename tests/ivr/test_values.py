"""The values of a call: set and branch as a caller meets them, their bounds, what survives a restart, and secrets."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from ccd.base import words
from ccd.base.errors import Refused, SettingsError
from ccd.calls.model import Call
from ccd.ivr.facts import NodeEntered
from ccd.ivr.flow import check, load_flow
from ccd.ivr.values import BUILT_IN, MAX_ENCODED, MAX_VALUES, Values, is_value_name
from ccd.settings.yaml_file import load_bytes
from ccd.switch.commands import Hangup
from tests.ivr.caller import Caller

END = {"type": "hangup"}
CALL = Call("c1", "leg", "fs1", "13800138000", "张", "4008", 0)


def flow(**nodes: Any) -> dict[str, Any]:
    return {"start": next(iter(nodes)), "nodes": nodes | dict.fromkeys(("one", "two", "other", "sorry"), END)}


def sets(values: dict[str, str], **more: str) -> dict[str, Any]:
    return {"type": "set", "values": values, "next": "which"} | more


def branch(*cases: str, **more: str) -> dict[str, Any]:
    ways = [{"when": when, "next": to} for when, to in zip(cases, ("one", "two"), strict=False)]
    return {"type": "branch", "cases": ways, "otherwise": "other"} | more


def goes(nodes: dict[str, Any], **more: Any) -> Caller:
    return Caller(flow(**nodes), **more).begins()


# --- set and branch -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "to"), [("'1'", "one"), ("'2'", "two"), ("'3'", "other"), ("dialled", "one"), ("caller_number", "other")]
)
def test_the_first_true_case_wins(line: str, to: str) -> None:
    caller = goes(
        {"note": sets({"line": line}), "which": branch("line in ['1', '4008']", "line == '2' or line == '1'")}
    )
    assert caller.path == ["note", "which", to]
    edges = [fact.edge for fact in caller.facts if isinstance(fact, NodeEntered)]
    assert edges[2] == {"one": "case_1", "two": "case_2", "other": "otherwise"}[to]


def test_values_are_set_in_order_and_later_ones_see_earlier_ones() -> None:
    caller = goes({"note": sets({"a": "2", "b": "a * 3", "a_text": "text(b) + dialled"}), "which": branch("b == 6")})
    assert caller.talk.values.open == {"a": 2, "b": 6, "a_text": "64008"}
    assert caller.path[-1] == "one"


def test_values_are_told_once_with_the_node_that_follows() -> None:
    caller = goes({"note": sets({"b": "0.50", "a": '"张"', "c": "true"}), "which": branch("c")})
    told = '{"a":"张","b":0.5,"c":true}'
    assert caller.values_told == [told]
    assert [fact.values for fact in caller.facts if isinstance(fact, NodeEntered)] == ["", told, ""]


@pytest.mark.parametrize(("failed", "to"), [("sorry", "sorry"), ("", "which")])
def test_a_set_that_cannot_be_done_sets_nothing_and_leaves_by_failed_or_next(failed: str, to: str) -> None:
    with capture_logs() as lines:
        caller = goes({"note": sets({"a": "1", "b": "a / 0"}, failed=failed), "which": branch("true")})
    assert caller.path[1] == to
    assert (caller.talk.values.open, caller.values_told) == ({}, [])
    assert [(line["event"], line["value"]) for line in lines] == [("value_not_set", "b")]


@pytest.mark.parametrize(
    ("more", "to"),
    [
        ({"failed": "sorry"}, ["sorry"]),
        ({}, ["other"]),
        ({"otherwise": ""}, []),
        ({"otherwise": "", "next": "two"}, ["two"]),
    ],
)
def test_a_case_that_cannot_be_decided_ends_the_search(more: dict[str, str], to: list[str]) -> None:
    with capture_logs() as lines:
        caller = goes({"which": branch("dialled == 4008", "true", **more)})
    assert caller.path == ["which", *to]
    assert [(line["event"], line["case"]) for line in lines] == [("case_not_decided", 1)]
    assert caller.switch.all(Hangup)


def test_more_than_the_channel_can_carry_is_refused() -> None:
    doubled = {"a": "'x' + 'x'"} | {
        f"a{n}": f"{name} + {name}" for n, name in enumerate(["a", *(f"a{i}" for i in range(11))])
    }
    with capture_logs() as lines:
        caller = goes({"note": sets(doubled, failed="sorry"), "which": branch("true")})
    assert caller.path == ["note", "sorry"]
    assert "longer than 4 kB" in lines[0]["reason"] or "8192" in lines[0]["reason"]
    assert caller.talk.values.open == {}


# --- restart ------------------------------------------------------------------------------------------


def test_a_flow_that_goes_on_after_a_restart_has_its_values_and_does_not_set_them_again() -> None:
    nodes = {
        "note": sets({"tries": "tries + 1"}, next="ask"),
        "ask": {"type": "menu", "prompt": "ask", "choices": {"1": "note"}, "no_input": "which", "tries": 1},
        "which": branch("tries == 3"),
    }
    before = Caller(flow(**nodes), values='{"tries":1}').begins()
    assert (before.path, before.values_told) == (["note", "ask"], ['{"tries":2}'])
    after = Caller(flow(**nodes), values=before.values_told[-1]).begins(start="ask")
    assert after.values_told == [], "the channel has them already"
    after.presses("1")
    after.prompt_ends()
    after.silence(6)
    assert after.path == ["ask", "note", "ask", "which", "one"]
    assert after.values_told == ['{"tries":3}']


@pytest.mark.parametrize(
    "broken",
    ["{", "[]", "1", '{"a":null}', '{"a":[1]}', '{"A":1}', '{"dialled":"x"}', '{"a":NaN}', '{"a":1e999}', "[" * 9999],
)
def test_values_that_cannot_be_read_cost_a_line_of_the_log_and_no_call(broken: str) -> None:
    with capture_logs() as lines:
        values = Values(CALL, broken)
    assert values.open == {}
    assert lines == [{"call_id": "c1", "event": "values_unreadable", "log_level": "error"}]


GIVEN = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30),
    st.integers(-(10**29), 10**29),
    st.decimals(-(10**9), 10**9, places=4),
    st.booleans(),
)


@given(st.dictionaries(st.from_regex(r"[a-z][a-z0-9_]{0,31}", fullmatch=True).filter(is_value_name), GIVEN, max_size=8))
def test_values_come_back_from_the_channel_as_they_were(given_values: dict[str, Any]) -> None:
    before = Values(CALL)
    before.put(given_values)
    after = Values(CALL, words.decode_text(words.encode_text(before.changed())))
    assert after.open == before.open == given_values
    assert [type(one) for _, one in sorted(after.open.items())] == [type(one) for _, one in sorted(before.open.items())]
    assert (before.changed(), after.changed()) == ("", "")


# --- bounds -------------------------------------------------------------------------------------------


def full() -> Values:
    values = Values(CALL)
    values.put({f"v{n}": "" for n in range(MAX_VALUES)})
    return values


def test_bounds_hold_and_what_is_refused_changes_nothing() -> None:
    values = full()
    values.put({"v0": "again"})
    for changes, why in [
        ({"one_more": 1}, "at most 64 values"),
        ({"v1": "x" * 4097}, "longer than 4 kB"),
        ({"v1": "x" * 3000, "v2": "x" * 3000}, "8192 bytes"),
        ({"v1": 10**30}, "more than 30 digits"),
        ({"v1": Decimal("NaN")}, "digits"),
        ({"v1": "a\0"}, "cannot be stored"),
        ({"v1": "\ud800"}, "cannot be stored"),
        ({"dialled": "1"}, "no name for a value"),
        ({"V": "1"}, "no name for a value"),
    ]:
        with pytest.raises(Refused, match=why):
            values.put({"v3": "not either"} | changes)
        assert values.open["v3"] == ""
    assert len(words.encode_text(values.changed())) <= MAX_ENCODED
    with pytest.raises(Refused, match="at most 64 values"):
        values.put({"secret_one": "1"}, secret={"secret_one"})


@pytest.mark.parametrize("name", ["", "A", "1a", "a-b", "a" * 33, "true", "and", "class", *BUILT_IN])
def test_names_that_no_flow_may_give(name: str) -> None:
    assert not is_value_name(name)


# --- secrets ------------------------------------------------------------------------------------------


def test_a_secret_is_read_but_never_told_and_neither_is_what_is_made_of_it() -> None:
    nodes = {
        "note": sets({"tail": "last(pin, 2)", "hidden": "tail + 'x'", "plain": "'y'"}, next="which"),
        "which": branch("pin == '4711' and tail == '11'"),
    }
    caller = Caller(flow(**nodes))
    caller.talk.values.put({"pin": "4711"}, secret={"pin"})
    with capture_logs() as lines:
        caller.begins()
    assert caller.path[-1] == "one"
    assert caller.talk.values.secrets == {"pin": "4711", "tail": "11", "hidden": "11x"}
    assert caller.values_told == ['{"plain":"y"}']
    assert "11" not in repr(caller.facts).replace(caller.flow.sha256, "") + repr(lines)


def test_a_value_that_becomes_secret_leaves_the_channel_and_may_come_back() -> None:
    values = Values(CALL)
    values.put({"pin": "1"})
    assert values.changed() == '{"pin":"1"}'
    values.put({"pin": "2"}, secret={"pin"})
    assert (values.changed(), values.readable()["pin"]) == ("{}", "2")
    values.put({"pin": "3"})
    assert (values.changed(), values.secrets) == ('{"pin":"3"}', {})


def test_a_secret_that_did_not_survive_a_restart_fails_the_case_that_reads_it() -> None:
    nodes = {"set_pin": sets({"pin": "'1'"}, next="which"), "which": branch("pin == '1'", failed="sorry")}
    with capture_logs() as lines:
        caller = Caller(flow(**nodes)).begins(start="which")
    assert caller.path == ["which", "sorry"]
    assert "there is no value 'pin'" in lines[0]["reason"]


# --- the check ----------------------------------------------------------------------------------------

FAULTS = [
    ({"note": sets({"a": "1 +"}), "which": branch("true")}, ("nodes", "note", "values", "a"), "is no expression"),
    ({"note": sets({"A": "1"}), "which": branch("true")}, ("nodes", "note", "values"), "is no name for a value"),
    ({"note": sets({"dialled": "1"}), "which": branch("true")}, ("nodes", "note", "values"), "is no name for a value"),
    ({"note": sets({}), "which": branch("true")}, ("nodes", "note", "values"), "must not be empty"),
    ({"note": sets({"a": "b"}), "which": branch("a")}, ("nodes", "note", "values", "a"), "no node sets a value 'b'"),
    ({"which": branch("dialed == '1'")}, ("nodes", "which", "cases", 0, "when"), "did you mean 'dialled'?"),
    ({"which": branch("true", "x.y")}, ("nodes", "which", "cases", 1, "when"), "at column 1 of the expression"),
    ({"which": branch()}, ("nodes", "which", "cases"), "must not be empty"),
    ({"which": branch("true", otherwise="gone")}, ("nodes", "which", "otherwise"), "'gone', which is no node"),
    (
        {"which": {"type": "branch", "cases": [{"when": "true", "next": "gone"}]}},
        ("nodes", "which", "cases", 0, "next"),
        "'gone', which is no node",
    ),
    ({"which": {"type": "branch", "cases": [{"when": "true"}]}}, ("nodes", "which", "cases", 0, "next"), "is missing"),
]


@pytest.mark.parametrize(("nodes", "path", "what"), FAULTS)
def test_faults_are_found_before_the_first_call(nodes: dict[str, Any], path: tuple[Any, ...], what: str) -> None:
    faults = [fault for fault in check(flow(**nodes)) if fault[1] != "no edge leads here"]
    assert [at for at, _ in faults] == [path]
    assert what in faults[0][1]


def test_a_fault_is_told_with_file_line_and_column() -> None:
    cases = "    cases:\n      - {when: dialled == 1 +, next: end}\n"
    text = f"start: which\nnodes:\n  which:\n    type: branch\n{cases}  end: {{type: hangup}}\n"
    with pytest.raises(SettingsError) as caught:
        load_flow("main", load_bytes(text.encode(), "main.yaml"))
    assert caught.value.faults[0].startswith("main.yaml:6:16: nodes.which.cases.0.when: is no expression (at column")
