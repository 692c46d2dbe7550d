"""The simulated switch as a process of its own."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from ccd.lab.stories import CallerScript, PhoneScript, Ring
from ccd.sim.messages import Story
from ccd.sim.world import SimulatedWorld, WorldError
from tests.sim.client import Client


def test_it_plays_a_story_and_lives_on_without_ccd(tmp_path: Path) -> None:
    story = Story(
        phones=(PhoneScript("1001", (Ring("answer"),)),),
        callers=(CallerScript(number="13800138000", dialled="95588", hang_up_after_ms=50),),
    )
    (tmp_path / "story.json").write_bytes(msgspec.json.encode(story))
    diary = tmp_path / "diary.json"
    options = ("--story", str(tmp_path / "story.json"), "--diary", str(diary), "--no-recordings")
    with SimulatedWorld.launch(*options) as world:
        first = Client(world.port)
        first.api("expand global_setvar ccd_alive=${strepoch()}")
        first.sock.close()
        leg = world.call(CallerScript(number="13900139000", dialled="95588"))
        again = Client(world.port)
        assert again.api(f"uuid_exists {leg}") == "true"
        assert world.phone(PhoneScript("1002")) == "sofia/internal/1002@127.0.0.1:5062"
        core = world.status().core_uuid
        world.restart_switch()
        assert world.status().core_uuid != core
        callers, phones = world.diaries()
        assert callers[-1].cause == "SWITCH_LOST"
        assert [phone.name for phone in phones] == ["1001", "1002"]
        with pytest.raises(WorldError, match="no caller"):
            world.hang_up("nobody")
    assert world.process is not None
    assert world.process.returncode == 0
    assert [c["number"] for c in json.loads(diary.read_text())["callers"]] == ["13800138000", "13900139000"]
