"""Cores that are started in folders of their own, on a Friday afternoon in Shanghai, and are closed with the test."""

from __future__ import annotations

from pathlib import Path

from ccd.base.clock import FakeClock
from ccd.core.house import House
from ccd.settings.model import Settings

NOW = 1_800_000_000_000_000  # Friday 2027-01-15 16:00 in Shanghai


class Homes:
    """Cores by their folders; each is closed once."""

    def __init__(self) -> None:
        self._houses: list[House] = []

    def start(self, folder: Path) -> House:
        """A core with its state in a folder."""
        settings = Settings(
            state_dir=str(folder / "state"),
            run_dir=str(folder / "run"),
            sounds_path=str(folder / "sounds"),
            numbering={"area": "021"},  # type: ignore[arg-type]
        )
        house = House(settings, clock=FakeClock(NOW))
        self._houses.append(house)
        house.start()
        return house

    def close(self) -> None:
        """Close those that are running."""
        while self._houses:
            self._houses.pop().close()
