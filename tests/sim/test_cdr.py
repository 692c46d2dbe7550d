"""The simulated switch writes its call records as mod_json_cdr does."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ccd.base.clock import FakeClock
from ccd.lab.stories import PhoneScript, Ring
from ccd.sim.switch import SimulatedSwitch
from ccd.switch.cdr import endings_since, read_ending
from tests.sim.calls import answered, living_ccd

REAL = Path(__file__).parents[1] / "data" / "cdr"
CUSTOMER, AGENT = (next(REAL.glob(f"{name}-*.json")) for name in ("customer", "agent"))


@pytest.fixture
def told(make_switch: Callable[..., SimulatedSwitch], clock: FakeClock, tmp_path: Path) -> tuple[Path, str, str]:
    """A customer talks to an agent, is recorded, and hangs up; the folder, his leg and the agent's."""
    switch = make_switch(cdr_folder=tmp_path)
    switch.phone(PhoneScript("1001", (Ring("answer"),)))
    client = living_ccd(switch)
    customer = answered(switch, client, clock, number="13912345678", dialled="4001").uuid
    agent = client.api("create_uuid")
    client.command(f"bgapi originate {{origination_uuid={agent},ccd_role=agent}}{switch.contact('1001')} &park()")
    client.pass_time(clock, 1.0)
    client.api(f"uuid_setvar_multi {customer} ccd_call_id=abc;transfer_after_bridge=after:XML:ccd_after")
    client.api(f"uuid_bridge {customer} {agent}")
    client.pass_time(clock, 1.0)
    client.api(f"uuid_record {customer} start /nowhere/x.wav")
    client.pass_time(clock, 2.0)
    switch.callers[0].hang_up()
    client.pass_time(clock, 1.0)
    assert switch.channels == 0
    return tmp_path, customer, agent


def _shape(document: Any, path: str = "") -> dict[str, str]:
    """Where which type stands; lists by their last element, which is the first profile."""
    if isinstance(document, dict):
        found: dict[str, str] = {}
        for key, value in document.items():
            found |= _shape(value, f"{path}/{key}")
        return found
    if isinstance(document, list):
        return _shape(document[-1], f"{path}/-1") if document else {}
    return {path: type(document).__name__}


@pytest.mark.parametrize("role", ["customer", "agent"])
def test_what_the_simulated_switch_writes_stands_in_a_real_record_too(told: tuple[Path, str, str], role: str) -> None:
    folder, customer, agent = told
    real = json.loads((CUSTOMER if role == "customer" else AGENT).read_text())
    ours = json.loads((folder / f"{customer if role == 'customer' else agent}.cdr.json").read_text())
    expected, written = _shape(real), _shape(ours)
    invented = {path for path in written if path not in expected}
    assert not invented
    assert {path: expected[path] for path in written if path in expected} == {
        path: kind for path, kind in written.items() if path in expected
    }


def test_ccd_reads_the_ending_of_a_talk(told: tuple[Path, str, str]) -> None:
    folder, customer, agent = told
    ending = read_ending(str(folder), customer)
    assert ending is not None
    assert (ending.call_id, ending.cause, ending.inbound, ending.entry) == ("abc", "NORMAL_CLEARING", True, True)
    assert (ending.caller_number, ending.dialled, ending.fallback) == ("13912345678", "4001", False)
    assert 2000 <= ending.record_ms <= 2020
    assert ending.started_at < ending.answered_at < ending.ended_at
    other = read_ending(str(folder), agent)
    assert other is not None
    assert (other.inbound, other.entry, other.call_id) == (False, False, "")
    assert abs(other.ended_at - ending.ended_at) < 50_000
    assert {one.leg_id for one in endings_since(str(folder), 0)} == {customer, agent}


@pytest.mark.parametrize(("file", "inbound"), [(CUSTOMER, True), (AGENT, False)], ids=["customer", "agent"])
def test_ccd_reads_a_real_record(tmp_path: Path, file: Path, inbound: bool) -> None:
    document = json.loads(file.read_text())
    leg_id = document["variables"]["uuid"]
    (tmp_path / f"{leg_id}.cdr.json").write_bytes(file.read_bytes())
    ending = read_ending(str(tmp_path), leg_id)
    assert ending is not None
    assert (ending.inbound, ending.entry, ending.cause) == (inbound, inbound, "NORMAL_CLEARING")
    assert ending.call_id == document["variables"]["ccd_call_id"]
    assert 0 < ending.started_at < ending.answered_at < ending.ended_at
    if inbound:
        assert ending.dialled == "4001"
        assert ending.caller_number == "13900000033"
        assert ending.record_ms == 1440
