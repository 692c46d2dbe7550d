"""What keeps callers alive while ccd is not: the guards of the dialplan, on a real FreeSWITCH with our configuration."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ccd.lab.parties import Caller, Phone
from ccd.lab.ports import HOST
from ccd.lab.stories import Ring
from live.conftest import LEASE_S
from live.field import Field, until
from live.rawsip import RawCall, invite_with

pytestmark = pytest.mark.live


def test_a_living_ccd_gets_the_caller_parked_with_all_it_needs(field: Field) -> None:
    caller = field.call()
    leg = field.parked(caller.script.number)
    carried = {name: field.wire.getvar(leg, name) for name in ("ccd_entry", "playback_terminators")}
    assert carried == {"ccd_entry": "1", "playback_terminators": "none"}
    assert field.wire.getvar(leg, "send_silence_when_idle") == "-1"
    assert field.wire.getvar(leg, "uuid_bridge_park_on_cancel") == "true"
    assert field.wire.getvar(leg, "transfer_after_bridge") == "after:XML:ccd_after"
    assert not caller.answered.is_set(), "answering is ccd's to decide"


@pytest.mark.parametrize("age_s", [0, 3])
def test_fresh_liveness_lets_callers_in(field: Field, age_s: int) -> None:
    now = int(field.wire.must("strepoch"))
    field.set_alive(str(now - age_s))
    field.parked(field.call().script.number)


@pytest.mark.parametrize(
    "value",
    ["", "0", "garbage", "!err!", "now+3600", "now-7", "99999999999", "-1000000000", "${strepoch()}"],
)
def test_anything_but_fresh_liveness_sends_callers_to_the_fallback(field: Field, value: str) -> None:
    """Unset, garbage, in the future, old: the guard fails closed, at once."""
    if value.startswith("now"):
        value = str(int(field.wire.must("strepoch")) + int(value[3:]))
    field.set_alive(value)
    fallback = field.phone("fallback", register=False)
    caller = field.call()
    field.rung(fallback, caller.script.number)
    assert caller.connected.wait(30)
    assert caller.diary.connected_phone == "fallback"
    assert not [e for e in field.events if e["Event-Name"] == "CHANNEL_PARK"]


def test_reloadxml_does_not_shut_the_guard(field: Field) -> None:
    """An engineer who reloads the configuration must not send everybody to the fallback."""
    before = field.wire.api("global_getvar ccd_alive")
    field.wire.must("reloadxml")
    assert field.wire.api("global_getvar ccd_alive") == before
    field.parked(field.call().script.number)


@pytest.mark.parametrize("number", ["110", "119", "120", "122", "999", "112", "911"])
def test_emergency_numbers_go_out_before_any_guard(field: Field, number: str) -> None:
    field.ccd_is_dead()
    emergency = field.phone(f"emergency-{number}", register=False)
    caller = field.call(dialled=number)
    field.rung(emergency, caller.script.number)
    assert caller.connected.wait(30)


def test_an_agent_reaches_the_emergency_number_without_ccd(field: Field) -> None:
    field.ccd_is_dead()
    emergency = field.phone("emergency-120", register=False)
    agent = field.outside.dial("1003", "120")
    field.rung(emergency, "1003")
    assert agent.answered.wait(30)


def test_what_an_agent_dials_is_parked_and_hung_up_when_nobody_takes_it(field: Field) -> None:
    agent = field.outside.dial("1003", "13912345678")
    leg = field.parked("1003", "ccd_agents")
    assert field.wire.getvar(leg, "ccd_entry") == "1"
    assert agent.ended.wait(30)
    assert agent.diary.ended_by == "switch"
    assert agent.diary.answered_at is None


def test_what_an_agent_dials_is_refused_without_ccd(field: Field) -> None:
    field.ccd_is_dead()
    agent = field.outside.dial("1003", "13912345678")
    assert agent.ended.wait(30)
    assert agent.diary.cause == "NORMAL_TEMPORARY_FAILURE"


def test_a_phone_with_a_wrong_password_is_refused(field: Field) -> None:
    right, field.switch.phone_password = field.switch.phone_password, "wrong"
    try:
        agent = field.outside.dial("1003", "13912345678")
    finally:
        field.switch.phone_password = right
    assert agent.ended.wait(30)
    assert agent.diary.answered_at is None
    assert not [
        e for e in field.events if e.get("Caller-Caller-ID-Number") == "1003" and e["Event-Name"] == "CHANNEL_PARK"
    ]


def test_the_first_lease_moves_a_caller_to_the_fallback_when_nobody_renews_it(field: Field) -> None:
    """ccd died in the six seconds that the liveness guard does not see."""
    fallback = field.phone("fallback", register=False)
    caller = field.call()
    leg = field.parked(caller.script.number)
    ring = field.rung(fallback, caller.script.number)
    waited_ms = (ring.rang_at - (caller.diary.started_at or 0)) / 1000
    assert (LEASE_S - 1) * 1000 < waited_ms < (LEASE_S + 10) * 1000
    assert field.wire.getvar(leg, "ccd_fallback") == "1"


def test_a_renewed_lease_does_not_fire(field: Field) -> None:
    """A second caller, whose lease nobody renews, shows that the time for it has come and gone."""
    fallback = field.phone("fallback", register=False)
    kept, lost = field.call(), field.call()
    leg = field.parked(kept.script.number)
    field.parked(lost.script.number)
    field.wire.must(f"sched_del ccd-{leg}")
    field.wire.must(f"sched_api +30 ccd-{leg} uuid_transfer {leg} fallback XML ccd_fallback")
    field.rung(fallback, lost.script.number)
    assert lost.connected.wait(30)
    assert [ring.caller_number for ring in fallback.diary.rings] == [lost.script.number]
    assert not kept.ended.is_set()
    field.wire.must(f"sched_del ccd-{leg}")


def test_a_customer_whose_agent_hung_up_comes_back_to_a_living_ccd_with_a_new_lease(field: Field) -> None:
    phone = field.phone("1001")
    fallback = field.phone("fallback", register=False)
    caller = _talking(field, phone="1001")
    field.ccd_lives()
    _hangs_up(field, phone)
    leg = field.parked(caller.script.number, "ccd_after")
    field.rung(fallback, caller.script.number)  # the lease of ccd_after, as nobody renewed it
    assert field.wire.getvar(leg, "transfer_after_bridge") is None


def test_a_customer_whose_agent_hung_up_goes_to_the_fallback_without_ccd(field: Field) -> None:
    phone = field.phone("1001")
    fallback = field.phone("fallback", register=False)
    caller = _talking(field, phone="1001")
    field.ccd_is_dead()
    _hangs_up(field, phone)
    field.rung(fallback, caller.script.number)
    assert not caller.ended.is_set()


def test_the_fallback_clears_what_would_take_the_caller_back(field: Field) -> None:
    """When the fallback's own conversation ends, the caller is hung up, neither parked in silence nor sent round again."""
    fallback = field.phone("fallback", Ring("answer", talk_ms=300), register=False)
    caller = field.call()
    leg = field.parked(caller.script.number)
    for name, value in (("transfer_after_bridge", "after:XML:ccd_after"), ("park_after_bridge", "true")):
        field.wire.must(f"uuid_setvar {leg} {name} {value}")
    field.wire.must(f"uuid_transfer {leg} fallback XML ccd_fallback")
    assert field.rung(fallback, caller.script.number)
    assert caller.connected.wait(30)
    left = {name: field.wire.getvar(leg, name) for name in ("transfer_after_bridge", "park_after_bridge")}
    assert left == {"transfer_after_bridge": None, "park_after_bridge": None}
    assert field.wire.getvar(leg, "hangup_after_bridge") == "true"
    assert caller.ended.wait(30)
    assert caller.diary.ended_by == "switch"
    parks = [e for e in field.events if e["Event-Name"] == "CHANNEL_PARK" and e["Unique-ID"] == leg]
    assert len(parks) == 1
    assert field.wire.api(f"sched_del ccd-{leg}") == "+OK Deleted: 0", "the lease is gone"


def test_a_fallback_that_nobody_answers_ends_with_a_prompt_and_goodbye(field: Field) -> None:
    field.phone("fallback", Ring("busy"), register=False)
    field.ccd_is_dead()
    caller = field.call()
    assert caller.ended.wait(30)
    assert caller.diary.answered_at is not None, "the prompt must be heard"
    assert caller.diary.cause == "NORMAL_CLEARING"


def test_a_customer_whom_the_phone_refers_away_lands_parked_with_a_lease(field: Field) -> None:
    agent_phone = field.phone("1001")
    fallback = field.phone("fallback", register=False)
    caller = _talking(field, phone="1001")
    field.ccd_lives()
    agent_leg = next(iter(agent_phone.legs))
    field.outside.api(f"uuid_deflect {agent_leg} sip:5555@{field.switch.domain}")
    leg = field.parked(caller.script.number, "ccd_refer")
    assert not caller.ended.is_set()
    field.rung(fallback, caller.script.number)
    assert field.wire.getvar(leg, "ccd_fallback") == "1"


def test_every_leg_leaves_a_cdr_file_of_its_own(field: Field) -> None:
    phone = field.phone("1001")
    caller = field.call()
    customer = field.parked(caller.script.number)
    field.wire.must(f"uuid_setvar {customer} transfer_after_bridge")
    agent = field.connect(customer, "1001")
    _hangs_up(field, phone)
    assert caller.ended.wait(30), "without transfer_after_bridge the caller goes with the agent"
    for leg in (customer, agent):
        file = field.switch.cdr_dir / f"{leg}.cdr.json"
        record = until(lambda file=file: _whole_json(file), f"{file.name} written")
        assert record["variables"]["uuid"] == leg
    assert record["variables"]["sip_hangup_disposition"] == "recv_bye"


def test_a_parked_leg_keeps_sending_rtp(field: Field) -> None:
    """Gateways drop a call that falls silent; fifty packets a second are what PCMA sends."""
    caller = field.call(patience_ms=2000)
    leg = field.parked(caller.script.number)
    field.wire.must(f"sched_del ccd-{leg}")
    field.answer(leg)
    assert caller.ended.wait(30)
    assert caller.rtp_packets_heard > 40


def test_a_star_does_not_end_the_waiting_music(field: Field) -> None:
    """`*` is FreeSWITCH's default terminator; our legs have none, not even those that ccd originates."""
    caller = field.call()
    leg = field.parked(caller.script.number)
    field.wire.must(f"sched_del ccd-{leg}")
    field.answer(leg)
    assert caller.answered.wait(30)
    field.wire.command("event json DTMF PLAYBACK_STOP PLAYBACK_START")
    field.wire.execute(leg, "playback", "local_stream://moh")
    field.wait(lambda e: e["Event-Name"] == "PLAYBACK_START" and e["Unique-ID"] == leg, "music")
    for key in "*#":
        caller.press(key)
        field.wait(lambda e, key=key: e["Event-Name"] == "DTMF" and e["DTMF-Digit"] == key, f"key {key}")
    assert not [e for e in field.events if e["Event-Name"] == "PLAYBACK_STOP" and e["Unique-ID"] == leg]
    field.wire.command("nixevent DTMF PLAYBACK_STOP PLAYBACK_START")


@pytest.mark.parametrize("place", ["display_name", "from_user", "dialled", "x_header", "all"])
@pytest.mark.parametrize("alive", [True, False])
def test_no_value_of_a_caller_is_expanded(field: Field, tmp_path: Path, place: str, alive: bool) -> None:
    """`${system(touch F)}` in a name, a number, a header or the dialled digits runs nothing, on any way through the dialplan."""
    control, forbidden = tmp_path / "control", tmp_path / "F"
    field.wire.api(f"expand echo ${{system(touch {control})}}")
    assert control.exists(), "the trap itself works on this switch"
    fallback = field.phone("fallback", Ring("answer", talk_ms=100), register=False)
    if not alive:
        field.ccd_is_dead()
    call = invite_with(field.switch.sip_port, f"${{system(touch {forbidden})}}", place)
    try:
        if alive:
            event = field.wait(
                lambda e: e["Event-Name"] == "CHANNEL_PARK" and call.call_id == e.get("variable_sip_call_id"), "parked"
            )
            # FreeSWITCH 1.10 itself makes %{ of ${ in names and numbers and stores no header that holds ${…}.
            assert "{system(touch" in json.dumps(event), "the value did arrive"
            leg = event["Unique-ID"]
            field.wire.must(f"uuid_transfer {leg} after XML ccd_after")
            field.wait(lambda e: e.get("Caller-Context") == "ccd_after" and e["Unique-ID"] == leg, "parked again")
            field.wire.must(f"uuid_transfer {leg} fallback XML ccd_fallback")
        until(lambda: fallback.diary.rings and fallback.diary.rings[-1].ended_at, "the fallback talked to the caller")
        field.wait(
            lambda e: e["Event-Name"] == "CHANNEL_DESTROY" and call.call_id == e.get("variable_sip_call_id"), "gone"
        )
    finally:
        call.close()
    assert not forbidden.exists()


def test_nothing_that_an_agents_phone_dials_is_expanded(field: Field, tmp_path: Path) -> None:
    """A phone that knows its password is still a foreign program."""
    forbidden = tmp_path / "F"
    dialled = "".join(one if one.isalnum() else f"%{ord(one):02x}" for one in f"${{system(touch {forbidden})}}")
    login = f"[sip_auth_username=1001,sip_auth_password={field.switch.phone_password}]"
    target = f"{login}sofia/outside/{dialled}@{HOST}:{field.switch.phone_port}"
    field.outside.post(f"bgapi originate {{ignore_early_media=true}}{target} &park()")
    event = field.wait(
        lambda e: e["Event-Name"] == "CHANNEL_PARK" and e.get("Caller-Context") == "ccd_agents",
        "taken as a station's leg",
    )
    assert "system(touch" in event["Caller-Destination-Number"], "the value did arrive"
    field.wire.api(f"uuid_kill {event['Unique-ID']}")
    field.wait(lambda e: e["Event-Name"] == "CHANNEL_DESTROY" and e["Unique-ID"] == event["Unique-ID"], "gone")
    assert not forbidden.exists()


def test_a_peer_that_sends_no_sound_is_hung_up(field: Field) -> None:
    """A gateway that died between two calls says no BYE. Sites wait a minute, this test a second and a half."""
    call = invite_with(field.switch.sip_port, "", "")
    try:
        leg = field.wait(
            lambda e: e["Event-Name"] == "CHANNEL_PARK" and call.call_id == e.get("variable_sip_call_id"), "parked"
        )["Unique-ID"]
        assert field.wire.getvar(leg, "media_timeout") == "60000", "every leg has it from the globals"
        field.wire.must(f"uuid_setvar {leg} media_timeout 1500")
        field.answer(leg)
        gone = field.wait(lambda e: e["Event-Name"] == "CHANNEL_HANGUP_COMPLETE" and e["Unique-ID"] == leg, "hung up")
        assert gone["Hangup-Cause"] == "MEDIA_TIMEOUT"
        assert gone["variable_sip_hangup_disposition"] == "send_bye"
    finally:
        call.close()


def test_a_peer_that_knows_session_timers_gets_ours(field: Field) -> None:
    """Who is gone without a BYE is found by the refresh that does not come."""
    timers = {"Supported": "timer", "Session-Expires": "7200", "Min-SE": "90"}
    uri = f"sip:95500@{HOST}:{field.switch.sip_port}"
    call = RawCall(field.switch.sip_port, uri, f"<sip:13800138000@{HOST}>;tag=1", timers)
    try:
        leg = field.wait(
            lambda e: e["Event-Name"] == "CHANNEL_PARK" and call.call_id == e.get("variable_sip_call_id"), "parked"
        )["Unique-ID"]
        field.answer(leg)
        answer = call.final.get(timeout=30)
        assert answer["session-expires"].split(";")[0] == "1800"
        assert "timer" in answer["supported"]
    finally:
        call.close()


def _talking(field: Field, phone: str) -> Caller:
    """A customer connected with `phone` as ccd connects them."""
    caller = field.call()
    leg = field.parked(caller.script.number)
    field.wire.must(f"sched_del ccd-{leg}")
    for name, value in (
        ("transfer_after_bridge", "after:XML:ccd_after"),
        ("force_transfer_dialplan", "XML"),
        ("force_transfer_context", "ccd_refer"),
    ):
        field.wire.must(f"uuid_setvar {leg} {name} {value}")
    field.connect(leg, phone)
    return caller


def _hangs_up(field: Field, phone: Phone) -> None:
    for leg in list(phone.legs):
        field.outside.api(f"uuid_kill {leg}")


def _whole_json(file: Path) -> dict | None:
    try:
        return json.loads(file.read_text(errors="replace"))
    except (OSError, ValueError):
        return None
