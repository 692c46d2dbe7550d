"""Who called before: counted within a window, bounded, and the same after kill -9."""

from __future__ import annotations

import msgspec
import pytest

from ccd.acd.facts import TalkEnded
from ccd.calls.facts import CallArrived, CallEnded, EndedBy, Outcome
from ccd.core import past_callers
from ccd.core.past_callers import PastCallers

SECOND = 1_000_000
HOUR = 3600 * SECOND
NOON = 1_800_000_000 * SECOND
WANG = "+8613800138000"


def arrives(callers: PastCallers, at: int, number: str = WANG, call_id: str = "c") -> CallArrived:
    fact = CallArrived(
        at=at, call_id=call_id, leg_id="l", node="n", caller_number="", caller_name="", dialled="", caller_e164=number
    )
    callers.apply(fact)
    return fact


def talked(call_id: str, agent_id: str) -> TalkEnded:
    return TalkEnded(
        at=NOON, entry_id="e", call_id=call_id, queue_id="q", agent_id=agent_id, talk_ms=1, ended_by=EndedBy.AGENT
    )


def ended(call_id: str, outcome: Outcome) -> CallEnded:
    return CallEnded(
        at=NOON, call_id=call_id, leg_id="l", outcome=outcome, cause="X", ended_by=EndedBy.CALLER, duration_ms=1
    )


def test_calls_count_within_the_window_and_not_the_call_itself() -> None:
    callers = PastCallers()
    for hours in (30, 3, 1):
        arrives(callers, NOON - hours * HOUR)
    arrives(callers, NOON)
    day = 24 * 3_600_000
    assert callers.calls_before(WANG, NOON, day) == 2
    assert callers.calls_before(WANG, NOON, 2 * day) == 3
    assert callers.calls_before(WANG, NOON, 0) == 0
    assert callers.calls_before("", NOON, day) == callers.calls_before("+8610086", NOON, day) == 0


def test_the_last_outcome_and_the_agent_who_talked_last_are_kept() -> None:
    callers = PastCallers()
    arrives(callers, NOON, call_id="a")
    for fact in (talked("a", "alice"), ended("a", Outcome.ANSWERED)):
        callers.apply(fact)
    arrives(callers, NOON + SECOND, call_id="b")
    callers.apply(ended("b", Outcome.ABANDONED))
    known = callers.of(WANG)
    assert known is not None
    assert (known.outcome, known.agent_id) == ("abandoned", "alice")
    assert callers.open == {}


def test_who_has_no_such_number_leaves_nothing() -> None:
    callers = PastCallers()
    arrives(callers, NOON, number="")
    for fact in (talked("c", "alice"), ended("c", Outcome.ANSWERED)):
        callers.apply(fact)
    assert callers == PastCallers()


def test_a_fact_that_is_followed_twice_counts_once() -> None:
    callers = PastCallers()
    facts = [arrives(callers, NOON), talked("c", "alice"), ended("c", Outcome.ANSWERED)]
    for fact in [*facts, *facts]:
        callers.apply(fact)
    assert callers.calls_before(WANG, NOON + 1, 1_000) == 1


def test_numbers_and_calls_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(past_callers, "MOST_NUMBERS", 3)
    callers = PastCallers()
    for number in range(5):
        arrives(callers, NOON + number, f"+8613{number}", call_id=str(number))
    arrives(callers, NOON + 9, "+86132", call_id="9")
    assert list(callers.numbers) == ["+86133", "+86134", "+86132"]
    for second in range(50):
        arrives(callers, NOON + second * SECOND)
    assert len(callers.numbers[WANG].calls) == past_callers.MOST_CALLS


def test_who_has_not_called_for_a_week_is_forgotten() -> None:
    callers = PastCallers()
    arrives(callers, NOON, "+86131")
    arrives(callers, NOON + 8 * 24 * HOUR)
    assert list(callers.numbers) == [WANG]


def test_what_is_saved_comes_back() -> None:
    callers = PastCallers()
    arrives(callers, NOON)
    callers.apply(talked("c", "alice"))
    assert msgspec.convert(msgspec.json.decode(msgspec.json.encode(callers)), PastCallers) == callers
