"""The join on a real FreeSWITCH: what the agent's phone was shown, what either side heard before the bridge, and press 1."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import gevent
import pytest

from ccd.lab.parties import Caller
from ccd.lab.stories import PhoneScript, Ring
from ccd.lab.wire import Event
from live.field import until
from live.lines import MUSIC_HZ, PROMPTS
from live.site import Agent, Story, melody, settled, site, story

__all__ = ["site", "story"]
pytestmark = pytest.mark.live

AGENT_HZ, NUMBER_HZ, AFTER_HZ, GOODBYE_HZ = (
    PROMPTS[name][0] for name in ("welcome", "agent_number", "agent_number_after", "goodbye")
)


def invite(story: Story, agent: Agent) -> dict[str, Any]:
    """The channel of an agent's phone, as it got its INVITE."""
    leg = until(lambda: next(iter(agent.phone.legs), ""), f"{agent.name} is rung")
    dumped: dict[str, Any] = json.loads(story.site.outside.api(f"uuid_dump {leg} json"))
    return dumped


def told(story: Story, agent: Agent, event: str = "PLAYBACK_START") -> list[Event]:
    """What the legs to an agent's phone played, in order."""
    name = agent.phone.script.name
    mine = {
        e["Unique-ID"]
        for e in story.site.events
        if e["Event-Name"] == "CHANNEL_CREATE" and f"/{name}@" in str(e["Channel-Name"])
    }
    return [e for e in story.site.events if e["Event-Name"] == event and e["Unique-ID"] in mine]


def prompts(story: Story, agent: Agent) -> list[str]:
    return [Path(str(e["Playback-File-Path"])).stem for e in told(story, agent)]


def presses(story: Story, agent: Agent, key: str) -> None:
    """A key of his telephone, as a telephone event (RFC 2833)."""
    for leg in agent.phone.legs:
        story.site.outside.api(f"uuid_send_dtmf {leg} {key}@100")


def numbered(story: Story, line: str, *rings: Ring) -> Agent:
    """An agent whose name is a number."""
    name = f"8{story.site.a_number()[-4:]}"
    phone = story.site.outside.phone(PhoneScript(name, rings or (Ring("answer"),)), register=False)
    return story._seat(name, story.site.outside.contact(name), phone, (line,), 1, True)


def confirming(story: Story, line: str, *rings: Ring) -> Agent:
    """An agent at a station whose owner must press 1."""
    agent = story.agent(line, rings=rings, login=False)
    story.site.api.patch("stations", agent.station, confirm=True)
    agent.does("login")
    return agent


def entry(story: Story, caller: Caller) -> dict[str, Any]:
    (row,) = story.record(caller)["queue_entries"]
    found: dict[str, Any] = row
    return found


def test_the_phone_shows_the_queue_and_a_masked_number_and_never_the_full_one(story: Story) -> None:
    line = story.queue(shown_name="{queue} {class} {number} 销售", shown_number="masked")
    agent = story.agent(line, rings=(Ring("answer", 300),))
    story.judged = False  # by its caller's number, which the phone does not know
    caller = story.calls(line)
    shown = invite(story, agent)
    number = caller.script.number
    masked = f"{number[:3]}****{number[-4:]}"
    assert shown["Caller-Caller-ID-Number"] == masked
    assert shown["Caller-Caller-ID-Name"] == f"q{line} {masked} 销售"
    assert number not in json.dumps(shown), "nor in any other header of the INVITE"
    story.connected(caller)
    agent.hangs_up()


def test_a_number_that_is_withheld_is_not_in_the_invite(story: Story) -> None:
    line = story.queue(shown_number="none")
    agent = story.agent(line, rings=(Ring("answer", 300),))
    story.judged = False
    caller = story.calls(line)
    shown = invite(story, agent)
    assert shown["Caller-Caller-ID-Number"] == "anonymous"
    assert caller.script.number not in json.dumps(shown)
    story.connected(caller)
    agent.hangs_up()


def test_the_agent_hears_his_prompt_while_the_caller_goes_on_hearing_music(story: Story) -> None:
    line = story.queue(agent_prompt="welcome")
    caller = story.calls(line)
    story.place(caller, "waiting")
    story.leg(caller)
    until(lambda: len(story.heard(caller)) == 1, "the music plays")
    agent = story.agent(line)
    story.connected(caller)
    assert prompts(story, agent) == ["welcome"]
    assert len(story.heard(caller)) == 1, "the same music all the time"
    (ended,) = until(lambda: story.prompts(caller, "PLAYBACK_STOP"), "the switch has told that his music is over")
    (said,) = until(lambda: told(story, agent, "PLAYBACK_STOP"), "and so is what the agent heard")
    assert int(str(ended["Event-Date-Timestamp"])) >= int(str(said["Event-Date-Timestamp"]))
    agent.hangs_up()
    caller.ended.wait(30)
    assert PROMPTS["welcome"][1] <= entry(story, caller)["join_ms"] <= PROMPTS["welcome"][1] + 600


def test_the_caller_hears_the_agents_number_and_the_longer_side_is_the_delay(story: Story) -> None:
    line = story.queue(agent_prompt="welcome", caller_hears="agent_number")
    story.judged = False  # his phone answered long before they are joined
    caller = story.calls(line)
    story.place(caller, "waiting")
    until(caller.answered.is_set, "answered")
    path = story.listen(caller)
    gevent.sleep(0.3)  # of music, at his own end
    agent = numbered(story, line)
    story.connected(caller)
    agent.hangs_up()
    caller.ended.wait(30)
    tones = melody(settled(path), 0, MUSIC_HZ, NUMBER_HZ, AFTER_HZ, GOODBYE_HZ)
    assert tones[:2] == [MUSIC_HZ, NUMBER_HZ]
    assert [hz for hz in tones if hz != MUSIC_HZ] == [NUMBER_HZ, AFTER_HZ, GOODBYE_HZ], (
        "what is spoken between has a bit of it"
    )
    spoken = sum(PROMPTS[name][1] for name in ("agent_number", "agent_number_after"))
    assert entry(story, caller)["join_ms"] >= spoken
    assert prompts(story, agent) == ["welcome"]


def test_an_agent_who_hangs_up_while_he_hears_it_leaves_the_caller_at_the_head(story: Story) -> None:
    line = story.queue(agent_prompt="many_words", caller_hears="agent_number", reject_delay_ms=60_000)
    story.judged = False
    caller = story.calls(line)
    story.place(caller, "waiting")
    hasty = numbered(story, line, Ring("answer", 0, 400), Ring("no_answer"))
    until(lambda: hasty.rings and hasty.rings[0].ended_at, "he is gone again")
    story.place(caller, "waiting")
    story.site.api.patch("queues", f"q{line}", agent_prompt="welcome")
    steady = numbered(story, line)
    story.connected(caller)
    steady.hangs_up()
    assert story.results(caller) == [(hasty.name, "rejected"), (steady.name, "accepted")]


def test_a_caller_who_hangs_up_meanwhile_takes_nobody_with_him(story: Story) -> None:
    line = story.queue(agent_prompt="many_words")
    story.judged = False
    agent = story.agent(line)
    caller = story.calls(line)
    until(lambda: prompts(story, agent), "he hears it")
    caller.hang_up()
    agent.until("available", "idle")
    until(lambda: story.results(caller) == [(agent.name, "cancelled")], "nobody's fault")


def test_a_prompt_whose_file_is_gone_holds_nobody_up(story: Story) -> None:
    line = story.queue(agent_prompt="warn_vip", agent_hears=["queue", "wait"])
    agent = story.agent(line)
    story.judged = False
    files = [story.site.folder / "sounds" / "zh" / f"{name}.wav" for name in ("warn_vip", "agent_waited")]
    for file in files:
        file.rename(file.with_suffix(".gone"))
    try:
        caller = story.calls(line)
        story.connected(caller)
        agent.hangs_up()
    finally:
        for file in files:
            file.with_suffix(".gone").rename(file)
    assert entry(story, caller)["join_ms"] < 5_000


def test_who_presses_1_is_joined_and_not_before(story: Story) -> None:
    line = story.queue()
    agent = confirming(story, line)
    story.judged = False
    caller = story.calls(line)
    until(lambda: "confirm_call" in prompts(story, agent), "he is asked")
    assert story.live(caller)["place"] != "talking"
    presses(story, agent, "1")
    story.connected(caller)
    agent.hangs_up()
    assert story.results(caller) == [(agent.name, "accepted")]


def test_a_voicemail_that_presses_nothing_has_not_answered_and_the_next_is_asked(story: Story) -> None:
    line = story.queue(confirm_ms=2_000, no_answer_delay_ms=60_000)
    voicemail = confirming(story, line)
    caller = story.calls(line)
    story.judged = False
    until(lambda: prompts(story, voicemail), "it is asked")
    desk = story.agent(line, rings=(Ring("answer", 0, 500),))
    desk.rung(caller)
    caller.ended.wait(30)
    assert story.results(caller) == [(voicemail.name, "no_answer"), (desk.name, "accepted")]
    assert len(prompts(story, voicemail)) == 2, "it is asked again, a second after"


def test_another_key_refuses(story: Story) -> None:
    line = story.queue(reject_delay_ms=60_000)
    agent = confirming(story, line)
    story.judged = False
    caller = story.calls(line)
    until(lambda: "confirm_call" in prompts(story, agent), "he is asked")
    presses(story, agent, "7")
    agent.until("available", "idle")
    story.place(caller, "waiting")
    caller.hang_up()
    assert story.results(caller) == [(agent.name, "rejected")]


@pytest.mark.long
@pytest.mark.parametrize("confirm", [False, True], ids=["prompt", "press 1"])
def test_after_a_kill_in_the_middle_of_it_the_two_are_joined(story: Story, *, confirm: bool) -> None:
    line = story.queue(agent_prompt="" if confirm else "many_words", caller_hears="agent_number", confirm_ms=20_000)
    agent = numbered(story, line) if not confirm else confirming(story, line)
    story.judged = False
    caller = story.calls(line)
    until(lambda: prompts(story, agent), "he hears it")
    story.site.daemon.kill()
    story.site.daemon.start()
    if confirm:
        until(lambda: prompts(story, agent).count("confirm_call") >= 2, "he is asked again")
        presses(story, agent, "1")
    story.connected(caller)
    agent.hangs_up()
    caller.ended.wait(30)
    assert story.results(caller) == [(agent.name, "accepted")]
