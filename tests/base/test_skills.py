"""Skills and demands that relax: what may be asked, and what is refused."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccd.base.skills import Step, checked_levels, checked_steps


def step(after_ms: int = 0, prefer: dict[str, int] | None = None, **skills: int) -> Step:
    return Step(after_ms, skills, prefer or {})


@pytest.mark.parametrize(
    ("levels", "says"),
    [
        ({"english": 0}, "english has level 0; levels are from 1 to 10"),
        ({"english": 11}, "english has level 11"),
        ({"two words": 3}, "is no name of a skill"),
        ({"": 3}, "is no name of a skill"),
        ({"${system(id)}": 3}, "is no name of a skill"),
        ({f"s{number}": 1 for number in range(21)}, "at most 20 skills"),
    ],
)
def test_a_skill_has_a_plain_name_and_a_level(levels: dict[str, int], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        checked_levels(levels)
    assert checked_levels({"英语": 3, "b-2": 10}) == {"b-2": 10, "英语": 3}


@pytest.mark.parametrize(
    ("steps", "says"),
    [
        ([step(english=3), step(30_000, english=4)], "english 4 is asked for after 30s, and english 3 before"),
        ([step(english=3), step(30_000, loans=1)], "loans 1 is asked for after 30s, and no loans before"),
        ([step(30_000, english=1)], "no english before: what is asked may only relax"),
        ([step(english=3), step(30_000), step(60_000, english=1)], "no english before"),
        ([step(english=3), step(0, english=1)], "two steps begin after 0s"),
        ([step(english=3), step(5_000), step(5_000)], "two steps begin after 5s"),
        ([step(-1, english=3)], "not -1 ms"),
        ([step(number * 1000) for number in range(11)], "at most 10 steps"),
    ],
)
def test_what_is_asked_may_only_relax_and_each_time_stands_once(steps: list[Step], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        checked_steps(steps)


def test_preferences_may_come_later_and_steps_that_ask_nothing_are_none() -> None:
    steps = checked_steps([step(30_000, {"loans": 2}, english=1), step(english=3)])
    assert [one.after_ms for one in steps] == [0, 30_000]
    assert checked_steps([step()]) == checked_steps([]) == checked_steps([step(), step(9_000)]) == ()


levels = st.dictionaries(st.sampled_from(["a", "b"]), st.integers(1, 10))


@given(st.lists(st.builds(Step, st.integers(0, 5_000), levels, levels), max_size=4))
def test_steps_that_pass_never_ask_more_of_who_has_waited_longer(steps: list[Step]) -> None:
    try:
        made = checked_steps(steps)
    except ValueError:
        return
    for before, after in itertools.pairwise(made):
        assert before.after_ms < after.after_ms
        assert all(level <= before.skills.get(skill, 0) for skill, level in after.skills.items())
