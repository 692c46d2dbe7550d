"""Messages while they are spoken: what ends them, what is none, what a restart, a lost link or a lost event leaves."""

from __future__ import annotations

import pytest
from structlog.testing import capture_logs

from ccd.base.errors import NotFound, SwitchGone, SwitchRefused
from ccd.calls.facts import CallEnded, Outcome
from ccd.switch.commands import RecordMessage, StopRecording, UnmaskRecording
from ccd.switch.events import RecordStopped
from ccd.voicemail.facts import (
    MessageEnd,
    NoMessage,
    VoicemailDiscarded,
    VoicemailFailed,
    VoicemailLeft,
    VoicemailStarted,
)
from tests.builders import NODE
from tests.voicemail.office import Office

MISSING = SwitchRefused("-ERR Cannot unmask recording session!")


@pytest.fixture
def office() -> Office:
    return Office()


def left(office: Office) -> VoicemailLeft:
    fact = office.only(VoicemailLeft)
    assert isinstance(fact, VoicemailLeft)
    return fact


def test_pound_ends_a_message(office: Office) -> None:
    leg = office.speaks()
    (started,) = office.of(VoicemailStarted)
    name = f"voicemails/2027/01/15/{started.voicemail_id}.wav"
    assert (started.path, started.local_path) == (f"/var/lib/ccd/recordings/{name}", f"/srv/recordings/{name}")
    assert office.switch.last(RecordMessage) == RecordMessage(
        leg_id=leg, path=started.path, limit_s=61, silence_ms=5_000
    )
    office.clock.advance(3)
    office.voicemails.finish(leg)
    assert office.switch.last(StopRecording) == StopRecording(leg_id=leg, path=started.path)
    office.file_closed(leg, 2_980)
    fact = left(office)
    assert (fact.duration_ms, fact.ended_by, fact.caller_e164) == (2_980, MessageEnd.KEY, "+8613800000000")
    assert (fact.box, fact.agent_id, fact.notify, fact.local_path) == ("night", "a-alice", "ops", started.local_path)
    assert office.told == ["left"]
    assert office.ledger.voicemails == {}
    office.hung_up(leg)
    assert [fact.outcome for fact in office.of(CallEnded)] == [Outcome.VOICEMAIL]
    office.assert_at_rest()
    assert office.voicemails.running == {}


def test_a_caller_who_hangs_up_has_left_his_message(office: Office) -> None:
    leg = office.speaks()
    office.clock.advance(4)
    office.file_closed(leg, 4_000, "success-silence", hung_up=True)
    office.hung_up(leg, disposition="recv_bye")
    assert left(office).ended_by is MessageEnd.CALLER
    assert office.of(CallEnded)[0].outcome is Outcome.VOICEMAIL


def test_lost_record_stop_is_made_up_for_when_the_leg_ends(office: Office) -> None:
    leg = office.speaks()
    office.clock.advance(4)
    office.hung_up(leg)
    assert (left(office).duration_ms, left(office).ended_by) == (4_000, MessageEnd.CALLER)
    assert office.of(CallEnded)[0].outcome is Outcome.VOICEMAIL
    assert office.voicemails.running == {}


def test_lost_record_stop_after_the_key_is_made_up_for(office: Office) -> None:
    leg = office.speaks()
    office.clock.advance(4)
    office.voicemails.finish(leg)
    office.clock.advance(10)
    assert left(office).ended_by is MessageEnd.KEY
    office.file_closed(leg, 4_000)
    assert office.told == ["left"]


def test_silence_ends_a_message(office: Office) -> None:
    leg = office.speaks()
    office.clock.advance(9)
    office.file_closed(leg, 9_000, "success-silence")
    assert (left(office).ended_by, office.told) == (MessageEnd.SILENCE, ["left"])


@pytest.mark.parametrize(("max_ms", "ends_s"), [(0, 60), (10_000, 10)])
def test_the_longest_message_is_the_boxs_or_the_flows(office: Office, max_ms: int, ends_s: int) -> None:
    leg = office.speaks(max_ms)
    office.clock.advance(ends_s - 0.1)
    assert office.switch.all(StopRecording) == []
    office.clock.advance(0.2)
    assert len(office.switch.all(StopRecording)) == 1
    office.file_closed(leg, ends_s * 1000)
    assert left(office).ended_by is MessageEnd.LIMIT


@pytest.mark.parametrize(
    ("ms", "cause", "why"),
    [
        (1_999, "success-maxtime", NoMessage.TOO_SHORT),
        (0, "empty-file", NoMessage.TOO_SHORT),
        (5_100, "no-input-timeout", NoMessage.SILENT),
    ],
)
def test_nothing_said_or_too_little_is_no_message(office: Office, ms: int, cause: str, why: NoMessage) -> None:
    leg = office.speaks()
    office.file_closed(leg, ms, cause)
    fact = office.only(VoicemailDiscarded)
    assert isinstance(fact, VoicemailDiscarded)
    assert (fact.reason, fact.duration_ms, office.told) == (why, ms, ["empty"])
    office.hung_up(leg)
    assert office.of(CallEnded)[0].outcome is Outcome.IVR_ENDED


def test_a_switch_that_will_not_record_costs_the_message_and_raises_an_alarm(office: Office) -> None:
    office.switch.refuses[RecordMessage] = SwitchRefused("-ERR Cannot record session!")
    with capture_logs() as logs:
        leg = office.speaks()
    assert [line["alarm"] for line in logs if line["log_level"] == "error"] == ["voicemail_not_recorded"]
    office.only(VoicemailFailed)
    assert office.told == ["failed"]
    assert leg in office.registry.legs


def test_a_disk_that_fills_up_meanwhile_costs_the_message(office: Office) -> None:
    leg = office.speaks()
    office.file_closed(leg, 3_000, "uri-failure")
    office.only(VoicemailFailed)
    assert office.told == ["failed"]


def test_a_caller_who_is_gone_when_recording_shall_begin_is_nobodys_fault(office: Office) -> None:
    office.switch.refuses[RecordMessage] = SwitchRefused("-ERR Cannot locate session!")
    with capture_logs() as logs:
        leg = office.speaks()
        office.hung_up(leg)
    assert [line for line in logs if line["log_level"] == "error"] == []
    office.only(VoicemailDiscarded)


def test_other_files_of_the_leg_are_none_of_ours(office: Office) -> None:
    leg = office.speaks()
    office.say(RecordStopped(leg_id=leg, at=office.clock.now(), path="/tmp/other.wav", duration_ms=9_000))
    assert office.of(VoicemailLeft) == []


def test_there_is_no_such_box(office: Office) -> None:
    with pytest.raises(NotFound):
        office.voicemails.greeting("day")
    assert office.voicemails.greeting("night") == ("voicemail_greeting", "")


def test_a_message_goes_on_over_a_restart(office: Office) -> None:
    leg = office.speaks()
    office.clock.advance(20)
    office.restarts()
    assert office.voicemails.is_spoken(leg)
    office.goes_on(leg)
    assert len(office.switch.all(RecordMessage)) == 1
    office.clock.advance(39)
    assert office.switch.all(StopRecording) == []
    office.clock.advance(1.1)
    office.file_closed(leg, 60_000)
    assert (left(office).ended_by, office.told) == (MessageEnd.LIMIT, ["left"])


@pytest.mark.parametrize("flow_comes_first", [True, False])
def test_a_message_that_ended_while_ccd_was_away_is_told_once(office: Office, flow_comes_first: bool) -> None:
    leg = office.speaks()
    office.clock.advance(20)
    office.switch.refuses[UnmaskRecording] = MISSING
    if flow_comes_first:
        office.switch.refuses.clear()
    office.restarts()
    if flow_comes_first:
        office.goes_on(leg)
        office.switch.refuses[UnmaskRecording] = MISSING
        office.voicemails.look_again(NODE)
    else:
        office.goes_on(leg)
    assert (left(office).duration_ms, office.told) == (20_000, ["left"])
    assert office.voicemails.running == {}


def test_what_is_said_in_the_fallback_belongs_into_no_message(office: Office) -> None:
    leg = office.speaks()
    office.clock.advance(4)
    office.registry.note_fallback(office.registry.legs[leg], "ccd_was_away", office.clock.now())
    assert len(office.switch.all(StopRecording)) == 1
    office.file_closed(leg, 4_000)
    assert left(office).duration_ms == 4_000


def test_an_order_that_went_down_with_the_link_is_given_again(office: Office) -> None:
    office.switch.down = SwitchGone("fs1 is down")
    leg = office.speaks()
    assert office.of(VoicemailFailed) == []
    office.switch.down = None
    office.switch.refuses[UnmaskRecording] = MISSING
    office.voicemails.look_again(NODE)
    first, again = office.switch.all(RecordMessage)
    assert first == again
    office.file_closed(leg, 3_000)
    assert office.told == ["left"]


def test_an_order_whose_fate_nobody_knows_any_more_never_overwrites_a_file(office: Office) -> None:
    office.switch.down = SwitchGone("fs1 is down")
    office.speaks()
    office.switch.down = None
    office.clock.advance(6)
    office.switch.refuses[UnmaskRecording] = MISSING
    with capture_logs():
        office.voicemails.look_again(NODE)
    assert len(office.switch.all(RecordMessage)) == 1
    assert office.told == ["failed"]


def test_a_question_that_is_lost_says_nothing_of_a_message(office: Office) -> None:
    """The link broke once more while the switch was asked; meanwhile the message ended, and its file is whole."""
    office.speaks()
    office.clock.advance(2)
    office.switch.down = SwitchGone("fs1 is down")
    office.voicemails.look_again(NODE)
    office.clock.advance(7)
    office.switch.down = None
    office.switch.refuses[UnmaskRecording] = MISSING
    office.voicemails.look_again(NODE)
    assert office.told == ["left"]
    assert left(office).duration_ms == 9_000
    assert len(office.switch.all(RecordMessage)) == 1


def test_a_message_whose_end_was_missed_with_the_link_is_kept(office: Office) -> None:
    office.speaks()
    office.clock.advance(9)
    office.voicemails.look_again(NODE)
    assert office.told == []
    office.switch.refuses[UnmaskRecording] = MISSING
    office.voicemails.look_again(NODE)
    assert office.told == ["left"]
