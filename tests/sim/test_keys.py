"""Keys of the simulated switch come as telephones send them."""

from __future__ import annotations

import pytest

from ccd.base.clock import FakeClock
from ccd.lab.stories import KeysAs
from ccd.sim.switch import SimulatedSwitch
from tests.sim.calls import answered
from tests.sim.client import Client


def keys(ccd: Client) -> list[tuple[str, str]]:
    return [(e["DTMF-Digit"], e["DTMF-Source"]) for e in ccd.events if e["Event-Name"] == "DTMF"]


@pytest.mark.parametrize(
    ("keys_as", "sources"),
    [("rfc2833", ["RTP"]), ("info", ["ENDPOINT"]), ("both", ["ENDPOINT", "RTP"]), ("inband", [])],
)
def test_a_key_comes_as_its_telephone_sends_it(
    switch: SimulatedSwitch, ccd: Client, clock: FakeClock, keys_as: KeysAs, sources: list[str]
) -> None:
    answered(switch, ccd, clock, keys=((500, "5"),), keys_as=keys_as)
    ccd.pass_time(clock, 1)
    assert keys(ccd) == [("5", source) for source in sources]


def test_tones_are_keys_only_while_somebody_listens_for_them(
    switch: SimulatedSwitch, ccd: Client, clock: FakeClock
) -> None:
    caller = answered(switch, ccd, clock, keys=((500, "1"), (1500, "2"), (2500, "3")), keys_as="inband")
    ccd.pass_time(clock, 1)
    ccd.execute(caller.uuid, "start_dtmf", "")
    ccd.pass_time(clock, 1)
    ccd.execute(caller.uuid, "stop_dtmf", "")
    ccd.pass_time(clock, 1)
    assert keys(ccd) == [("2", "INBAND_AUDIO")]
