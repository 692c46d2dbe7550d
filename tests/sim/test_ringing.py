"""Ringing and numbers of the network on the simulated switch, as a real one does them."""

from __future__ import annotations

from ccd.base.clock import FakeClock
from ccd.sim.switch import SimulatedSwitch
from tests.sim.calls import a_caller, answered, living_ccd


def test_a_parked_leg_rings_and_is_not_answered(switch: SimulatedSwitch, clock: FakeClock) -> None:
    ccd = living_ccd(switch)
    caller = a_caller(switch, ccd)
    ccd.events.clear()
    ccd.execute(caller.uuid, "ring_ready")
    ccd.pass_time(clock, 0.1)
    assert ccd.of(caller.uuid) == ["CHANNEL_EXECUTE", "CHANNEL_PROGRESS", "CHANNEL_EXECUTE_COMPLETE"]
    assert caller.diary.answered_at is None
    ccd.execute(caller.uuid, "ring_ready")
    ccd.pass_time(clock, 0.1)
    assert ccd.of(caller.uuid).count("CHANNEL_PROGRESS") == 1


def test_a_leg_that_hears_something_does_not_ring(switch: SimulatedSwitch, clock: FakeClock) -> None:
    ccd = living_ccd(switch)
    caller = answered(switch, ccd, clock)
    ccd.execute(caller.uuid, "ring_ready")
    ccd.pass_time(clock, 0.1)
    assert "CHANNEL_PROGRESS" not in ccd.of(caller.uuid)


def test_a_number_that_the_network_does_not_know_is_404(switch: SimulatedSwitch, clock: FakeClock) -> None:
    ccd = living_ccd(switch)
    uuid = ccd.api("create_uuid")
    ccd.command(f"bgapi originate {{origination_uuid={uuid}}}sofia/gateway/carrier/02161230001 &park()")
    ccd.pass_time(clock, 0.1)
    (ended,) = [e for e in ccd.events if e["Event-Name"] == "CHANNEL_HANGUP_COMPLETE" and e["Unique-ID"] == uuid]
    assert (ended["Hangup-Cause"], ended["variable_proto_specific_hangup_cause"]) == ("UNALLOCATED_NUMBER", "sip:404")
