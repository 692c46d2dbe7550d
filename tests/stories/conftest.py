"""A call centre on the simulated switch, which is a process of its own and outlives ccd."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ccd.lab.worlds import SimWorld
from tests.stories.centre import Centre


@pytest.fixture
def make_centre(tmp_path: Path, database: str) -> Iterator[Callable[..., Centre]]:
    """Makes one centre: options of the simulated switch, then what `Centre` takes."""
    made: list[Centre] = []
    worlds: list[SimWorld] = []

    def make(*options: str, url: str = database, **told: Any) -> Centre:
        world = SimWorld(tmp_path, "--as-measured", *options)
        worlds.append(world)
        made.append(Centre(tmp_path, world, url, **told))
        return made[-1]

    yield make
    for centre in made:
        centre.close()
    for world in worlds:
        world.close()
