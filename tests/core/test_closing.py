"""ccd may die between any two facts; the switch is empty when it comes back, and every row is closed once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from ccd.calls.facts import CallArrived, CallEnded, LegEnded, Outcome
from ccd.core.closing import Closing
from ccd.core.ledger import Ledger
from ccd.core.transfers import Transfers
from ccd.ivr.facts import TransferConnected
from ccd.screening.facts import CallScreened
from ccd.side.reports.folding import KINDS, fold
from tests.builders import World, queue, tier
from tests.core.switchboard import Switchboard
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
        closing.stays.close_widowed_offers()
        closing.close_legs("fs1", ())
        assert rows_are_complete(after.facts) == [], f"cut after {facts[cut - 1]}"
        visits = fold(told for fact in after.facts if (told := msgspec.to_builtins(fact))["kind"] in KINDS).visits
        assert len(visits) <= 1
        assert all(visit.outcome for visit in visits.values()), f"cut after {facts[cut - 1]}"


def is_put_through(board: Switchboard, caller: str) -> None:
    leg = board.talks(caller)
    board.breathe(5.0)
    board.ends(leg)
    board.comes_back(caller)
    board.ends(caller)


def talks_to_the_end(board: Switchboard, caller: str) -> None:
    leg = board.talks(caller)
    board.breathe(5.0)
    board.ends(leg)
    board.ends(caller)


def finds_it_busy(board: Switchboard, caller: str) -> None:
    board.ends(board.rings(), "USER_BUSY")
    board.ends(caller)


def does_not_wait_for_an_answer(board: Switchboard, caller: str) -> None:
    leg = board.rings()
    board.ends(caller)
    board.ends(leg, "ORIGINATOR_CANCEL")


CALLS = {
    "start": "call",
    "nodes": {"call": {"type": "transfer", "number": "02161230001", "next": "p"}, "p": {"type": "play", "prompt": "p"}},
}


@pytest.mark.parametrize("story", [is_put_through, talks_to_the_end, finds_it_busy, does_not_wait_for_an_answer])
@pytest.mark.parametrize("warned", [False, True])
def test_whatever_fact_was_the_last_each_call_that_a_flow_made_is_closed_once(
    story: Callable[[Switchboard, str], None], warned: bool, tmp_path: Path
) -> None:
    before = Switchboard(CALLS)
    caller = before.calls()
    call_id = before.world.registry.legs[caller].call_id
    if warned:
        screened = {"call_id": call_id, "leg_id": caller, "caller_class": "blacklist", "action": "play"}
        before.world.publish(CallScreened(at=before.world.clock.now(), **screened))
    story(before, caller)
    facts = before.world.facts
    assert rows_are_complete(facts) == []
    arrived = next(place for place, fact in enumerate(facts) if isinstance(fact, CallArrived))
    for cut in range(arrived + 1, len(facts) + 1):
        after, ledger, told = Switchboard(CALLS).world, Ledger(), list(facts[:cut])
        for fact in told:
            ledger.apply(fact)

        def publish(fact: object, told: list[object] = told, ledger: Ledger = ledger) -> None:
            told.append(fact)
            ledger.apply(fact)

        shared = {"clock": after.clock, "ledger": ledger, "publish": publish, "cdr_path": str(tmp_path)}
        transfers = Transfers(dialling=before.dialling, leg=after.registry.legs.get, **shared)  # type: ignore[arg-type]
        closing = Closing(registry=after.registry, acd=after.acd, close_transfer=transfers.close, **shared)  # type: ignore[arg-type]
        closing.close_forgotten("fs1", ())
        closing.close_legs("fs1", ())
        assert rows_are_complete(told) == [], f"cut after {facts[cut - 1]}"
        (ended,) = [fact for fact in told if isinstance(fact, CallEnded)]
        talked = any(isinstance(fact, TransferConnected) for fact in told)
        turned_away = any(isinstance(fact, CallScreened) for fact in told)
        if ended not in facts:
            otherwise = Outcome.BLOCKED if turned_away else Outcome.IVR_ENDED
            assert ended.outcome is (Outcome.ANSWERED if talked else otherwise)
        assert ledger.calls == {}
