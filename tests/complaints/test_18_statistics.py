"""Complaint 18: Statistics count twice, begin anew at a restart, and charge transferred talk to the wrong agent.

https://github.com/asterisk/asterisk/issues/1736 https://github.com/roramirez/qpanel/issues/113
https://github.com/FreePBX/issue-tracker/issues/124 https://github.com/fusionpbx/fusionpbx/issues/5778
https://github.com/fusionpbx/fusionpbx/issues/2642 https://github.com/IssabelFoundation/callcenter/issues/41

A morning whose figures are known by heart, in PostgreSQL. It is told once, told twice, told in pieces by two runs of ccd that
were killed between, and reported again: the figures stay what they are, and equal a recount of the raw facts.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from ccd.calls.facts import Fact
from ccd.journal import codec
from ccd.journal.records import SpooledFact
from ccd.side.reports.questions import Question
from tests.side.report_days import OUTCOMES, Books, Day, moment

DAWN, DUSK = moment("00:00:00"), moment("23:59:59")


@pytest.fixture
def books(database: str, tmp_path: Path) -> Iterator[Books]:
    found = Books(database, tmp_path)
    found.staffed(["support", "sales"], ["ann", "ben"])
    yield found
    found.close()


def a_morning() -> list[Fact]:
    """Ann talks for a minute and passes her caller on to sales, where Ben talks for two. Another caller hangs up."""
    day = Day()
    for name in ("ann", "ben"):
        day.agent("08:00:00", name, "available")
    day.joins("09:00:00", "one")
    day.offered("09:00:05", "one", "ann")
    day.agent("09:00:05", "ann", "offered")
    day.answered("09:00:10", "one", "ann", rang_s=5)
    day.agent("09:00:10", "ann", "talking")
    day.talked("09:01:10", "one", "ann", 60)
    day.agent("09:01:10", "ann", "wrap_up", offer="one  ann")
    day.agent("09:01:40", "ann", "available")
    day.joins("09:01:10", "one", "sales", "onward")
    day.offered("09:01:15", "one", "ben", "sales", "onward")
    day.agent("09:01:15", "ben", "offered")
    day.answered("09:01:20", "one", "ben", rang_s=5, queue="sales", visit="onward")
    day.agent("09:01:20", "ben", "talking")
    day.talked("09:03:20", "one", "ben", 120, "sales", "onward")
    day.agent("09:03:20", "ben", "available")
    day.joins("09:10:00", "two")
    day.offered("09:10:05", "two", "ann")
    day.agent("09:10:05", "ann", "offered")
    day.missed("09:10:25", "two", "ann", "no_answer")
    day.agent("09:10:25", "ann", "available")
    day.leaves("09:10:40", "two", "abandoned")
    for name in ("ann", "ben"):
        day.agent("10:00:00", name, "logged_out")
    return day.facts


def assert_known_figures(books: Books) -> None:
    """What everybody who was there would say. `Books.report` compares with the recount of the facts as well."""
    rows = {row["queue"]: row for row in books.report("queues", DAWN, DUSK)}
    figures = ("offered", "answered", "abandoned", "talk_ms", "wrap_up_ms", "calls_offered", "calls_answered")
    assert [rows["support"][key] for key in figures] == [2, 1, 1, 60_000, 30_000, 2, 1]
    assert [rows["sales"][key] for key in figures] == [1, 1, 0, 120_000, 0, 1, 1]
    total = rows[None]
    assert [total[key] for key in figures] == [3, 2, 1, 180_000, 30_000, 2, 1], "two calls, one of them in both queues"
    ann, ben = books.report("agents", DAWN, DUSK)
    times = ("signed_in_ms", "talk_ms", "wrap_up_ms", "offers", "answered")
    assert [ann[key] for key in times] == [7_200_000, 60_000, 30_000, 2, 1], "her own minute, not his two"
    assert [ben[key] for key in times] == [7_200_000, 120_000, 0, 1, 1]
    assert ann["missed"] == {"no_answer": 1}


def test_a_morning_has_its_figures_and_a_call_is_charged_to_each_for_his_part(books: Books) -> None:
    books.write_all(a_morning())
    for _ in range(2):  # who asks twice gets the same
        assert_known_figures(books)


def told_twice(books: Books) -> None:
    """The connection dies behind the commit, and side writes the same again."""
    spooled = [SpooledFact("boot-a", seq, codec.encode(fact)) for seq, fact in enumerate(a_morning(), 1)]
    for start in range(0, len(spooled), 7):
        books.write(spooled[start : start + 7])
        books.write(spooled[max(start - 3, 0) : start + 7])
    assert_known_figures(books)


def test_what_is_told_twice_counts_once(books: Books) -> None:
    told_twice(books)


@pytest.mark.parametrize("seed", range(3))
def test_restarts_lose_and_add_nothing(books: Books, seed: int) -> None:
    """ccd is killed twice in the middle; the last facts of a dead one may reach PostgreSQL behind the first of the next."""
    chance, facts = random.Random(seed), a_morning()
    cuts = sorted(chance.sample(range(1, len(facts)), 2))
    parts = [facts[: cuts[0]], facts[cuts[0] : cuts[1]], facts[cuts[1] :]]
    batches = [
        [SpooledFact(f"boot-{number}", seq, codec.encode(fact)) for seq, fact in enumerate(part, 1)]
        for number, part in enumerate(parts)
    ]
    chance.shuffle(batches)
    for batch in batches:
        books.write(batch)
    assert_known_figures(books)


def test_offered_is_all_outcomes_and_who_still_waits_at_any_moment(books: Books) -> None:
    for seq, fact in enumerate(a_morning(), 1):
        books.write([SpooledFact("boot-a", seq, codec.encode(fact))])
        for row in books.reports.rows("queues", Question(since=DAWN, until=DUSK)):
            assert row["offered"] == row["waiting"] + sum(row[outcome] for outcome in OUTCOMES)


@pytest.mark.parametrize(
    "defect",
    [
        "UPDATE ccd.queue_entries SET agent_id = (SELECT agent_id FROM ccd.agents WHERE name = 'ben') WHERE talk_ms = 60000",
        "UPDATE ccd.queue_entries SET talk_ms = 2 * talk_ms",
        "UPDATE ccd.queue_entries SET outcome = 'abandoned' WHERE outcome = 'answered'",
        "DELETE FROM ccd.queue_entries WHERE talk_ms = 60000",
    ],
    ids=["charged to whom it ended with", "counted twice", "everything abandoned", "lost at a restart"],
)
def test_the_scenario_fails_on_the_complaint(books: Books, defect: str) -> None:
    books.write_all(a_morning())
    assert_known_figures(books)
    with books.engine.begin() as connection:
        connection.execute(text(defect))
    with pytest.raises(AssertionError):
        assert_known_figures(books)
