"""Callers and phones do as their scripts say, and their diaries tell what happened to them."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

import pytest

from ccd.base.clock import FakeClock
from ccd.lab.stories import PhoneScript, Ring
from ccd.sim.switch import SimulatedSwitch
from tests.sim.calls import a_caller, answered
from tests.sim.client import Client


def ring(switch: SimulatedSwitch, ccd: Client, contact: str, timeout_s: int = 20) -> str:
    leg = str(uuid4())
    variables = f"origination_uuid={leg},origination_caller_id_number=13800138000,originate_timeout={timeout_s}"
    ccd.command(f"bgapi originate {{{variables},outbound_redirect_fatal=true}}{contact} &park()\nJob-UUID: {leg}")
    return leg


@pytest.mark.parametrize(
    ("behaviour", "cause", "protocol_cause", "progressed"),
    [
        (Ring("busy"), "USER_BUSY", "sip:486", False),
        (Ring("reject", 300), "CALL_REJECTED", "sip:603", True),
        (Ring("redirect"), "REQUESTED_CHAN_UNAVAIL", "sip:302", False),
        (Ring("unreachable"), "NORMAL_TEMPORARY_FAILURE", "sip:503", False),
        (Ring("no_answer"), "NO_ANSWER", None, True),
        (Ring("dead"), "NO_ANSWER", None, False),
    ],
)
def test_causes(
    switch: SimulatedSwitch,
    ccd: Client,
    clock: FakeClock,
    behaviour: Ring,
    cause: str,
    protocol_cause: str | None,
    progressed: bool,
) -> None:
    switch.phone(PhoneScript("1001", (behaviour,)))
    leg = ring(switch, ccd, switch.contact("1001"), timeout_s=2)
    ccd.pass_time(clock, 2.1)
    ended = ccd.last("CHANNEL_HANGUP_COMPLETE", leg)
    assert ended["Hangup-Cause"] == cause
    assert ended.get("variable_proto_specific_hangup_cause") == protocol_cause
    assert (ended["Caller-Channel-Progress-Time"] != "0") is progressed
    assert ccd.jobs()[leg] == f"-ERR {cause}\n"


@pytest.mark.parametrize(
    ("contact", "cause"), [("user/1002@ccd.local", "USER_NOT_REGISTERED"), ("user/1099@ccd.local", "SUBSCRIBER_ABSENT")]
)
def test_some_failures_come_as_a_job_only(switch: SimulatedSwitch, ccd: Client, contact: str, cause: str) -> None:
    switch.phone(PhoneScript("1002", (Ring("not_registered"),)))
    leg = ring(switch, ccd, contact)
    ccd.settle()
    assert ccd.jobs()[leg] == f"-ERR {cause}\n"
    assert ccd.of(leg) == []


def test_behaviours_are_used_in_turn_and_the_last_repeats(
    switch: SimulatedSwitch, ccd: Client, clock: FakeClock
) -> None:
    switch.phone(PhoneScript("1001", (Ring("busy"), Ring("reject"), Ring("busy"))))
    causes = []
    for _ in range(4):
        leg = ring(switch, ccd, switch.contact("1001"))
        ccd.pass_time(clock, 0.1)
        causes.append(ccd.last("CHANNEL_HANGUP_COMPLETE", leg)["Hangup-Cause"])
    assert causes == ["USER_BUSY", "CALL_REJECTED", "USER_BUSY", "USER_BUSY"]


def test_a_phone_that_is_not_registered_for_a_while(switch: SimulatedSwitch, ccd: Client, clock: FakeClock) -> None:
    switch.phone(PhoneScript("1001", (Ring("not_registered", 5000), Ring("answer"))))
    assert ccd.api("sofia_contact 1001@ccd.local") == "error/user_not_registered"
    clock.advance(6)
    assert ccd.api("sofia_contact 1001@ccd.local") == "sofia/internal/sip:1001@127.0.0.1:5062"


def test_a_ringing_leg_killed_with_lose_race(switch: SimulatedSwitch, ccd: Client, clock: FakeClock) -> None:
    phone = switch.phone(PhoneScript("1001", (Ring("no_answer"),)))
    leg = ring(switch, ccd, switch.contact("1001"))
    ccd.pass_time(clock, 1)
    ccd.api(f"uuid_kill {leg} LOSE_RACE")
    ccd.pass_time(clock, 0.1)
    assert ccd.last("CHANNEL_HANGUP_COMPLETE", leg)["variable_sip_hangup_disposition"] == "send_cancel"
    [diary] = phone.diary.rings
    assert (diary.caller_number, diary.answered_at, diary.ended_by, diary.cause) == (
        "13800138000", None, "switch", "LOSE_RACE",
    )  # fmt: skip


def test_refused_originates(switch: SimulatedSwitch, ccd: Client) -> None:
    switch.phone(PhoneScript("1001"))
    switch.faults.refuse_originates = "NORMAL_CIRCUIT_CONGESTION"
    leg = ring(switch, ccd, switch.contact("1001"))
    ccd.settle()
    assert ccd.jobs()[leg] == "-ERR NORMAL_CIRCUIT_CONGESTION\n"
    assert switch.channels == 0


def test_a_caller_loses_patience(switch: SimulatedSwitch, ccd: Client, clock: FakeClock) -> None:
    caller = answered(switch, ccd, clock, hang_up_after_ms=4000)
    ccd.pass_time(clock, 5)
    diary = caller.diary
    assert diary.started_at is not None
    assert diary.ended_at == diary.started_at + 4_000_000
    assert (diary.ended_by, diary.connected_at) == ("caller", None)


def test_a_caller_who_hangs_up_before_the_answer_cancels(
    switch: SimulatedSwitch, ccd: Client, clock: FakeClock
) -> None:
    caller = a_caller(switch, ccd, hang_up_after_ms=1000)
    ccd.pass_time(clock, 2)
    ended = ccd.last("CHANNEL_HANGUP_COMPLETE", caller.uuid)
    assert (ended["Hangup-Cause"], ended["variable_proto_specific_hangup_cause"]) == ("ORIGINATOR_CANCEL", "sip:487")


def test_keys_come_at_their_time_and_end_no_music(switch: SimulatedSwitch, ccd: Client, clock: FakeClock) -> None:
    caller = answered(switch, ccd, clock, keys=((1000, "2"), (1500, "*")))
    ccd.execute(caller.uuid, "playback", "local_stream://moh")
    ccd.pass_time(clock, 2)
    assert [e["DTMF-Digit"] for e in ccd.events if e["Event-Name"] == "DTMF"] == ["2", "*"]
    assert "PLAYBACK_STOP" not in ccd.of(caller.uuid)


def test_a_star_ends_what_plays_where_nobody_forbade_it(switch: SimulatedSwitch, ccd: Client, clock: FakeClock) -> None:
    caller = answered(switch, ccd, clock)
    ccd.api("global_setvar playback_terminators=")
    ccd.execute(caller.uuid, "playback", "local_stream://moh", "8ed0e1bf-f97f-4ffb-9379-9ddc8ff45475")
    ccd.pass_time(clock, 0.1)
    caller.press("*")
    ccd.settle()
    ended = ccd.last("CHANNEL_EXECUTE_COMPLETE")
    assert ended["Application-UUID"] == "8ed0e1bf-f97f-4ffb-9379-9ddc8ff45475"
    assert ended["Application-Response"] == "FILE PLAYED"


def test_a_conversation_as_both_ends_saw_it(switch: SimulatedSwitch, ccd: Client, clock: FakeClock) -> None:
    caller = answered(switch, ccd, clock, talk_ms=3000)
    phone = switch.phone(PhoneScript("1001", (Ring("answer", 800),)))
    leg = ring(switch, ccd, switch.contact("1001"))
    ccd.pass_time(clock, 1)
    ccd.api(f"uuid_bridge {caller.uuid} {leg}")
    ccd.pass_time(clock, 5)
    [rung] = phone.diary.rings
    assert rung.answered_at == rung.rang_at + 800_000
    assert (rung.ended_by, rung.cause) == ("switch", "NORMAL_CLEARING")
    assert caller.diary.connected_phone == "1001"
    assert caller.diary.ended_by == "caller"
    assert caller.diary.ended_at is not None
    assert caller.diary.connected_at is not None
    assert caller.diary.ended_at - caller.diary.connected_at == 3_000_000
    assert switch.channels == 0


def test_a_recording_has_the_length_it_had(make_switch: object, clock: FakeClock, tmp_path: Path) -> None:
    switch: SimulatedSwitch = make_switch(recordings_write=True)  # type: ignore[operator]
    ccd = Client(switch.port)
    ccd.api("expand global_setvar ccd_alive=${strepoch()}")
    caller = answered(switch, ccd, clock)
    file = tmp_path / "2026" / "call.wav"
    ccd.api(f"uuid_setvar {caller.uuid} RECORD_STEREO true")
    assert ccd.api(f"uuid_record {caller.uuid} start {file}") == "+OK Success\n"
    assert file.exists()
    assert ccd.api(f"uuid_record {caller.uuid} mask {file}") == "+OK Success\n"
    ccd.pass_time(clock, 2.5)
    caller.hang_up()
    ccd.pass_time(clock, 0.1)
    stopped = ccd.last("RECORD_STOP", caller.uuid)
    assert (stopped["Record-File-Path"], stopped["variable_record_ms"]) == (str(file), "2502")
    assert file.stat().st_size == 44 + 2502 * 8 * 4


def test_nothing_is_left_after_a_thousand_calls(switch: SimulatedSwitch, ccd: Client, clock: FakeClock) -> None:
    for number in range(1000):
        a_caller(switch, ccd, number=f"138{number:08}", hang_up_after_ms=100)
    ccd.api("noevents")
    ccd.pass_time(clock, 1)
    assert switch.channels == 0
    ccd.pass_time(clock, 40)
    assert switch.core.tasks.count() == 0
    assert clock.pending() <= 2
