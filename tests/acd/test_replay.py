"""Every decision can be made again from the journal, and a journal that says otherwise is found out."""

from __future__ import annotations

import random
from typing import Any

import msgspec
import pytest

from ccd.acd import telling
from ccd.acd.callers import QueuedCaller, Stay
from ccd.acd.facts import OfferMade
from ccd.acd.inputs import AgentReady, CallerWaits, ConfigurationTaken, QueueSnapshot
from ccd.acd.service import Acd
from ccd.calls.facts import Fact
from ccd.journal.codec import decode, encode
from ccd.side.why.replay import Replay
from tests.acd.oracle_day import play
from tests.builders import World, agent, queue, station, tier

STEPS = 400
KEPT = ("entry_id", "call_id", "leg_id", "queue_id", "node", "number", "joined_at", "priority", "answered")


def replayed(facts: list[Fact]) -> Replay:
    """A replay of facts that went through the journal's codec, as the spool keeps them."""
    replay = Replay()
    for fact in facts:
        replay.follow(decode(encode(fact)))
    return replay


def day(seed: int) -> list[Fact]:
    return play(random.Random(seed), STEPS).world.facts


@pytest.mark.parametrize("seed", range(10))
def test_ten_days_are_decided_again(seed: int) -> None:
    facts = day(seed)
    replay = replayed(facts)
    assert replay.differences == []
    assert msgspec.json.encode(replay.decided) == msgspec.json.encode(replay.made)
    assert len(replay.made) == sum(isinstance(fact, OfferMade) for fact in facts) > 0


def test_a_replay_may_begin_with_any_snapshot(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(telling, "SNAPSHOT_AFTER_FACTS", 25)
    facts = day(3)
    snapshots = [number for number, fact in enumerate(facts) if isinstance(fact, QueueSnapshot)]
    assert len(snapshots) > 5
    assert replayed(facts).differences == []  # each of them is what the facts before it lead to
    taken = [fact for fact in facts if isinstance(fact, ConfigurationTaken)]
    for number in snapshots:
        replay = Replay()
        snapshot = facts[number]
        assert isinstance(snapshot, QueueSnapshot)
        replay.begin_at(snapshot, [fact for fact in taken if fact.at in snapshot.configuration])
        for fact in facts[number + 1 :]:
            replay.follow(fact)
        assert replay.differences == []
        assert replay.decided == replay.made


def test_a_day_with_a_kill_is_decided_again() -> None:
    """Core dies with callers waiting and a telephone ringing; the next one takes up what the ledger and the switch know."""
    world = World()
    staff = [queue(strategy="weighted-random")], ["alice", "bob", "carol"]
    tiers = [tier("support", name, weight=10 * number) for number, name in enumerate(staff[1], 1)]
    world.configure(*staff, tiers)
    world.ready(*staff[1])
    callers = [world.caller_queues() for _ in range(8)]
    for name in staff[1]:
        world.phone_answers(name)
    stays = [stay for stay in world.acd.callers.values() if stay.stay is Stay.WAITING]
    killed = world.facts

    world.facts, again = [], Acd(world._ports(), lambda *_: None, world.ledger.remembered)
    again.configure(tuple(staff[0]))
    again.roster.configure([agent(name) for name in staff[1]], [station(name) for name in staff[1]], tiers)
    for last in list(world.ledger.agents.values()):
        again.roster.restore(last)
    for stay in stays:
        again.take_up(QueuedCaller(**{name: getattr(stay, name) for name in KEPT}))
    assert len(callers) > len(stays) > 0
    made = [fact for fact in world.facts if isinstance(fact, OfferMade)]
    assert len(made) == 3

    replay = Replay()
    for boot in (killed, world.facts):
        replay.begin()
        for fact in boot:
            replay.follow(decode(encode(fact)))
    assert replay.differences == []
    assert msgspec.json.encode(replay.decided) == msgspec.json.encode(replay.made)
    assert len(replay.made) == 6


def _other_agent(fact: OfferMade) -> Fact:
    return msgspec.structs.replace(fact, agent_id="a-nobody")


def _other_draws(fact: OfferMade) -> Fact:
    return msgspec.structs.replace(fact, draws=fact.draws + 1)


def _refused(fact: CallerWaits) -> Fact:
    everybody = frozenset(f"a-n{number:02}" for number in range(12))
    return msgspec.structs.replace(fact, waiting=msgspec.structs.replace(fact.waiting, refused=everybody))


def _other_people(fact: ConfigurationTaken) -> Fact:
    return msgspec.structs.replace(fact, agents=fact.agents[1:])


@pytest.mark.parametrize(
    ("kind", "tamper"),
    [
        (OfferMade, _other_agent),
        (OfferMade, _other_draws),
        (OfferMade, None),
        (AgentReady, None),
        (CallerWaits, None),
        (CallerWaits, _refused),
        (ConfigurationTaken, _other_people),
    ],
)
def test_one_fact_tampered_with_is_found_out(kind: type[Fact], tamper: Any) -> None:
    facts = day(3)
    offered = {(fact.entry_id, fact.at) for fact in facts if isinstance(fact, OfferMade)}
    number = next(
        number
        for number, fact in enumerate(facts)
        if type(fact) is kind
        and (not isinstance(fact, CallerWaits) or (fact.waiting.entry_id, fact.at) in offered)
        and (
            not isinstance(fact, AgentReady)
            or (fact.served and any(isinstance(one, OfferMade) for one in facts[number : number + 4]))
        )
    )
    changed = [] if tamper is None else [tamper(facts[number])]
    assert replayed([*facts[:number], *changed, *facts[number + 1 :]]).differences != []
