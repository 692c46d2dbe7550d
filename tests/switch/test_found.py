"""What a reconciliation reads: lists, dumps, call records on disk."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ccd.base.errors import SwitchRefused
from ccd.switch.cdr import read_ending
from ccd.switch.events import ChannelAnswered, ChannelBridged, ChannelCreated, ChannelParked
from ccd.switch.found import read_channels, read_dump

LEG = "9bdf6fe4-050d-4672-817c-2738138e8eee"


def dump(**more: str) -> str:
    return json.dumps(
        {
            "Unique-ID": LEG,
            "Channel-State": "CS_EXECUTE",
            "Call-Direction": "inbound",
            "Caller-Channel-Created-Time": "5",
            "Caller-Channel-Answered-Time": "0",
            "variable_current_application": "park",
            "variable_ccd_call_id": "c1",
        }
        | more
    )


def test_list_of_channels() -> None:
    assert read_channels('{"row_count": 1, "rows": [{"uuid": "a"}]}') == ["a"]
    assert read_channels('{"row_count": 0}') == []


@pytest.mark.parametrize("text", ["-ERR no", "[]", "null", '{"rows": [1]}', '{"rows": [{"id": 1}]}'])
def test_list_that_is_none(text: str) -> None:
    with pytest.raises(SwitchRefused):
        read_channels(text)


@pytest.mark.parametrize("text", ["-ERR No such channel!", "[]", "null", "7", '"x"'])
def test_dump_that_is_none(text: str) -> None:
    with pytest.raises(SwitchRefused):
        read_dump(text)


@pytest.mark.parametrize(
    ("more", "parked", "ended", "kinds"),
    [
        ({}, True, False, [ChannelCreated, ChannelParked]),
        ({"Caller-Channel-Answered-Time": "9"}, True, False, [ChannelCreated, ChannelAnswered, ChannelParked]),
        ({"variable_current_application": "playback"}, True, False, [ChannelCreated, ChannelParked]),
        ({"variable_current_application": "bridge"}, False, False, [ChannelCreated]),
        # from uuid_bridge on until the bridge stands both are true: the bond tells where it is going
        ({"variable_signal_bond": "other"}, True, False, [ChannelCreated, ChannelBridged]),
        ({"Channel-State": "CS_HANGUP"}, False, True, [ChannelCreated]),
        ({"Caller-Channel-Answered-Time": "²"}, True, False, [ChannelCreated, ChannelParked]),
    ],
)
def test_channel_as_the_events_that_led_here(more: dict[str, str], parked: bool, ended: bool, kinds: list[Any]) -> None:
    found = read_dump(dump(**more))
    assert (found.parked, found.ended) == (parked, ended)
    assert [type(one) for one in found.as_events(100)] == kinds
    assert found.carried().call_id == "c1"


def test_only_what_was_missed_is_told() -> None:
    found = read_dump(dump(**{"Caller-Channel-Answered-Time": "9"}))
    assert found.changes(1, answered=True, bridged_to="", parked=True) == []


def record(folder: Path, **variables: str) -> None:
    (folder / f"{LEG}.cdr.json").write_text(json.dumps({"variables": variables}), encoding="utf-8")


def test_ending_from_the_switchs_record(tmp_path: Path) -> None:
    record(
        tmp_path,
        end_uepoch="9000000",
        answer_uepoch="5",
        hangup_cause="NORMAL_CLEARING",
        ccd_fallback="1",
        record_ms="70",
    )
    ending = read_ending(str(tmp_path), LEG)
    assert ending is not None
    assert (ending.ended_at, ending.answered_at, ending.cause) == (9_000_000, 5, "NORMAL_CLEARING")
    assert (ending.fallback, ending.record_ms) == (True, 70)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"variables": 1}', '{"variables": {"end_uepoch": "x"}}'])
def test_unreadable_record_is_no_ending(tmp_path: Path, text: str) -> None:
    (tmp_path / f"{LEG}.cdr.json").write_text(text)
    assert read_ending(str(tmp_path), LEG) is None


@pytest.mark.parametrize("leg_id", ["0" * 8, "../../etc/passwd", "my-own-leg", ""])
def test_leg_of_somebody_elses_making_has_no_record(tmp_path: Path, leg_id: str) -> None:
    assert read_ending(str(tmp_path), leg_id) is None
