"""The event socket of the simulated switch, to the letter."""

from __future__ import annotations

import json

import pytest

from ccd.base.clock import FakeClock
from ccd.sim.switch import SimulatedSwitch
from tests.sim.calls import a_caller, answered
from tests.sim.client import Client

NOBODY = "00000000-0000-4000-8000-000000000000"


def test_wrong_password_is_refused_and_the_line_closed(switch: SimulatedSwitch) -> None:
    client = Client(switch.port, password=None, events="")
    assert client.command("auth wrong") == "-ERR invalid"
    client.until(lambda: client.closed)


def test_nothing_but_auth_is_understood_before_it(switch: SimulatedSwitch) -> None:
    client = Client(switch.port, password=None, events="")
    assert client.command("api status") == "-ERR command not found"


@pytest.mark.parametrize(
    ("command", "reply"),
    [
        ("nonsense", "-ERR command not found"),
        ("linger", "-ERR not controlling a session"),
        ("log 7", "+OK log level 7 [7]"),
        ("event json", "-ERR no keywords supplied"),
        ("event json DTMF CUSTOM sofia::register", "+OK event listener enabled json"),
        ("nixevent DTMF", "+OK events nixed"),
        ("noevents", "+OK no longer listening for events"),
        ("exit", "+OK bye"),
        ("api nosuch x", "-ERR nosuch Command not found!\n"),
        ("api show channels as json", '{"row_count": 0}\n'),
        ("api sched_del ccd-x", "+OK Deleted: 0\n"),
        ("api global_setvar ccd_alive=0", "+OK"),
        (f"api uuid_exists {NOBODY}", "false"),
        (f"api uuid_dump {NOBODY} json", "-ERR No such channel!\n"),
        (f"api uuid_kill {NOBODY} NORMAL_CLEARING", "-ERR No such channel!\n"),
        (f"api uuid_bridge {NOBODY} {NOBODY}", "-ERR Invalid uuid\n"),
        (f"api uuid_break {NOBODY} all", "-ERR No such channel!\n"),
        (f"api uuid_record {NOBODY} start /x.wav", "-ERR Cannot locate session!\n"),
        (f"api uuid_send_dtmf {NOBODY} 1", "-ERR Cannot locate session!\n"),
        (f"api uuid_transfer {NOBODY} a XML b", "-ERR No such channel!\n"),
        (f"sendmsg {NOBODY}\ncall-command: execute\nexecute-app-name: answer", f"-ERR invalid session id [{NOBODY}]"),
    ],
)
def test_replies(ccd: Client, command: str, reply: str) -> None:
    assert ccd.command(command) == reply


def test_bare_newlines_between_commands_are_skipped(ccd: Client) -> None:
    ccd.sock.sendall(b"\n\n\napi strepoch\n\n\n\n\napi uuid_exists x\n\n\n")
    assert [ccd.reply().text, ccd.reply().text] == ["1800000000", "false"]


def test_a_command_may_arrive_in_pieces(ccd: Client) -> None:
    for byte in b"api strepoch\n\n":
        ccd.sock.sendall(bytes([byte]))
    assert ccd.reply().text == "1800000000"


def test_the_reply_comes_before_the_events_of_its_command(switch: SimulatedSwitch, ccd: Client) -> None:
    caller = a_caller(switch, ccd)
    ccd.order.clear()
    ccd.api(f"uuid_kill {caller.uuid} NORMAL_CLEARING")
    ccd.until(lambda: "CHANNEL_HANGUP" in ccd.order)
    assert ccd.order[0] == "reply"


def test_only_named_events_come(switch: SimulatedSwitch, ccd: Client) -> None:
    quiet = Client(switch.port, events="CHANNEL_PARK")
    a_caller(switch, ccd)
    quiet.settle()
    assert {e["Event-Name"] for e in quiet.events} == {"CHANNEL_PARK"}


def test_with_filters_only_what_one_of_them_names_comes(switch: SimulatedSwitch, ccd: Client, clock: FakeClock) -> None:
    ccd.command("filter Event-Name CHANNEL_PARK")
    ccd.command("filter Application answer")
    ccd.events.clear()
    caller = a_caller(switch, ccd)
    ccd.execute(caller.uuid, "set", "x=1")
    ccd.execute(caller.uuid, "answer", "")
    ccd.pass_time(clock, 0.1)
    assert ccd.of(caller.uuid) == ["CHANNEL_PARK", "CHANNEL_EXECUTE", "CHANNEL_EXECUTE_COMPLETE"]


def test_variables_with_semicolons_are_split(switch: SimulatedSwitch, ccd: Client) -> None:
    caller = a_caller(switch, ccd)
    assert ccd.api(f"uuid_setvar_multi {caller.uuid} ccd_v=1;ccd_call_id=abc;ccd_role=") == "+OK\n"
    dump = json.loads(ccd.api(f"uuid_dump {caller.uuid} json"))
    assert (dump["variable_ccd_v"], dump["variable_ccd_call_id"]) == ("1", "abc")
    assert "variable_ccd_role" not in dump
    assert ccd.api(f"uuid_getvar {caller.uuid} ccd_call_id") == "abc"
    assert ccd.api(f"uuid_getvar {caller.uuid} nothing") == "_undef_"


def test_channels_are_listed_as_freeswitch_lists_them(switch: SimulatedSwitch, ccd: Client, clock: FakeClock) -> None:
    caller = answered(switch, ccd, clock)
    listed = json.loads(ccd.api("show channels as json"))
    assert listed["row_count"] == 1
    row = listed["rows"][0]
    wanted = {"uuid": caller.uuid, "direction": "inbound", "cid_num": "13800138000", "dest": "95588", "context": "ccd"}
    assert wanted.items() <= row.items()
    assert row["callstate"] == "ACTIVE"
    assert row["created_epoch"] == "1800000000"


def test_a_killed_switch_comes_back_as_another_one(switch: SimulatedSwitch, ccd: Client, clock: FakeClock) -> None:
    caller = answered(switch, ccd, clock)
    before = ccd.last("CHANNEL_ANSWER")["Core-UUID"]
    switch.kill()
    ccd.until(lambda: ccd.closed)
    assert (caller.diary.ended_by, caller.diary.cause) == ("switch", "SWITCH_LOST")
    switch.start()
    again = Client(switch.port)
    again.pass_time(clock, 20)
    assert again.last("HEARTBEAT")["Core-UUID"] != before
    assert again.api("show channels as json") == '{"row_count": 0}\n'


def test_a_frozen_switch_answers_nobody_until_it_thaws(switch: SimulatedSwitch, ccd: Client) -> None:
    switch.freeze()
    ccd.send("api strepoch")
    with pytest.raises(AssertionError, match="waited in vain"):
        ccd.reply(timeout=0.05)
    switch.thaw()
    assert ccd.reply().text == "1800000000"


def test_a_reply_cut_in_the_middle_ends_the_line_and_no_call(switch: SimulatedSwitch, ccd: Client) -> None:
    a_caller(switch, ccd)
    switch.faults.cut_replies = 1
    ccd.send("api status")
    ccd.until(lambda: ccd.closed)
    assert not ccd.replies
    assert switch.channels == 1


def test_lost_and_late_events(switch: SimulatedSwitch, ccd: Client, clock: FakeClock) -> None:
    switch.faults.lose_event = lambda name, _leg: name == "CHANNEL_PARK"
    switch.faults.delay_events_ms = 500
    caller = a_caller(switch, ccd)
    assert ccd.of(caller.uuid) == []
    ccd.pass_time(clock, 0.6)
    assert "CHANNEL_CREATE" in ccd.of(caller.uuid)
    assert "CHANNEL_PARK" not in ccd.of(caller.uuid)


def test_slow_replies(switch: SimulatedSwitch, ccd: Client, clock: FakeClock) -> None:
    switch.faults.slow_replies_ms = 3000
    ccd.send("api strepoch")
    ccd.until(lambda: clock.pending() > 1)
    clock.advance(2.9)
    assert not ccd.replies
    clock.advance(0.2)
    assert ccd.reply().text
