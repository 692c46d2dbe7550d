"""The speak node: what is spoken, what is played, and what a value may not become."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from structlog.testing import capture_logs

from ccd.ivr.flow import Flow, check
from ccd.ivr.nodes.speak import Speak
from tests.ivr.errand_world import Asking

FILE = "0123456789abcdef.wav"


def flow(text: str, **more: Any) -> dict[str, Any]:
    speak = {"type": "speak", "text": text, "next": "on", "failed": "bad"} | more
    nodes: dict[str, Any] = {"tell": speak, "on": {"type": "play", "prompt": "on"}}
    if speak["failed"]:
        nodes["bad"] = {"type": "play", "prompt": "bad"}
    return {"start": "tell", "nodes": nodes}


def caller(text: str, values: str = "", **more: Any) -> Asking:
    asking = Asking(flow(text, **more), values=values)
    asking.speaks("zh")
    return asking.begins()


def test_a_text_is_spoken_in_the_language_of_the_flow_and_played() -> None:
    asking = caller("您的余额是 {sum} 元，{{谢谢}}", '{"sum":12.50}')
    assert asking.asked == [
        {"kind": "speech.make", "text": "您的余额是 12.5 元，{谢谢}", "language": "zh", "voice": ""}
    ]
    asking.brings(file=FILE)
    assert asking.heard == [f"/speech/{FILE}"[:-4]]
    asking.prompt_ends()
    assert asking.path == ["tell", "on"]


def test_a_text_that_has_been_spoken_is_played_and_side_is_not_asked() -> None:
    asking = Asking(flow("您好 {who}"), values='{"who":"张"}')
    asking.speaks("zh")
    spoken = {("您好 张", "zh", ""): f"/speech/{FILE}"}
    asking.talk.doors = dataclasses.replace(asking.talk.doors, spoken=lambda *wanted: spoken.get(wanted, ""))
    asking.begins()
    assert (asking.asked, asking.heard) == ([], [f"/speech/{FILE}"[:-4]])
    asking.prompt_ends()
    assert asking.path == ["tell", "on"]


def test_language_voice_and_time_are_the_nodes_own() -> None:
    asking = caller("hello", language="en", voice="slow", timeout=3_000)
    assert (asking.asked[0]["language"], asking.asked[0]["voice"], asking.times) == ("en", "slow", [3_000])


@pytest.mark.parametrize(
    ("value", "spoken"),
    [
        ("<break time='9h'/>", "break time='9h'/"),
        ("[[h@'loU]]", "h@'loU"),
        ("a\\nb\\u001b[2J", "a b 2J"),
        ("{sum} & \\\\x", "sum x"),
        ("${system(touch F)}", "$ system(touch F)"),
    ],
)
def test_a_value_is_text_and_never_a_mark(value: str, spoken: str) -> None:
    asking = caller("您好 {who}", f'{{"who":"{value}"}}')
    assert asking.asked[0]["text"] == f"您好 {spoken}"


def test_a_secret_is_not_spoken() -> None:
    asking = Asking(flow("your PIN is {pin}"))
    asking.talk.values.put({"pin": "4711"}, secret=["pin"])
    with capture_logs() as logs:
        asking.begins()
    assert (asking.asked, asking.path) == ([], ["tell", "bad"])
    assert "4711" not in str(logs)


@pytest.mark.parametrize("values", ['{"who":""}', "{}", '{"who":"' + "x" * 600 + '"}'])
def test_what_cannot_be_spoken_leaves_by_failed(values: str) -> None:
    asking = caller("{who}", values)
    assert (asking.asked, asking.path) == ([], ["tell", "bad"])


@pytest.mark.parametrize(("failed", "goes_to"), [("bad", "bad"), ("", "on")])
def test_a_text_that_was_not_spoken_in_time_leaves_by_failed(failed: str, goes_to: str) -> None:
    asking = caller("hello", failed=failed)
    with capture_logs() as logs:
        asking.fails("timed_out")
    assert asking.path == ["tell", goes_to]
    assert [line["reason"] for line in logs if line["event"] == "text_not_spoken"] == ["timed_out"]


@pytest.mark.parametrize("answer", [{}, {"other": 1}])
def test_an_answer_without_a_file_leaves_by_failed(answer: dict[str, Any]) -> None:
    asking = caller("hello")
    asking.brings(**answer)
    assert asking.path == ["tell", "bad"]


def test_a_file_that_the_switch_cannot_play_leaves_by_failed() -> None:
    asking = caller("hello")
    asking.brings(file=FILE)
    asking.prompt_ends("FILE NOT FOUND")
    assert asking.path == ["tell", "bad"]


def test_a_caller_who_has_pressed_a_key_is_not_kept() -> None:
    document = flow("hello")
    document["nodes"]["tell"]["next"] = "on"
    document["nodes"]["first"] = {"type": "play", "prompt": "welcome", "next": "tell"}
    document["start"] = "first"
    asking = Asking(document).begins()
    asking.presses("1")
    assert (asking.asked, asking.path) == ([], ["first", "tell", "on"])


def test_a_text_without_values_is_known_before_anybody_calls() -> None:
    constant, other = (Flow("f", flow(text)).nodes["tell"] for text in (" 您好\n请稍候 ", "您好 {dialled}"))
    assert isinstance(constant, Speak)
    assert isinstance(other, Speak)
    assert (constant.constant(), other.constant()) == ("您好 请稍候", "")


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"text": " "}, "must not be empty"),
        ({"text": "x" * 1001}, "longer than 1000"),
        ({"text": "a { b"}, "brace without its partner"),
        ({"text": "a } b"}, "brace without its partner"),
        ({"text": "{1+1}"}, "no name of a value"),
        ({"text": "{nobody}"}, "no node sets a value 'nobody'"),
        ({"language": "chinese"}, "two letters"),
        ({"timeout": 60_000}, "from 100ms to 30s"),
    ],
)
def test_a_wrong_node_is_refused(more: dict[str, Any], says: str) -> None:
    (fault,) = check(flow("hello", **more) if "text" not in more else flow(**more))
    assert says in fault[1]
