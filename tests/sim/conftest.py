"""A simulated switch on a FakeClock, and a client on its event socket."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ccd.base.clock import FakeClock
from ccd.sim.switch import SimulatedSwitch
from ccd.sim.timing import AS_MEASURED
from tests.sim.calls import living_ccd
from tests.sim.client import Client, close_all


@pytest.fixture(autouse=True)
def _clients_are_closed() -> Iterator[None]:
    yield
    close_all()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def make_switch(clock: FakeClock) -> Iterator[Callable[..., SimulatedSwitch]]:
    made: list[SimulatedSwitch] = []

    def make(**options: Any) -> SimulatedSwitch:
        switch = SimulatedSwitch(**{"clock": clock, "recordings_write": False} | options)
        switch.start()
        made.append(switch)
        return switch

    yield make
    for switch in made:
        switch.stop()


@pytest.fixture
def switch(make_switch: Callable[..., SimulatedSwitch]) -> SimulatedSwitch:
    return make_switch()


@pytest.fixture
def slow_switch(make_switch: Callable[..., SimulatedSwitch]) -> SimulatedSwitch:
    """As slow as a FreeSWITCH: a leg looks at its commands every 20 ms."""
    return make_switch(latency=AS_MEASURED)


@pytest.fixture
def ccd(switch: SimulatedSwitch) -> Client:
    """The event socket as ccd holds it: logged in, listening, and alive in the dialplan's eyes."""
    return living_ccd(switch)
