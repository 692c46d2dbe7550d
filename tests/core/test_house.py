"""Core as a whole, without a switch: it starts whatever it finds in its folder."""

from __future__ import annotations

from pathlib import Path

import gevent
import pytest
from structlog.testing import capture_logs

from ccd.base.clock import FakeClock
from ccd.core.house import House
from ccd.core.memory import SNAPSHOT_EVERY_S
from ccd.journal.configuration import Configuration
from ccd.journal.snapshot import StateFolder
from ccd.settings.model import Settings


def settings_in(folder: Path) -> Settings:
    return Settings(state_dir=str(folder / "state"), run_dir=str(folder / "run"), sounds_path=str(folder / "sounds"))


def test_a_configuration_that_this_version_refuses_does_not_keep_core_from_starting(tmp_path: Path) -> None:
    """It was kept by a version that allowed it; a core that falls over it would fall for ever."""
    settings = settings_in(tmp_path)
    state = StateFolder(Path(settings.state_dir))
    state.save_configuration(Configuration(version=7, flows={"aa": {"nodes": {}}}, active_flows={"main": "aa"}))
    state.close()
    with capture_logs() as logs:
        house = House(settings)
        house.start()
    try:
        assert [line["event"] for line in logs if line["log_level"] == "error"] == ["saved_configuration_refused"]
        assert house.do("status", {})["configuration"] == 0
        house.configuring.take(Configuration(version=8))
        assert house.do("status", {})["configuration"] == 8
    finally:
        house.close()


def test_a_closed_house_saves_nothing_any_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock goes on, and the folder may be another's by then."""
    clock = FakeClock()
    house = House(settings_in(tmp_path), clock=clock)
    house.start()
    house.close()
    saved: list[str] = []
    monkeypatch.setattr(StateFolder, "save", lambda _, name, content: saved.append(name))
    clock.advance(3 * SNAPSHOT_EVERY_S)
    gevent.idle()
    assert saved == []
