"""ccd may die between any two facts; the switch is empty when it comes back, and every row is closed once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ccd.calls.facts import LegEnded
from ccd.core.closing import Closing
from ccd.core.ledger import Ledger
from tests.builders import World, queue, tier
from tests.stories.verdicts import rows_are_complete


def gives_up(world: World, caller: str) -> None:
    world.phone_rings("alice")
    world.caller_hangs_up(caller)
    world.switch_obeys()


def talks_and_leaves(world: World, caller: str) -> None:
    world.connect(caller, "alice")
    world.clock.advance(5)
    world.caller_hangs_up(caller)


def is_left_by_the_agent(world: World, caller: str) -> None:
    leg = world.connect(caller, "alice")
    world.clock.advance(5)
    world.agent_hangs_up(caller, leg)
    world.caller_hangs_up(caller)


def is_not_answered(world: World, caller: str) -> None:
    leg = world.phone_rings("alice")
    world.hung_up(leg, "NO_ANSWER", rang=True)
    world.caller_hangs_up(caller)


def office() -> World:
    world = World(record_at="queue")
    world.configure([queue()], ["alice"], [tier("support", "alice")])
    world.ready("alice")
    return world


@pytest.mark.parametrize("story", [gives_up, talks_and_leaves, is_left_by_the_agent, is_not_answered])
def test_whatever_fact_was_the_last_each_row_is_closed_once(
    story: Callable[[World, str], None], tmp_path: Path
) -> None:
    before = office()
    story(before, before.caller_queues())
    facts = before.facts
    assert any(isinstance(fact, LegEnded) for fact in facts)
    for cut in range(1, len(facts) + 1):
        after, ledger = office(), Ledger()
        after.facts = facts[:cut]
        for fact in facts[:cut]:
            ledger.apply(fact)

        def publish(fact: object, after: World = after, ledger: Ledger = ledger) -> None:
            after.facts.append(fact)  # type: ignore[arg-type]
            ledger.apply(fact)  # type: ignore[arg-type]

        closing = Closing(
            clock=after.clock,
            registry=after.registry,
            acd=after.acd,
            ledger=ledger,
            publish=publish,
            cdr_path=str(tmp_path),
        )
        closing.close_forgotten("fs1", ())
        closing.close_widowed_offers()
        closing.close_legs("fs1", ())
        assert rows_are_complete(after.facts) == [], f"cut after {facts[cut - 1]}"
