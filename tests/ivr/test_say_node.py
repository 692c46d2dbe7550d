"""The node `say`, as callers hear it."""

from __future__ import annotations

from typing import Any

import pytest
from structlog.testing import capture_logs

from ccd.ivr.flow import check
from ccd.switch.commands import Play
from tests.ivr.caller import Caller


def flow(**say: Any) -> dict[str, Any]:
    node = {"type": "say", "kind": "number", "value": "12010", "next": "key", "failed": "sorry"} | say
    key = {"type": "menu", "prompt": "ask", "choices": {"1": "bye"}, "tries": 1}
    return {
        "start": "say",
        "nodes": {
            "say": {name: value for name, value in node.items() if value is not None},
            "key": key,
            "bye": {"type": "hangup"},
            "sorry": {"type": "hangup", "prompt": "sorry"},
        },
    }


def hears(language: str = "zh", values: str = "", **say: Any) -> Caller:
    caller = Caller(flow(**say), values=values)
    caller.speaks(language)
    return caller.begins()


def first(caller: Caller) -> str:
    return caller.switch.all(Play)[0].audio


def in_zh(*names: str) -> str:
    return "file_string://" + "!".join(f"/sounds/zh/{name}.wav" for name in names)


def test_a_number_is_one_playback_in_the_flows_language() -> None:
    assert first(hears()) == in_zh("say/1", "say/wan", "say/2qian", "say/0", "say/1shi")
    english = first(hears("en"))
    assert english == "file_string://" + "!".join(f"/sounds/en/say/{one}.wav" for one in ("12", "thousand", "10"))


def test_prompts_before_and_after_are_of_the_same_sentence() -> None:
    caller = hears(kind="money", value="2.50", before="balance", after="thanks")
    sentence = in_zh("balance", "say/liang", "say/yuan", "say/5", "say/jiao", "thanks")
    assert caller.heard[0] == sentence.removesuffix(".wav")
    caller.prompt_ends()
    assert caller.path == ["say", "key"]


def test_a_single_fragment_is_a_plain_file() -> None:
    assert first(hears(value="7")) == "/sounds/zh/say/7.wav"


def test_the_callers_number_and_values_of_the_call_are_said() -> None:
    assert first(hears(kind="digits", value="caller_number")) == in_zh("say/yao", "say/3", "say/8")
    document = flow(kind="date", value="due")
    document["nodes"]["set"] = {"type": "set", "values": {"due": '"2026-11-22"'}, "next": "say"}
    document["start"] = "set"
    assert check(document) == []
    caller = Caller(document)
    caller.speaks("zh")
    caller.begins()
    assert first(caller) == in_zh("say/2", "say/0", "say/2", "say/6", "say/nian", "say/month_11", "say/day_22")


def test_a_key_breaks_it_off_and_answers_the_menu_behind_it() -> None:
    caller = hears()
    caller.presses("1")
    assert (caller.broken_off, caller.path) == (1, ["say", "key", "bye"])


def test_without_barge_in_it_is_heard_to_its_end() -> None:
    caller = hears(barge_in=False)
    caller.presses("1")
    assert (caller.broken_off, caller.path) == (0, ["say"])
    caller.prompt_ends()
    assert caller.path == ["say", "key", "bye"]


@pytest.mark.parametrize("value", ["caller_name", "dialled", 'caller_number + "x"', "due"])
def test_what_cannot_be_said_leaves_by_failed_and_plays_nothing_of_it(value: str) -> None:
    with capture_logs() as lines:
        caller = hears(kind="date", value=value)
    assert caller.path == ["say", "sorry"]
    assert caller.heard == ["zh/sorry"]
    (line,) = [line for line in lines if line["event"] == "value_not_said"]
    assert "4008" not in str(line)
    assert "138" not in str(line)


def test_where_the_flow_has_no_failed_it_goes_on() -> None:
    assert hears(kind="time", value="dialled", failed=None).path == ["say", "key"]


def test_a_language_that_nobody_taught_it_fails() -> None:
    assert hears("fr").path == ["say", "sorry"]


def test_a_secret_is_not_said() -> None:
    caller = Caller(flow(kind="digits", value="pin"))
    caller.talk.values.put({"pin": "2468"}, secret=["pin"])
    with capture_logs() as lines:
        caller.begins()
    assert caller.path == ["say", "sorry"]
    assert "2468" not in str(lines)
    assert [line["reason"] for line in lines if line["event"] == "value_not_said"] == ["the value is a secret"]


@pytest.mark.parametrize(
    ("say", "what"),
    [
        ({"kind": "time", "value": '"25:00"'}, "no time"),
        ({"kind": "money", "value": "1.234", "next": "key"}, ""),
        ({"kind": "date", "value": '"2026-02-30"'}, "no such day"),
        ({"kind": "digits", "value": '"12a"'}, "no string of digits"),
        ({"kind": "weather", "value": "1"}, "number"),
        ({"before": "../etc/passwd"}, "no name of a prompt"),
        ({"after": "a!b"}, "no name of a prompt"),
        ({"value": "nobody"}, "no node sets a value"),
        ({"value": "1 +"}, "expression"),
        ({"failed": "nowhere"}, "no node of this flow"),
    ],
)
def test_a_flow_is_refused_for_what_can_never_be_said(say: dict[str, str], what: str) -> None:
    faults = check(flow(**say))
    assert bool(faults) is bool(what)
    assert what in " ".join(text for _, text in faults)


def test_the_fault_of_a_literal_stands_at_its_field() -> None:
    assert [path for path, _ in check(flow(kind="time", value='"25:00"'))] == [("nodes", "say", "value")]
