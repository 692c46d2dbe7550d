"""Routes in the hands of core: which one a number takes and why, closed by one command, and still closed after kill -9."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import msgspec
import pytest

from ccd.base.errors import CcdError, NotFound, Refused
from ccd.calls.facts import CallArrived, CallEnded, EndedBy, Outcome
from ccd.core.house import House
from ccd.journal.configuration import Configuration, Route
from ccd.routing.calendar import Calendar, Span
from ccd.routing.trunks import Trunk
from tests.core.homes import Homes

OFFICE = Calendar(zone="Asia/Shanghai", weekly=((Span(9 * 60, 18 * 60),),) * 5 + ((),) * 2)
ROUTES = (
    Route(dialled="*", flow="main"),
    Route(dialled="02161234567", flow="main", calendar="office", closed_flow="night"),
    Route(dialled="02161234567", flow="vip", caller_class="vip"),
    Route(dialled="4567", flow="e1", trunk="e1a", caller_class="vip"),
    Route(dialled="4008*", flow="toll"),
)
CONFIGURATION = Configuration(
    version=1,
    calendars={"office": OFFICE},
    routes=ROUTES,
    trunks=(Trunk(name="e1a", spans=("e1a",), digits=4, prefix="0216123"),),
)


@pytest.fixture
def house(homes: Homes, tmp_path: Path) -> House:
    house = homes.start(tmp_path / "a")
    house.configuring.take(CONFIGURATION)
    return house


def closed(house: House) -> dict[str, str]:
    """What is closed, by the number and the class of its route."""
    rows = house.do("routes.list", {})["routes"]
    return {f"{row['dialled']} {row['caller_class']}".strip(): row["closed"] for row in rows if not row["open"]}


def show(house: House, dialled: str, **more: str) -> dict[str, Any]:
    told: dict[str, Any] = house.do("routes.show", {"dialled": dialled, **more})
    return told


def test_the_route_of_a_number_is_told_with_its_reason_and_those_behind_it(house: House) -> None:
    told = show(house, "4567", trunk="e1a", caller_class="vip")
    assert (told["full"], told["dialled_e164"]) == ("02161234567", "+862161234567")
    assert (told["route"]["flow"], told["route"]["why"]) == (
        "e1",
        "it is for this number, for vip callers, by trunk e1a",
    )
    assert [row["flow"] for row in told["others"]] == ["vip", "main", "main"]
    assert show(house, "4008123456")["route"]["why"] == "the number begins so"
    assert show(house, "13800138000")["route"]["why"] == "it is for every other number"


def test_at_another_moment_the_calendar_decides(house: House) -> None:
    now, night = show(house, "02161234567"), show(house, "02161234567", at="2027-01-15T22:00")
    assert (now["route"]["open"], now["route"]["leads_to"], now["route"]["until"]) == (
        True,
        "main",
        "2027-01-15T10:00:00.000Z",
    )
    assert (night["route"]["closed"], night["route"]["reason"], night["route"]["leads_to"]) == (
        "hours",
        "closed_hours",
        "night",
    )
    assert show(house, "4008", at="2027-01-15T22:00+08:00")["at"] == "2027-01-15T14:00:00.000Z"


def test_one_number_is_closed_with_all_its_routes_however_it_is_written(house: House) -> None:
    assert house.do("routes.close", {"dialled": "+862161234567", "reason": "火警"})["closed"] == ["02161234567", "4567"]
    assert closed(house) == {"02161234567": "by_hand", "02161234567 vip": "by_hand", "4567 vip": "by_hand"}
    row = show(house, "02161234567")["route"]
    assert (row["note"], row["leads_to"], row["closed_since"]) == ("火警", "night", "2027-01-15T08:00:00.000Z")
    assert show(house, "02161234567", caller_class="vip")["route"]["leads_to"] == "closed_route"
    before = show(house, "02161234567", at="2027-01-15T10:00")
    assert before["route"]["open"], "it was open this morning"
    house.do("routes.open", {"dialled": "02161234567"})
    assert closed(house) == {"4567 vip": "by_hand"}


def test_the_rest_is_closed_by_its_star_and_everything_by_all(house: House) -> None:
    house.do("routes.close", {"dialled": "*"})
    assert closed(house) == {"*": "by_hand"}
    house.do("routes.close", {"dialled": "all"})
    assert len(closed(house)) == len(ROUTES)
    with pytest.raises(Refused, match="--all"):
        house.do("routes.open", {"dialled": "*"})
    house.do("routes.open", {"dialled": "all"})
    assert closed(house) == {}


@pytest.mark.parametrize(
    ("verb", "given", "error"),
    [
        ("routes.close", {"dialled": "95588"}, NotFound),
        ("routes.close", {"dialled": "4008123*"}, NotFound),
        ("routes.open", {"dialled": "95588"}, NotFound),
        ("routes.close", {}, Refused),
        ("routes.close", {"dialled": "*", "reason": "x" * 201}, Refused),
        ("routes.show", {}, Refused),
        ("routes.show", {"dialled": "4567", "trunk": "e1b"}, Refused),
        ("routes.show", {"dialled": "4567", "at": "soon"}, Refused),
        ("routes.show", {"dialled": "4008", "at": "2027-01-15T22:00"}, Refused),
        ("routes.show", {"dialled": "4008", "at": "9999-12-31T23:59+00:00"}, Refused),
    ],
)
def test_what_is_refused_changes_nothing(house: House, verb: str, given: dict[str, Any], error: type[CcdError]) -> None:
    with pytest.raises(error):
        house.do(verb, given)
    assert closed(house) == {}


def test_a_closing_survives_kill_9(house: House, homes: Homes, tmp_path: Path) -> None:
    """Nothing was saved in an orderly way: what stands on the disk at that moment is all there is."""
    house.do("routes.close", {"dialled": "4008*", "reason": "fire"})
    house.do("routes.close", {"dialled": "*"})
    house.do("routes.open", {"dialled": "*"})
    shutil.copytree(tmp_path / "a" / "state", tmp_path / "b" / "state")
    again = homes.start(tmp_path / "b")
    assert closed(again) == {"4008*": "by_hand"}
    again.do("routes.open", {"dialled": "all"})
    shutil.copytree(tmp_path / "b" / "state", tmp_path / "c" / "state")
    assert closed(homes.start(tmp_path / "c")) == {}


def test_a_closing_outlives_its_route_and_can_be_forgotten(house: House) -> None:
    house.do("routes.close", {"dialled": "4008*"})
    house.configuring.take(msgspec.structs.replace(CONFIGURATION, version=2, routes=ROUTES[:1]))
    assert house.do("routes.list", {})["closed_without_route"] == ["4008*"]
    house.configuring.take(msgspec.structs.replace(CONFIGURATION, version=3))
    assert closed(house) == {"4008*": "by_hand"}
    house.do("routes.open", {"dialled": "4008*"})
    assert closed(house) == {}


def test_a_configuration_of_before_trunks_still_loads(house: House) -> None:
    old = msgspec.to_builtins(Configuration(version=5))
    old["routes"] = [{"dialled": "95588", "flow": "main", "answer": "at_agent", "record": "queue"}]
    del old["trunks"]
    house.do("configuration.put", old)
    route = house.site.route("95588")
    assert route is not None
    assert (route.answer, route.record, route.trunk, route.caller_class) == ("at_agent", "queue", "", "")
    assert house.do("trunks.list", {}) == []


def test_who_called_before_is_known_after_kill_9(house: House, homes: Homes, tmp_path: Path) -> None:
    publish, caller = house.publisher.publish, "+8613800138000"
    for call_id in ("0190a1b2-0000-7000-8000-000000000001", "0190a1b2-0000-7000-8000-000000000002"):
        house.clock.advance(1)  # type: ignore[attr-defined]
        at = house.clock.now()
        publish(
            CallArrived(
                at=at, call_id=call_id, leg_id=call_id, node="", caller_number="", caller_name="", dialled="",
                caller_e164=caller,
            )
        )  # fmt: skip
        publish(
            CallEnded(
                at=at, call_id=call_id, leg_id=call_id, outcome=Outcome.ABANDONED, cause="", ended_by=EndedBy.CALLER,
                duration_ms=1,
            )
        )  # fmt: skip
        if call_id.endswith("1"):
            house.memory.save_callers()  # the second is in the spool only
            house.memory.save()
    shutil.copytree(tmp_path / "a" / "state", tmp_path / "b" / "state")
    again = homes.start(tmp_path / "b")
    assert again.callers.calls_before(caller, house.clock.now() + 1, 60_000) == 2
    known = again.callers.of(caller)
    assert known is not None
    assert known.outcome == "abandoned"
