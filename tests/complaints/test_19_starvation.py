"""Complaint 19: Weights, penalties and rules starve queues, and nobody can say why.

https://github.com/asterisk/asterisk/issues/1561 https://github.com/asterisk/asterisk/issues/1691
https://github.com/asterisk/asterisk/issues/1901

A queue without weight beside a flood of important callers, a level that is at lunch, rules that open late: whoever waits is
served while anybody who may serve him is there, and `ccd why` says in sentences what kept him.
"""

from __future__ import annotations

import pytest

from ccd.acd import deciding
from ccd.acd.checks import checked_queue
from ccd.acd.facts import CallerConnected
from ccd.acd.matching.stages import Ask
from ccd.acd.model import Agent
from ccd.acd.staffing import Staffing
from ccd.base.codes import BadInput
from ccd.side.why.sentences import Sentences
from ccd.side.why.stories import CallStory
from tests.builders import World, queue, station, tier
from tests.complaints.seeding import Plant, assert_fails_with

EN = Sentences("en", "Asia/Shanghai")


def serve(world: World, name: str, caller: str, seconds: float = 10) -> None:
    leg = world.connect(caller, name)
    world.clock.advance(seconds)
    world.agent_hangs_up(caller, leg)
    world.caller_hangs_up(caller)


def a_flood_of_important_callers(priority: int = 3, head_start_s: int = 60) -> float:
    """More of them come than one agent can serve, in a queue with a head start. How long an ordinary caller waits."""
    world = World()
    world.configure(
        [queue("gold", head_start_ms=head_start_s * 1000), queue("plain")],
        ["ann"],
        [tier("gold", "ann", 1), tier("plain", "ann", 9)],
    )
    plain = world.caller_queues("plain")
    leg_of = {plain: "plain"} | {world.caller_queues("gold", priority=priority): "gold" for _ in range(2)}
    world.ready("ann")
    for _ in range(120):
        for _ in range(2):
            leg_of[world.caller_queues("gold", priority=priority)] = "gold"
        caller = next((one for one in leg_of if world.offered_to(one) == "ann"), "")
        if caller:
            serve(world, "ann", caller)
            del leg_of[caller]
        else:
            world.clock.advance(10)
        if plain not in leg_of:
            (connected,) = world.of(CallerConnected, queue_id="q-plain")
            return float(connected.wait_ms / 1000)
    raise AssertionError("he was never served")


def nobody_waits_for_ever() -> None:
    """Three points of priority and a minute's head start are worth four minutes: only who came in those goes before him."""
    assert a_flood_of_important_callers(0, 0) < 15
    assert a_flood_of_important_callers(3, 60) == pytest.approx(50 * 10, abs=15), "50 of them came in four minutes"


def test_an_ordinary_caller_is_served_beside_any_flood() -> None:
    nobody_waits_for_ever()


@pytest.mark.parametrize("rule", [{"tier_wait_ms": 60_000}, {"tier_wait_ms": 60_000, "tier_one_by_one": True}, {}])
def test_a_level_that_is_at_lunch_holds_nobody(rule: dict[str, int]) -> None:
    """Asterisk's penalty rules offered the call to nobody at all."""
    the_first_level_is_at_lunch(rule)


def the_first_level_is_at_lunch(rule: dict[str, int]) -> None:
    world = World()
    world.configure([queue(**rule)], ["ann", "ben"], [tier("support", "ann", 1), tier("support", "ben", 5)])
    world.ready("ann", "ben")
    world.acd.roster.pause("a-ann", "lunch")
    assert world.offered_to(world.caller_queues()) == "ben"


def a_level_that_is_busy_opens_the_next() -> None:
    world = World()
    world.configure(
        [queue(tier_wait_ms=30_000)], ["ann", "ben"], [tier("support", "ann", 1), tier("support", "ben", 5)]
    )
    world.ready("ann", "ben")
    world.connect(world.caller_queues(), "ann")
    waits = world.caller_queues()
    world.clock.advance(29)
    assert world.offered_to(waits) == ""
    world.clock.advance(1.1)
    assert world.offered_to(waits) == "ben"


def test_a_rule_that_opens_late_does_open() -> None:
    a_level_that_is_busy_opens_the_next()


def test_what_could_starve_is_refused_when_it_is_set() -> None:
    with pytest.raises(BadInput, match="could wait for ever"):
        checked_queue(queue(ageing_ms=0))
    assert checked_queue(queue(ageing_ms=0, max_wait_ms=60_000))


def somebody_asks_why() -> None:
    """Each agent who was not asked is named with the rule that kept him out; decided again from the journal, it is the same."""
    world = World()
    asks = (Ask(required=(("english", 3),)),)
    world.acd.configure((queue(asks=asks, tier_wait_ms=60_000),))
    skills = {"ann": 5, "ben": 1, "cat": 5, "dan": 5}
    people = [
        Agent(agent_id=f"a-{name}", name=name, station_id=f"s-{name}", skills={"english": level})
        for name, level in skills.items()
    ]
    levels = {"ann": 1, "ben": 1, "cat": 2, "dan": 1}
    tiers = [tier("support", name, level) for name, level in levels.items()]
    world.acd.roster.configure(people, [station(name) for name in skills], tiers)
    world.ready("ann", "ben", "cat", "dan")
    world.acd.roster.pause("a-dan", "lunch")
    first = world.caller_queues()
    world.connect(first, "ann")
    waits = world.caller_queues()
    story = CallStory(world.registry.legs[waits].call_id)
    story.follow(world.facts)
    answer = story.answer()
    assert answer["exact"], answer["differences"]
    (nobody,) = [event for event in EN.say(answer["events"]) if event["event"] == "nobody"]
    reasons = {one["text"].split(":")[0]: one["text"] for one in nobody["others"]}
    assert reasons.keys() == skills.keys()
    for name, why in {"ann": "talk", "ben": "english 1, 3 is asked", "cat": "level 2", "dan": "break (lunch)"}.items():
        assert why in reasons[name]


def test_why_names_the_rule_that_kept_each_agent_out() -> None:
    somebody_asks_why()


def waiting_counts_for_nothing(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(deciding, "place_of", lambda joined_at, priority, **more: -priority)


def weight_before_everything(patch: pytest.MonkeyPatch) -> None:
    """The heavier queue always first, as app_queue has it."""
    patch.setattr(
        deciding, "place_of", lambda joined_at, priority, *, head_start_ms, **more: joined_at - head_start_ms * 10**9
    )


def absent_agents_count(patch: pytest.MonkeyPatch) -> None:
    def wrong(self: Staffing, settings: object) -> tuple[int, ...]:
        staff = self._staff.get(settings.queue_id)  # type: ignore[attr-defined]
        return tuple(sorted(staff.levels)) if staff is not None else ()

    patch.setattr(Staffing, "levels", wrong)


DEFECTS = [
    (waiting_counts_for_nothing, nobody_waits_for_ever),
    (weight_before_everything, nobody_waits_for_ever),
    (absent_agents_count, lambda: the_first_level_is_at_lunch({"tier_wait_ms": 60_000})),
]


@pytest.mark.parametrize(("defect", "story"), DEFECTS)
def test_the_scenario_fails_on_the_complaint(defect: Plant, story: Plant) -> None:
    assert_fails_with(defect, story)  # type: ignore[arg-type]
