"""The matcher against a naive filter, and its draws against chance."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ccd.acd import strategies
from ccd.acd.matching.draws import Draws, seed_of
from ccd.acd.matching.matcher import Matcher
from ccd.acd.matching.model import Post, Ready, Rules, Waiting
from ccd.acd.matching.needs import ALL_LEVELS, Needs
from ccd.acd.matching.score import place_of
from ccd.acd.matching.stages import Ask, Tiers, stage_at, stages_of

SKILLS = ("english", "loans", "cards")
QUEUES = ("q1", "q2")
LEVELS = (1, 2, 3)

levels = st.dictionaries(st.sampled_from(SKILLS), st.integers(1, 5), max_size=2)
graded = levels.map(lambda some: tuple(sorted(some.items())))
needs = st.builds(Needs, required=graded, preferred=graded, steps=st.sampled_from([ALL_LEVELS, 0, 1]))


@st.composite
def agents(draw: st.DrawFn) -> list[Ready]:
    made = []
    for number in range(draw(st.integers(0, 8))):
        posts = [
            Post(queue_id=queue_id, level=draw(st.sampled_from(LEVELS)), position=draw(st.integers(1, 3)))
            for queue_id in QUEUES
            if draw(st.booleans())
        ]
        made.append(
            Ready(
                agent_id=f"a{number}",
                posts=tuple(posts),
                skills=draw(levels),
                idle_since=draw(st.integers(1, 5)),
            )
        )
    return made


@st.composite
def callers(draw: st.DrawFn) -> list[Waiting]:
    agent_ids = st.frozensets(st.sampled_from([f"a{number}" for number in range(8)]), max_size=3)
    return [
        Waiting(
            entry_id=f"c{number}",
            queue_id=draw(st.sampled_from(QUEUES)),
            place=draw(st.integers(0, 20)),
            joined_at=number,
            needs=draw(needs),
            refused=draw(agent_ids),
            bound_to=draw(st.sampled_from(["", "", "", "a0", "a1"])),
        )
        for number in range(draw(st.integers(0, 8)))
    ]


def filled(staff: list[Ready], line: list[Waiting]) -> Matcher:
    matcher = Matcher()
    for queue_id in QUEUES:
        matcher.put_queue(Rules(queue_id=queue_id, strategy=strategies.named("longest-idle-agent"), levels=LEVELS))
    for agent in staff:
        matcher.put_agent(agent)
    for caller in line:
        matcher.put_caller(caller)
    return matcher


def may(agent: Ready, caller: Waiting) -> bool:
    """As docs/queues.md says it, without pools."""
    post = next((one for one in agent.posts if one.queue_id == caller.queue_id), None)
    if post is None or agent.agent_id in caller.refused:
        return False
    if caller.bound_to:
        return agent.agent_id == caller.bound_to
    opened = LEVELS if caller.needs.steps == ALL_LEVELS else LEVELS[: caller.needs.steps + 1]
    has_all = all(agent.skills.get(skill, 0) >= least for skill, least in caller.needs.required)
    return post.level in opened and has_all


def before(agent: Ready, caller: Waiting) -> tuple[object, ...]:
    post = next(one for one in agent.posts if one.queue_id == caller.queue_id)
    has = sum(agent.skills.get(skill, 0) >= least for skill, least in caller.needs.preferred)
    return (post.level, -has, agent.idle_since, post.position, agent.agent_id)


@settings(max_examples=150, deadline=None)
@given(agents(), callers())
def test_pools_say_what_a_naive_filter_says(staff: list[Ready], line: list[Waiting]) -> None:
    matcher = filled(staff, line)
    in_order = sorted(line, key=lambda one: (one.place, one.joined_at, one.entry_id))
    for caller in line:
        able = [agent for agent in staff if may(agent, caller)]
        wanted = [one.agent_id for one in sorted(able, key=lambda agent: before(agent, caller))]
        assert list(matcher.for_caller(caller.entry_id)) == wanted
    for agent in staff:
        wanted_caller = next((one.entry_id for one in in_order if may(agent, one)), "")
        assert matcher.for_agent(agent.agent_id) == wanted_caller
    first = next((one.entry_id for one in in_order if any(may(agent, one) for agent in staff)), "")
    assert matcher.first_who_may_be_served() == first


@settings(max_examples=100, deadline=None)
@given(agents(), callers(), st.data())
def test_who_goes_and_comes_back_leaves_the_matcher_as_it_was(
    staff: list[Ready], line: list[Waiting], data: st.DataObject
) -> None:
    matcher, never = filled(staff, line), filled(staff, line)
    for agent in staff:
        if data.draw(st.booleans()):
            matcher.drop_agent(agent.agent_id)
            matcher.put_agent(agent)
    for caller in line:
        if data.draw(st.booleans()):
            matcher.drop_caller(caller.entry_id)
            matcher.put_caller(caller)
    assert matcher.in_line() == never.in_line()
    for caller in line:
        assert list(matcher.for_caller(caller.entry_id)) == list(never.for_caller(caller.entry_id))


# --- chance ---------------------------------------------------------------------------------------


def drawn(strategy: str, weights: dict[str, int], times: int) -> Counter[str]:
    matcher = Matcher()
    matcher.put_queue(Rules(queue_id="q1", strategy=strategies.named(strategy), levels=(1,)))
    for agent_id, weight in weights.items():
        matcher.put_agent(Ready(agent_id=agent_id, posts=(Post(queue_id="q1", weight=weight),)))
    matcher.put_caller(Waiting(entry_id="c", queue_id="q1", place=0, joined_at=0))
    return Counter(next(iter(matcher.for_caller("c"))) for _ in range(times))


def test_random_asks_each_as_often_as_the_others() -> None:
    found = drawn("random", dict.fromkeys(["a", "b", "c", "d"], 10), 8_000)
    assert (
        sum((count - 2_000) ** 2 / 2_000 for count in found.values()) < 16.3
    )  # chi square, 3 degrees, one in a thousand


def test_weighted_random_asks_each_by_his_weight() -> None:
    weights = {"a": 10, "b": 20, "c": 100}
    found = drawn("weighted-random", weights, 8_000)
    wanted = {name: 8_000 * weight / 130 for name, weight in weights.items()}
    assert sum((found[name] - wanted[name]) ** 2 / wanted[name] for name in weights) < 13.9  # 2 degrees


def test_the_same_seed_and_count_draw_the_same_again() -> None:
    one, other = Draws(seed_of("q1")), Draws(seed_of("q1"), 5)
    first = [one.below(1_000) for _ in range(9)]
    assert [other.below(1_000) for _ in range(4)] == first[5:]
    assert [Draws(seed_of("q2")).below(1_000) for _ in range(3)] != first[:3]


# --- places and stages ----------------------------------------------------------------------------


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.integers(-5, 5), st.integers(-5, 5))
def test_the_order_of_two_callers_never_depends_on_when_one_looks(a: int, b: int, more: int, less: int) -> None:
    """A place is the moment from which one counts as waiting: subtracting it from any now gives the same order."""
    places = [place_of(a, more, ageing_ms=60_000), place_of(b, less, ageing_ms=60_000)]
    scores = [(now - places[0] > now - places[1]) for now in (10**6, 10**12, 10**15)]
    assert len(set(scores)) == 1


def test_a_point_of_priority_is_worth_its_ageing_and_without_ageing_more_than_any_wait() -> None:
    minute = 60_000_000
    assert place_of(minute, 1, ageing_ms=60_000) == place_of(0, 0, ageing_ms=60_000)
    assert place_of(10_000 * minute, 1) < place_of(0, 0)
    assert place_of(minute, 0, head_start_ms=60_000) == place_of(0, 0)


@pytest.mark.parametrize(
    ("waited_ms", "required", "steps", "coming"),
    [
        (0, (("english", 3),), 0, 10_000),
        (9_999, (("english", 3),), 0, 10_000),
        (10_000, (("english", 3),), 1, 20_000),
        (20_000, (("english", 1),), 2, 40_000),
        (40_000, (), 2, 0),
    ],
)
def test_what_is_asked_relaxes_and_levels_open_at_their_times(
    waited_ms: int, required: tuple[tuple[str, int], ...], steps: int, coming: int
) -> None:
    asks = (
        Ask(required=(("english", 3),)),
        Ask(after_ms=20_000, required=(("english", 1),)),
        Ask(after_ms=40_000),
    )
    stages = stages_of(asks, Tiers(wait_ms=10_000, one_by_one=True, levels=3))
    now, next_ms = stage_at(stages, waited_ms)
    assert (now.required, now.steps, next_ms) == (required, steps, coming)
