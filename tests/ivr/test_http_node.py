"""The http node: what it asks, where its answer leads, and what the caller hears and may type meanwhile."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from structlog.testing import capture_logs

from ccd.ivr.flow import check
from ccd.ivr.nodes import REPEAT
from ccd.ivr.nodes.http import Http
from ccd.ivr.values import Values
from ccd.switch.commands import Hangup
from tests.ivr.errand_world import Asking

URL = "https://crm.example.cn/accounts"


def flow(**request: Any) -> dict[str, Any]:
    asks = {"type": "http", "url": URL, "next": "good", "failed": "bad"} | request
    nodes: dict[str, Any] = {
        "ask": asks,
        "good": {"type": "play", "prompt": "good"},
        "bad": {"type": "play", "prompt": "bad"},
    }
    for target in set(asks.get("statuses", {}).values()) - set(nodes):
        nodes[target] = {"type": "play", "prompt": target}
    if asks["failed"] != "bad":
        del nodes["bad"]
    return {"start": "ask", "nodes": nodes}


def caller(values: str = "", **request: Any) -> Asking:
    document = flow(**request)
    return Asking(document, values=values).begins()


def fault(**request: Any) -> str:
    (one,) = check(flow(**request))
    return ": ".join([".".join(map(str, one[0][2:])), one[1]])


# --- what it asks ---------------------------------------------------------------------------------


def test_values_are_encoded_for_their_place() -> None:
    hostile = '张 &=/?#%\\"\\r\\nX: y'
    asking = caller(
        f'{{"who":"{hostile}"}}',
        method="POST",
        url=URL + "/{who}/x",
        query={"q": "who", "n": "1.50", "yes": "true"},
        json={"who": "who", "more": ["len(who)", {"deep": "'x'"}]},
    )
    assert asking.path[-1] == "bad", "a line break is no part of a path"
    asking = caller(
        '{"who":"张 &=/?#%\\"X: y"}',
        method="POST",
        url=URL + "/{who}/x",
        query={"q": "who", "n": "1.50"},
        json={"who": "who"},
    )
    (asked,) = asking.asked
    assert asked["url"] == (
        URL + "/%E5%BC%A0%20%26%3D%2F%3F%23%25%22X%3A%20y/x?q=%E5%BC%A0%20%26%3D%2F%3F%23%25%22X%3A%20y&n=1.5"
    )
    assert json.loads(asked["body"]) == {"who": '张 &=/?#%"X: y'}
    assert asked["headers"]["Content-Type"] == "application/json"


def test_a_form_is_form_encoded() -> None:
    (asked,) = caller('{"a":"x&b=1"}', method="PUT", form={"a": "a", "c": "'+ +'"}).asked
    assert asked["body"] == "a=x%26b%3D1&c=%2B%20%2B"
    assert asked["headers"]["Content-Type"] == "application/x-www-form-urlencoded"


@pytest.mark.parametrize("segment", ["..", ".", "", "a/../b", "..\\\\x", "a\\nb"])
def test_no_value_makes_another_path(segment: str) -> None:
    asking = caller(f'{{"who":"{segment}"}}', url=URL + "/{who}")
    assert (asking.asked, asking.path[-1]) == ([], "bad")


@pytest.mark.parametrize("value", ["a\\r\\nX: y", "张", "a\\u0000"])
def test_no_value_makes_another_header(value: str) -> None:
    with capture_logs() as logs:
        asking = caller(f'{{"who":"{value}","x":1}}' if "u0000" not in value else '{"x":1}', headers={"X-Who": "who"})
    assert (asking.asked, asking.path[-1]) == ([], "bad")
    assert [line["event"] for line in logs if line["log_level"] == "error"] == ["request_not_made"]


@pytest.mark.parametrize("where", [{"url": URL + "/{pin}"}, {"query": {"p": "pin"}}, {"headers": {"X-P": "'a' + pin"}}])
def test_a_secret_goes_into_the_body_only(where: dict[str, Any]) -> None:
    asking = Asking(flow(**where))
    asking.talk.values.put({"pin": "4711"}, secret=["pin"])
    with capture_logs() as logs:
        asking.begins()
    assert (asking.asked, asking.path[-1]) == ([], "bad")
    assert "4711" not in str(logs)


def test_a_secret_in_the_body_is_told_to_be_one() -> None:
    for body in ({"json": {"pin": "pin"}}, {"form": {"pin": "pin + ''"}}):
        asking = Asking(flow(method="POST", **body))
        asking.talk.values.put({"pin": "4711"}, secret=["pin"])
        asking.begins()
        assert asking.asked[0]["secret"] is True
        assert "4711" in asking.asked[0]["body"]
        assert "4711" not in str(asking.facts) + str(asking.values_told)


# --- the idempotency key --------------------------------------------------------------------------


def key(asking: Asking) -> str:
    return str(asking.asked[-1]["headers"]["Idempotency-Key"])


def test_a_repeated_request_has_the_same_key_and_the_next_one_another() -> None:
    document = flow(method="POST", on_recover="repeat")
    document["nodes"]["good"] = {"type": "menu", "prompt": "more", "choices": {"1": "ask"}}
    first = Asking(document).begins()
    before = key(first)
    again = Asking(document).begins(start="ask")
    assert key(again) == before, "a restarted ccd asks the same"
    again.brings(status=200)
    again.presses("1")
    assert key(again) != before, "the caller came round again"
    third = Asking(document, values=again.values_told[-1]).begins(start="ask")
    assert key(third) == key(again)
    other = Asking(document)
    other.call.call_id = "c2"
    assert key(other.begins()) != before


def test_a_get_has_no_key_and_counts_nothing() -> None:
    asking = caller()
    assert "Idempotency-Key" not in asking.asked[0]["headers"]
    asking.brings(status=200)
    assert asking.values_told == []


def test_the_count_of_requests_is_no_value_of_the_flow() -> None:
    asking = caller(method="DELETE")
    asking.brings(status=200)
    again = Values(asking.call, asking.values_told[-1])
    assert again.requests == 1
    again.put({f"v{n}": "1" for n in range(64)})
    assert again.requests == 1


@pytest.mark.parametrize(
    ("method", "written", "edge"),
    [
        ("GET", None, REPEAT),
        ("PUT", None, REPEAT),
        ("POST", None, "failed"),
        ("PATCH", None, "failed"),
        ("POST", "repeat", REPEAT),
        ("GET", "fail", "failed"),
    ],
)
def test_what_a_restarted_ccd_does_with_a_request_that_was_under_way(
    method: str, written: str | None, edge: str
) -> None:
    fields = {"type": "http", "url": URL, "method": method, "failed": "bad", "next": "good"}
    node = Http.model_validate(fields | ({"on_recover": written} if written else {}))
    assert node.recovers() == edge


# --- where the answer leads -----------------------------------------------------------------------


def test_values_of_the_answer_are_kept() -> None:
    asking = caller(
        into={"name": "a.name", "sum": "a.sum", "vip": "v", "token": "t"}, secret=["token"], status_into="code"
    )
    assert asking.asked[0]["into"] == {"name": "a.name", "sum": "a.sum", "vip": "v", "token": "t"}
    asking.brings(
        status=200,
        values={
            "name": ["text", "张三"],
            "sum": ["number", "12.50"],
            "vip": ["truth", True],
            "token": ["text", "geheim"],
        },
    )
    assert asking.path == ["ask", "good"]
    known = asking.talk.values.readable()
    assert (known["name"], known["sum"], known["vip"], known["token"], known["code"]) == (
        "张三",
        Decimal("12.5"),
        True,
        "geheim",
        200,
    )
    assert "geheim" not in str(asking.facts) + str(asking.values_told)


@pytest.mark.parametrize(
    ("answer", "goes_to"),
    [
        ({"status": 200, "values": {"x": ["text", "1"]}}, "good"),
        ({"status": 204, "lacks": "not_json"}, "bad"),
        ({"status": 200, "lacks": "lacks_x"}, "bad"),
        ({"status": 200, "values": {"y": ["text", "1"]}}, "bad"),
        ({"status": 200, "values": {"x": ["text", "x" * 5000]}}, "bad"),
        ({"status": 200, "values": {"x": ["number", "1e999999"]}}, "bad"),
        ({"status": 200, "values": {"x": ["number", "NaN"]}}, "bad"),
        ({"status": 200, "values": {"x": ["list", []]}}, "bad"),
        ({"status": 200, "values": "x"}, "bad"),
        ({"status": 404}, "unknown"),
        ({"status": 201, "values": {}}, "made"),
        ({"status": 500}, "bad"),
        ({"status": 302}, "bad"),
        ({"status": "200"}, "bad"),
        ({"status": 0}, "bad"),
        ({}, "bad"),
    ],
)
def test_the_answer_leads_on(answer: dict[str, Any], goes_to: str) -> None:
    asking = caller(into={"x": "x"}, statuses={"404": "unknown", "201": "made"}, status_into="code")
    asking.brings(**answer)
    assert asking.path == ["ask", goes_to]
    assert ("x" in asking.talk.values.open) == (goes_to == "good")
    asking.hangs_up()


@pytest.mark.parametrize("reason", ["timed_out", "side_lost", "overfull", "no_answer"])
def test_without_an_answer_the_call_leaves_by_failed_and_the_log_says_why(reason: str) -> None:
    asking = caller(status_into="code")
    with capture_logs() as logs:
        asking.fails(reason)
    assert asking.path == ["ask", "bad"]
    assert asking.talk.values.open["code"] == 0
    (line,) = [line for line in logs if line["event"] == "request_failed"]
    assert (line["reason"], line["host"]) == (reason, "https://crm.example.cn")


def test_where_the_flow_writes_no_failed_the_call_goes_on() -> None:
    asking = caller(failed="")
    asking.fails("no_answer")
    assert asking.path == ["ask", "good"]


def test_an_errand_that_nobody_ends_ends_by_itself() -> None:
    asking = caller(timeout=2_000)
    assert asking.times == [2_000]
    asking.silence(3.5)
    assert (asking.path, asking.abandoned) == (["ask", "bad"], 1)


def test_a_caller_who_hangs_up_abandons_his_errand() -> None:
    asking = caller(prompt="wait")
    asking.silence(1)
    asking.hangs_up()
    assert (asking.abandoned, asking.left, asking.switch.awaited) == (1, ["caller_gone"], 0)


# --- what the caller hears and types --------------------------------------------------------------


def test_a_quick_answer_is_waited_for_in_silence() -> None:
    asking = caller(prompt="wait", music="local_stream://moh")
    asking.silence(0.5)
    asking.brings(status=200)
    assert asking.heard == ["good"]


def test_a_slow_answer_is_waited_for_with_a_prompt_and_then_music() -> None:
    asking = caller(prompt="wait", music="local_stream://moh")
    asking.silence(0.7)
    assert asking.heard == ["wait"]
    asking.prompt_ends()
    assert asking.heard == ["wait", "local_stream://moh"]
    assert asking.broken_off == 0
    asking.brings(status=200)
    assert asking.broken_off == 1, "music is broken off"
    assert asking.heard[-1] == "good"


def test_a_prompt_that_has_begun_is_heard_to_its_end() -> None:
    asking = caller(prompt="wait")
    asking.silence(0.7)
    asking.brings(status=200)
    assert asking.heard == ["wait"]
    asking.prompt_ends()
    assert (asking.heard, asking.broken_off) == (["wait", "good"], 0)


def test_music_that_cannot_be_played_is_no_storm_of_commands() -> None:
    asking = caller(music="local_stream://moh")
    asking.silence(0.7)
    for _ in range(10):
        asking.prompt_ends("FILE NOT FOUND")
        asking.silence(0.25)
    assert len(asking.heard) <= 4


def test_keys_that_are_pressed_meanwhile_count_for_the_next_input() -> None:
    document = flow()
    document["nodes"]["good"] = {"type": "menu", "prompt": "more", "choices": {"2": "two"}}
    document["nodes"]["two"] = {"type": "hangup"}
    asking = Asking(document).begins()
    asking.presses("2")
    asking.brings(status=200)
    assert asking.path == ["ask", "good", "two"]
    assert asking.switch.all(Hangup)


# --- what a flow may write ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("request_", "says"),
    [
        ({"url": "ftp://a/"}, "must begin with scheme and host"),
        ({"url": "https://user:x@a/"}, "must begin with scheme and host"),
        ({"url": "https://{caller_number}.example.cn/"}, "must begin with scheme and host"),
        ({"url": URL + "?a=1"}, "stands under query"),
        ({"url": URL + "/../x"}, ". or .."),
        ({"url": URL + "/a b"}, "percent-encoded"),
        ({"url": URL + "/{nobody}"}, "no node sets a value 'nobody'"),
        ({"query": {"a": "nobody"}}, "no node sets a value 'nobody'"),
        ({"method": "TRACE"}, "must be 'GET'"),
        ({"json": {"a": "1"}}, "a GET has no body"),
        ({"method": "POST", "json": {"a": "1"}, "form": {"a": "1"}}, "one body"),
        ({"method": "POST", "redirects": "2"}, "only a GET"),
        ({"headers": {"Host": "'x'"}}, "written by ccd itself"),
        ({"headers": {"X Y": "'x'"}}, "no name of a header"),
        ({"headers": {"Idempotency-Key": "'x'"}}, "written by ccd itself"),
        ({"into": {"caller_number": "a"}}, "no name for a value"),
        ({"into": {"x": "a..b"}}, "is no path"),
        ({"secret": ["y"], "into": {"x": "a"}}, "none of the values"),
        ({"statuses": {"9": "bad"}}, "no status"),
        ({"statuses": {"404": "nowhere"}}, ""),
        ({"timeout": 31_000}, "from 100ms to 30s"),
        ({"music": "/etc/passwd"}, "no music"),
        ({"music": "tone_stream://%(1,2,3)"}, "no music"),
    ],
)
def test_a_wrong_request_is_refused_with_its_field(request_: dict[str, Any], says: str) -> None:
    if says:
        assert says in fault(**request_)
        return
    document = flow(**request_)
    del document["nodes"]["nowhere"]
    ((where, what),) = check(document)
    assert (where, "no node of this flow" in what) == (("nodes", "ask", "statuses", "404"), True)
