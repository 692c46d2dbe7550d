"""The node `voicemail`, as callers hear it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest
from structlog.testing import capture_logs

from ccd.base.errors import NotFound
from ccd.calls.model import Call, Leg
from ccd.ivr.doors import VoicemailDoor
from ccd.ivr.flow import Flow, check
from ccd.ivr.voicemail import TONE
from tests.ivr.caller import Caller


def flow(**voicemail: Any) -> dict[str, Any]:
    node = {"type": "voicemail", "box": "night", "next": "bye", "empty": "none", "failed": "sorry"} | voicemail
    return {
        "start": "message",
        "nodes": {
            "message": {name: value for name, value in node.items() if value is not None},
            "bye": {"type": "hangup"},
            "none": {"type": "hangup"},
            "sorry": {"type": "hangup"},
        },
    }


class Speaker(Caller):
    """A caller, and the box behind the door."""

    def __init__(self, document: dict[str, Any], *, language: str = "", spoken: bool = False) -> None:
        super().__init__(document)
        self.leg.answered_at = 1
        self.begun: list[tuple[str, int]] = []
        self.finished = 0
        self.tell: Callable[[str], None] = lambda how: None
        self.talk.doors = dataclasses.replace(
            self.talk.doors,
            voicemail=VoicemailDoor(
                greeting=lambda box: self._greeting(box, language),
                prompt_path=lambda prompt, language: f"/sounds/{language}/{prompt}.wav",
                is_spoken=lambda leg_id: spoken,
                begin=self._begin,
                finish=lambda leg_id: self._finish(),
            ),
        )

    def _greeting(self, box: str, language: str) -> tuple[str, str]:
        if box in self.lacks:
            raise NotFound(f"no voicemail box {box!r}")
        return "voicemail_greeting", language

    def _begin(self, call: Call, leg: Leg, box: str, max_ms: int, tell: Callable[[str], None]) -> None:
        self.begun.append((box, max_ms))
        self.tell = tell

    def _finish(self) -> None:
        self.finished += 1

    def over(self, how: str) -> None:
        self.tell(how)
        self.breathe()


def at_the_tone(**voicemail: Any) -> Speaker:
    speaker = Speaker(flow(**voicemail))
    speaker.begins()
    speaker.prompt_ends()
    assert speaker.heard == [voicemail.get("greeting", "voicemail_greeting"), TONE]
    assert speaker.begun == []
    speaker.prompt_ends()
    return speaker


@pytest.mark.parametrize(
    ("how", "prompt", "goes"),
    [("left", "saved", "bye"), ("empty", "empty", "none"), ("failed", "failed", "sorry")],
)
def test_greeting_tone_message_and_how_it_came_out(how: str, prompt: str, goes: str) -> None:
    speaker = at_the_tone()
    assert speaker.begun == [("night", 0)]
    speaker.over(how)
    assert speaker.heard[-1] == f"voicemail_{prompt}"
    speaker.prompt_ends()
    assert speaker.path == ["message", goes]


def test_only_pound_ends_the_message() -> None:
    speaker = at_the_tone()
    speaker.presses("12*")
    assert speaker.finished == 0
    speaker.presses("#")
    assert speaker.finished == 1


def test_a_key_skips_the_greeting_and_is_no_key_of_the_message() -> None:
    speaker = Speaker(flow())
    speaker.begins()
    speaker.presses("#")
    assert speaker.heard[-1] == TONE
    speaker.presses("#")
    speaker.prompt_ends()
    assert (speaker.begun, speaker.finished) == ([("night", 0)], 0)


def test_the_flow_has_a_greeting_and_a_length_of_its_own() -> None:
    speaker = at_the_tone(greeting="closed", max_length="30s")
    assert speaker.begun == [("night", 30_000)]


def test_a_box_speaks_its_own_language() -> None:
    speaker = Speaker(flow(), language="en")
    speaker.begins()
    assert speaker.heard == ["en/voicemail_greeting"]


def test_after_a_restart_the_caller_speaks_on() -> None:
    speaker = Speaker(flow(), spoken=True)
    speaker.begins(start="message")
    assert (speaker.heard, speaker.begun) == ([], [("night", 0)])
    speaker.presses("#")
    assert speaker.finished == 1


def test_after_a_restart_a_message_that_is_over_leads_on() -> None:
    speaker = Speaker(flow(), spoken=True)
    speaker.begins(start="message", edge="next")
    assert (speaker.path, speaker.heard) == (["bye"], [])


def test_a_caller_who_hangs_up_ends_the_flow() -> None:
    speaker = at_the_tone()
    speaker.hangs_up()
    assert speaker.left == ["caller_gone"]


def test_a_box_that_there_is_not_is_said_once_and_costs_no_call() -> None:
    speaker = Speaker(flow())
    speaker.lacks.add("night")
    with capture_logs() as logs:
        speaker.begins()
    assert [line["event"] for line in logs if line["log_level"] == "error"] == ["flow_no_such_voicemail_box"]
    assert speaker.heard == ["voicemail_failed"]
    speaker.prompt_ends()
    assert speaker.path == ["message", "sorry"]


def test_without_edges_the_call_ends_when_the_message_does() -> None:
    speaker = at_the_tone(next=None, empty=None, failed=None)
    speaker.over("empty")
    speaker.prompt_ends()
    speaker.switch_obeys()
    assert speaker.left == ["hung_up"]


@pytest.mark.parametrize(
    ("voicemail", "what"),
    [
        ({"box": ""}, "must not be empty"),
        ({"box": None}, "missing"),
        ({"greeting": "../../etc/passwd"}, "no name of a prompt"),
        ({"max_length": "2h"}, "3600000"),
        ({"max_length": "long"}, "duration"),
        ({"empty": "nowhere"}, "no node of this flow"),
        ({"beep": "loud"}, "unknown"),
    ],
)
def test_a_flow_is_refused_for_what_cannot_be(voicemail: dict[str, Any], what: str) -> None:
    faults = check(flow(**voicemail))
    assert what in " ".join(text for _, text in faults)


def test_a_flow_knows_its_boxes() -> None:
    assert Flow("test", flow()).boxes() == [("message", "night")]
