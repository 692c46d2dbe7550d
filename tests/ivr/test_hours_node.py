"""The hours node: where callers go when the office is open, closed, on holiday or shut by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from ccd.base.errors import SettingsError
from ccd.ivr.flow import check, load_flow
from ccd.settings.yaml_file import load_bytes
from tests.ivr.caller import Caller

ASK = {"type": "hours", "calendar": "office", "open": "day", "closed": "night"}
ENDS = {name: {"type": "play", "prompt": name, "barge_in": False, "next": "bye"} for name in ("day", "night", "feast")}


def flow(**more: str) -> dict[str, Any]:
    nodes: dict[str, Any] = {"ask": ASK | more, **ENDS, "bye": {"type": "hangup"}}
    if "feast" not in more.values():
        del nodes["feast"]
    return {"start": "ask", "nodes": nodes}


@pytest.mark.parametrize(
    ("says", "more", "goes_to"),
    [
        ("open", {}, "day"),
        ("closed", {}, "night"),
        ("holiday", {}, "night"),
        ("emergency", {}, "night"),
        ("holiday", {"holiday": "feast"}, "feast"),
        ("emergency", {"emergency": "feast"}, "feast"),
        ("emergency", {"holiday": "feast"}, "night"),
    ],
)
def test_callers_go_where_the_calendar_says(says: str, more: dict[str, str], goes_to: str) -> None:
    assert check(flow(**more)) == []
    caller = Caller(flow(**more))
    caller.hours["office"] = says
    caller.begins()
    assert caller.path == ["ask", goes_to]


def test_a_calendar_that_there_is_not_counts_as_closed_and_is_one_line() -> None:
    again = {"start": "ask", "nodes": {"ask": ASK | {"open": "menu", "closed": "menu"}}}
    again["nodes"] |= {  # type: ignore[operator]
        "menu": {"type": "menu", "prompt": "ask", "choices": {"1": "ask"}, "next": "bye"},
        "bye": {"type": "hangup"},
    }
    caller = Caller(again)
    with capture_logs() as lines:
        caller.begins()
        caller.presses("1")
    assert caller.path == ["ask", "menu", "ask", "menu"]
    assert [(line["event"], line["calendar"], line["call_id"]) for line in lines] == [
        ("flow_no_such_calendar", "office", "c1")
    ]


@pytest.mark.parametrize(
    ("more", "where"),
    [
        ({"next": "bye"}, ("nodes", "ask", "next")),
        ({"open": ""}, ("nodes", "ask", "open")),
        ({"calendar": ""}, ("nodes", "ask", "calendar")),
        ({"holiday": "nowhere"}, ("nodes", "ask", "holiday")),
    ],
)
def test_an_hours_node_with_a_fault(more: dict[str, str], where: tuple[str, ...]) -> None:
    assert where in [path for path, _ in check(flow(**more))]


def test_hours_that_lead_back_to_themselves_are_refused() -> None:
    faults = check({"start": "ask", "nodes": {"ask": ASK | {"open": "ask", "closed": "ask"}}})
    assert "goes round" in faults[0][1]


YAML = """\
start: ask
nodes:
  ask:
    type: hours
    calendar: offcie
    open: bye
    closed: bye
  bye: {type: hangup}
"""


def test_a_calendar_that_ccd_yaml_does_not_name_is_a_fault_at_its_place(tmp_path: Path) -> None:
    tree = load_bytes(YAML.encode(), "main.yaml")
    with pytest.raises(SettingsError) as refused:
        load_flow("main", tree, calendars=["office"])
    assert refused.value.faults == [
        "main.yaml:5:15: nodes.ask.calendar: no calendar 'offcie' in ccd.yaml; did you mean 'office'?"
    ]
    assert load_flow("main", tree, calendars=["offcie"]) == load_flow("main", tree)
