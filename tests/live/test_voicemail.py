"""Voicemail on a real FreeSWITCH: what ends a message, what is none, what is in the file, and playing it to a phone."""

from __future__ import annotations

import wave
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gevent
import pytest

from ccd.base.errors import BadTransition
from ccd.lab.parties import Caller
from ccd.lab.stories import PhoneScript, Ring
from ccd.lab.wire import Event
from live.field import until
from live.lines import PROMPTS, RATE
from live.site import Site, Story, hears, melody, samples, settled, site, story

__all__ = ["site", "story"]
pytestmark = pytest.mark.live

VOICE_HZ, TONE_HZ = 600, 1000
GREETING_HZ, SAVED_HZ, EMPTY_HZ, FAILED_HZ = (
    PROMPTS[f"voicemail_{name}"][0] for name in ("greeting", "saved", "empty", "failed")
)
GOODBYE_HZ, NONE_HZ, SORRY_HZ = (PROMPTS[name][0] for name in ("goodbye", "no_input", "no_match"))
FLOW = """\
start: hello
nodes:
  hello: {type: answer, next: message}
  message: {type: voicemail, box: BOX, next: bye, empty: none, failed: sorry}
  bye: {type: hangup, prompt: goodbye}
  none: {type: hangup, prompt: no_input}
  sorry: {type: hangup, prompt: no_match}
"""
NIGHT, SHORT, NOBOX, RECORDED = "4000", "4001", "4002", "4400"


@pytest.fixture(scope="module", autouse=True)
def _boxes(site: Site) -> Iterator[None]:
    boxes = {NIGHT: "night", SHORT: "short", NOBOX: "nowhere", RECORDED: "night"}
    flows = {f"f{number}": FLOW.replace("BOX", box) for number, box in boxes.items()}
    routes = [{"dialled": number, "flow": f"f{number}"} for number in boxes]
    routes[-1]["record"] = "answer"
    site.api.post("voicemail-boxes", name="night", min_ms=1_000, silence_ms=1_500, max_ms=60_000)
    site.api.post("voicemail-boxes", name="short", min_ms=500, silence_ms=5_000, max_ms=2_000)
    with site.serves(flows, routes):
        yield


def speaks(story: Story, dialled: str, tone_hz: int | None = VOICE_HZ) -> tuple[Caller, str]:
    """A caller who heard greeting and tone, so that his message is being recorded; and his leg."""
    caller = story.calls(dialled, tone_hz=tone_hz)
    leg = story.leg(caller)
    until(lambda: recorded(story, leg), "his message is being recorded")
    return caller, leg


def recorded(story: Story, leg: str) -> list[Event]:
    """The starts of a leg's messages; the recording of the whole call, if it has one, is none."""
    folder = f"{story.site.world.recordings}/voicemails/"
    starts = [one for one in story.site.events if one["Event-Name"] == "RECORD_START" and one["Unique-ID"] == leg]
    return [one for one in starts if str(one["Record-File-Path"]).startswith(folder)]


def message(story: Story, caller: Caller, **wanted: Any) -> dict[str, Any]:
    """The only message of a call, once its file is measured."""
    number = caller.script.number

    def told() -> dict[str, Any] | None:
        rows = story.site.daemon.listed("voicemails", state=wanted.get("state"))
        mine = [row for row in rows if row["caller_number"] == number]
        assert len(mine) <= 1, "one message, told once"
        return mine[0] if mine and all(mine[0][key] == value for key, value in wanted.items()) else None

    return until(told, f"a voicemail of {number} that is {wanted}")


def outcome(story: Story, caller: Caller) -> str:
    return str(story.record(caller)["outcome"])


def discarded(story: Story, caller: Caller) -> str:
    """Why what was recorded is no message; its file is erased."""
    call_id = story.record(caller)["call_id"]
    query = f"SELECT reason, local_path, file FROM ccd.voicemails WHERE call_id = '{call_id}' AND file = 'erased'"
    (row,) = until(lambda: story.site.sql(query), "the file is erased")
    assert not Path(row["local_path"]).exists()
    return str(row["reason"])


def test_pound_ends_a_message_and_the_file_holds_what_the_caller_said(story: Story) -> None:
    caller, _ = speaks(story, NIGHT)
    heard = story.listen(caller)
    gevent.sleep(1.6)
    caller.press("#")
    assert caller.ended.wait(30)
    row = message(story, caller, file="complete")
    assert (row["state"], row["box"], row["ended_by"]) == ("new", "night", "key")
    assert 1_200 <= row["duration_ms"] < 15_000
    path = Path(row["local_path"])
    assert path.is_relative_to(story.site.world.recordings / "voicemails")
    with wave.open(str(path)) as file:
        assert (file.getnchannels(), file.getframerate()) == (1, RATE)
    (said,) = samples(path)
    assert hears(said[RATE // 2 : RATE], VOICE_HZ)
    assert melody(path, 0, VOICE_HZ, TONE_HZ, SAVED_HZ, GREETING_HZ) == [VOICE_HZ], "only the caller is in it"
    assert melody(settled(heard), 0, SAVED_HZ, GOODBYE_HZ, EMPTY_HZ) == [SAVED_HZ, GOODBYE_HZ]
    assert outcome(story, caller) == "voicemail"


def test_too_little_is_no_message(story: Story) -> None:
    caller, _ = speaks(story, NIGHT)
    gevent.sleep(0.2)
    caller.hang_up()
    assert discarded(story, caller) == "too_short"
    assert outcome(story, caller) == "ivr_ended"


def test_who_says_nothing_hears_so_and_leaves_nothing(story: Story) -> None:
    caller, _ = speaks(story, NIGHT, tone_hz=None)
    heard = story.listen(caller)
    assert caller.ended.wait(30)
    assert melody(settled(heard), 0, SAVED_HZ, EMPTY_HZ, NONE_HZ) == [EMPTY_HZ, NONE_HZ]
    assert discarded(story, caller) == "silent"


@pytest.mark.long
def test_silence_ends_a_message(story: Story) -> None:
    caller, _ = speaks(story, NIGHT, tone_hz=None)
    story.site.outside.api(f"uuid_broadcast {caller.uuid} tone_stream://%(1500,0,{VOICE_HZ}) aleg")
    assert caller.ended.wait(30)
    row = message(story, caller, file="complete")
    assert row["ended_by"] == "silence"
    assert hears(samples(Path(row["local_path"]))[0], VOICE_HZ, 0.01)


@pytest.mark.long
def test_the_longest_message_ends_it(story: Story) -> None:
    caller, _ = speaks(story, SHORT)
    assert caller.ended.wait(30)
    row = message(story, caller, file="complete")
    assert row["ended_by"] == "limit"
    assert 1_700 <= row["duration_ms"] < 15_000


def test_a_box_that_there_is_not_costs_no_call(story: Story) -> None:
    story.expected_errors = ("flow_no_such_voicemail_box",)
    caller = story.calls(NOBOX)
    assert caller.ended.wait(30)
    assert story.heard(caller)[-1] == "no_match"


def test_a_folder_that_cannot_be_written_costs_the_message_and_never_the_call(story: Story) -> None:
    story.expected_errors = ("voicemail_not_recorded",)
    folder = story.site.world.recordings / "voicemails"
    kept = folder.with_name("kept")
    if folder.exists():
        folder.rename(kept)
    folder.write_text("no folder")  # root may write anywhere else
    try:
        caller = story.calls(NIGHT, tone_hz=VOICE_HZ)
        assert caller.ended.wait(30)
    finally:
        folder.unlink()
        if kept.exists():
            kept.rename(folder)
    assert story.heard(caller)[-2:] == ["voicemail_failed", "no_match"]
    assert outcome(story, caller) == "ivr_ended"
    assert caller.diary.cause == "NORMAL_CLEARING"


def test_a_recorded_call_and_its_message_are_two_files(story: Story) -> None:
    caller, _ = speaks(story, RECORDED)
    gevent.sleep(1.6)
    caller.press("#")
    assert caller.ended.wait(30)
    row = message(story, caller, file="complete")
    call = story.record(caller)
    (recording,) = until(
        lambda: [
            one for one in story.site.api.get("calls", call["call_id"])["recordings"] if one["state"] == "complete"
        ],
        "the recording is complete",
        10,
    )
    with wave.open(str(recording["local_path"])) as file:
        assert file.getnchannels() == 2
    assert melody(Path(recording["local_path"]), 1, GREETING_HZ, TONE_HZ, SAVED_HZ)[-1] == SAVED_HZ
    with wave.open(str(row["local_path"])) as file:
        assert file.getnchannels() == 1


def test_who_hangs_up_has_left_his_message_and_it_is_played_to_a_station_and_done_away_with(story: Story) -> None:
    caller, _ = speaks(story, NIGHT)
    gevent.sleep(1.6)
    caller.hang_up()
    row = message(story, caller, file="complete")
    assert row["ended_by"] == "caller"
    assert hears(samples(Path(row["local_path"]))[0][:RATE], VOICE_HZ)
    assert outcome(story, caller) == "voicemail"
    site, name = story.site, story.site.a_name("desk")
    phone = site.outside.phone(PhoneScript(name, (Ring("answer", 100),)), register=False)
    site.api.post("stations", name=name, contact=site.outside.contact(name))
    played = site.api.post("voicemails", row["voicemail_id"], "play", to=name)
    story.event("CHANNEL_ANSWER", Unique_ID=played["leg_id"])
    heard = story.listen_in(played["leg_id"])
    ring = until(lambda: phone.diary.rings and phone.diary.rings[0].ended_at and phone.diary.rings[0], "it hung up")
    assert (ring.caller_number, ring.ended_by) == (caller.script.number, "switch")
    assert VOICE_HZ in melody(settled(heard), 1, VOICE_HZ, SAVED_HZ)
    until(lambda: site.api.get("voicemails", row["voicemail_id"])["listened_at"], "it was listened to")
    assert site.api.delete("voicemails", row["voicemail_id"])["state"] == "deleted"
    until(lambda: not Path(row["local_path"]).exists(), "the file is erased")
    with pytest.raises(BadTransition, match="is deleted"):
        site.api.delete("voicemails", row["voicemail_id"])
    with pytest.raises(BadTransition, match="is deleted"):
        site.api.post("voicemails", row["voicemail_id"], "play", to=name)


@pytest.mark.long
def test_a_message_goes_on_while_ccd_is_killed_and_is_told_once(story: Story) -> None:
    caller, leg = speaks(story, NIGHT)
    site = story.site
    gevent.sleep(0.8)
    site.daemon.kill()
    gevent.sleep(0.5)
    site.daemon.start()
    caller.press("#")
    assert caller.ended.wait(30)
    row = message(story, caller, file="complete")
    assert row["ended_by"] == "key"
    assert len(recorded(story, leg)) == 1, "he was not asked for another message"
    assert melody(Path(row["local_path"]), 0, VOICE_HZ, TONE_HZ) == [VOICE_HZ]
    assert outcome(story, caller) == "voicemail"


@pytest.mark.long
def test_a_caller_who_hangs_up_while_ccd_is_dead_has_left_a_message(story: Story) -> None:
    caller, _ = speaks(story, NIGHT)
    gevent.sleep(1.6)
    story.site.daemon.kill()
    caller.hang_up()
    assert caller.ended.wait(30)
    story.site.daemon.start()
    row = message(story, caller, file="complete")
    with wave.open(str(row["local_path"])) as file:
        assert row["duration_ms"] == file.getnframes() * 1000 // RATE, "side measures what nobody has told"
    assert outcome(story, caller) == "voicemail"


@pytest.mark.long
def test_a_message_that_ended_by_silence_while_ccd_is_dead_is_kept(story: Story) -> None:
    caller, leg = speaks(story, NIGHT, tone_hz=None)
    story.site.outside.api(f"uuid_broadcast {caller.uuid} tone_stream://%(1500,0,{VOICE_HZ}) aleg")
    gevent.sleep(0.8)
    story.site.daemon.kill()
    story.event("RECORD_STOP", Unique_ID=leg)
    story.site.daemon.start()
    assert caller.ended.wait(30)
    row = message(story, caller, file="complete")
    assert hears(samples(Path(row["local_path"]))[0], VOICE_HZ, 0.01)
    assert outcome(story, caller) == "voicemail"
