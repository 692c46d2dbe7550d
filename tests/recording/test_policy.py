"""What direction, route, queue and agent say of a recording, combined: the table of the rule, and the rule against an oracle."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccd.recording.policy import ANNOUNCED, GIVEN, LEVELS, POINTS, REFUSED, Part, due, judge

WORDS = ("no", "answer", "queue", "agent", "never")


@pytest.mark.parametrize(
    ("point", "route", "queue", "agent", "asked", "silent"),
    [
        # nobody asks
        ("answer", "no", "no", "no", "", ()),
        ("agent", "no", "no", "no", "", ()),
        # each asks from its own point on
        ("answer", "answer", "no", "no", "answer", ()),
        ("answer", "queue", "no", "no", "", ()),
        ("queue", "queue", "no", "no", "queue", ()),
        ("queue", "agent", "no", "no", "", ()),
        ("agent", "agent", "no", "no", "agent", ()),
        # a queue and an agent are in charge of their own part only: the earliest they can ask for is its beginning
        ("queue", "no", "answer", "no", "answer", ()),
        ("queue", "no", "queue", "no", "queue", ()),
        ("agent", "no", "no", "agent", "agent", ()),
        # yes later starts then, though others ask for later or not at all
        ("queue", "agent", "queue", "no", "queue", ()),
        ("agent", "no", "agent", "agent", "agent", ()),
        # who asks for the earliest point names it
        ("agent", "answer", "agent", "no", "answer", ()),
        ("agent", "agent", "queue", "no", "queue", ()),
        # never silences a part, whoever asks
        ("queue", "answer", "never", "no", "answer", ("queue",)),
        ("agent", "answer", "no", "never", "answer", ("agent",)),
        ("agent", "no", "never", "agent", "agent", ("queue",)),
        ("answer", "never", "no", "no", "", ("route",)),
        ("agent", "never", "agent", "agent", "agent", ("route",)),
        # before the answer nothing is asked
        ("", "answer", "queue", "agent", "", ()),
    ],
)
def test_table_of_the_rule(point: str, route: str, queue: str, agent: str, asked: str, silent: tuple[str, ...]) -> None:
    verdict = judge(Part(point=point, route=route, queue=queue, agent=agent))
    assert (verdict.asked, verdict.silent) == (asked, silent)
    assert verdict.heard == (bool(asked) and not silent)


@pytest.mark.parametrize("words", list(itertools.product(WORDS, repeat=4)))
def test_every_combination_at_every_point(words: tuple[str, ...]) -> None:
    """Said once more in other words, for all 625 combinations at all four points."""
    said = dict(zip(LEVELS, words, strict=True))
    for reached, point in enumerate(("", *POINTS)):
        verdict = judge(Part(point=point, **said))
        passed = [one for one in POINTS[:reached] if one in words]
        assert verdict.asked == (passed[0] if passed else "")
        assert verdict.silent == tuple(level for level in LEVELS if said[level] == "never")
        assert judge(Part(point=point, **said), "answer").asked == "answer", "what was asked once stays asked"


@pytest.mark.parametrize(
    ("demands", "consent", "expected"),
    [
        (("no", "no"), "", "no"),
        (("announce", "no"), "", "announce"),
        (("no", "announce"), "", "announce"),
        (("announce", "ask"), "", "ask"),
        (("announce", "announce"), ANNOUNCED, "no"),
        (("announce", "ask"), ANNOUNCED, "ask"),
        (("ask", "no"), GIVEN, "no"),
        (("announce", "ask"), GIVEN, "no"),
        (("ask", "ask"), REFUSED, "no"),
    ],
)
def test_consent_that_is_due(demands: tuple[str, ...], consent: str, expected: str) -> None:
    assert due(demands, consent) == expected
    verdict = judge(Part(point="answer", route="answer", demands=demands, consent=consent))
    assert verdict.heard == (expected == "no" and consent != REFUSED)


def test_refusal_holds_where_nobody_demanded_consent() -> None:
    assert not judge(Part(point="agent", agent="agent", consent=REFUSED)).heard


# --- a whole call: the fold of verdicts against an oracle that looks at each part with all of the past ------------------

part = st.builds(
    Part,
    point=st.sampled_from(POINTS),
    direction=st.just("no"),
    route=st.sampled_from(WORDS),
    queue=st.sampled_from(WORDS),
    agent=st.sampled_from(WORDS),
    demands=st.tuples(st.sampled_from(("no", "announce", "ask"))),
    consent=st.sampled_from(("", ANNOUNCED, GIVEN, REFUSED)),
)


def naive(parts: list[Part], index: int) -> bool:
    """Whether sound of a part is kept: somebody asked in it or before, and nobody in it forbids."""
    rank = {point: number for number, point in enumerate(POINTS)}
    asked = any(
        word in rank and rank[word] <= rank[one.point]
        for one in parts[: index + 1]
        for word in (one.route, one.queue, one.agent)
    )
    now = parts[index]
    demanded = now.demands[0]
    has = {"": 0, ANNOUNCED: 1, GIVEN: 2}.get(now.consent, -1)
    enough = has >= {"no": 0, "announce": 1, "ask": 2}[demanded]
    return asked and enough and "never" not in (now.route, now.queue, now.agent)


@given(st.lists(part, max_size=8))
def test_fold_over_a_call_is_what_each_part_for_itself_says(parts: list[Part]) -> None:
    asked = ""
    for index, one in enumerate(parts):
        verdict = judge(one, asked)
        asked = verdict.asked
        assert verdict.heard == naive(parts, index)
