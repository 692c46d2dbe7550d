"""A call centre with one queue, support, and its agents alice, bob and carol."""

import pytest

from tests.builders import World, queue, tier


@pytest.fixture
def world() -> World:
    world = World()
    names = ["alice", "bob", "carol"]
    world.configure([queue()], names, [tier("support", name) for name in names])
    return world
