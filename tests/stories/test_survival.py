"""ccd is killed, its switch is killed, its sockets are cut: nobody on the telephone notices, and every row is complete."""

from __future__ import annotations

import logging
import os
import random
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import gevent
import pytest

from ccd.acd.facts import CallerConnected, OfferMade
from ccd.calls.facts import CallEnded, CallToFallback, EndedBy, LegEnded, SwitchConnected
from ccd.lab.stories import PhoneScript, Ring
from ccd.lab.worlds import SimWorld
from ccd.side.db.embedded import EmbeddedPostgres
from ccd.side.db.migrate import upgrade
from tests.stories import verdicts
from tests.stories.centre import Centre, desks, until

log = logging.getLogger(__name__)
MakeCentre = Callable[..., Centre]
WITHIN_US = 5_000_000  # beside other tests on two cores; the target, 2 s, is measured by `scripts/bench recover`
LONG_LINE = 8
CROWD = 50


class Start(NamedTuple):
    """Core was started, in µs; so many callers waited when it was ready."""

    at: int
    waiting: int


def killed_in_all_phases(centre: Centre, rng: random.Random, kills: int) -> list[Start]:
    """Kill core again and again under a crowd; when it was started each time, for the last time of each."""
    started = []
    with centre.crowd(CROWD, rng):
        until(lambda: centre.on_the_line() >= CROWD, "a crowd")
        gevent.sleep(1.0)
        for kill in range(kills):
            gevent.sleep(rng.uniform(0.2, 0.9))
            before = centre.waiting()
            centre.kill()
            gevent.sleep(rng.uniform(0.0, 0.6))
            begun = centre.exec()
            if kill % 3 == 1:  # and while it recovers
                gevent.sleep(rng.uniform(0.0, 0.4) + rng.choice([0.0, 0.3]))
                centre.kill()
                begun = centre.exec()
            centre.wait_ready()
            after = centre.waiting()
            started.append(Start(begun, len(after)))
            kept = [number for number in after if number in before]
            assert [after[number] for number in kept] == [before[number] for number in kept]
    centre.all_go()
    return started


def assert_nothing_happened(centre: Centre, started: list[Start]) -> None:
    """Nobody was cut off, passed over or rung twice, history is whole, and each start was quick."""
    facts = centre.facts()
    findings = verdicts.everything(centre.world.callers(), centre.world.phones(), facts)
    assert not findings, "\n".join(findings)
    assert verdicts.rows_left_open(centre.sql) == {}
    assert centre.errors() == []
    assert list(started_late(facts, started)) == []


def started_late(facts: list[Any], started: list[Start]) -> Iterator[tuple[int, str]]:
    """Starts after which ccd was not ready, or did not offer anybody of a long line, in time."""
    offers = [fact.at for fact in facts if isinstance(fact, OfferMade)]
    ready = [fact.at for fact in facts if isinstance(fact, SwitchConnected)]
    to_ready = {start: min(at for at in ready if at > start.at) - start.at for start in started}
    to_offer = {
        start: min(at for at in offers if at > start.at) - start.at for start in started if start.waiting >= LONG_LINE
    }
    for what, took in (("ready", to_ready), ("first offer", to_offer)):
        log.info("exec to %s: %s ms", what, sorted(us // 1000 for us in took.values()))
        yield from ((start.at, what) for start, us in took.items() if us > WITHIN_US)


def test_core_is_killed_five_times_under_fifty_callers(make_centre: MakeCentre) -> None:
    """At any moment, and twice while it recovers."""
    rng = random.Random(1)
    centre = make_centre("--seed", "1", phones=desks(12, rng))
    assert_nothing_happened(centre, killed_in_all_phases(centre, rng, 5))


@pytest.mark.long
@pytest.mark.parametrize("seed", range(100, 120))
def test_core_is_killed_two_hundred_times(make_centre: MakeCentre, seed: int) -> None:
    rng = random.Random(seed)
    centre = make_centre("--seed", str(seed), phones=desks(12, rng))
    assert_nothing_happened(centre, killed_in_all_phases(centre, rng, 10))


@pytest.mark.long
def test_core_is_killed_while_postgresql_is_down(make_centre: MakeCentre, open_folder: Path) -> None:
    """Calls go on, and PostgreSQL hears all of it when it is back."""
    rng = random.Random(5)
    server = EmbeddedPostgres(open_folder / "pg", fast=True)
    server.start()
    try:
        upgrade(server.url)
        centre = make_centre(url=server.url, phones=desks(12, rng))
        server.stop("immediate")
        started = killed_in_all_phases(centre, rng, 2)
        server.start()
        facts = centre.facts()
        assert verdicts.everything(centre.world.callers(), centre.world.phones(), facts) == []
        assert verdicts.rows_left_open(centre.sql) == {}
        assert list(started_late(facts, started)) == []
    finally:
        server.stop("immediate")


def test_agents_are_as_they_were(make_centre: MakeCentre) -> None:
    """Presence, a break with its reason, and what is left of a wrap-up."""
    phones = {name: PhoneScript(name, (Ring("answer", 50, 300),)) for name in ("1001", "1002", "1003", "1004")}
    centre = make_centre(phones=phones, queue={"wrap_up_ms": 6_000, "min_talk_ms": 100}, log_in=False)
    centre.log_in("1002")
    centre.daemon.client.post("agents", "1002", "pause", reason="lunch")
    centre.log_in("1003")
    centre.call()
    until(lambda: centre.agents()["1003"]["activity"] == "wrap_up", "1003 wraps up")
    centre.log_in("1004")
    before = centre.agents()
    centre.kill()
    centre.exec()
    centre.wait_ready()
    after = centre.agents()
    seen = ("presence", "reason", "activity", "since", "station")
    assert {n: [a[key] for key in seen] for n, a in after.items()} == {
        n: [b[key] for key in seen] for n, b in before.items()
    }
    assert [after[name]["presence"] for name in sorted(after)] == ["logged_out", "on_break", "available", "available"]
    assert after["1002"]["reason"] == "lunch"
    began = time.monotonic()
    until(lambda: centre.agents()["1003"]["activity"] == "idle", "the wrap-up is over")
    assert time.monotonic() - began < 6.0
    centre.all_go()


def test_ccd_that_does_not_come_back_leaves_its_callers_to_the_fallback(make_centre: MakeCentre) -> None:
    """New callers when the age limit is over, waiting ones when their lease ends, and one whose agent hangs up meanwhile."""
    phones = {"1001": PhoneScript("1001", (Ring("answer", 50, 3_000), Ring("no_answer")))}
    centre = make_centre("--lease-s", "5", phones=phones, lease={"seconds": 5, "renew": 2})
    world = centre.world
    assert isinstance(world, SimWorld)
    talking = centre.call()
    until(lambda: centre.diary(talking).connected_at, "a conversation")
    waiting = [centre.call() for _ in range(4)]
    until(lambda: len(centre.waiting()) == 4, "four wait")
    centre.kill()
    killed = time.monotonic()
    new = []
    for _ in range(20):
        new.append(centre.call())
        gevent.sleep(0.3)

    def arrived() -> int:
        return len(world.world.status().fallback_arrivals)

    until(lambda: arrived() == 25, "all 25 came to the fallback", 8.0)
    assert time.monotonic() - killed < 13.0
    until(lambda: centre.on_the_line() == 0, "the fallback said good-bye", 10.0)
    late = centre.call()
    until(lambda: arrived() == 26, "a late caller comes to the fallback at once", 2.0)
    centre.exec()
    centre.wait_ready()
    centre.all_go()
    facts = centre.facts()
    assert verdicts.rows_are_complete(facts) == []
    assert verdicts.diaries_agree(world.callers(), facts) == []
    to_fallback = {fact.call_id for fact in facts if isinstance(fact, CallToFallback)}
    assert len(to_fallback) == 26
    assert centre.diary(late).ended_by == "switch"
    assert {centre.diary(number).connected_phone for number in [*waiting, *new]} == {None}
    assert verdicts.rows_left_open(centre.sql) == {}


def _another_switch(centre: Centre, uuid: str) -> bool:
    return centre.is_ready() and centre.status()["switches"][0]["core_uuid"] != uuid


@pytest.mark.long
def test_switch_is_killed(make_centre: MakeCentre) -> None:
    """A new Core-UUID: all legs are gone, agents are free, and the next call works. Then once more, with ccd dead too."""
    rng = random.Random(3)
    centre = make_centre(phones=desks(6, rng, talk_ms=(60_000, 60_001)), queue={"wrap_up_ms": 0})
    world = centre.world
    assert isinstance(world, SimWorld)
    for both in (False, True):
        numbers = [centre.call() for _ in range(14)]
        until(lambda: centre.status()["waiting"] >= 6, "a line")
        until(lambda: len([a for a in centre.agents().values() if a["activity"] == "talking"]) >= 5, "conversations")
        if both:
            centre.kill()
        uuid = world.world.status().core_uuid
        world.world.restart_switch()
        if both:
            centre.exec()
        until(lambda: _another_switch(centre, uuid), "another switch")  # noqa: B023 (waited for at once)
        until(lambda: centre.status()["legs"] == 0, "no leg is left")
        assert {agent["activity"] for agent in centre.agents().values()} == {"idle"}
        ended = [fact for fact in centre.facts() if isinstance(fact, CallEnded)][-len(numbers) :]
        assert {(fact.cause, fact.ended_by) for fact in ended} == {("SWITCH_LOST", EndedBy.SWITCH_LOST)}
    number = centre.call(talk_ms=200)
    until(lambda: centre.diary(number).connected_at, "the next call works")
    centre.all_go()
    facts = centre.facts()
    assert verdicts.rows_are_complete(facts) == []
    assert {fact.cause for fact in facts if isinstance(fact, LegEnded)} >= {"SWITCH_LOST"}
    assert verdicts.rows_left_open(centre.sql) == {}


@pytest.mark.long
def test_lost_sockets_are_caught_up_with(make_centre: MakeCentre) -> None:
    """What happened on the switch meanwhile is known when they are back."""
    rng = random.Random(11)
    centre = make_centre(phones=desks(12, rng))
    world = centre.world
    assert isinstance(world, SimWorld)
    with centre.crowd(CROWD, rng):
        until(lambda: centre.on_the_line() >= CROWD, "a crowd")
        for _ in range(4):
            gevent.sleep(rng.uniform(0.3, 1.0))
            world.world.drop_connections()
            centre.wait_ready()
        world.world.freeze()
        gevent.sleep(0.3)
        world.world.thaw()
        world.world.drop_connections()
        centre.wait_ready()
    centre.all_go()
    facts = centre.facts()
    assert verdicts.everything(world.callers(), world.phones(), facts) == []
    assert any(isinstance(fact, CallerConnected) for fact in facts)
    assert verdicts.rows_left_open(centre.sql) == {}


def test_side_is_killed_and_nobody_notices(make_centre: MakeCentre) -> None:
    rng = random.Random(13)
    centre = make_centre(phones=desks(12, rng))
    with centre.crowd(CROWD, rng):
        for _ in range(2):
            gevent.sleep(1.0)
            os.kill(centre.side_pid(), signal.SIGKILL)
    centre.all_go()
    facts = centre.facts()
    assert verdicts.everything(centre.world.callers(), centre.world.phones(), facts) == []
