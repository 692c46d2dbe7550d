"""Keys that nobody may keep, and keys that come as tones."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from structlog.testing import capture_logs

from ccd.ivr.facts import NodeEntered
from ccd.ivr.keys import Typed
from ccd.ivr.recording import RecordingDoor
from ccd.switch.commands import DetectTones, StopDetectingTones
from ccd.switch.events import DigitPressed
from tests.ivr.caller import Caller
from tests.ivr.test_collect import asked, document

# --- secrets ----------------------------------------------------------------------------------------


def secretly(**more: Any) -> tuple[Caller, list[bool]]:
    concealed: list[bool] = []
    caller = Caller(document(secret="yes", **more))
    door = RecordingDoor(
        mask=lambda call, reason: concealed.append(reason == "secret"),
        unmask=lambda call, reason: concealed.append(False),
    )
    caller.talk.doors = dataclasses.replace(caller.talk.doors, recording=door)
    return caller.begins(), concealed


def test_a_secret_is_in_memory_only() -> None:
    with capture_logs() as lines:
        caller, _ = secretly()
        caller.presses("8305")
    assert caller.talk.values.secrets == {"account": "8305"}
    told = repr([caller.facts, caller.values_told, caller.switch.told, lines])
    assert "8305" not in told
    assert all(fact.values == "" for fact in caller.facts if isinstance(fact, NodeEntered))


def test_the_recording_is_silent_from_the_prompt_to_the_last_key() -> None:
    caller, concealed = secretly()
    assert concealed == [True]
    caller.presses("830")
    assert concealed == [True]
    caller.presses("5")
    assert concealed == [True, False]


def test_the_recording_is_heard_again_when_nothing_is_typed() -> None:
    caller, concealed = secretly(tries=1)
    caller.prompt_ends()
    caller.silence(5.1)
    assert (caller.path, concealed) == (["collect", "silent"], [True, False])


def test_the_silence_ends_with_a_caller_who_hangs_up() -> None:
    caller, concealed = secretly()
    caller.presses("83")
    caller.hangs_up()
    assert (caller.left, concealed) == (["caller_gone"], [True, False])


def test_an_entry_that_is_no_secret_conceals_nothing() -> None:
    caller = asked()
    door = RecordingDoor(mask=lambda call, reason: pytest.fail("concealed"))
    caller.talk.doors = dataclasses.replace(caller.talk.doors, recording=door)
    caller.presses("12#")
    assert caller.talk.values.open == {"account": "12"}


def test_nothing_that_prints_a_key_shows_it() -> None:
    assert "7" not in repr(DigitPressed(leg_id="leg", at=1, digit="7", source="RTP", duration_ms=100))
    assert "7" not in str([DigitPressed(leg_id="leg", at=1, digit="7")])
    assert "8305" not in repr(Typed("8305"))


# --- keys that come as tones ------------------------------------------------------------------------


def by_tones(document: dict[str, Any], **resume: str) -> Caller:
    caller = Caller(document)
    caller.leg.presses.method = "inband"
    return caller.begins(**resume)


def test_where_keys_are_tones_somebody_listens_before_the_first_prompt_and_once() -> None:
    caller = by_tones(document())
    assert caller.switch.told[0] == DetectTones(leg_id=caller.leg_id)
    caller.presses("12#")
    assert len(caller.switch.all(DetectTones)) == 1
    assert caller.switch.all(StopDetectingTones) == []


def test_nobody_listens_for_tones_while_the_caller_waits_and_talks_but_again_when_he_is_back() -> None:
    menu = {"type": "menu", "prompt": "menu", "choices": {"1": "queue"}, "next": "end"}
    queue = {"type": "queue", "queue": "support", "next": "menu"}
    caller = by_tones({"start": "menu", "nodes": {"menu": menu, "queue": queue, "end": {"type": "hangup"}}})
    caller.presses("1")
    assert len(caller.switch.all(StopDetectingTones)) == 1
    caller.queue_done("connected")
    assert len(caller.switch.all(DetectTones)) == 2


def test_after_a_restart_the_detector_of_before_is_ended_first() -> None:
    caller = by_tones(document(), start="collect")
    leg_id = caller.leg_id
    assert caller.switch.told[:2] == [StopDetectingTones(leg_id=leg_id), DetectTones(leg_id=leg_id)]


def test_where_keys_are_no_tones_nobody_listens() -> None:
    caller = asked()
    caller.presses("12#")
    assert caller.switch.all(DetectTones) == []
