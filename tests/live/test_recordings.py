"""Recordings on a real FreeSWITCH: who is on which side, from where on, what a mask leaves, what a full disk costs."""

from __future__ import annotations

import datetime as dt
import hashlib
import wave
from pathlib import Path
from typing import Any

import gevent
import pytest

from ccd.base.errors import NotFound, Refused
from ccd.lab.parties import Caller
from ccd.lab.stories import Ring
from live.field import until
from live.lines import MUSIC_HZ, PROMPTS, RATE
from live.site import Agent, Site, Story, hears, melody, samples, site, story

__all__ = ["site", "story"]
pytestmark = pytest.mark.live

CALLER_HZ, AGENT_HZ, SECRET_HZ = 600, 2000, 1700
GOODBYE_HZ = PROMPTS["goodbye"][0]


def recording(story: Story, caller: Caller, state: str = "complete") -> dict[str, Any]:
    """The only recording of a call, when side has measured its file."""
    call_id = story.record(caller)["call_id"]

    def measured() -> dict[str, Any] | None:
        found = story.site.daemon.listed("recordings", call=call_id)
        assert len(found) <= 1, "one file a contact"
        return found[0] if found and found[0]["state"] == state else None

    return until(measured, f"the recording is {state}")


def talk(story: Story, caller: Caller, agent: Agent, seconds: float = 0.9) -> None:
    """Both say their tone for a while, then the agent hangs up."""
    story.connected(caller)
    agent.says(AGENT_HZ)
    gevent.sleep(seconds)
    agent.hangs_up()
    assert caller.ended.wait(30)


def file_of(row: dict[str, Any]) -> Path:
    return Path(row["local_path"])


def test_left_is_what_the_customer_says_right_what_he_hears_and_the_row_describes_the_file(story: Story) -> None:
    line = story.queue(record="agent")
    agent = story.agent(line, rings=(Ring("answer", 100),))
    caller = story.calls(line, tone_hz=CALLER_HZ)
    talk(story, caller, agent)
    row = recording(story, caller)
    path = file_of(row)
    with wave.open(str(path)) as file:
        assert (file.getnchannels(), file.getframerate()) == (2, RATE)
    assert melody(path, 0, CALLER_HZ, AGENT_HZ, GOODBYE_HZ) == [CALLER_HZ]
    assert melody(path, 1, CALLER_HZ, AGENT_HZ, GOODBYE_HZ) == [AGENT_HZ, GOODBYE_HZ]
    the_row_says_length_size_and_sha256_of_the_file_and_both_its_paths(story, caller, row)


def the_row_says_length_size_and_sha256_of_the_file_and_both_its_paths(
    story: Story, caller: Caller, row: dict[str, Any]
) -> None:
    path = file_of(row)
    data = path.read_bytes()
    assert (row["size_bytes"], row["sha256"]) == (len(data), hashlib.sha256(data).hexdigest())
    with wave.open(str(path)) as file:
        length_ms = file.getnframes() * 1000 // RATE
    assert abs(row["duration_ms"] - length_ms) < 150
    began, stopped = (dt.datetime.fromisoformat(row[key]) for key in ("started_at", "stopped_at"))
    assert abs((stopped - began) / dt.timedelta(milliseconds=1) - length_ms) < 1500, "sound and clock agree"
    assert row["path"].startswith(str(story.site.world.recordings))
    assert row["path"] == row["local_path"], "the switch and ccd share this machine"
    assert row["call_id"] in path.name
    assert (row["masked"], row["from_point"]) == ([], "agent")
    assert story.record(caller)["recordings"][0]["recording_id"] == row["recording_id"]


def test_policy_agent_begins_with_the_agent(story: Story) -> None:
    line = story.queue(record="agent")
    caller = story.calls(line, tone_hz=CALLER_HZ)
    story.place(caller, "waiting")
    gevent.sleep(0.5)
    agent = story.agent(line, rings=(Ring("answer", 100),))
    talk(story, caller, agent)
    row = recording(story, caller)
    assert row["from_point"] == "agent"
    assert MUSIC_HZ not in melody(file_of(row), 1, MUSIC_HZ, AGENT_HZ, GOODBYE_HZ)


@pytest.mark.long
def test_policy_queue_begins_with_the_music(story: Story) -> None:
    line = story.queue(record="queue")
    caller = story.calls(line, tone_hz=CALLER_HZ)
    story.place(caller, "waiting")
    gevent.sleep(0.5)
    agent = story.agent(line, rings=(Ring("answer", 100),))
    talk(story, caller, agent)
    row = recording(story, caller)
    assert row["from_point"] == "queue"
    heard = melody(file_of(row), 1, MUSIC_HZ, AGENT_HZ, GOODBYE_HZ)
    assert heard == [MUSIC_HZ, AGENT_HZ, GOODBYE_HZ]


def test_policy_queue_of_a_caller_who_is_answered_at_the_agent_begins_when_he_is_answered(story: Story) -> None:
    line = story.queue("at_agent", record="queue")
    agent = story.agent(line, rings=(Ring("answer", 300),))
    caller = story.calls(line, tone_hz=CALLER_HZ)
    talk(story, caller, agent)
    row = recording(story, caller)
    assert row["from_point"] == "queue"
    assert AGENT_HZ in melody(file_of(row), 1, AGENT_HZ, GOODBYE_HZ)


def test_policy_answer_of_the_route_records_a_caller_whom_no_agent_took(story: Story) -> None:
    line = story.queue("from_answer")
    caller = story.calls(line, tone_hz=CALLER_HZ)
    story.place(caller, "waiting")
    gevent.sleep(0.5)
    caller.hang_up()
    assert caller.ended.wait(30)
    row = recording(story, caller)
    assert row["from_point"] == "answer"
    assert melody(file_of(row), 0, CALLER_HZ) == [CALLER_HZ]


def test_nothing_is_recorded_where_neither_route_nor_queue_says_so(story: Story) -> None:
    line = story.queue(record="no")
    agent = story.agent(line, rings=(Ring("answer", 100),))
    caller = story.calls(line)
    talk(story, caller, agent, 0.2)
    assert story.record(caller)["recordings"] == []


def test_a_mask_writes_silence_on_the_same_time_line(story: Story) -> None:
    line = story.queue(record="agent")
    agent = story.agent(line, rings=(Ring("answer", 100),))
    caller = story.calls(line, tone_hz=CALLER_HZ)
    story.connected(caller)
    agent.says(AGENT_HZ)
    call_id = story.live(caller)["call_id"]
    gevent.sleep(0.7)
    story.site.api.post("recordings", call_id, "mask")
    with pytest.raises(Refused, match="masked already"):
        story.site.api.post("recordings", call_id, "mask")
    gevent.sleep(0.9)
    story.site.api.post("recordings", call_id, "unmask")
    gevent.sleep(0.7)
    agent.hangs_up()
    assert caller.ended.wait(30)
    row = recording(story, caller)
    (silent,) = row["masked"]
    began, ended = silent["from_ms"], silent["to_ms"]
    assert 850 <= ended - began < 3000
    left, right = samples(file_of(row))
    slack = 150 * RATE // 1000
    first, last = began * RATE // 1000, ended * RATE // 1000
    for side, hz in ((left, CALLER_HZ), (right, AGENT_HZ)):
        inside = side[first + slack : last - slack]
        assert len(inside) > RATE // 3
        assert max(map(abs, inside)) < 200, "silence"
        assert hears(side[first - 3 * slack : first - slack], hz), "sound before"
        assert hears(side[last + slack : last + 3 * slack], hz), "sound after"
    assert abs(len(left) * 1000 / RATE - row["duration_ms"]) < 150, "the time line is whole"


@pytest.mark.long
def test_what_was_said_under_a_mask_is_nowhere_in_the_file(story: Story) -> None:
    """His card number, said from just after the mask until just before its end: no delay of the switch lets any of it in."""
    line = story.queue(record="agent")
    agent = story.agent(line, rings=(Ring("answer", 100),))
    caller = story.calls(line, tone_hz=CALLER_HZ)
    story.connected(caller)
    call_id = story.live(caller)["call_id"]
    gevent.sleep(0.6)
    story.site.api.post("recordings", call_id, "mask")
    story.site.outside.api(f"uuid_broadcast {caller.uuid} tone_stream://%(800,0,{SECRET_HZ}) aleg")
    gevent.sleep(1.0)
    story.site.api.post("recordings", call_id, "unmask")
    gevent.sleep(0.6)
    agent.hangs_up()
    assert caller.ended.wait(30)
    row = recording(story, caller)
    left, _ = samples(file_of(row))
    windows = [left[at : at + 160] for at in range(0, len(left) - 160, 160)]
    assert [at for at, window in enumerate(windows) if hears(window, SECRET_HZ)] == []
    unmasked = row["masked"][0]["to_ms"] * RATE // 1000
    assert hears(left[unmasked + 800 : unmasked + 2400], CALLER_HZ), "and what he says then is there"


def test_a_call_that_ends_masked_stays_masked_to_its_end(story: Story) -> None:
    line = story.queue(record="agent")
    agent = story.agent(line, rings=(Ring("answer", 100),))
    caller = story.calls(line, tone_hz=CALLER_HZ)
    story.connected(caller)
    gevent.sleep(0.4)
    story.site.api.post("recordings", story.live(caller)["call_id"], "mask")
    gevent.sleep(0.5)
    caller.hang_up()
    assert caller.ended.wait(30)
    row = recording(story, caller)
    (silent,) = row["masked"]
    assert silent["to_ms"] is None
    left, _ = samples(file_of(row))
    begun = silent["from_ms"] * RATE // 1000
    assert hears(left[begun - 2400 : begun - 1200], CALLER_HZ)
    assert max(map(abs, left[begun + 1200 :])) < 200, "silence to the end"
    agent.until("available", "idle")


def test_what_is_not_recorded_can_not_be_masked(story: Story) -> None:
    line = story.queue(record="no")
    caller = story.calls(line)
    story.place(caller, "waiting")
    with pytest.raises(NotFound, match="not being recorded"):
        story.site.api.post("recordings", story.live(caller)["call_id"], "mask")


def test_a_caller_who_is_given_back_has_one_file_over_both_agents(story: Story) -> None:
    line = story.queue(record="agent", min_talk_ms=500, reject_delay_ms=30_000)
    story.agent(line, rings=(Ring("answer", 100, 250),))
    caller = story.calls(line, tone_hz=CALLER_HZ)
    assert caller.connected.wait(30)
    gevent.sleep(0.5)
    steady = story.agent(line, rings=(Ring("answer", 200),))
    steady.rung(caller)
    talk(story, caller, steady)
    row = recording(story, caller)
    heard = melody(file_of(row), 1, MUSIC_HZ, AGENT_HZ, GOODBYE_HZ)
    assert heard == [MUSIC_HZ, AGENT_HZ, GOODBYE_HZ], "the second wait and the second agent are on it"
    story.judged = False


@pytest.fixture
def unwritable(site: Site):
    """Where today's recordings go is a file: no folder can be made there."""
    day = site.world.recordings / f"{dt.datetime.now(dt.UTC):%Y/%m/%d}"
    away = day.with_name("away")
    if day.exists():
        day.rename(away)
    day.parent.mkdir(parents=True, exist_ok=True)
    day.write_text("in the way")
    yield
    day.unlink()
    if away.exists():
        away.rename(day)


def test_a_recording_that_can_not_start_costs_no_call(story: Story, unwritable: None) -> None:
    line = story.queue(record="agent")
    agent = story.agent(line, rings=(Ring("answer", 100),))
    caller = story.calls(line, tone_hz=CALLER_HZ)
    story.expected_errors = ("recording_refused", "recording_missing")
    talk(story, caller, agent, 0.4)
    row = story.record(caller)
    assert (row["outcome"], row["ended_by"]) == ("answered", "agent")
    (lost,) = row["recordings"]
    assert lost["state"] in ("failed", "missing")
    assert lost["reason"]
