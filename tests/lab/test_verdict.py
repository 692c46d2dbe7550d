"""Diary and row: what counts as the same story."""

import datetime as dt

from ccd.lab.stories import CallerDiary
from ccd.lab.verdict import differences, wrongly_screened

ARRIVED, CONNECTED = 1_790_000_000_000_000, 1_790_000_003_000_000


def iso(at):
    return None if at is None else dt.datetime.fromtimestamp(at / 1e6, dt.UTC).isoformat()


def diary(**more):
    usual = {"started_at": ARRIVED, "connected_at": CONNECTED, "connected_phone": "1001", "ended_by": "caller"}
    return CallerDiary(number="13800000001", dialled="4001", **usual | more)


def row(outcome, connected_at, ended_at, agent="wang"):
    return {
        "caller_number": "13800000001",
        "dialled": "4001",
        "outcome": outcome,
        "agent": agent,
        "arrived_at": iso(ARRIVED),
        "connected_at": iso(connected_at),
        "ended_at": iso(ended_at),
    }


def judged(diary, row):
    return differences([diary], [row], {"wang": "1001", "li": "1002"})


def test_the_same_story():
    ended = CONNECTED + 5_000_000
    assert judged(diary(ended_at=ended), row("answered", CONNECTED, ended)) == []


def test_a_talk_that_the_row_does_not_know():
    ended = CONNECTED + 5_000_000
    assert "13800000001: talked to an agent: True, row says abandoned" in judged(
        diary(ended_at=ended), row("abandoned", None, ended, None)
    )


def test_a_caller_who_hangs_up_while_the_phone_is_answered_abandoned():
    ended = CONNECTED + 55_000
    assert judged(diary(ended_at=ended), row("abandoned", None, ended, None)) == []


def test_a_call_that_the_centre_ended_at_once_is_no_such_crossing():
    ended = CONNECTED + 55_000
    assert judged(diary(ended_at=ended, ended_by="switch"), row("abandoned", None, ended, None)) != []


def test_the_wrong_agent():
    ended = CONNECTED + 5_000_000
    assert judged(diary(ended_at=ended), row("answered", CONNECTED, ended, "li")) == [
        "13800000001: talked to phone 1001, row says agent li"
    ]


def screened(diary_answered, outcome, row_answered, unwanted=("13800000001",)):
    seen = diary(answered_at=diary_answered, connected_at=None, connected_phone=None)
    found = row(outcome, None, ARRIVED) | {"answered_at": row_answered}
    return wrongly_screened([seen], [found], unwanted)


def test_an_unwanted_caller_is_rejected_and_never_answered():
    assert screened(None, "blocked", None) == []


def test_an_unwanted_caller_who_was_answered_is_an_error_whoever_says_so():
    assert screened(ARRIVED, "blocked", None) == ["13800000001: is on the blacklist and was answered"]
    assert screened(None, "blocked", iso(ARRIVED)) == ["13800000001: is on the blacklist and was answered"]
    assert screened(ARRIVED, "ivr_ended", iso(ARRIVED)) == [
        "13800000001: is on the blacklist, row says ivr_ended",
        "13800000001: is on the blacklist and was answered",
    ]


def test_an_unwanted_caller_without_a_row_is_an_error():
    seen = diary(answered_at=None, connected_at=None, connected_phone=None)
    assert wrongly_screened([seen], [], ["13800000001"]) == ["13800000001: is on the blacklist, row says not on record"]


def test_nobody_else_is_blocked():
    assert screened(None, "blocked", None, unwanted=()) == ["13800000001: is on no list and was blocked"]
    assert screened(ARRIVED, "answered", iso(ARRIVED), unwanted=()) == []
