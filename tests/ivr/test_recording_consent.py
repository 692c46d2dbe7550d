"""What callers hear before they are recorded, what a key says to it, and what a flow does to its recording itself."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from structlog.testing import capture_logs

from ccd.calls.model import Call
from ccd.ivr.recording import Consent, ConsentPrompts, RecordingDoor
from ccd.ivr.transfers import Target
from ccd.switch.commands import Answer
from tests.ivr.caller import Caller

NOTICE, QUESTION = ConsentPrompts().of("announce"), ConsentPrompts().of("ask")
MENU = {
    "start": "hello",
    "nodes": {
        "hello": {"type": "answer", "next": "menu"},
        "menu": {"type": "menu", "prompt": "menu", "choices": {"1": "line", "2": "bye"}, "next": "bye"},
        "line": {"type": "queue", "queue": "sales", "next": "bye"},
        "bye": {"type": "hangup"},
    },
}
QUEUE = {
    "start": "line",
    "nodes": {"line": {"type": "queue", "queue": "sales", "next": "bye"}, "bye": {"type": "hangup"}},
}


class Told:
    """The door to recordings, as a flow sees it: what is due where, and what it was told."""

    def __init__(self, **due: Consent) -> None:
        self.due = due
        self.said: list[str] = []
        self.done: list[str] = []

    def door(self) -> RecordingDoor:
        return RecordingDoor(
            due=lambda call, queue: self.due.pop(queue or "answer", None),
            due_to_talk=lambda call: self.due.pop("talk", None),
            consented=lambda call, said: self.said.append(said),
            begin=lambda call: self.done.append("begin"),
            mask=lambda call, reason: self.done.append(f"mask {reason}"),
            unmask=lambda call, reason: self.done.append(f"unmask {reason}"),
        )


def caller(document: dict[str, Any], told: Told, **how: Any) -> Caller:
    one = Caller(document, **how)
    one.talk.doors = dataclasses.replace(one.talk.doors, recording=told.door())
    return one.begins()


def test_notice_is_heard_whole_before_the_flow_goes_on() -> None:
    told = Told(answer=NOTICE)
    one = caller(MENU, told)
    one.answered()
    assert one.heard == ["recording_notice"]
    one.presses("1")
    assert (one.broken_off, told.said) == (0, []), "nobody skips it"
    one.prompt_ends()
    assert told.said == ["announced"]
    assert one.entered == [("sales", 0)], "but the key counts for the menu"


@pytest.mark.parametrize(
    ("keys", "said", "goes"),
    [("2", "refused", "menu"), ("", "given", "menu"), ("1", "given", "sales"), ("21", "refused", "sales")],
)
def test_question_is_answered_by_its_key_and_other_keys_are_the_menus(keys: str, said: str, goes: str) -> None:
    told = Told(answer=QUESTION)
    one = caller(MENU, told)
    one.answered()
    one.presses(keys)
    one.prompt_ends()
    one.silence(3.1)
    assert told.said == [said]
    assert (one.entered != []) == (goes == "sales")


def test_key_that_comes_behind_the_question_in_time_refuses() -> None:
    told = Told(answer=QUESTION)
    one = caller(MENU, told)
    one.answered()
    one.prompt_ends()
    one.silence(2.9)
    one.presses("2")
    assert told.said == ["refused"]
    assert one.heard == ["recording_question", "menu"], "and it is used up"


def test_key_typed_before_the_question_refuses_nothing() -> None:
    told = Told(sales=QUESTION)
    long = {"type": "play", "prompt": "news", "barge_in": False, "next": "menu"}
    nodes = MENU["nodes"] | {"hello": {"type": "answer", "next": "news"}, "news": long}  # type: ignore[operator]
    one = caller(MENU | {"nodes": nodes}, told)
    one.answered()
    one.presses("12")
    one.prompt_ends()
    assert one.heard == ["news", "recording_question"]
    one.prompt_ends()
    one.silence(3.1)
    assert told.said == ["given"]


def test_consent_of_a_queue_answers_first_whatever_the_route_says() -> None:
    """What nobody can hear is no consent."""
    told = Told(sales=NOTICE)
    one = caller(QUEUE, told, answer_point="at_agent")
    assert (len(one.switch.all(Answer)), one.heard) == (1, [])
    one.answered()
    assert one.heard == ["recording_notice"]
    one.prompt_ends()
    assert (told.said, one.entered) == (["announced"], [("sales", 0)])


def test_notice_that_could_not_be_played_is_no_notice_and_the_call_goes_on() -> None:
    told = Told(answer=NOTICE)
    one = caller(MENU, told)
    one.answered()
    with capture_logs() as logs:
        one.prompt_ends("FILE NOT FOUND")
    assert told.said == []
    assert [line["alarm"] for line in logs if "alarm" in line] == ["consent_not_heard"]
    assert one.heard[-1] == "menu"


def test_caller_who_hangs_up_in_the_notice_said_nothing() -> None:
    told = Told(answer=NOTICE)
    one = caller(MENU, told)
    one.answered()
    one.hangs_up()
    assert told.said == []
    assert one.is_over()


def test_record_nodes_begin_mask_and_unmask() -> None:
    names = ("begin", "mask", "unmask")
    nodes: dict[str, Any] = {
        name: {"type": "record", "do": name, "next": behind}
        for name, behind in zip(names, (*names[1:], "bye"), strict=True)
    }
    told = Told(answer=NOTICE)
    one = caller({"start": "begin", "nodes": nodes | {"bye": {"type": "hangup"}}}, told)
    one.answered()
    one.prompt_ends()
    assert told.done == ["begin", "mask flow", "unmask flow"]
    assert told.said == ["announced"]
    assert isinstance(one.call, Call)


def test_caller_is_told_before_his_flow_calls_somebody_whose_talk_is_recorded() -> None:
    told = Told(talk=NOTICE)
    flow = {
        "start": "call",
        "nodes": {"call": {"type": "transfer", "number": "02161230001", "next": "bye"}, "bye": {"type": "hangup"}},
    }
    one = Caller(flow)
    ordered: list[str] = []
    door = dataclasses.replace(
        one.talk.doors.transfer,
        goes_on=lambda leg_id: bool(ordered),
        number=lambda number: Target(to=number, contact=f"sofia/gateway/x/{number}", number=number),
        begin=lambda call, leg, order: ordered.append(order.to),
        rings=lambda leg_id: False,
    )
    one.talk.doors = dataclasses.replace(one.talk.doors, recording=told.door(), transfer=door)
    one.begins()
    one.answered()
    assert (one.heard, ordered) == (["recording_notice"], [])
    one.prompt_ends()
    assert (told.said, ordered) == (["announced"], ["02161230001"])
