"""Overflow rules as people write them: what is understood, what is refused, and circles that are found."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccd.acd.overflow import At, Overflow, When, circle
from ccd.acd.overflow_words import MOST_RULES, faults, read, written
from tests.builders import queue

TARGETS = ["queue:sales", "queue:二线 夜班", "flow:menu", "number:13800138000", "voicemail:night", "edge"]


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("60s queue:sales", Overflow(when=When.WAITED, after_ms=60_000, to="queue:sales")),
        ("waited 1m30s edge", Overflow(when=When.WAITED, after_ms=90_000)),
        ("full voicemail:night", Overflow(when=When.FULL, to="voicemail:night")),
        ("key 0 flow:menu", Overflow(when=When.EXIT_KEY, key="0", to="flow:menu")),
        ("position 10 number:13800138000", Overflow(when=When.POSITION, position=10, to="number:13800138000")),
        ("no_agents edge", Overflow(when=When.NO_AGENTS)),
        (
            "none_available always 30s queue:二线 夜班",
            Overflow(when=When.NONE_AVAILABLE, at=At.ALWAYS, after_ms=30_000, to="queue:二线 夜班"),
        ),
    ],
)
def test_a_rule_is_read_as_it_is_meant(text: str, rule: Overflow) -> None:
    assert read(text) == rule
    assert faults([rule]) == []


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "is no rule; some are: 60s queue:sales"),
        ("60s", "is no rule"),
        ("60s sales", "is no rule"),
        ("sometimes queue:sales", "'sometimes' is no cause of overflow; known: waited, position"),
        ("full 60s queue:sales", "'60s' means nothing there"),
        ("60s 90s queue:sales", "'90s' means nothing there"),
        ("position -3 edge", "'-3' means nothing there"),
        ("key 0 1 edge", "'1' means nothing there"),
    ],
)
def test_what_is_none_is_refused_with_the_word_that_is_wrong(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        read(text)


@pytest.mark.parametrize(
    ("rule", "says"),
    [
        (Overflow(when=When.WAITED), "needs a waiting time"),
        (Overflow(when=When.WAITED, after_ms=-1), "a time is from"),
        (Overflow(when=When.POSITION), "needs a position"),
        (Overflow(when=When.EXIT_KEY, key="12"), "needs one key"),
        (Overflow(when=When.EXIT_KEY, key="A"), "needs one key"),
        (Overflow(when=When.FULL, key="1"), "takes no key"),
        (Overflow(when=When.FULL, after_ms=5), "takes no time"),
        (Overflow(when=When.CLOSED, position=5), "takes no position"),
        (Overflow(when=When.CLOSED, at=At.ALWAYS), "always goes with no_agents and none_available only"),
        (Overflow(when=When.FULL, to="sales"), "leads to 'sales', which is none of queue:NAME"),
        (Overflow(when=When.FULL, to="queue:"), "leads to 'queue:'"),
        (Overflow(when=When.FULL, to="queue:a\nb"), "leads to"),
        (Overflow(when=When.FULL, to="number:${system(id)}"), "is no number"),
    ],
)
def test_each_fault_is_named(rule: Overflow, says: str) -> None:
    (fault,) = faults([rule])
    assert says in fault


def test_two_rules_for_the_same_thing_and_too_many_are_refused() -> None:
    assert faults([read("full edge"), read("full queue:sales")]) == ["full queue:sales: there are two rules for that"]
    assert faults([read("key 1 edge"), read("key 2 edge"), read("30s edge"), read("60s edge")]) == []
    assert faults([read(f"{seconds}s edge") for seconds in range(1, MOST_RULES + 2)]) == ["33 rules; 32 are the most"]


RULES = st.one_of(
    st.builds(Overflow, when=st.just(When.WAITED), after_ms=st.integers(1, 86_400_000), to=st.sampled_from(TARGETS)),
    st.builds(Overflow, when=st.just(When.POSITION), position=st.integers(1, 10_000), to=st.sampled_from(TARGETS)),
    st.builds(Overflow, when=st.just(When.EXIT_KEY), key=st.sampled_from("0123456789*#"), to=st.sampled_from(TARGETS)),
    st.builds(Overflow, when=st.sampled_from([When.FULL, When.CLOSED]), to=st.sampled_from(TARGETS)),
    st.builds(
        Overflow,
        when=st.sampled_from([When.NO_AGENTS, When.NONE_AVAILABLE]),
        at=st.sampled_from(At),
        after_ms=st.integers(0, 86_400_000),
        to=st.sampled_from(TARGETS),
    ),
)


@given(rule=RULES)
def test_every_rule_is_written_as_it_would_be_typed(rule: Overflow) -> None:
    assert read(written(rule)) == rule


@pytest.mark.parametrize(
    ("leads", "way"),
    [
        ({"a": "b", "b": "c"}, []),
        ({"a": "b", "b": "c", "c": "b"}, ["b", "c", "b"]),
        ({"a": "a"}, ["a", "a"]),
        ({"a": "gone"}, []),
        ({"a": "c", "b": "c", "c": "d"}, []),
    ],
)
def test_a_circle_is_named_from_where_it_begins(leads: dict[str, str], way: list[str]) -> None:
    queues = [queue(name, overflow=(read(f"full queue:{to}"),)) for name, to in leads.items()]
    assert circle(queues) == way
