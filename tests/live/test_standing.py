"""Standing agents on a real FreeSWITCH: one leg that stays up, the beep, every ending, and core's absence."""

from __future__ import annotations

import logging
import statistics
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import gevent
import pytest

from ccd.lab.freeswitch import find_freeswitch
from ccd.lab.parties import Caller
from ccd.lab.stories import CallerScript, PhoneScript, Ring
from ccd.lab.worlds import RealWorld
from live.field import until
from live.hasty import HastyCallers
from live.lines import RATE
from live.site import Agent, Story, hears, samples, settled, site, story
from tests.stories.centre import DIALLED, KEYS, SOUNDS, Centre

__all__ = ["site", "story"]
pytestmark = pytest.mark.live

ROOT = Path(__file__).parents[2]
BEEP_HZ = 800
log = logging.getLogger(__name__)


def stands(story: Story, *lines: str, rings: tuple[Ring, ...] = ()) -> Agent:
    """An agent who is signed in standing, and whose leg is up."""
    agent = story.agent(*lines, rings=rings, login=False)
    assert story.site.api.post("agents", agent.name, "login", standing=True)["line"] in ("calling", "up")
    until(lambda: agent.state()["line"] == "up", f"{agent.name} stands")
    story.judged = False  # the phones' diaries know of one ring, whoever talks
    return agent


def beeps(heard: Path) -> int:
    """How often the tone begins in what an agent hears, beside whoever talks."""
    channel, size = samples(heard)[0], 320
    loud = [at for at in range(0, len(channel) - size, size) if hears(channel[at : at + size], BEEP_HZ, 0.02)]
    return sum(now - before > RATE // 2 for before, now in pairwise([-RATE, *loud]))


def joins_ms(story: Story, agent: Agent) -> list[int]:
    """From the decision to the bridge, of each of his calls."""
    rows = story.site.sql(
        "SELECT (extract(epoch FROM c.at - m.at) * 1000)::int AS ms FROM ccd.facts m JOIN ccd.facts c"
        " ON c.kind = 'caller_connected' AND c.body->>'offer_id' = m.body->>'offer_id'"
        f" WHERE m.kind = 'offer_made' AND m.body->>'agent_id' = '{agent.state()['agent_id']}'"
    )
    return [int(row["ms"]) for row in rows]


def test_three_callers_over_one_leg_and_the_agent_hears_a_beep(story: Story) -> None:
    line = story.queue()
    agent = stands(story, line)
    (phone_leg,) = agent.phone.legs
    heard = story.site.folder / "heard-by-the-standing.wav"
    story.site.outside.api(f"uuid_setvar {phone_leg} RECORD_STEREO true")
    story.site.outside.api(f"uuid_record {phone_leg} start {heard}")
    for turn in range(3):
        caller = story.calls(line, tone_hz=440)
        story.connected(caller)
        assert agent.state()["standing"]
        agent.until("available", "talking")
        gevent.sleep(0.5)  # the beep is heard to its end
        caller.hang_up()
        agent.until("available", "idle")
        until(lambda: agent.state()["line"] == "up", "the leg is back")
        record = story.record(caller)
        assert [offer["result"] for offer in record["offers"]] == ["accepted"], turn
        assert record["ended_by"] == "caller"
    assert len(agent.rings) == 1
    assert agent.rings[0].ended_at is None
    story.site.outside.api(f"uuid_record {phone_leg} stop {heard}")
    assert beeps(settled(heard)) == 3
    took = joins_ms(story, agent)
    log.info("decision to bridge: %s ms, median %s", took, statistics.median(took))
    assert len(took) == 3


def test_every_ending_of_a_conversation(story: Story) -> None:
    line = story.queue()
    agent = stands(story, line)
    caller = story.calls(line)
    story.connected(caller)
    agent.until("available", "talking")
    agent.does("hangup")
    agent.until("available", "idle")
    record = story.record(caller)
    assert record["ended_by"] == "agent"
    assert len(agent.rings) == 1, "the leg is the same"
    until(lambda: agent.state()["line"] == "up", "the leg is back")

    caller = story.calls(line)
    story.connected(caller)
    agent.hangs_up()
    agent.until("logged_out", "idle")
    assert agent.state()["signed_out_by"] == "standing_lost"
    assert story.record(caller)["ended_by"] == "agent"

    agent.does("login")
    agent.does("logout")
    agent.until("logged_out", "idle")
    story.site.api.post("agents", agent.name, "login", standing=True)
    until(lambda: agent.state()["line"] == "up", "he stands again")
    agent.hangs_up()
    agent.until("logged_out", "idle")
    assert agent.state()["signed_out_by"] == "standing_lost"


def test_a_phone_that_refuses_is_signed_out_and_a_log_out_hangs_up(story: Story) -> None:
    line = story.queue()
    agent = story.agent(line, rings=(Ring("reject", 100), Ring("answer")), login=False)
    story.site.api.patch("stations", agent.station, standing=True)
    agent.does("login")
    agent.until("logged_out", "idle")
    assert agent.state()["signed_out_by"] == "standing_rejected"
    agent.does("login")
    until(lambda: agent.state()["line"] == "up", "he stands")
    caller = story.calls(line)
    story.connected(caller)
    agent.does("logout")
    assert agent.doing()[1] == "talking"
    caller.hang_up()
    agent.until("logged_out", "idle")
    until(lambda: not agent.phone.legs, "the phone is free")
    story.judged = False


@pytest.fixture
def centre(tmp_path: Path, database: str) -> Iterator[Centre]:
    """A centre of one agent who stands, on a FreeSWITCH of its own."""
    if find_freeswitch() is None:
        pytest.skip("no FreeSWITCH: set CCD_FREESWITCH to its prefix or have freeswitch in PATH")
    world = RealWorld(tmp_path, ROOT / "config" / "freeswitch", ROOT / "dialplans", SOUNDS)
    try:
        made = Centre(
            tmp_path, world, database, phones={"1001": PhoneScript("1001", (Ring("answer", 50),))}, log_in=False
        )
        try:
            made.daemon.client.post("agents", "1001", "login", standing=True)
            until(lambda: made.agents()["1001"]["line"] == "up", "1001 stands")
            yield made
        finally:
            made.close()
    finally:
        world.close()


def restart(centre: Centre) -> None:
    centre.kill()
    centre.exec()
    centre.wait_ready()


def doing(centre: Centre) -> tuple[Any, ...]:
    row = centre.agents()["1001"]
    return row["presence"], row["activity"], row["line"]


def talks(centre: Centre, number: str, tone_hz: int | None = None) -> Caller:
    """A caller whose prompt still plays as he is joined: the agent is there the moment he has chosen."""
    assert isinstance(centre.world, RealWorld)
    caller = centre.world.outside.call(CallerScript(number=number, dialled=DIALLED, keys=KEYS), tone_hz)
    until(lambda: doing(centre)[1] == "talking", "he talks")
    return caller


def is_ready_on_the_same_leg(centre: Centre) -> None:
    assert isinstance(centre.world, RealWorld)
    until(lambda: doing(centre) == ("available", "idle", "up"), "he is ready for the next")
    assert len(centre.world.outside.phones["1001"].diary.rings) == 1


def test_he_hears_who_is_joined_at_once_and_core_is_killed_as_that_caller_hangs_up(
    centre: Centre, tmp_path: Path
) -> None:
    assert isinstance(centre.world, RealWorld)
    outside, heard = centre.world.outside, tmp_path / "heard.wav"
    caller = talks(centre, "13900000001", tone_hz=440)
    (phone_leg,) = outside.phones["1001"].legs
    outside.api(f"uuid_setvar {phone_leg} RECORD_STEREO true")
    outside.api(f"uuid_record {phone_leg} start {heard}")
    gevent.sleep(1.5)  # music, had it begun in the bridge, would go on
    outside.api(f"uuid_record {phone_leg} stop {heard}")
    until(lambda: heard.stat().st_size > RATE, "what he heard is written")
    assert hears(samples(settled(heard))[0], 440, 0.02)
    centre.kill()
    caller.hang_up()
    centre.exec()
    centre.wait_ready()
    is_ready_on_the_same_leg(centre)


@pytest.mark.long
def test_callers_who_hang_up_as_they_are_joined_sign_nobody_out(centre: Centre) -> None:
    """FreeSWITCH may end his leg with theirs, in the very milliseconds of the join: then he is called again."""
    assert isinstance(centre.world, RealWorld)
    outside, turns = centre.world.outside, 60
    hasty = HastyCallers(centre.world)
    try:
        for turn in range(turns):
            caller = outside.call(CallerScript(number=f"139{turn:08}", dialled=DIALLED, keys=KEYS), None)
            hasty.watch(caller)
            until(lambda turn=turn: hasty.joined > turn, f"caller {turn} is joined: the agent is there", 15)
            until(caller.ended.is_set, f"caller {turn} has hung up")
    finally:
        hasty.close()
    until(lambda: doing(centre) == ("available", "idle", "up"), "he is ready for the next")
    log.info("of %s hasty callers %s took his leg", turns, len(outside.phones["1001"].diary.rings) - 1)


@pytest.mark.long
def test_core_is_killed_while_he_is_idle_and_while_he_talks(centre: Centre) -> None:
    restart(centre)
    assert doing(centre) == ("available", "idle", "up")
    caller = talks(centre, "13900000001")
    restart(centre)
    assert doing(centre)[:2] == ("available", "talking")
    caller.hang_up()
    is_ready_on_the_same_leg(centre)
    for after_s in (0.0, 0.1, 1.0):
        caller = talks(centre, "13900000002")
        centre.kill()
        gevent.sleep(after_s)
        caller.hang_up()
        centre.exec()
        centre.wait_ready()
        is_ready_on_the_same_leg(centre)
    centre.ask("agents.logout", agent_id=centre.agents()["1001"]["agent_id"])
    until(lambda: centre.world.channels() == 0, "no channel is left")
