"""Reasons from the journal in PostgreSQL: what was played on the real queue comes back out of SQL and is decided again."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from ccd.acd import telling
from ccd.acd.facts import CallerLeft, CallerQueued, OfferEnded, OfferMade
from ccd.base.errors import NotFound
from ccd.base.ids import new_id
from ccd.calls.facts import Fact
from ccd.journal import codec
from ccd.side.db.engine import connect, make_engine, to_datetime
from ccd.side.db.stores.decisions import DecisionStore
from ccd.side.why.stories import AgentStory, CallStory
from tests.acd.oracle_day import play


@pytest.fixture
def engine(database: str) -> Iterator[Engine]:
    one = make_engine(database)
    yield one
    one.dispose()


def spool(database: str, facts: list[Fact]) -> None:
    """The journal alone: ids of this day are no uuids, which no other table takes."""
    rows = [
        (
            number,
            to_datetime(fact.at),
            fact.__struct_config__.tag,
            getattr(fact, "call_id", "") or None,
            codec.encode(fact).decode(),
        )
        for number, fact in enumerate(facts, 1)
    ]
    with connect(database) as connection, connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO ccd.facts (boot_id, seq, at, kind, call_id, body) VALUES ('boot-a', %s, %s, %s, %s, %s)", rows
        )


def a_day(seed: int, steps: int = 600) -> list[Fact]:
    """The facts of queues alone: what calls and legs say is told elsewhere."""
    facts = play(random.Random(seed), steps).world.facts
    return [fact for fact in facts if type(fact).__module__.startswith("ccd.acd")]


def test_each_call_of_a_day_is_decided_again_from_sql(
    database: str, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(telling, "SNAPSHOT_AFTER_FACTS", 100)
    facts = a_day(3)
    spool(database, facts)
    store = DecisionStore(engine)
    queued = [fact for fact in facts if isinstance(fact, CallerQueued)]
    began_late = 0
    for fact in queued:
        window = store.of_call(fact.call_id)
        began_late += window.snapshot is not None
        story = CallStory(fact.call_id)
        story.tell(window)
        answer = story.answer()
        assert answer["exact"], answer["differences"]
        offers = [one for one in facts if isinstance(one, OfferMade) and one.call_id == fact.call_id]
        told = [one for one in answer["events"] if one["event"] == "offered"]
        assert [one["agent"] for one in told] == [one.agent_id.removeprefix("a-") for one in offers]
        left = [one for one in facts if isinstance(one, CallerLeft) and one.call_id == fact.call_id]
        assert [one["event"] for one in answer["events"]].count("left") == len(left)
    assert began_late > 0


def test_an_agent_is_explained_between_any_two_moments(database: str, engine: Engine) -> None:
    facts = a_day(5)
    spool(database, facts)
    begin, end = facts[len(facts) // 2].at, facts[-1].at
    offered = [one for one in facts if isinstance(one, OfferMade) and begin <= one.at <= end]
    story = AgentStory(offered[0].agent_id, begin)
    story.tell(DecisionStore(engine).of_agent(offered[0].agent_id, begin, end))
    answer = story.answer()
    assert answer["exact"], answer["differences"]
    mine = [one for one in offered if one.agent_id == offered[0].agent_id]
    assert [one["at"] for one in answer["events"] if one["event"] == "offered"] == [one.at for one in mine]


def test_of_what_is_only_told_a_window_holds_what_concerns_it(database: str, engine: Engine) -> None:
    facts = a_day(5)
    spool(database, facts)
    mine = next(fact for fact in facts if isinstance(fact, OfferEnded))
    window = DecisionStore(engine).of_call(mine.call_id)
    told = [fact for facts in window.boots for fact in facts if isinstance(fact, CallerQueued | OfferEnded)]
    assert told == [
        fact for fact in facts if isinstance(fact, CallerQueued | OfferEnded) and fact.call_id == mine.call_id
    ]
    window = DecisionStore(engine).of_agent(mine.agent_id, facts[0].at, facts[-1].at)
    told = [fact for facts in window.boots for fact in facts if isinstance(fact, CallerQueued | OfferEnded)]
    assert told == [fact for fact in facts if isinstance(fact, OfferEnded) and fact.agent_id == mine.agent_id]


def test_a_call_that_never_stood_in_a_queue_has_no_reasons(database: str, engine: Engine) -> None:
    with pytest.raises(NotFound, match="has not stood in a queue"):
        DecisionStore(engine).of_call(new_id())
    with pytest.raises(NotFound, match="no decisions of that time"):
        DecisionStore(engine).of_agent(new_id(), 1_800_000_000_000_000, 1_800_000_001_000_000)
