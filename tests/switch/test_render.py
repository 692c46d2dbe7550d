"""Commands as FreeSWITCH reads them, and that nothing foreign rides along."""

from __future__ import annotations

import re
from typing import Any, get_type_hints

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccd.base import words
from ccd.base.errors import Unsafe
from ccd.switch import commands as c
from ccd.switch.render import RENDERERS, render

A = "9bdf6fe4-050d-4672-817c-2738138e8eee"
B = "98cfff16-db0e-43d8-97f1-b1354c9254ff"
FILE = "/var/lib/ccd/recordings/a.wav"
ORIGINATE = c.Originate(
    leg_id=A,
    contact="user/1001@example.com",
    caller_number="+8613800000000",
    caller_name="",
    timeout_s=20,
    variables={"ccd_role": "agent", "ccd_queue_id": ""},
)
TABLE: list[tuple[c.Command, str]] = [
    (c.Answer(leg_id=A), f"sendmsg {A}\ncall-command: execute\nexecute-app-name: answer"),
    (
        c.Play(leg_id=A, audio="local_stream://moh", execution_id=B),
        f"sendmsg {A}\ncall-command: execute\nexecute-app-name: playback\nexecute-app-arg: local_stream://moh\nEvent-UUID: {B}",
    ),
    (c.StopPlaying(leg_id=A), f"api uuid_break {A} all"),
    (c.DetectTones(leg_id=A), f"sendmsg {A}\ncall-command: execute\nexecute-app-name: start_dtmf"),
    (c.StopDetectingTones(leg_id=A), f"sendmsg {A}\ncall-command: execute\nexecute-app-name: stop_dtmf"),
    (c.SetVariables(leg_id=A, values={"ccd_v": "1", "ccd_node": ""}), f"api uuid_setvar_multi {A} ccd_v=1;ccd_node="),
    (c.Hangup(leg_id=A), f"api uuid_kill {A} NORMAL_CLEARING"),
    (c.Hangup(leg_id=A, cause="LOSE_RACE"), f"api uuid_kill {A} LOSE_RACE"),
    (c.Bridge(leg_id=A, other_id=B), f"api uuid_bridge {A} {B}"),
    (c.Park(leg_id=A), f"api uuid_park {A}"),
    (
        c.Overlay(leg_id=A, audio="tone_stream://%(150,0,800)"),
        f"api uuid_displace {A} start tone_stream://%(150,0,800) 0 mux",
    ),
    (
        c.Originate(
            leg_id=A,
            contact="user/1001@example.com",
            caller_number="",
            caller_name="ccd",
            timeout_s=30,
            variables={},
            extension="standing",
            context="ccd_after",
        ),
        f"bgapi originate {{origination_uuid={A},originate_timeout=30,ignore_early_media=true}}user/1001@example.com "
        "standing XML ccd_after ccd anonymous",
    ),
    (
        c.Originate(
            leg_id=A,
            contact="user/1001@example.com",
            caller_number="138****8000",
            caller_name="销售 138****8000",
            timeout_s=30,
            variables={},
            alone_s=40,
        ),
        f"bgapi originate {{origination_uuid={A},originate_timeout=30,ignore_early_media=true,park_timeout=40:LOSE_RACE}}"
        "user/1001@example.com &park() XML ccd '销售 138****8000' 138****8000",
    ),
    (c.Lease(leg_id=A, seconds=30, hang_up=True), f"api sched_api +30 ccd-{A} uuid_kill {A}"),
    (
        c.Transfer(leg_id=A, extension="fallback", context="ccd_fallback"),
        f"api uuid_transfer {A} fallback XML ccd_fallback",
    ),
    (
        ORIGINATE,
        f"bgapi originate {{origination_uuid={A},originate_timeout=20,ignore_early_media=true,park_timeout=30:LOSE_RACE,"
        "ccd_role=agent,ccd_queue_id=}user/1001@example.com &park() XML ccd anonymous +8613800000000",
    ),
    (c.StartRecording(leg_id=A, path=FILE), f"api uuid_record {A} start {FILE}"),
    (
        c.RecordMessage(leg_id=A, path=FILE, limit_s=61, silence_ms=5_000),
        f"api uuid_record {A} start {FILE} 61 {{RECORD_READ_ONLY=true,RECORD_STEREO=false,RECORD_PRE_BUFFER_FRAMES=1,"
        "RECORD_MIN_SEC=0,RECORD_INITIAL_TIMEOUT_MS=5000,RECORD_FINAL_TIMEOUT_MS=5000}",
    ),
    (c.StopRecording(leg_id=A, path=FILE), f"api uuid_record {A} stop {FILE}"),
    (c.MaskRecording(leg_id=A, path=FILE), f"api uuid_record {A} mask {FILE}"),
    (c.UnmaskRecording(leg_id=A, path=FILE), f"api uuid_record {A} unmask {FILE}"),
    (c.Lease(leg_id=A, seconds=30), f"api sched_api +30 ccd-{A} uuid_transfer {A} fallback XML ccd_fallback"),
    (c.DropLease(leg_id=A), f"api sched_del ccd-{A}"),
    (c.MarkAlive(), "api expand global_setvar ccd_alive=${strepoch()}"),
    (c.MarkAlive(alive=False), "api global_setvar ccd_alive=0"),
    (c.ListChannels(), "api show channels as json"),
    (c.DumpChannel(leg_id=A), f"api uuid_dump {A} json"),
    (c.RingReady(leg_id=A), f"sendmsg {A}\ncall-command: execute\nexecute-app-name: ring_ready"),
    (c.AskLease(), "api global_getvar ccd_lease_s"),
    (c.AskIdentity(), "api global_getvar core_uuid"),
]
KINDS = [
    kind
    for kind in vars(c).values()
    if isinstance(kind, type) and issubclass(kind, c.Command) and kind not in (c.Command, c.LegCommand)
]


@pytest.mark.parametrize(("command", "text"), TABLE, ids=[type(one).__name__ for one, _ in TABLE])
def test_command_as_the_switch_reads_it(command: c.Command, text: str) -> None:
    assert render(command) == text


def test_every_command_has_its_words_and_its_row() -> None:
    assert {type(command) for command, _ in TABLE} == set(KINDS) == set(RENDERERS)


HOSTILE = st.one_of(
    st.text(max_size=40),
    st.sampled_from(
        [
            "${system(touch F)}",
            "a;ccd_alive=1",
            "a\r\n\r\napi shutdown",
            "a\x00b",
            "'",
            '"',
            "a,b=c",
            "../../etc/passwd",
            "^^:a:b",
        ]
    ),
    st.sampled_from([A, "1001", "user/1001@example.com", FILE, "NO_ANSWER", "ccd_v", ""]),
)
FIELDS: dict[Any, st.SearchStrategy[Any]] = {
    str: HOSTILE,
    int: st.integers(0, 10**6),
    bool: st.booleans(),
    dict[str, str]: st.dictionaries(HOSTILE, HOSTILE, max_size=3),
}
FORBIDDEN = re.compile(r"[\r\x00$\\`'\"\[\]<>|]|\^\^")


def any_command(kind: type[c.Command]) -> st.SearchStrategy[c.Command]:
    hints = get_type_hints(kind)
    names = [field.name for field in msgspec.structs.fields(kind)]
    safe = {"leg_id": st.one_of(st.just(A), HOSTILE)}  # half of them get past the first check
    return st.builds(kind, **{name: safe.get(name, FIELDS[hints[name]]) for name in names})


@given(st.one_of([any_command(kind) for kind in KINDS]))
def test_no_text_makes_a_second_command(command: c.Command) -> None:
    """Whatever is rendered has our own header lines, and none of the characters that FreeSWITCH reads specially."""
    try:
        text = render(command)
    except Unsafe:
        return
    lines = text.split("\n")
    assert len(lines) == {c.Play: 5, c.Answer: 3, c.RingReady: 3, c.DetectTones: 3, c.StopDetectingTones: 3}.get(
        type(command), 1
    )
    assert "" not in lines
    if not isinstance(command, c.MarkAlive):
        assert not FORBIDDEN.search(text)
    if isinstance(command, c.SetVariables):
        assert text.count(";") == max(0, len(command.values) - 1)
    if isinstance(command, c.Originate):
        assert text.count("{") == text.count("}") == 1
        assert text.count(" ") == 7  # between the words: dial string, name and number have none of their own


@given(HOSTILE)
def test_any_free_text_travels_as_base64url(text: str) -> None:
    order = c.SetVariables(leg_id=A, values={"ccd_dialled": words.encode_text(text), "ccd_v": "1"})
    value = re.fullmatch(rf"api uuid_setvar_multi {A} ccd_dialled=([A-Za-z0-9_-]*);ccd_v=1", render(order))
    assert value is not None
    assert words.decode_text(value[1]) == text


def test_long_number_that_a_caller_dialled_does_not_cost_the_legs_variables() -> None:
    order = c.SetVariables(leg_id=A, values={"ccd_dialled": words.encode_text("9" * 3000)})
    assert len(render(order)) > 3000


def test_comma_in_an_originates_variable_is_refused() -> None:
    with pytest.raises(Unsafe):
        render(msgspec.structs.replace(ORIGINATE, variables={"ccd_role": "agent,origination_uuid=x"}))
