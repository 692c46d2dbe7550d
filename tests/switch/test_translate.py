"""FreeSWITCH's events as ours: recorded stories, and bodies that are not as they should be."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccd.switch.events import (
    ApplicationEnded,
    ChannelAnswered,
    ChannelBridged,
    ChannelCreated,
    ChannelHungUp,
    ChannelParked,
    JobEnded,
    RecordStopped,
    SwitchEvent,
)
from ccd.switch.translate import SUBSCRIPTION, Translator

JOBS = [
    "USER_BUSY",
    "CALL_REJECTED",
    "NORMAL_TEMPORARY_FAILURE",
    "NO_ANSWER",
    "SUBSCRIBER_ABSENT",
    "NORMAL_TEMPORARY_FAILURE",
]
STORIES = Path(__file__).parent.parent / "data" / "esl"


def events(story: str) -> tuple[list[SwitchEvent], Translator]:
    translator, found = Translator(), []
    with gzip.open(STORIES / f"{story}.jsonl.gz", "rt", encoding="utf-8") as lines:
        for line in lines:
            message = json.loads(line)
            if message.get("from") != "switch" or "text/event-json" not in message["text"]:
                continue
            body = message["text"].partition("\n\n")[2]
            if (event := translator.event(body.encode())) is not None:
                found.append(event)
    return found, translator


def brief(found: list[SwitchEvent]) -> list[str]:
    """Kind and leg (caller, phone 1, phone 2 … in order of appearance), applications by name."""
    legs: dict[str, str] = {}
    told = []
    for event in found:
        if event.leg_id:
            legs.setdefault(event.leg_id, "ABCDEFGH"[len(legs)])
        more = f" {event.application}" if isinstance(event, ApplicationEnded) else ""
        told.append(f"{legs.get(event.leg_id, '-')} {type(event).__name__}{more}")
    return told


def test_story_of_a_queued_call() -> None:
    found, translator = events("queue")
    assert brief(found) == [
        "A ChannelCreated",
        "A ChannelParked",
        "A ChannelAnswered",
        "A ApplicationEnded answer",
        "B ChannelCreated",
        "B ChannelProgressed",
        "B ChannelAnswered",
        "B JobEnded",
        "B ChannelParked",
        "A RecordStarted",
        "- JobEnded",
        "A ApplicationEnded playback",
        "A ApplicationEnded park",
        "B ApplicationEnded park",
        "A ChannelBridged",
        "B ChannelHungUp",
        "A ChannelUnbridged",
        "A RecordStopped",
        "A ChannelHungUp",
    ]
    assert (translator.repaired, translator.dropped) == (0, 0)
    caller, agent = found[0], found[4]
    assert isinstance(caller, ChannelCreated)
    assert isinstance(agent, ChannelCreated)
    assert (caller.inbound, agent.inbound) == (True, False)
    bridged = next(one for one in found if isinstance(one, ChannelBridged))
    assert (bridged.leg_id, bridged.other_id) == (caller.leg_id, agent.leg_id)
    agent_end, caller_end = [one for one in found if isinstance(one, ChannelHungUp)]
    assert (agent_end.disposition, caller_end.disposition) == ("recv_bye", "send_bye")
    assert agent_end.progressed_at > 1_700_000_000_000_000
    assert caller_end.progressed_at == 0
    assert [one.duration_ms for one in found if isinstance(one, RecordStopped)] == [1100]
    assert all(one.at > 1_700_000_000_000_000 for one in found)


def test_story_of_calls_that_fail() -> None:
    """Every phone that cannot be reached says so in its own words; some only as the result of the job."""
    found, _ = events("fails")
    jobs = [one.result.strip() for one in found if isinstance(one, JobEnded)]
    assert [one.split()[1] for one in jobs] == JOBS
    ends = {one.cause: one for one in found if isinstance(one, ChannelHungUp)}
    assert ends["USER_BUSY"].protocol_cause == "sip:486"
    assert ends["CALL_REJECTED"].protocol_cause == "sip:603"


def test_story_of_a_flow() -> None:
    found, translator = events("ivr")
    told = brief(found)
    assert told[0] == "A ChannelCreated"
    assert told[-1] == "A ChannelHungUp"
    assert "A DigitPressed" in told
    assert any(isinstance(one, ChannelParked) for one in found)
    assert any(isinstance(one, ChannelAnswered) for one in found)
    assert translator.dropped == 0


def body(**headers: Any) -> bytes:
    known = {"Event-Name": "CHANNEL_CREATE", "Unique-ID": "L", "Event-Date-Timestamp": "7", "Call-Direction": "inbound"}
    return json.dumps(known | headers).encode()


def test_events_without_use_are_nothing() -> None:
    assert Translator().event(body(**{"Event-Name": "PLAYBACK_START"})) is None
    assert Translator().event(b"{}") is None
    assert "HEARTBEAT" in SUBSCRIPTION
    assert "ALL" not in SUBSCRIPTION


NAME = b'"Caller-Caller-ID-Name": "%s"'
LENIENT = [
    ("a name in GBK", body()[:-1] + b", " + NAME % "张三".encode("gbk") + b"}", "张三"),
    ("bytes of no encoding", body()[:-1] + b", " + NAME % b"a\xff\xffb" + b"}", "a\ufffd\ufffdb"),
    ("a raw control byte", body()[:-1] + b", " + NAME % b"a\x01b" + b"}", "a\x01b"),
    ("a header pushed twice", body(**{"Caller-Caller-ID-Name": ["one", "two"]}), "one"),
]


@pytest.mark.parametrize(("raw", "name"), [row[1:] for row in LENIENT], ids=[row[0] for row in LENIENT])
def test_body_that_json_refuses_is_repaired_and_counted(raw: bytes, name: str) -> None:
    translator = Translator()
    event = translator.event(raw)
    assert isinstance(event, ChannelCreated)
    assert event.caller_name == name
    assert (event.leg_id, event.at, event.inbound) == ("L", 7, True)
    assert (translator.repaired, translator.dropped) == (1, 0)


def test_repeated_keys_take_the_last_and_need_no_repair() -> None:
    translator = Translator()
    event = translator.event(body()[:-1] + b', "alarm": "a", "alarm": "b", "Caller-Destination-Number": "1", '
                             b'"Caller-Destination-Number": "2"}')  # fmt: skip
    assert isinstance(event, ChannelCreated)
    assert event.dialled == "2"
    assert translator.repaired == 0


@pytest.mark.parametrize(
    "field",
    ["Caller-Caller-ID-Name", "Caller-Caller-ID-Number", "Caller-Destination-Number", "Channel-Name", "Caller-Context"],
)
def test_what_sql_cannot_store_leaves_here(field: str) -> None:
    event = Translator().event(body(**{field: "a\x00b"}))
    assert isinstance(event, ChannelCreated)
    assert "a\ufffdb" in (event.caller_name, event.caller_number, event.dialled, event.name, event.context)
    event = Translator().event(body()[:-1] + b', "%s": "a\\ud800b"}' % field.encode())
    assert isinstance(event, ChannelCreated)
    assert all(one.encode() is not None for one in (event.caller_name, event.caller_number, event.dialled, event.name))


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b"null", b'{"Event-Date-Timestamp": "soon"}', b"\xff\xfe"])
def test_body_that_is_no_event_is_dropped_and_counted(raw: bytes) -> None:
    translator = Translator()
    assert translator.event(raw) is None
    assert translator.dropped == 1


@pytest.mark.parametrize(
    ("kind", "header"),
    [("CHANNEL_HANGUP_COMPLETE", "Caller-Channel-Progress-Time"), ("RECORD_STOP", "variable_record_ms")],
)
@pytest.mark.parametrize(("text", "value"), [("12", 12), ("", 0), ("²", 0), ("-1", 0), ("x", 0)])
def test_numbers_that_are_none_are_zero(kind: str, header: str, text: str, value: int) -> None:
    event = Translator().event(body(**{"Event-Name": kind, header: text}))
    assert (event.progressed_at if isinstance(event, ChannelHungUp) else event.duration_ms) == value  # type: ignore[union-attr]


@pytest.mark.parametrize(("answer_state", "hung_up"), [("answered", False), ("hangup", True), ("", False)])
def test_a_recording_says_why_it_ended_and_whether_its_leg_was_ending(answer_state: str, hung_up: bool) -> None:
    headers = {"Record-Completion-Cause": "success-silence", "Answer-State": answer_state, "Record-File-Path": "/r.wav"}
    event = Translator().event(body(**{"Event-Name": "RECORD_STOP", **headers}))
    assert isinstance(event, RecordStopped)
    assert (event.cause, event.hung_up, event.path) == ("success-silence", hung_up, "/r.wav")


def test_early_media_counts_as_ringing() -> None:
    """PRI cards and gateways send 183, not 180."""
    event = Translator().event(
        body(
            **{
                "Event-Name": "CHANNEL_HANGUP_COMPLETE",
                "Caller-Channel-Progress-Time": "0",
                "Caller-Channel-Progress-Media-Time": "9",
            }
        )
    )
    assert isinstance(event, ChannelHungUp)
    assert event.progressed_at == 9


@given(st.dictionaries(st.sampled_from(["Event-Name", "Unique-ID", "Event-Date-Timestamp", "_body", "x"]), st.one_of(
    st.text(), st.none(), st.integers(), st.lists(st.text(), max_size=2), st.sampled_from(SUBSCRIPTION))))  # fmt: skip
def test_no_body_breaks_the_translator(headers: dict[str, Any]) -> None:
    Translator().event(json.dumps(headers).encode())


@given(st.binary())
def test_no_bytes_break_the_translator(raw: bytes) -> None:
    Translator().event(raw)
