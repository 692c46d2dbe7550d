"""Recording policy on a real FreeSWITCH: parts that nobody may hear are silence in the file, and nothing costs a call."""

from __future__ import annotations

import datetime as dt
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gevent
import pytest

from ccd.lab.parties import Caller
from ccd.lab.stories import Ring
from live.field import until
from live.lines import MUSIC_HZ, PROMPTS, RATE, Kind
from live.site import Agent, Site, Story, hears, samples, site

__all__ = ["site"]
pytestmark = pytest.mark.live

CALLER_HZ, AGENT_HZ = 600, 2000
WELCOME_HZ, GOODBYE_HZ = (PROMPTS[name][0] for name in ("welcome", "goodbye"))
NOTICE_HZ = PROMPTS["recording_notice"][0]
HELLO = "start: hello\nnodes:\n  hello: {type: answer, next: first}\n"
BEHIND = "  line: {type: queue, queue: QUEUE, next: bye}\n  bye: {type: hangup, prompt: goodbye}\n"
# What comes first in the flow, and what its route says.
LINES: dict[str, tuple[str, dict[str, Any]]] = {
    "recorded": ("  first: {type: play, prompt: welcome, barge_in: false, next: line}\n", {"record": "answer"}),
    "told": ("  first: {type: play, prompt: welcome, next: line}\n", {"record": "answer", "consent": "announce"}),
    "asked": ("  first: {type: play, prompt: welcome, next: line}\n", {"record": "answer", "consent": "ask"}),
    "secret": (
        "  first: {type: collect, prompt: pin, into: pin, length: 4, secret: yes, timeout: 5s, next: then,"
        " no_input: bye, no_match: bye}\n  then: {type: play, prompt: welcome, barge_in: false, next: line}\n",
        {"record": "answer"},
    ),
    "noted": (
        "  first: {type: record, do: begin, next: quiet}\n  quiet: {type: record, do: mask, next: say}\n"
        "  say: {type: play, prompt: welcome, barge_in: false, next: loud}\n"
        "  loud: {type: record, do: unmask, next: line}\n",
        {},
    ),
}


@pytest.fixture(scope="module", autouse=True)
def _kinds(site: Site) -> None:
    """The site has these lines, too."""
    for kind, (first, said) in LINES.items():
        site.kinds[kind] = Kind(lambda number, first=first: {f"f{number}": _flow(number, first)}, said)


def _flow(number: str, first: str) -> str:
    return HELLO + first + BEHIND.replace("QUEUE", f"q{number}")


@pytest.fixture
def story(site: Site) -> Iterator[Story]:
    told = Story(site)
    told.judged = False  # diaries know nothing of menus and consents
    yield told
    told.ends_well()


def ccd(site: Site, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The command line, as an operator types it."""
    command = [sys.executable, "-m", "ccd", "-S", str(site.daemon.socket), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)


def row_of(story: Story, caller: Caller, state: str = "complete") -> dict[str, Any]:
    call_id = story.record(caller)["call_id"]

    def there() -> dict[str, Any] | None:
        found = story.site.daemon.listed("recordings", call=call_id)
        assert len(found) <= 1, "one file a contact"
        return found[0] if found and found[0]["state"] == state else None

    return until(there, f"the recording is {state}")


def wears(story: Story, agent: Agent, record: str) -> None:
    story.site.api.patch("agents", agent.name, record=record)


def talk(story: Story, caller: Caller, agent: Agent, seconds: float = 0.9) -> None:
    story.connected(caller)
    agent.says(AGENT_HZ)
    gevent.sleep(seconds)
    agent.hangs_up()
    assert caller.ended.wait(30)


def assert_silence(row: dict[str, Any], reason: str) -> tuple[int, int]:
    """One range, for one reason: nothing in it on either side; where the file is silent, in samples."""
    (silent,) = row["masked"]
    assert silent["reasons"] == [reason]
    left, right = samples(Path(row["local_path"]))
    told = (silent["from_ms"], len(left) * 1000 // RATE if silent["to_ms"] is None else silent["to_ms"])
    first, last = _silence_around(left, right, sum(told) * RATE // 2000)
    found = (first * 1000 // RATE, last * 1000 // RATE)
    late, early = found[0] - told[0], told[1] - found[1]
    assert max(late, early) < 300, f"silent from {found[0]} to {found[1]} ms of {len(left) * 1000 // RATE}, not {told}"
    assert abs(len(left) * 1000 / RATE - row["duration_ms"]) < 150, "the time line is whole"
    return first, last


def _silence_around(left: list[int], right: list[int], middle: int) -> tuple[int, int]:
    frame = RATE // 50
    quiet = [max(map(abs, left[at : at + frame] + right[at : at + frame])) < 200 for at in range(0, len(left), frame)]
    first = last = min(middle // frame, len(quiet) - 1)
    assert quiet[first], "sound in the middle of what should be silent"
    while first > 0 and quiet[first - 1]:
        first -= 1
    while last + 1 < len(quiet) and quiet[last + 1]:
        last += 1
    return first * frame, min((last + 1) * frame, len(left))


def test_conversation_with_an_agent_who_is_never_recorded_is_silence_and_nothing_else_is(story: Story) -> None:
    line = story.queue("recorded", record="no")
    agent = story.agent(line, rings=(Ring("answer", 400),))
    wears(story, agent, "never")
    caller = story.calls(line, tone_hz=CALLER_HZ)
    talk(story, caller, agent)
    row = row_of(story, caller)
    first, last = assert_silence(row, "policy")
    left, right = samples(Path(row["local_path"]))
    assert hears(left[first - 2400 : first - 400], CALLER_HZ), "his own tone until the agent"
    assert any(hears(right[at : at + 800], WELCOME_HZ) for at in range(0, first, 400))
    assert any(hears(right[at : at + 800], GOODBYE_HZ) for at in range(last, len(right) - 800, 400)), "and behind him"
    assert not any(hears(right[at : at + 400], AGENT_HZ) for at in range(0, len(right) - 400, 400)), "not a word of his"


def test_queue_that_is_never_recorded_is_silent_from_its_music_to_its_end(story: Story) -> None:
    line = story.queue("recorded", record="never")
    agent = story.agent(line, rings=(Ring("answer", 400),))
    caller = story.calls(line, tone_hz=CALLER_HZ)
    talk(story, caller, agent, 0.6)
    row = row_of(story, caller)
    assert_silence(row, "policy")
    _, right = samples(Path(row["local_path"]))
    for hz in (MUSIC_HZ, AGENT_HZ):
        assert not any(hears(right[at : at + 800], hz) for at in range(0, len(right) - 800, 400))


def test_caller_who_is_told_is_recorded_from_behind_the_notice(story: Story) -> None:
    line = story.queue("told", record="no")
    caller = story.calls(line, tone_hz=CALLER_HZ)
    story.event("PLAYBACK_START", Playback_File_Path=_prompt(story, "recording_notice"))
    story.place(caller, "waiting")
    gevent.sleep(0.4)
    caller.hang_up()
    assert caller.ended.wait(30)
    row = row_of(story, caller)
    _, right = samples(Path(row["local_path"]))
    assert not any(hears(right[at : at + 400], NOTICE_HZ) for at in range(0, len(right) - 400, 200)), "not on the file"
    assert any(hears(right[at : at + 800], WELCOME_HZ) for at in range(0, len(right) - 800, 400))
    assert story.record(caller)["recording_consent"] == "announced"


def test_caller_who_refuses_is_served_and_leaves_no_file(story: Story) -> None:
    line = story.queue("asked", record="agent")
    agent = story.agent(line, rings=(Ring("answer", 200),))
    caller = story.calls(line, tone_hz=CALLER_HZ)
    story.event("PLAYBACK_START", Playback_File_Path=_prompt(story, "recording_question"))
    caller.press("2")
    talk(story, caller, agent, 0.3)
    told = story.record(caller)
    assert (told["outcome"], told["recordings"], told["recording_consent"]) == ("answered", [], "refused")
    assert list(story.site.world.recordings.rglob(f"{told['call_id']}*")) == []


@pytest.mark.long
def test_caller_who_says_nothing_to_the_question_is_recorded(story: Story) -> None:
    line = story.queue("asked", record="no")
    caller = story.calls(line, tone_hz=CALLER_HZ)
    story.place(caller, "waiting")
    caller.hang_up()
    assert caller.ended.wait(30)
    assert row_of(story, caller)["consent"] == "given"


def _prompt(story: Story, name: str) -> str:
    return str(story.site.folder.resolve() / "sounds" / "zh" / f"{name}.wav")


def test_secret_keys_are_silence_in_the_file(story: Story) -> None:
    line = story.queue("secret", record="no")
    caller = story.calls(line, tone_hz=CALLER_HZ)
    story.event("PLAYBACK_START", Playback_File_Path=_prompt(story, "pin"))
    gevent.sleep(0.5)
    for key in "4711":
        caller.press(key)
        gevent.sleep(0.15)
    story.place(caller, "waiting")
    gevent.sleep(0.5)
    caller.hang_up()
    assert caller.ended.wait(30)
    row = row_of(story, caller)
    _, last = assert_silence(row, "secret")
    _, right = samples(Path(row["local_path"]))
    assert any(hears(right[at : at + 800], WELCOME_HZ) for at in range(last, len(right) - 800, 400)), "and on it goes"


def test_flow_begins_and_masks_by_itself(story: Story) -> None:
    line = story.queue("noted", record="no")
    caller = story.calls(line, tone_hz=CALLER_HZ)
    story.place(caller, "waiting")
    gevent.sleep(0.6)
    caller.hang_up()
    assert caller.ended.wait(30)
    row = row_of(story, caller)
    assert row["from_point"] == "flow"
    _, last = assert_silence(row, "flow")
    left, _ = samples(Path(row["local_path"]))
    assert hears(left[last + 1200 : last + 2800], CALLER_HZ)


def test_agents_mask_ends_by_itself(story: Story) -> None:
    line = story.queue("recorded", record="no")
    agent = story.agent(line, rings=(Ring("answer", 100),))
    caller = story.calls(line, tone_hz=CALLER_HZ)
    story.connected(caller)
    call_id = story.live(caller)["call_id"]
    story.site.api.post("recordings", call_id, "mask")
    until(lambda: story.site.core()["recordings"]["masked"] == 0, "the mask has ended")
    gevent.sleep(0.5)
    agent.hangs_up()
    assert caller.ended.wait(30)
    row = row_of(story, caller)
    first, last = assert_silence(row, "agent")
    assert 2900 <= (last - first) * 1000 // RATE < 8000
    left, _ = samples(Path(row["local_path"]))
    assert hears(left[last + 1200 : last + 2800], CALLER_HZ), "sound again"
    (mask,) = story.site.sql(f"SELECT * FROM ccd.recording_masks WHERE recording_id = '{row['recording_id']}'")
    assert (mask["cause"], mask["mask"]) == ("limit", "agent")


@pytest.mark.long
def test_kill_of_core_while_an_agent_masked_ends_the_mask_by_its_limit(story: Story) -> None:
    line = story.queue("recorded", record="no")
    agent = story.agent(line, rings=(Ring("answer", 100),))
    caller = story.calls(line, tone_hz=CALLER_HZ)
    story.connected(caller)
    story.site.api.post("recordings", story.live(caller)["call_id"], "mask")
    story.site.daemon.kill()
    gevent.sleep(1.0)
    story.site.daemon.start()
    story.connected(caller)
    until(lambda: story.site.core()["recordings"]["masked"] == 0, "the mask has ended")
    gevent.sleep(0.8)
    agent.hangs_up()
    assert caller.ended.wait(30)
    row = row_of(story, caller)
    _, last = assert_silence(row, "agent")
    left, _ = samples(Path(row["local_path"]))
    assert hears(left[last + 1200 : last + 2800], CALLER_HZ)


@pytest.mark.long
def test_kill_of_core_in_a_part_that_is_never_heard_keeps_it_silent(story: Story) -> None:
    line = story.queue("recorded", record="no")
    agent = story.agent(line, rings=(Ring("answer", 300),))
    wears(story, agent, "never")
    caller = story.calls(line, tone_hz=CALLER_HZ)
    story.connected(caller)
    agent.says(AGENT_HZ)
    gevent.sleep(0.5)
    story.site.daemon.kill()
    story.site.daemon.start()
    story.connected(caller)
    gevent.sleep(0.8)
    agent.hangs_up()
    assert caller.ended.wait(30)
    row = row_of(story, caller)
    _, last = assert_silence(row, "policy")
    _, right = samples(Path(row["local_path"]))
    assert any(hears(right[at : at + 800], GOODBYE_HZ) for at in range(last, len(right) - 800, 400))
    assert not any(hears(right[at : at + 400], AGENT_HZ) for at in range(0, len(right) - 400, 400)), "not a word of his"


@pytest.mark.long
def test_operator_lists_verifies_holds_and_erases(story: Story, site: Site) -> None:
    line = story.queue("recorded", record="no")
    caller = story.calls(line, tone_hz=CALLER_HZ)
    story.place(caller, "waiting")
    gevent.sleep(0.4)
    caller.hang_up()
    assert caller.ended.wait(30)
    row = row_of(story, caller)
    recording, path = row["recording_id"], Path(row["local_path"])
    number = caller.script.number
    listed = json.loads(ccd(site, "recordings", "list", "--number", number, "--since", "1h", "--json").stdout)
    assert [one["recording_id"] for one in listed["recordings"]] == [recording]
    assert ccd(site, "recordings", "path", recording).stdout.strip() == str(path)
    assert ccd(site, "recordings", "verify", recording).returncode == 0
    whole = path.read_bytes()
    path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    changed = ccd(site, "recordings", "verify", recording)
    assert (changed.returncode, "changed" in changed.stdout) == (1, True)
    path.write_bytes(whole)
    assert ccd(site, "recordings", "hold", recording, "--reason", "lawsuit").returncode == 0
    assert ccd(site, "recordings", "erase", recording, "--reason", "asked", "--yes").returncode == 1
    assert path.exists()
    assert ccd(site, "recordings", "release", recording).returncode == 0
    erased = ccd(site, "recordings", "erase", "--number", number, "--reason", "asked", "--yes")
    assert (erased.returncode, erased.stdout) == (0, "1 erased, voicemails: 0\n")
    assert not path.exists()
    told = site.api.get("recordings", recording)
    assert (told["state"], told["sha256"], told["erase_reason"]) == ("erased", row["sha256"], "asked")
    assert [one["what"] for one in told["audit"]] == ["hold", "release", "erase"]
    assert all("uid" in one["who"] for one in told["audit"])


@pytest.fixture
def small_disk(site: Site) -> Iterator[Path]:
    """A disk of 64 kB where today's recordings go: two seconds of sound."""
    day = site.world.recordings / f"{dt.datetime.now(dt.UTC):%Y/%m/%d}"
    day.mkdir(parents=True, exist_ok=True)
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(day)], capture_output=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip("no leave to mount a small disk")
    try:
        yield day
    finally:
        subprocess.run(["umount", "-l", str(day)], check=True)


@pytest.mark.long
def test_disk_that_is_full_in_the_middle_costs_the_recording_never_the_call(story: Story, small_disk: Path) -> None:
    line = story.queue("recorded", record="no")
    agent = story.agent(line, rings=(Ring("answer", 100),))
    caller = story.calls(line, tone_hz=CALLER_HZ)
    story.expected_errors = ("recording_not_written",)
    talk(story, caller, agent, 6.0)
    told = story.record(caller)
    assert (told["outcome"], told["ended_by"]) == ("answered", "agent")
    (lost,) = told["recordings"]
    assert (lost["state"], lost["reason"]) == ("failed", "the switch could not write all of it")
    assert story.site.core()["recordings"]["not_written"] >= 1
