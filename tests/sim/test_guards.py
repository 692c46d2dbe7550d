"""What FreeSWITCH does with callers when ccd does not: liveness, leases, the way back after a conversation, races."""

from __future__ import annotations

from uuid import uuid4

import pytest

from ccd.base.clock import FakeClock
from ccd.lab.stories import CallerScript, PhoneScript, Ring
from ccd.sim.parties import Caller
from ccd.sim.switch import SimulatedSwitch
from tests.sim.calls import a_caller, answered, living_ccd
from tests.sim.client import Client


def agent_leg(switch: SimulatedSwitch, client: Client, clock: FakeClock, ring: Ring, variables: str = "") -> str:
    """An agent's phone that ccd rang and that answered."""
    leg = str(uuid4())
    switch.phone(PhoneScript("1001", (ring,)))
    client.command(
        f"bgapi originate {{origination_uuid={leg},originate_timeout=20{variables}}}{switch.contact('1001')} &park()"
    )
    client.pass_time(clock, 0.1)
    assert "CHANNEL_PARK" in client.of(leg)
    return leg


def talking(
    switch: SimulatedSwitch, client: Client, clock: FakeClock, variables: str, talk_ms: int = 5000
) -> tuple[Caller, str]:
    """A caller and an agent in conversation; the caller carries `variables`."""
    caller = answered(switch, client, clock)
    leg = agent_leg(switch, client, clock, Ring("answer", talk_ms=talk_ms))
    client.api(f"uuid_setvar_multi {caller.uuid} {variables}")
    client.api(f"sched_del ccd-{caller.uuid}")
    client.api(f"uuid_bridge {caller.uuid} {leg}")
    client.pass_time(clock, 0.1)
    assert caller.diary.connected_phone == "1001"
    return caller, leg


@pytest.mark.parametrize("age", [0, 5])
def test_a_caller_is_parked_with_a_lease_while_ccd_lives(
    switch: SimulatedSwitch, ccd: Client, clock: FakeClock, age: int
) -> None:
    clock.advance(age)
    caller = a_caller(switch, ccd)
    assert ccd.last("CHANNEL_PARK")["variable_ccd_entry"] == "1"
    assert switch.core.tasks.count() == 1
    assert ccd.api(f"sched_del ccd-{caller.uuid}") == "+OK Deleted: 1\n"


@pytest.mark.parametrize("alive", ["0", "", "garbage", "1799999994", "1800000001", "99999999999"])
def test_a_caller_goes_to_the_fallback_when_ccd_is_not_known_to_live(switch: SimulatedSwitch, alive: str) -> None:
    client = Client(switch.port)
    client.api(f"global_setvar ccd_alive={alive}")
    caller = a_caller(switch, client)
    assert switch.fallback_arrivals == [caller.uuid]
    assert caller.diary.answered_at


def test_emergency_calls_ask_no_guard(switch: SimulatedSwitch) -> None:
    caller = switch.call(CallerScript(number="13800138000", dialled="110"))
    assert switch.dialplan.outside_calls == [(caller.uuid, "sofia/external/110@127.0.0.1:5090")]


def test_a_lease_that_nobody_renews_ends_in_the_fallback(
    switch: SimulatedSwitch, ccd: Client, clock: FakeClock
) -> None:
    caller = answered(switch, ccd, clock)
    ccd.execute(caller.uuid, "playback", "local_stream://moh")
    ccd.pass_time(clock, 29)
    assert not switch.fallback_arrivals
    ccd.pass_time(clock, 2)
    assert switch.fallback_arrivals == [caller.uuid]
    assert ccd.last("CHANNEL_EXECUTE", caller.uuid)["Caller-Context"] == "ccd_fallback"
    ccd.pass_time(clock, 5)
    assert (caller.diary.ended_by, caller.diary.cause) == ("switch", "NORMAL_CLEARING")


def test_a_new_lease_does_not_replace_the_old_one(switch: SimulatedSwitch, ccd: Client, clock: FakeClock) -> None:
    """As on FreeSWITCH: a renewal without sched_del leaves the first lease to fire."""
    caller = answered(switch, ccd, clock)
    ccd.api(f"sched_api +300 ccd-{caller.uuid} uuid_transfer {caller.uuid} fallback XML ccd_fallback")
    ccd.pass_time(clock, 31)
    assert switch.fallback_arrivals == [caller.uuid]


def test_an_agent_who_answers_and_is_left_alone_is_hung_up(
    switch: SimulatedSwitch, ccd: Client, clock: FakeClock
) -> None:
    leg = agent_leg(switch, ccd, clock, Ring("answer"), ",park_timeout=3:LOSE_RACE")
    ccd.pass_time(clock, 2.8)
    assert "CHANNEL_HANGUP_COMPLETE" not in ccd.of(leg)
    ccd.pass_time(clock, 0.3)
    assert ccd.last("CHANNEL_HANGUP_COMPLETE", leg)["Hangup-Cause"] == "LOSE_RACE"


def test_an_agent_who_was_bridged_in_time_is_not(switch: SimulatedSwitch, ccd: Client, clock: FakeClock) -> None:
    caller = answered(switch, ccd, clock)
    leg = agent_leg(switch, ccd, clock, Ring("answer"), ",park_timeout=3:LOSE_RACE")
    ccd.api(f"uuid_bridge {caller.uuid} {leg}")
    ccd.pass_time(clock, 10)
    assert "CHANNEL_HANGUP_COMPLETE" not in ccd.of(leg)


def test_after_the_conversation_the_customer_comes_back_with_a_new_lease(
    switch: SimulatedSwitch, ccd: Client, clock: FakeClock
) -> None:
    caller, leg = talking(switch, ccd, clock, "transfer_after_bridge=after:XML:ccd_after")
    clock.advance(4)
    ccd.api("expand global_setvar ccd_alive=${strepoch()}")
    ccd.pass_time(clock, 2)
    assert ccd.last("CHANNEL_PARK", caller.uuid)["Caller-Context"] == "ccd_after"
    assert ccd.last("CHANNEL_HANGUP_COMPLETE", leg)["variable_sip_hangup_disposition"] == "recv_bye"
    way_back = ccd.api(f"uuid_getvar {caller.uuid} transfer_after_bridge")
    assert way_back == "after:XML:ccd_after", "used up by the bridge, and given anew"
    assert switch.core.tasks.count() == 1


def test_after_the_conversation_the_customer_goes_to_the_fallback_when_ccd_died(
    switch: SimulatedSwitch, ccd: Client, clock: FakeClock
) -> None:
    caller, _leg = talking(switch, ccd, clock, "transfer_after_bridge=after:XML:ccd_after", talk_ms=7000)
    ccd.pass_time(clock, 7.5)
    assert switch.fallback_arrivals == [caller.uuid]


def test_without_a_way_back_the_customer_is_hung_up_with_the_agent(
    switch: SimulatedSwitch, ccd: Client, clock: FakeClock
) -> None:
    caller, _leg = talking(switch, ccd, clock, "transfer_after_bridge=")
    ccd.pass_time(clock, 6)
    assert caller.diary.ended_by == "switch"
    assert switch.channels == 0


@pytest.mark.parametrize(
    ("after_ms", "variables", "parked_in"),
    [
        (0, "transfer_after_bridge=", None),
        (0, "", "ccd_after"),
        (25, "transfer_after_bridge=", "ccd"),
        (25, "uuid_bridge_park_on_cancel=", None),
        (60, "", "ccd_after"),
    ],
)
def test_the_agent_hangs_up_around_the_bridge_command(
    slow_switch: SimulatedSwitch, clock: FakeClock, after_ms: int, variables: str, parked_in: str | None
) -> None:
    ccd = living_ccd(slow_switch)
    caller = answered(slow_switch, ccd, clock)
    leg = agent_leg(slow_switch, ccd, clock, Ring("answer"))
    ccd.pass_time(clock, 0.2)
    ccd.api(f"uuid_setvar_multi {caller.uuid} {variables}")
    ccd.events.clear()
    ccd.api(f"uuid_bridge {caller.uuid} {leg}")
    clock.advance(after_ms / 1000)
    ccd.api(f"uuid_kill {leg} NORMAL_CLEARING")
    ccd.pass_time(clock, 0.2)
    if parked_in is None:
        assert caller.diary.ended_by == "switch"
    else:
        assert ccd.last("CHANNEL_PARK", caller.uuid)["Caller-Context"] == parked_in
        assert caller.diary.ended_at is None


def test_the_caller_hangs_up_right_after_the_bridge_command(slow_switch: SimulatedSwitch, clock: FakeClock) -> None:
    """The agent's leg is then in nobody's hand and lives on: ccd has to end it."""
    ccd = living_ccd(slow_switch)
    caller = answered(slow_switch, ccd, clock)
    leg = agent_leg(slow_switch, ccd, clock, Ring("answer"))
    ccd.api(f"uuid_bridge {caller.uuid} {leg}")
    caller.hang_up()
    ccd.pass_time(clock, 60)
    assert ccd.api(f"uuid_exists {leg}") == "true"
    assert ccd.of(leg)[-1] == "CHANNEL_EXECUTE_COMPLETE"
    ccd.api(f"uuid_kill {leg} ORIGINATOR_CANCEL")
    ccd.pass_time(clock, 0.1)
    assert slow_switch.channels == 0
