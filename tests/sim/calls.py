"""How the tests of the simulated switch get a caller into it."""

from __future__ import annotations

from typing import Any

from ccd.base.clock import FakeClock
from ccd.lab.stories import CallerScript
from ccd.sim.parties import Caller
from ccd.sim.switch import SimulatedSwitch
from tests.sim.client import Client


def living_ccd(switch: SimulatedSwitch) -> Client:
    client = Client(switch.port)
    assert client.api("expand global_setvar ccd_alive=${strepoch()}") == "+OK"
    return client


def a_caller(switch: SimulatedSwitch, client: Client, **script: Any) -> Caller:
    """A caller who got into the switch."""
    caller = switch.call(CallerScript(**{"number": "13800138000", "dialled": "95588"} | script))
    client.settle()
    return caller


def answered(switch: SimulatedSwitch, client: Client, clock: FakeClock, **script: Any) -> Caller:
    """A caller whom ccd answered."""
    caller = a_caller(switch, client, **script)
    client.execute(caller.uuid, "answer")
    client.pass_time(clock, 0.03)
    assert caller.diary.answered_at
    return caller
