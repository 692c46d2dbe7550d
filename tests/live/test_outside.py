"""The outside world does what its scripts say and writes down what happened; else no diary could judge ccd."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ccd.lab.freeswitch import PrivateFreeSwitch
from ccd.lab.stories import CallerScript, Ring
from live.conftest import ROOT
from live.field import Field, until

pytestmark = pytest.mark.live


@pytest.mark.parametrize(
    ("kind", "answer"),
    [
        ("reject", "CALL_REJECTED"),
        ("busy", "USER_BUSY"),
        ("no_answer", "NO_ANSWER"),
        ("not_registered", "USER_NOT_REGISTERED"),
        ("unreachable", "NORMAL_TEMPORARY_FAILURE"),
        ("dead", "PROGRESS_TIMEOUT"),
        ("redirect", "REQUESTED_CHAN_UNAVAIL"),
    ],
)
def test_a_phone_that_does_not_answer_says_so_as_its_script_wants(field: Field, kind: str, answer: str) -> None:
    phone = field.phone("1005", Ring(kind))  # type: ignore[arg-type]
    number = field.a_number()
    reply = field.wire.api(
        f"originate {{origination_caller_id_number={number},ignore_early_media=true,outbound_redirect_fatal=true,"
        f"originate_timeout=3,leg_progress_timeout=2}}user/1005@{field.switch.domain} &park()"
    )
    assert reply == f"-ERR {answer}"
    unseen = kind in ("not_registered", "unreachable")
    assert [ring.caller_number for ring in phone.diary.rings] == ([] if unseen else [number])
    if kind in ("reject", "busy", "redirect"):
        ring = until(lambda: phone.diary.rings[0].ended_at and phone.diary.rings[0], "the ring is over")
        assert (ring.ended_by, ring.answered_at) == ("phone", None)


def test_a_phone_takes_its_behaviours_in_turn(field: Field) -> None:
    """Not registered for a moment, then busy, then answering ever after."""
    phone = field.phone("1006", Ring("not_registered", after_ms=1000), Ring("busy"), Ring("answer", talk_ms=100))
    originate = f"originate {{ignore_early_media=true}}user/1006@{field.switch.domain} &park()"
    assert field.wire.api(originate) == "-ERR USER_NOT_REGISTERED"
    until(lambda: phone.behaviour.kind == "busy", "registered")
    assert until(lambda: _unless(field.wire.api(originate), "-ERR USER_NOT_REGISTERED"), "rung") == "-ERR USER_BUSY"
    for _ in range(2):
        assert field.wire.api(originate).startswith("+OK")
    first, *answered = phone.diary.rings
    assert first.cause == "USER_BUSY"
    for ring in answered:
        until(lambda ring=ring: ring.ended_at, "hung up")
        talked_ms = ((ring.ended_at or 0) - (ring.answered_at or 0)) / 1000
        assert 90 <= talked_ms < 5000
        assert ring.ended_by == "phone"


def test_a_caller_types_its_keys_waits_and_leaves(field: Field) -> None:
    number = field.a_number()
    script = CallerScript(number=number, dialled="95500", keys=((50, "1"), (300, "#")), hang_up_after_ms=2000)
    field.wire.command("event json DTMF")
    caller = field.outside.call(script)
    leg = field.parked(number)
    field.wire.must(f"sched_del ccd-{leg}")
    field.answer(leg)
    for key in "1#":
        field.wait(lambda e, key=key: e["Event-Name"] == "DTMF" and e["DTMF-Digit"] == key, f"key {key}")
    assert caller.ended.wait(30)
    diary = caller.diary
    assert (diary.ended_by, diary.cause, diary.connected_at) == ("caller", "NORMAL_CLEARING", None)
    assert 1900 <= ((diary.ended_at or 0) - (diary.started_at or 0)) / 1000 < 10_000
    field.wire.command("nixevent DTMF")


def test_a_caller_who_talks_with_an_agent_hangs_up_when_it_has_talked(field: Field) -> None:
    phone = field.phone("1007")
    number = field.a_number()
    caller = field.outside.call(CallerScript(number=number, dialled="95500", hang_up_after_ms=60_000, talk_ms=300))
    leg = field.parked(number)
    field.answer(leg)
    agent = f"{{origination_caller_id_number={number},ignore_early_media=true}}user/1007@{field.switch.domain}"
    reply = field.wire.must(f"originate {agent} &park()")
    field.wire.must(f"uuid_bridge {leg} {reply.split()[1]}")
    assert caller.ended.wait(30)
    assert (caller.diary.connected_phone, caller.diary.ended_by) == ("1007", "caller")
    assert caller.diary.connected_at == phone.diary.rings[0].answered_at
    ring = until(lambda: phone.diary.rings[0].ended_at and phone.diary.rings[0], "the phone is hung up too")
    assert ring.ended_by == "switch"


def test_a_caller_that_is_refused_knows_the_cause(field: Field) -> None:
    caller = field.call()
    leg = field.parked(caller.script.number)
    field.wire.must(f"uuid_kill {leg} USER_BUSY")
    assert caller.ended.wait(30)
    assert (caller.diary.ended_by, caller.diary.cause, caller.diary.answered_at) == ("switch", "USER_BUSY", None)


def test_a_switch_killed_starts_again_on_the_same_ports(tmp_path: Path) -> None:
    with PrivateFreeSwitch(ROOT / "config" / "freeswitch", ROOT / "dialplans", tmp_path, "again") as switch:
        first, port = switch.pid, switch.esl_port
        wire = switch.wire()
        core = wire.api("global_getvar core_uuid")
        wire.close()
        switch.kill()
        switch.start()
        wire = switch.wire()
        assert switch.pid != first
        assert switch.esl_port == port
        assert wire.api("global_getvar core_uuid") != core
        assert wire.api("global_getvar ccd_alive") == "0", "the preset"
        wire.close()
    assert switch.version.startswith("1.10")


def test_a_switch_dies_with_the_program_that_started_it(tmp_path: Path) -> None:
    """Nothing is left running, not even after SIGKILL."""
    program = (
        "import sys, time\nfrom pathlib import Path\nfrom ccd.lab.freeswitch import PrivateFreeSwitch\n"
        "switch = PrivateFreeSwitch(Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]), 'orphan')\n"
        "switch.start()\nprint(switch.pid, flush=True)\ntime.sleep(60)\n"
    )
    arguments = [str(ROOT / "config" / "freeswitch"), str(ROOT / "dialplans"), str(tmp_path)]
    with subprocess.Popen([sys.executable, "-c", program, *arguments], stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout is not None
        pid = int(owner.stdout.readline())
        owner.send_signal(signal.SIGKILL)
    until(lambda: not _is_alive(pid), "the switch is gone")


def _unless(value: str, unwanted: str) -> str | None:
    return None if value == unwanted else value


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    return state != "Z"
