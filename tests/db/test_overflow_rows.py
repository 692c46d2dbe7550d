"""Where queues overflow to, in SQL: names that are there, no circles, and nothing taken away that a queue leads to."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from ccd.acd.model import Queue
from ccd.acd.overflow_words import read
from ccd.base.codes import BadInput
from ccd.base.errors import Refused
from ccd.side.db.engine import make_engine
from ccd.side.db.stores.config import ConfigStore
from ccd.voicemail.model import Box


@pytest.fixture
def config(database: str) -> Iterator[ConfigStore]:
    engine = make_engine(database)
    yield ConfigStore(engine)
    engine.dispose()


def rules(*texts: str) -> list[dict[str, object]]:
    return [
        {"when": one.when.value, "to": one.to, "after_ms": one.after_ms, "key": one.key} for one in map(read, texts)
    ]


def test_rules_prompts_and_times_are_kept_as_they_are_set(config: ConfigStore) -> None:
    config.add_queue("sales")
    config.add_box("night")
    config.add_queue(
        "support", overflow=rules("60s queue:sales", "key 0 voicemail:night"), announce_prompts=["queue_wait"]
    )
    config.change_queue("support", max_waiting=20, resume_ms=30_000, announce_every_ms=30_000, announce_position=5)
    (support,) = [one for one in config.load().queues if one.name == "support"]
    assert support.overflow == (read("60s queue:sales"), read("key 0 voicemail:night"))
    assert (support.max_waiting, support.resume_ms, support.announce_prompts) == (20, 30_000, ("queue_wait",))
    assert (support.announce_every_ms, support.announce_position) == (30_000, 5)


def test_a_circle_is_refused_with_its_names_and_nothing_is_changed(config: ConfigStore) -> None:
    config.add_queue("c")
    config.add_queue("b", overflow=rules("full queue:c"))
    config.add_queue("a", overflow=rules("60s queue:b"))
    version = config.version()
    with pytest.raises(BadInput, match="overflow: callers would go round: c -> a -> b -> c"):
        config.change_queue("c", overflow=rules("closed queue:a"), ring_ms=5_000)
    with pytest.raises(BadInput, match="c -> c"):
        config.change_queue("c", overflow=rules("closed queue:c"))
    assert config.version() == version
    assert config.found(Queue, "c").ring_ms == Queue(queue_id="", name="").ring_ms


@pytest.mark.parametrize(
    ("to", "says"), [("queue:gone", "no queue 'gone'"), ("voicemail:gone", "no voicemail box 'gone'")]
)
def test_a_name_that_is_not_there_is_refused(config: ConfigStore, to: str, says: str) -> None:
    with pytest.raises(BadInput, match=f"^overflow: {says}$"):
        config.add_queue("support", overflow=rules(f"full {to}"))
    assert config.load().queues == ()


@pytest.mark.parametrize(
    "away",
    [
        lambda config: config.retire(Queue, "sales"),
        lambda config: config.rename(Queue, "sales", "sales2"),
        lambda config: config.retire(Box, "night"),
    ],
)
def test_what_a_queue_overflows_to_stays(config: ConfigStore, away: Callable[[ConfigStore], object]) -> None:
    config.add_queue("sales")
    config.add_box("night")
    config.add_queue("support", overflow=rules("60s queue:sales", "full voicemail:night"))
    with pytest.raises(Refused, match="is in use: support overflows to it"):
        away(config)
    config.change_queue("support", overflow=[])
    away(config)


def test_where_waiting_outweighs_nothing_an_overflow_by_time_will_do(config: ConfigStore) -> None:
    with pytest.raises(BadInput, match="could wait for ever"):
        config.add_queue("support", ageing_ms=0, overflow=rules("full edge"))
    assert config.add_queue("support", ageing_ms=0, overflow=rules("5m edge")).ageing_ms == 0


def shared(config: ConfigStore) -> None:
    """Ann serves gold, in which no waiting outweighs a priority, and will serve plain."""
    config.add_agent("ann")
    config.add_queue("gold", ageing_ms=0, max_wait_ms=600_000)
    config.add_tier("gold", "ann")


def test_a_queue_that_does_not_age_shares_no_agent_with_one_that_nobody_leaves_by_time(config: ConfigStore) -> None:
    """A flood of important callers in gold would keep those of plain for ever, ageing or not: gold's places know no time."""
    shared(config)
    config.add_queue("plain")
    version = config.version()
    with pytest.raises(BadInput, match="in gold, which shares ann with plain, whose callers could then wait for ever"):
        config.add_tier("plain", "ann")
    assert (config.version(), len(config.list_tiers())) == (version, 1)
    config.change_queue("plain", overflow=rules("10m edge"))
    config.add_tier("plain", "ann")
    with pytest.raises(BadInput, match="plain, whose callers could then wait for ever; give that queue a longest wait"):
        config.change_queue("plain", overflow=[])
    config.change_queue("plain", ring_ms=9_000)


def test_ageing_is_not_taken_from_a_queue_whose_agents_serve_one_that_nobody_leaves_by_time(
    config: ConfigStore,
) -> None:
    config.add_agent("ann")
    for name in ("gold", "plain"):
        config.add_queue(name)
        config.add_tier(name, "ann")
    with pytest.raises(BadInput, match=r"^ageing_ms: no waiting outweighs a priority in gold"):
        config.change_queue("gold", ageing_ms=0, max_wait_ms=600_000)
    config.remove_tier("plain", "ann")
    config.change_queue("gold", ageing_ms=0, max_wait_ms=600_000)


def test_where_no_agent_is_good_enough_in_the_end_callers_must_leave_by_time(config: ConfigStore) -> None:
    config.add_agent("ann", skills={"english": 3, "loans": 1})
    config.add_agent("ben", skills={"english": 1, "loans": 5})
    both = [{"after_ms": 0, "skills": {"english": 3, "loans": 5}}]
    with pytest.raises(BadInput, match="asks: no agent has english 3, loans 5, and nothing relaxes it"):
        config.add_queue("support", asks=both)
    relaxed = [*both, {"after_ms": 30_000, "skills": {"loans": 5}}]
    assert config.add_queue("support", asks=relaxed).name == "support"
    assert config.add_queue("sales", asks=both, max_wait_ms=60_000).name == "sales"
    with pytest.raises(BadInput, match="could wait for ever"):
        config.change_queue("sales", max_wait_ms=0)
    assert config.add_queue("anybody", asks=[*both, {"after_ms": 30_000}]).name == "anybody"


def test_a_chain_is_no_longer_than_callers_go(config: ConfigStore) -> None:
    """Five times in a row, and not a sixth: it would be cut off while somebody waits."""
    names = [f"q{number}" for number in range(7)]
    config.add_queue(names[6])
    for name, onward in zip(names[5:0:-1], names[6:1:-1], strict=True):
        config.add_queue(name, overflow=rules(f"30s queue:{onward}"))
    with pytest.raises(BadInput, match="at most 5 times in a row: q0 -> q1 -> q2 -> q3 -> q4 -> q5 -> q6"):
        config.add_queue("q0", overflow=rules("full queue:q1", "30s queue:q6"))
    assert config.add_queue("q0", overflow=rules("30s queue:q2")).name == "q0"
