"""Transfers on a real FreeSWITCH: whatever the other side does, the caller leaves by the edge that says so, or talks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from ccd.lab.stories import Ring
from live.field import until
from live.office import Office, served_by
from live.site import Site, site

__all__ = ["site"]
pytestmark = pytest.mark.live

ENDS = {
    "answered": "NORMAL_UNSPECIFIED",
    "busy": "USER_BUSY",
    "no_answer": "NO_ANSWER",
    "refused": "CALL_REJECTED",
    "failed": "DESTINATION_OUT_OF_ORDER",
}
EDGES = "".join(f"    {edge}: {edge}\n" for edge in ENDS) + "    next: answered\n"
BYES = "".join(f"  {edge}: {{type: hangup, cause: {cause}}}\n" for edge, cause in ENDS.items())
CALLS_NUMBER = f"""\
start: call
nodes:
  call:
    type: transfer
    number_from: "'0216123' + last(dialled, 4)"
    ring: 3s
{EDGES}{BYES}"""
AFTER_ANSWER = CALLS_NUMBER.replace(
    "start: call\nnodes:\n", "start: hello\nnodes:\n  hello: {type: answer, next: call}\n"
)
FAILS = AFTER_ANSWER.replace("    ring: 3s\n", "    ring: 60s\n    hears: music\n    on_recover: fail\n")
REPEATS = FAILS.replace("on_recover: fail", "on_recover: repeat")
CALLS_STATION = f"""\
start: call
nodes:
  call: {{type: transfer, station: boss, caller_id: site, ring: 20s, next: answered, failed: failed}}
{"".join(line + chr(10) for line in BYES.splitlines() if line.strip().split(":")[0] in ("answered", "failed"))}"""
FLOWS = {
    "rings": CALLS_NUMBER,
    "answers": AFTER_ANSWER,
    "fails": FAILS,
    "repeats": REPEATS,
    "station": CALLS_STATION,
    "forbidden": AFTER_ANSWER.replace("'0216123'", "'0101234'"),
    "emergency": AFTER_ANSWER.replace("number_from: \"'0216123' + last(dialled, 4)\"", 'number: "021110"'),
}
# dialled number → flow and how its calls are answered
ROUTES = [
    {"dialled": "4900", "flow": "station", "answer": "at_agent"},
    {"dialled": "4910", "flow": "forbidden"},
    {"dialled": "4911", "flow": "emergency"},
    *({"dialled": str(4800 + i), "flow": "fails"} for i in range(4)),
    *({"dialled": str(4810 + i), "flow": "repeats"} for i in range(4)),
    *({"dialled": str(4100 + i), "flow": "answers"} for i in range(20)),
    *({"dialled": str(4000 + i), "flow": "rings", "answer": "at_agent"} for i in range(10)),
]


@pytest.fixture(scope="module")
def office(site: Site) -> Iterator[Office]:
    with served_by(site, FLOWS, ROUTES) as made:
        yield made


def transfers(whole: dict[str, Any]) -> list[tuple[str, str]]:
    """The calls that were made for a caller, by number and result, as history has them."""
    return [(one["name"], one["reason"]) for one in whole["segments"] if one["kind"] == "transfer"]


def test_answered_callers_talk_and_go_on_when_the_other_side_hangs_up(office: Office) -> None:
    phone = office.phone("4001", Ring("answer", after_ms=400))
    caller = office.calls("4001")
    ring = office.rung(phone)
    assert ring.caller_number == caller.script.number
    row = office.place(caller, "talking")
    legs = office.daemon.client.get("calls", row["call_id"])["legs"]
    assert sorted((leg["role"], leg["number"]) for leg in legs) == [
        ("customer", caller.script.number),
        ("transfer", "02161234001"),
    ]
    assert caller.answered.wait(30)
    assert caller.diary.answered_at >= ring.answered_at, "not before the other side"
    office.hangs_up(phone)
    assert office.cause(caller) == ENDS["answered"]
    whole = office.record(caller)
    assert (whole["outcome"], transfers(whole)) == ("answered", [("02161234001", "answered")])
    assert office.seen("CHANNEL_PROGRESS", caller.script.number), "his network was told that it rings"
    office.nobody_is_left()


@pytest.mark.parametrize(
    ("dialled", "ring", "edge", "result"),
    [
        ("4101", Ring("busy", after_ms=200), "busy", "busy"),
        ("4102", Ring("reject", after_ms=200), "refused", "rejected"),
        ("4103", Ring("no_answer"), "no_answer", "no_answer"),
        ("4104", Ring("redirect"), "failed", "redirected"),
        ("4105", None, "failed", "unknown_user"),
        ("4006", Ring("busy", after_ms=200), "busy", "busy"),
    ],
    ids=["busy", "refused", "no answer", "forward", "dead number", "unanswered caller"],
)
def test_each_ending_has_its_edge(office: Office, dialled: str, ring: Ring | None, edge: str, result: str) -> None:
    if ring is not None:
        office.phone(dialled, ring)
    caller = office.calls(dialled)
    assert office.cause(caller) == ENDS[edge]
    assert transfers(office.record(caller)) == [(f"0216123{dialled}", result)]
    office.nobody_is_left()


@pytest.mark.parametrize(
    ("dialled", "number", "why"),
    [("4910", "01012344910", "dial.allowed does not list"), ("4911", "021110", "an emergency number")],
)
def test_a_number_that_is_not_allowed_is_never_dialled(office: Office, dialled: str, number: str, why: str) -> None:
    caller = office.calls(dialled)
    assert office.cause(caller) == ENDS["refused"]
    assert transfers(office.record(caller)) == [(number, "not_allowed")]
    assert not [one for one in office.events if number in str(one.get("Caller-Destination-Number"))]
    until(lambda: office.told(why), f"the log says {why}")


def test_a_caller_who_hangs_up_while_it_rings_stops_the_ringing(office: Office) -> None:
    phone = office.phone("4007", Ring("no_answer"))
    caller = office.calls("4007")
    office.rung(phone)
    caller.hang_up()
    ring = until(lambda: phone.diary.rings[-1].ended_at and phone.diary.rings[-1], "the phone is silent")
    assert (ring.ended_by, ring.cause) == ("switch", "ORIGINATOR_CANCEL")
    assert transfers(office.record(caller)) == [("02161234007", "caller_gone")]
    office.nobody_is_left()


def test_a_caller_who_hangs_up_ends_the_talk(office: Office) -> None:
    phone = office.phone("4008", Ring("answer", after_ms=100))
    caller = office.calls("4008")
    office.place(caller, "talking")
    caller.hang_up()
    until(lambda: phone.diary.rings[-1].ended_at, "the other side is gone")
    whole = office.record(caller)
    assert (whole["outcome"], whole["ended_by"], transfers(whole)) == (
        "answered",
        "caller",
        [("02161234008", "answered")],
    )
    office.nobody_is_left()


def test_a_station_is_called_by_its_name_and_shown_the_sites_number(office: Office) -> None:
    office.phone("boss", Ring("answer", after_ms=100, talk_ms=300))
    phone = office.outside.phones["0216123boss"]
    office.daemon.client.post("stations", name="boss", contact=office.outside.contact("0216123boss", "external"))
    caller = office.calls("4900")
    assert office.rung(phone).caller_number == "02155550000"
    assert office.cause(caller) == ENDS["answered"]
    office.nobody_is_left()


@pytest.mark.long
def test_a_talk_goes_on_while_core_is_killed_and_its_end_leads_on(office: Office) -> None:
    phone = office.phone("4801", Ring("answer", after_ms=100))
    caller = office.calls("4801")
    office.place(caller, "talking")
    office.daemon.kill()
    office.daemon.start()
    office.place(caller, "talking")
    assert not caller.ended.is_set()
    office.hangs_up(phone)
    assert office.cause(caller) == ENDS["answered"]
    assert transfers(office.record(caller)) == [("02161234801", "answered")]
    office.nobody_is_left()


@pytest.mark.long
def test_a_talk_that_ends_while_core_is_away_leads_on_too(office: Office) -> None:
    phone = office.phone("4802", Ring("answer", after_ms=100))
    caller = office.calls("4802")
    office.place(caller, "talking")
    office.daemon.kill()
    office.hangs_up(phone)
    office.daemon.start()
    assert office.cause(caller) == ENDS["answered"]
    assert transfers(office.record(caller)) == [("02161234802", "answered")]
    office.nobody_is_left()


@pytest.mark.long
@pytest.mark.parametrize(("dialled", "edge"), [("4803", "failed"), ("4811", "answered")], ids=["fail", "repeat"])
def test_ringing_is_over_when_core_is_killed_and_the_flow_says_what_follows(
    office: Office, dialled: str, edge: str
) -> None:
    phone = office.phone(dialled, Ring("no_answer"), Ring("answer", after_ms=100, talk_ms=300))
    caller = office.calls(dialled)
    office.rung(phone)
    office.daemon.kill()
    office.daemon.start()
    assert office.cause(caller, 15) == ENDS[edge]
    assert len(phone.diary.rings) == (2 if edge == "answered" else 1)
    assert (phone.diary.rings[0].ended_by, phone.diary.rings[0].answered_at) == ("switch", None)
    told = [("0216123" + dialled, "interrupted")] + [("0216123" + dialled, "answered")] * (edge == "answered")
    assert transfers(office.record(caller)) == told
    office.nobody_is_left()
