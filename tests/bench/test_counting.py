"""The benches count right; how fast anything is, no test says."""

from __future__ import annotations

import json
import lzma
import subprocess
import sys
from pathlib import Path

import pytest

from ccd.bench import dispatch_measure as measure
from ccd.bench.dispatch_measure import Moment
from ccd.bench.dispatch_peers import switch_files
from ccd.bench.esl_feed import load
from ccd.bench.esl_stream import dress, lap
from ccd.bench.recover import lost_callers
from ccd.bench.result import median, percentile, ratio
from ccd.esl.frame import FrameReader
from ccd.lab.stories import CallerDiary, PhoneDiary, RingDiary

STREAM = Path(__file__).parents[1] / "data" / "load" / "events-json.bin.xz"
CALLS = 12


def frame(body: bytes) -> bytes:
    return b"Content-Length: %d\nContent-Type: text/event-json\n\n%b" % (len(body), body)


@pytest.fixture(scope="module")
def first_calls() -> bytes:
    """All events of the first callers of the recorded stream, and of the agents they talked to."""
    bodies = [one.body for one in FrameReader().feed(load(STREAM))]
    events = [json.loads(body) for body in bodies]
    ours = [
        event["Unique-ID"]
        for event in events
        if event["Event-Name"] == "CHANNEL_CREATE" and event["Call-Direction"] == "inbound"
    ][:CALLS]
    bridges = [event for event in events if event["Event-Name"] == "CHANNEL_BRIDGE"]
    legs = set(ours) | {one["Bridge-B-Unique-ID"] for one in bridges if one["Bridge-A-Unique-ID"] in ours}
    return b"".join(frame(body) for body, event in zip(bodies, events, strict=True) if event.get("Unique-ID") in legs)


def test_a_dressed_stream_has_a_customer_who_parks_and_an_agent_who_parks_for_each_call(first_calls: bytes) -> None:
    recorded = dress(first_calls)
    events = [json.loads(one.body) for one in FrameReader().feed(recorded.raw)]
    parked = [event for event in events if event["Event-Name"] == "CHANNEL_PARK"]
    assert len(events) == recorded.events
    assert len(recorded.pairs) == CALLS
    assert {event["Unique-ID"] for event in parked} == {leg for pair in recorded.pairs for leg in pair}
    assert sum(event.get("variable_ccd_entry") == "1" for event in parked) == CALLS


def test_each_lap_has_ids_of_its_own_and_the_switch_keeps_its_own(first_calls: bytes) -> None:
    recorded = dress(first_calls)
    second = lap(recorded, 1)
    seen = [{json.loads(one.body)["Unique-ID"] for one in FrameReader().feed(each.raw)} for each in (recorded, second)]
    assert not seen[0] & seen[1]
    assert {leg for pair in second.pairs for leg in pair} <= seen[1]
    cores = {json.loads(one.body)["Core-UUID"] for one in FrameReader().feed(recorded.raw + second.raw)}
    assert len(cores) == 1


def test_every_call_of_two_laps_goes_the_whole_path_and_leaves_nothing(first_calls: bytes, tmp_path: Path) -> None:
    stream = tmp_path / "events.bin.xz"
    stream.write_bytes(lzma.compress(first_calls, preset=0))
    done = subprocess.run(
        [sys.executable, "-m", "ccd.bench.esl_whole", str(stream), "2"], stdout=subprocess.PIPE, check=True, timeout=60
    )
    result = json.loads(done.stdout.splitlines()[-1])
    assert result["faults"] == []
    assert result["facts"]["CallerConnected"] == 2 * CALLS
    assert result["facts"]["LegEnded"] == 4 * CALLS


def test_an_agent_is_free_from_the_end_of_his_leg_to_his_own_next_one() -> None:
    moments = [
        Moment(1_000, "created", "x", "1001", "800"),
        Moment(2_000, "created", "y", "1002", "801"),
        Moment(500_000, "ended", "x", "1001", "800"),
        Moment(503_000, "ended", "y", "1002", "801"),
        Moment(504_000, "created", "z", "1001", "802"),
        Moment(900_000, "ended", "z", "1001", "802"),
    ]
    assert measure.free_to_offer(moments) == [4.0]


def test_a_caller_counts_from_his_answer_to_the_first_leg_that_shows_his_number() -> None:
    moments = [
        Moment(1_000, "created", "c", "", "800"),
        Moment(10_000, "answered", "c", "", "800"),
        Moment(13_000, "created", "x", "1001", "800"),
        Moment(20_000, "answered", "x", "1001", "1001"),
        Moment(30_000, "created", "y", "1002", "800"),
    ]
    assert measure.answer_to_offer(moments) == [3.0]


def test_phones_count_from_hang_up_to_next_ring_and_from_dialling_to_the_first_ring() -> None:
    rings = [
        RingDiary(caller_number="800", rang_at=10_000, ended_at=100_000),
        RingDiary(caller_number="801", rang_at=107_000),
    ]
    phones = [PhoneDiary(name="1001", rings=rings), PhoneDiary(name="1002")]
    callers = [CallerDiary(number=number, dialled="4008", started_at=2_000) for number in ("800", "801", "802")]
    assert measure.phone_free_to_ring(phones) == [7.0]
    assert measure.dial_to_ring(callers, phones) == [8.0, 105.0]


def test_served_per_second_leaves_out_the_first_call_of_each_agent() -> None:
    callers = [CallerDiary(number=str(n), dialled="4008", connected_at=n * 500_000) for n in range(11)]
    assert measure.served_per_s(callers, 2) == 1.8
    assert measure.served_per_s(callers[:2], 2) is None


def test_lost_is_who_ended_without_hanging_up_and_who_stands_in_the_fallback() -> None:
    diaries = [
        CallerDiary(number="1", dialled="4008"),
        CallerDiary(number="2", dialled="4008", ended_at=5),
        CallerDiary(number="3", dialled="4008", ended_at=5),
    ]
    assert lost_callers(diaries, {"3"}, ["9"]) == ["2", "9"]


def test_percentiles_medians_and_ratios_of_little_or_nothing() -> None:
    assert percentile([], 0.5) is None
    assert percentile([3.0, 1.0, 2.0], 0.5) == 2.0
    assert percentile([float(n) for n in range(1, 101)], 0.95) == 95.0
    assert median([None, 3.0, None, 1.0]) == 2.0
    assert median([None]) is None
    assert ratio(10.0, None) is None
    assert ratio(10.0, 4.0) == 2.5


def test_the_switch_of_the_bench_loads_the_peer_and_that_of_a_site_does_not(tmp_path: Path) -> None:
    for callcenter in (True, False):
        folder = tmp_path / str(callcenter)
        folder.mkdir()
        config, dialplans = switch_files(folder, callcenter=callcenter)
        modules = (config / "autoload_configs" / "modules.conf.xml").read_text()
        assert ("mod_callcenter" in modules) is callcenter
        assert ('application="callcenter"' in (dialplans / "ccd.xml").read_text()) is callcenter
        assert (config / "autoload_configs" / "callcenter.conf.xml").exists() is callcenter
