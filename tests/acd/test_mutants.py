"""Faults put into the decision on purpose: each is caught by the oracle's days, or the oracle is worth nothing."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from ccd.acd import deciding, service
from ccd.acd.agent_states import AgentState
from ccd.acd.callers import QueuedCaller
from ccd.acd.deciding import Deciding
from ccd.acd.matching.needs import ALL_LEVELS, Needs
from ccd.acd.matching.pools import Pool
from ccd.acd.matching.score import place_of
from ccd.acd.matching.stages import stage_at
from ccd.acd.model import Activity, Presence, Queue
from ccd.acd.remembered import Remembered
from ccd.acd.staffing import Staffing
from tests.acd.oracle_day import WrongOffer, play

DAYS = 200
STEPS = 120
Plant = Callable[[pytest.MonkeyPatch], None]


def swapped_key(patch: pytest.MonkeyPatch) -> None:
    """The strategy before the preferred skills."""
    right = Pool.key_of

    def wrong(pool: Pool, post: Any, agent: Any) -> tuple[Any, ...]:
        level, preferred, own, position = right(pool, post, agent)
        return (level, own, preferred, position)

    patch.setattr(Pool, "key_of", wrong)


def position_first(patch: pytest.MonkeyPatch) -> None:
    """The list before the level."""
    right = Pool.key_of

    def wrong(pool: Pool, post: Any, agent: Any) -> tuple[Any, ...]:
        level, preferred, own, position = right(pool, post, agent)
        return (position, level, preferred, own)

    patch.setattr(Pool, "key_of", wrong)


def one_tier_too_many(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(
        Needs, "open_levels", lambda self, levels: levels if self.steps == ALL_LEVELS else levels[: self.steps + 2]
    )


def pause_ignored(patch: pytest.MonkeyPatch) -> None:
    def wrong(agent: AgentState, monotonic: float) -> bool:
        resting = monotonic < max(agent.not_before, agent.gap_until)
        free = agent.activity is Activity.IDLE and agent.station is not None
        return agent.presence is not Presence.LOGGED_OUT and free and not resting

    patch.setattr(AgentState, "may_be_offered", wrong)


def refusal_ignored(patch: pytest.MonkeyPatch) -> None:
    right = Deciding.refused
    patch.setattr(Deciding, "refused", lambda self, caller, agent_id, again_ms: right(self, caller, agent_id, 0))


def priority_upside_down(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(deciding, "place_of", lambda joined_at, priority, **more: place_of(joined_at, -priority, **more))


def ageing_ignored(patch: pytest.MonkeyPatch) -> None:
    def wrong(joined_at: int, priority: int, *, head_start_ms: int = 0, ageing_ms: int = 0) -> int:
        return place_of(joined_at, priority, head_start_ms=head_start_ms)

    patch.setattr(deciding, "place_of", wrong)


def head_start_ignored(patch: pytest.MonkeyPatch) -> None:
    def wrong(joined_at: int, priority: int, *, head_start_ms: int = 0, ageing_ms: int = 0) -> int:
        return place_of(joined_at, priority, ageing_ms=ageing_ms)

    patch.setattr(deciding, "place_of", wrong)


def required_skill_ignored(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Needs, "are_met_by", lambda self, skills: True)


def preferred_skill_ignored(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Needs, "preferred_met", lambda self, skills: 0)


def relaxed_too_early(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(deciding, "stage_at", lambda stages, waited_ms: stage_at(stages, waited_ms + 3_000))


def empty_level_not_skipped(patch: pytest.MonkeyPatch) -> None:
    def wrong(self: Staffing, queue: Queue) -> tuple[int, ...]:
        staff = self._staff.get(queue.queue_id)
        return tuple(sorted(staff.levels)) if staff is not None else ()

    patch.setattr(Staffing, "levels", wrong)


def vip_ignored(patch: pytest.MonkeyPatch) -> None:
    right = Deciding.place

    def wrong(self: Deciding, caller: QueuedCaller) -> int:
        was, caller.vip = caller.vip, False
        try:
            return right(self, caller)
        finally:
            caller.vip = was

    patch.setattr(Deciding, "place", wrong)


def cursor_not_moved(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Remembered, "offered_seq", lambda self, queue_id, agent_id: 0)


def last_agent_ignored(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(service, "bound_until", lambda queue, agent, now: 0)


def bound_to_who_is_gone(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Deciding, "_nobody_waits_for", lambda self, agent: False)


MUTANTS: Mapping[str, Plant] = {
    plant.__name__: plant
    for plant in (
        swapped_key,
        position_first,
        one_tier_too_many,
        pause_ignored,
        refusal_ignored,
        priority_upside_down,
        ageing_ignored,
        head_start_ignored,
        required_skill_ignored,
        preferred_skill_ignored,
        relaxed_too_early,
        empty_level_not_skipped,
        vip_ignored,
        cursor_not_moved,
        last_agent_ignored,
        bound_to_who_is_gone,
    )
}


FOCUS = {
    "cursor_not_moved": ["round-robin"],
    "swapped_key": ["longest-idle-agent", "agent-with-fewest-calls"],
    "preferred_skill_ignored": ["longest-idle-agent", "top-down"],
    "vip_ignored": ["vip-first"],
}
"""Faults that show under few strategies: their days have only these."""


def caught_on(days: int, of: list[str] | None = None) -> int:
    """The first day on which the oracle objects, -1 none."""
    for day in range(days):
        try:
            play(random.Random(day), STEPS, of)
        except WrongOffer:
            return day
    return -1


@pytest.mark.parametrize("mutant", MUTANTS)
def test_each_fault_of_the_decision_is_caught(mutant: str, monkeypatch: pytest.MonkeyPatch) -> None:
    MUTANTS[mutant](monkeypatch)
    assert caught_on(DAYS, FOCUS.get(mutant)) >= 0


def test_without_a_fault_nothing_is_caught() -> None:
    assert caught_on(20) == -1
