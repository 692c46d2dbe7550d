"""Presses told twice count once, keys pressed twice count twice."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccd.calls.presses import APART_MS, LONGEST_HELD_MS, Presses
from ccd.switch.events import DigitPressed

RTP, INFO, TONE, TDM = "RTP", "ENDPOINT", "INBAND_AUDIO", "UNKNOWN"


def told(presses: Presses, *reports: tuple[str, str, int], held_ms: int = 100) -> str:
    """The keys that count of (key, source, ms)."""
    events = [
        DigitPressed(leg_id="leg", at=ms * 1000, digit=digit, source=source, duration_ms=held_ms)
        for digit, source, ms in reports
    ]
    return "".join(event.digit for event in events if presses.counts(event))


def test_a_press_that_is_told_as_info_and_as_telephone_event_is_one() -> None:
    assert told(Presses(), ("1", INFO, 0), ("1", RTP, 150)) == "1"
    assert told(Presses(), ("1", RTP, 0), ("1", INFO, 150)) == "1"


@pytest.mark.parametrize("source", [RTP, INFO, TONE, TDM, "APP", ""])
def test_a_key_pressed_twice_is_two_however_fast(source: str) -> None:
    assert told(Presses(), ("1", source, 0), ("1", source, 1)) == "11"


def test_a_key_pressed_twice_and_told_twice_each_time_is_two_in_whatever_order() -> None:
    assert told(Presses(), ("1", INFO, 0), ("1", RTP, 80), ("1", INFO, 200), ("1", RTP, 280)) == "11"
    assert told(Presses(), ("1", INFO, 0), ("1", INFO, 200), ("1", RTP, 250), ("1", RTP, 450)) == "11"


def test_three_sources_tell_of_one_press() -> None:
    assert told(Presses(), ("5", TONE, 0), ("5", RTP, 10), ("5", INFO, 20), ("5", RTP, 300)) == "55"


def test_another_key_is_another_press() -> None:
    assert told(Presses(), ("1", INFO, 0), ("2", RTP, 10)) == "12"


def test_the_second_report_of_a_key_that_was_held_comes_when_it_is_let_go() -> None:
    report = (("1", INFO, 0), ("1", RTP, APART_MS + 900))
    assert told(Presses(), *report, held_ms=900) == "1"
    assert told(Presses(), *report, held_ms=100) == "11"
    assert told(Presses(), ("1", INFO, 0), ("1", RTP, APART_MS + LONGEST_HELD_MS + 1), held_ms=60_000) == "11"


@pytest.mark.parametrize(
    ("method", "counts"),
    [("auto", "1234"), ("rfc2833", "14"), ("info", "24"), ("inband", "34")],
)
def test_of_a_trunk_that_says_how_it_sends_keys_only_those_count(method: str, counts: str) -> None:
    presses = Presses()
    presses.method = method
    assert told(presses, ("1", RTP, 0), ("2", INFO, 1), ("3", TONE, 2), ("4", TDM, 3)) == counts


@given(
    keys=st.text("0123456789*#", max_size=20),
    gaps=st.lists(st.integers(60, 900), min_size=20, max_size=20),
    sources=st.sets(st.sampled_from([RTP, INFO, TONE, TDM]), min_size=1),
    seed=st.integers(0, 2**32),
)
def test_every_press_counts_once_whoever_tells_of_it(keys: str, gaps: list[int], sources: set[str], seed: int) -> None:
    """Each source tells of every press, in order, none too late."""
    chance = random.Random(seed)
    reports = []
    for source in sorted(sources):
        at, last = 0, 0
        for key, gap in zip(keys, gaps, strict=False):
            at += gap
            last = max(last, at + chance.randint(0, APART_MS // 2))
            reports.append((key, source, last))
    reports.sort(key=lambda report: report[2])
    assert told(Presses(), *reports) == keys
