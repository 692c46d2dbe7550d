"""Figures that reconcile: every visit has one outcome, reports agree with the facts, and a day known by hand comes out so."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from ccd.base.errors import Refused
from ccd.journal import codec
from ccd.journal.records import SpooledFact
from ccd.side.reports import journal_window
from ccd.side.reports.buckets import day_of, midnight, spans
from ccd.side.reports.figures import FIGURES, FORMULAS
from ccd.side.reports.questions import Question
from tests.acd.oracle_day import play
from tests.side.report_days import KINDS, OUTCOMES, Books, Day, ident, moment, traffic, with_uuids

HOUR = 3_600_000_000
DAWN, DUSK = moment("00:00:00"), moment("23:59:59")


@pytest.fixture
def books(database: str, tmp_path: Path) -> Iterator[Books]:
    found = Books(database, tmp_path)
    yield found
    found.close()


def a_little_day() -> Day:
    """Two queues, two agents, seven calls; the figures of it stand in the tests below."""
    day = Day()
    day.agent("08:55:00", "alice", "available")
    day.agent("09:00:00", "bob", "available")
    day.joins("09:00:00", "one")
    day.offered("09:00:06", "one", "alice")
    day.agent("09:00:06", "alice", "offered")
    day.answered("09:00:10", "one", "alice", rang_s=4)
    day.agent("09:00:10", "alice", "talking")
    day.talked("09:01:10", "one", "alice", 60)
    day.agent("09:01:10", "alice", "wrap_up", offer="one  alice")
    day.agent("09:01:40", "alice", "available")
    # the second caller is passed on by his flow to another queue: another visit of the same call
    day.joins("09:05:00", "two")
    day.offered("09:05:25", "two", "bob")
    day.agent("09:05:25", "bob", "offered")
    day.answered("09:05:30", "two", "bob", rang_s=5)
    day.agent("09:05:30", "bob", "talking")
    day.talked("09:07:30", "two", "bob", 120)
    day.agent("09:07:30", "bob", "available")
    day.joins("09:07:30", "two", "sales", "again")
    day.offered("09:07:33", "two", "alice", "sales", "again")
    day.agent("09:07:33", "alice", "offered")
    day.answered("09:07:35", "two", "alice", rang_s=2, queue="sales", visit="again")
    day.agent("09:07:35", "alice", "talking")
    day.talked("09:08:05", "two", "alice", 30, "sales", "again")
    day.agent("09:08:05", "alice", "available")
    day.joins("09:20:00", "three")
    day.leaves("09:20:03", "three", "short_abandoned")
    day.joins("09:21:00", "four")
    day.leaves("09:21:15", "four", "abandoned")
    day.joins("09:40:00", "five")
    day.offered("09:40:10", "five", "bob")
    day.agent("09:40:10", "bob", "offered")
    day.missed("09:40:30", "five", "bob", "no_answer")
    day.agent("09:40:30", "bob", "on_break no_answer")
    day.leaves("09:41:00", "five", "abandoned")
    day.agent("10:00:30", "bob", "logged_out")
    day.joins("10:10:00", "six")
    day.leaves("10:11:30", "six", "timed_out")
    day.joins("10:20:00", "seven")
    day.leaves("10:20:20", "seven", "moved")
    day.joins("10:20:20", "seven", "sales", "moved here", moved_from="seven ")
    day.agent("10:30:00", "alice", "logged_out")
    return day


@pytest.fixture
def little(books: Books) -> Books:
    books.staffed(["support", "sales", "quiet"], ["alice", "bob"])
    books.write_all(a_little_day().facts)
    return books


def test_the_queues_of_a_little_day(little: Books) -> None:
    quiet, sales, support, total = sorted(
        little.report("queues", DAWN, DUSK), key=lambda row: row["queue"] or "zz total"
    )
    assert {key: value for key, value in support.items() if value not in (0, None)} == {
        "queue_id": ident("support"),
        "queue": "support",
        "service_level_ms": 20_000,
        "offered": 7,
        "answered": 2,
        "abandoned": 2,
        "short_abandoned": 1,
        "timed_out": 1,
        "moved": 1,
        "calls_offered": 7,
        "calls_answered": 2,
        "offers_made": 3,
        "answered_within": 1,
        "abandoned_within": 2,
        "sl_answered": 50.0,
        "sl_offered": 42.86,
        "sl_no_short": 16.67,
        "asa_ms": 20_000,
        "aht_ms": 105_000,
        "talk_ms": 180_000,
        "wrap_up_ms": 30_000,
        "abandon_rate": 42.86,
        "abandon_rate_no_short": 33.33,
        "longest_wait_ms": 90_000,
    }
    assert (sales["offered"], sales["answered"], sales["waiting"], sales["asa_ms"]) == (2, 1, 1, 5_000)
    assert (sales["aht_ms"], sales["sl_answered"], sales["sl_offered"]) == (30_000, 100.0, 50.0)
    assert (quiet["offered"], quiet["asa_ms"], quiet["sl_answered"], quiet["longest_wait_ms"]) == (0, None, None, None)
    # by visit and by call: the second caller was answered twice, and is one call
    assert (total["offered"], total["answered"], total["calls_offered"], total["calls_answered"]) == (9, 3, 7, 2)
    assert (total["talk_ms"], total["queue"], total["service_level_ms"]) == (210_000, None, None)


def test_the_agents_of_a_little_day_are_charged_once_each_for_his_own_part(little: Books) -> None:
    alice, bob = little.report("agents", DAWN, DUSK)
    times = ("signed_in_ms", "break_ms", "ring_ms", "talk_ms", "wrap_up_ms", "aht_ms")
    assert [alice[key] for key in times] == [95 * 60_000, 0, 6_000, 90_000, 30_000, 60_000]
    assert [bob[key] for key in times] == [60 * 60_000 + 30_000, 20 * 60_000, 25_000, 120_000, 0, 120_000]
    assert (alice["offers"], alice["answered"], alice["missed"], alice["breaks"]) == (2, 2, {}, {})
    assert (bob["offers"], bob["answered"]) == (2, 1)
    assert (bob["missed"], bob["breaks"]) == ({"no_answer": 1}, {"no_answer": 1_200_000})
    assert alice["occupancy"] == 2.21  # 126 s of 95 min
    assert bob["occupancy"] == 5.97  # 145 s of 40.5 min


def test_a_part_of_the_day_counts_what_lies_in_it(little: Books) -> None:
    alice, _ = little.report("agents", moment("09:00:40"), moment("09:01:25"))
    assert (alice["signed_in_ms"], alice["talk_ms"], alice["wrap_up_ms"]) == (45_000, 30_000, 15_000)
    assert alice["occupancy"] == 100.0
    (support, total) = little.report("queues", moment("09:20:00"), moment("09:40:00"), queue_id=ident("support"))
    assert (support["offered"], total["offered"], support["abandoned"]) == (2, 2, 1)


def test_the_service_level_may_be_asked_for_with_another_time(little: Books) -> None:
    support, _ = little.report("queues", DAWN, DUSK, queue_id=ident("support"), service_level_ms=30_000)
    assert (support["answered_within"], support["abandoned_within"], support["sl_answered"]) == (2, 2, 100.0)


def test_visits_of_one_agent(little: Books) -> None:
    total = little.report("queues", DAWN, DUSK, agent_id=ident("alice"))[-1]
    assert (total["offered"], total["answered"], total["talk_ms"]) == (2, 2, 90_000)


@pytest.mark.parametrize(
    ("interval", "offered"),
    [
        ("15m", {"09:00": 3, "09:15": 2, "09:30": 1, "10:00": 1, "10:15": 2}),
        ("30m", {"09:00": 5, "09:30": 1, "10:00": 3}),
        ("60m", {"09:00": 6, "10:00": 3}),
        ("day", {"00:00": 9}),
    ],
)
def test_the_intervals_of_a_little_day(little: Books, interval: str, offered: dict[str, int]) -> None:
    rows = little.report("intervals", DAWN, DUSK, interval=interval)
    assert {row["from_at"]: row["offered"] for row in rows if row["offered"]} == {
        moment(f"{clock}:00"): number for clock, number in offered.items()
    }
    assert len(rows) == {"15m": 96, "30m": 48, "60m": 24, "day": 1}[interval]


def test_a_visit_is_one_row_with_its_number_in_the_call_and_its_own_wait(little: Books) -> None:
    visits = {(str(row["call_id"]), row["visit"]): row for row in little.visits()}
    first, second = visits[ident("two"), 1], visits[ident("two"), 2]
    assert (first["outcome"], first["wait_ms"], first["ring_ms"], first["talk_ms"]) == (
        "answered",
        30_000,
        5_000,
        120_000,
    )
    assert (second["outcome"], second["wait_ms"], second["talk_ms"], second["position"]) == (
        "answered",
        5_000,
        30_000,
        1,
    )
    assert str(second["agent_id"]) == ident("alice")
    moved, waits = visits[ident("seven"), 1], visits[ident("seven"), 2]
    assert (moved["outcome"], waits["outcome"], waits["wait_ms"], waits["left_at"]) == ("moved", None, None, None)
    assert waits["moved_from"] == moved["entry_id"]
    assert (visits[ident("five"), 1]["offers_made"], visits[ident("one"), 1]["wrap_up_ms"]) == (1, 30_000)
    with little.engine.connect() as connection:
        (call,) = connection.exec_driver_sql(
            "SELECT count(*) FROM ccd.queue_entries WHERE (left_at IS NULL) <> (outcome IS NULL)"
        ).one()
    assert call == 0


def test_a_recount_tells_of_a_row_that_somebody_has_changed(little: Books) -> None:
    with little.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE ccd.queue_entries SET outcome = 'kicked' WHERE outcome = 'timed_out'")
    _, recount = little.reports.checked("queues", Question(since=DAWN, until=DUSK))
    assert f"queue_id {ident('support')}: timed_out is 0 in SQL, 1 in the journal" in recount.differences


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32))
def test_offered_is_the_outcomes_and_the_waiting_after_any_traffic_and_kills(books: Books, seed: int) -> None:
    """Batches come twice, torn, and those of a dead boot late: the rows are what the facts say all the same."""
    chance = random.Random(seed)
    if not books.reports.rows("queues", _all_day())[:-1]:
        books.staffed(["support", "sales"], ["alice", "bob"])
    books.empty()
    batches = []
    for number, boot in enumerate(traffic(chance)):
        spooled = [SpooledFact(f"boot-{number:03}", seq, codec.encode(fact)) for seq, fact in enumerate(boot, 1)]
        while spooled:
            size = chance.randint(1, 12)
            batches.append(spooled[:size])
            spooled = spooled[size:]
    if chance.random() < 0.5:
        chance.shuffle(batches)
    for batch in batches:
        books.write(batch)
        if chance.random() < 0.2:
            books.write(batch + chance.choice(batches))
        _offered_is_accounted_for(books)
    for kind in KINDS:
        books.report(kind, DAWN, DUSK, interval=chance.choice(["15m", "30m", "60m", "day"]))


def _all_day() -> Question:
    return Question(since=DAWN, until=DUSK)


def _offered_is_accounted_for(books: Books) -> None:
    for row in books.reports.rows("queues", _all_day()):
        assert row["offered"] == row["waiting"] + sum(row[outcome] for outcome in OUTCOMES)


@pytest.mark.parametrize("seed", range(6))
def test_days_of_the_real_queue_reconcile_with_their_facts(books: Books, seed: int) -> None:
    """The facts that a working queue tells, projected in batches, some of them twice."""
    chance = random.Random(seed)
    day = play(chance, 120)
    books.staffed([], [])
    names = [f"q-{queue}" for queue in day.queues], [f"a-{name}" for name in day.names]
    books.staffed(*names)
    spooled = [SpooledFact("boot-a", seq, with_uuids(fact)) for seq, fact in enumerate(day.world.facts, 1)]
    while spooled:
        size = chance.randint(1, 40)
        books.write(spooled[:size])
        if chance.random() < 0.1:
            books.write(spooled[: size + 3])
        _offered_is_accounted_for(books)
        spooled = spooled[size:]
    since, until = day.world.facts[0].at - HOUR, day.world.clock.now() + 1
    rows = books.report("queues", since, until)
    assert rows[-1]["offered"] == day.calls
    waiting = sum(1 for caller in day.world.acd.callers.values() if caller.stay in ("waiting", "offered", "returning"))
    assert rows[-1]["waiting"] == waiting
    for kind in KINDS:
        books.report(kind, since, until, interval="15m")


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32), data=st.data())
def test_any_part_of_a_day_is_what_the_facts_say(books: Books, seed: int, data: st.DataObject) -> None:
    """Spans that begin and end in the midst of offers, talks and wrap-ups, down to a second and before and after the day."""
    day = play(random.Random(seed), 60)
    books.empty()
    with books.engine.begin() as connection:
        connection.exec_driver_sql("TRUNCATE ccd.queues, ccd.agents CASCADE")
    books.staffed([f"q-{queue}" for queue in day.queues], [f"a-{name}" for name in day.names])
    books.write([SpooledFact("boot-a", seq, with_uuids(fact)) for seq, fact in enumerate(day.world.facts, 1)])
    begins, ends = day.world.facts[0].at, day.world.clock.now()
    for _ in range(4):
        since = data.draw(st.integers(begins - 2_000_000, ends + 2_000_000))
        lasts = data.draw(st.one_of(st.just(1), st.just(1_000_000), st.integers(1, ends - begins + 1)))
        for kind in KINDS:
            books.report(kind, since, since + lasts, interval="15m")


# --- what his phone did ------------------------------------------------------------------------------


def an_agent_asked_three_times() -> Day:
    """A mobile that nobody pressed 1 at, a phone that nobody answered, and a call with 4 s of words before the bridge."""
    day = Day()
    day.agent("09:00:00", "alice", "available")
    for minute, call, asked in (("01", "one", True), ("02", "two", False)):
        day.joins(f"09:{minute}:00", call)
        day.offered(f"09:{minute}:00", call, "alice")
        day.agent(f"09:{minute}:00", "alice", "offered")
        day.missed(f"09:{minute}:20", call, "alice", "no_answer", asked=asked)
        day.agent(f"09:{minute}:20", "alice", "available")
    day.joins("09:03:00", "three")
    day.offered("09:03:00", "three", "alice")
    day.agent("09:03:00", "alice", "offered")
    day.answered("09:03:10", "three", "alice", rang_s=6, join_ms=4_000)
    day.agent("09:03:10", "alice", "talking")
    day.talked("09:04:10", "three", "alice", 60)
    day.agent("09:04:10", "alice", "available")
    day.joins("09:05:00", "four")
    day.offered("09:05:00", "four", "alice")
    day.agent("09:05:00", "alice", "offered")
    day.missed("09:05:05", "four", "alice", "rejected", rang_s=3)  # he hung up while he heard the queue's name
    day.agent("09:05:05", "alice", "available")
    return day


def test_who_picked_up_and_did_not_press_1_is_told_from_who_did_not_answer(books: Books) -> None:
    books.staffed(["support"], ["alice"])
    books.write_all(an_agent_asked_three_times().facts)
    (alice,) = books.report("agents", DAWN, DUSK)
    assert alice["missed"] == {"not_accepted": 1, "no_answer": 1, "rejected": 1}
    assert (alice["offers"], alice["answered"]) == (4, 1)


def test_what_is_said_at_the_join_is_no_ringing(books: Books) -> None:
    books.staffed(["support"], ["alice"])
    books.write_all(an_agent_asked_three_times().facts)
    (alice,) = books.report("agents", DAWN, DUSK)
    assert (alice["ring_ms"], alice["join_ms"], alice["talk_ms"]) == (20_000 + 20_000 + 6_000 + 3_000, 6_000, 60_000)
    assert alice["occupancy"] == 0.21  # 115 s of the 15 hours to the end of the day
    (alice,) = books.report("agents", moment("09:03:04"), moment("09:03:08"))  # 2 s of ringing, 2 s of the join
    assert (alice["ring_ms"], alice["join_ms"], alice["talk_ms"], alice["occupancy"]) == (2_000, 2_000, 0, 100.0)


def test_a_talk_over_midnight_is_cut_there_for_its_agent_and_counts_for_the_visit_where_it_began(books: Books) -> None:
    books.staffed(["support"], ["alice"])
    day = Day()
    day.agent("23:50:00", "alice", "available")
    day.joins("23:58:00", "one")
    day.offered("23:58:00", "one", "alice")
    day.agent("23:58:00", "alice", "offered")
    day.answered("23:58:10", "one", "alice", rang_s=10)
    day.agent("23:58:10", "alice", "talking")
    midnight_at = moment("23:59:59") + 1_000_000
    ends = replace(day.facts[-1], at=midnight_at + 50_000_000, activity="wrap_up", offer_id=ident("one  alice"))
    day.talked("23:58:10", "one", "alice", 160)
    day.facts[-1] = replace(day.facts[-1], at=midnight_at + 50_000_000)
    idle = replace(ends, at=midnight_at + 60_000_000, activity="idle", offer_id="")
    books.write_all([*day.facts, ends, idle])
    (before,) = books.report("agents", DAWN, midnight_at)
    (after,) = books.report("agents", midnight_at, midnight_at + 2 * 60_000_000)
    assert (before["talk_ms"], before["wrap_up_ms"], before["aht_ms"]) == (110_000, 0, 170_000)
    assert (after["talk_ms"], after["wrap_up_ms"], after["aht_ms"], after["signed_in_ms"]) == (
        50_000,
        10_000,
        None,
        120_000,
    )
    support, _ = books.report("queues", DAWN, midnight_at)
    assert (support["offered"], support["answered"], support["talk_ms"], support["aht_ms"]) == (1, 1, 160_000, 170_000)


def test_a_recount_follows_calls_that_ended_days_later(books: Books) -> None:
    """As of a switch that was found empty only when the machine was switched on again."""
    books.staffed(["support"], ["alice"])
    day = Day()
    day.joins("09:00:00", "one")
    day.leaves("09:00:00", "one", "switch_lost")
    day.facts[-1] = replace(day.facts[-1], at=day.facts[0].at + 60 * HOUR)
    books.write_all(day.facts)
    support, _ = books.report("queues", DAWN, DUSK)
    assert (support["switch_lost"], support["longest_wait_ms"]) == (1, 60 * 3_600_000)


def test_a_recount_of_more_than_can_be_held_is_refused(little: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal_window, "MOST_FACTS", 10)
    with pytest.raises(Refused, match="ask for a shorter one"):
        little.reports.checked("queues", Question(since=DAWN, until=DUSK))


# --- buckets ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("Europe/Berlin", "2026-03-29", 23),
        ("Europe/Berlin", "2026-10-25", 25),
        ("America/Havana", "2026-11-01", 25),
        ("America/Santiago", "2026-09-06", 23),
        ("Asia/Shanghai", "2026-03-29", 24),
    ],
)
def test_days_of_23_and_25_hours_are_one_interval_each(zone: str, day: str, hours: int) -> None:
    noon = moment("12:00:00", zone, day)
    ((begins, ends),) = spans(noon, noon + 1, "day", zone)
    assert (ends - begins) / HOUR == hours
    assert _date(begins, zone) == day
    assert _date(begins - 1, zone) < day
    quarters = spans(begins, ends, "15m", zone)
    assert len(quarters) == hours * 4
    assert [since for since, _ in quarters[1:]] == [until for _, until in quarters[:-1]]
    assert len(spans(begins, ends, "60m", zone)) == hours


def _date(at: int, zone: str) -> str:
    return day_of(at, zone).isoformat()


def test_a_queue_in_a_25_hour_day_reports_each_hour_once(books: Books) -> None:
    zone = "Europe/Berlin"
    books.staffed(["support"], [], zone=zone)
    begins = moment("00:00:00", zone, "2026-10-25")
    day = Day()
    for hour in range(25):
        day.joins("09:00:00", f"call {hour}")
    books.write_all([replace(fact, at=begins + hour * HOUR + 60_000_000) for hour, fact in enumerate(day.facts)])
    for interval, each in (("60m", [1] * 25), ("day", [25])):
        rows = books.report("intervals", begins, begins + 25 * HOUR, interval=interval, zone=zone)
        assert [row["offered"] for row in rows] == each


def test_too_many_intervals_are_refused() -> None:
    with pytest.raises(Refused, match="more than 5000 intervals"):
        spans(DAWN, DAWN + 400 * 24 * HOUR, "15m", "UTC")


def test_every_day_begins_where_the_last_one_ended() -> None:
    found = spans(DAWN - 300 * 24 * HOUR, DAWN + 100 * 24 * HOUR, "day", "America/Santiago")
    assert [since for since, _ in found[1:]] == [until for _, until in found[:-1]]
    assert midnight(date(2026, 9, 6), "America/Santiago") in {since for since, _ in found}


def test_every_formula_names_a_figure() -> None:
    assert set(FORMULAS) <= set(FIGURES)


def test_what_the_join_adds_to_the_wait_is_a_figure_of_its_own(books: Books) -> None:
    books.staffed(["support"], ["alice"])
    day = Day()
    for call, began, ended, join_ms in (("one", "09:00:00", "09:00:10", 3_000), ("two", "09:05:00", "09:05:20", 0)):
        day.joins(began, call)
        day.offered(began, call, "alice")
        day.answered(ended, call, "alice", 5, join_ms=join_ms)
    day.joins("09:06:00", "three")
    day.leaves("09:07:00", "three", "abandoned")
    books.write_all(day.facts)
    for what in ("queues", "intervals"):
        for row in books.report(what, DAWN, DUSK):
            assert (row["asa_ms"], row["join_ms"]) in ((15_000, 1_500), (None, None))
