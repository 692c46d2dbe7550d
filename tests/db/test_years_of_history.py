"""What stands in the tables for years costs nothing: counted in rows that PostgreSQL reads, not in time."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from psycopg.types.json import Jsonb
from sqlalchemy import text

from ccd.side.db.partitions import ensure_partitions
from ccd.side.db.projections.queueing import AGENT_CHANGED
from ccd.side.reports.questions import Question
from ccd.side.reports.sql import STATEMENTS
from tests.side.report_days import Books, ident

AGENTS, DAYS = 10, 60
NOW = int(dt.datetime(2026, 11, 20, tzinfo=dt.UTC).timestamp() * 1e6)
HOUR = 3_600_000_000
_STATES = """
INSERT INTO ccd.agent_states (agent_id, from_at, boot_id, seq, to_at, presence, activity, offer_id)
SELECT a.agent_id, at, 'boot-a', n, at + interval '1 hour', 'available', 'idle', CASE WHEN n % 2 = 0 THEN gen_random_uuid() END
FROM ccd.agents a, generate_series(1, :hours) AS n, LATERAL (SELECT CAST(:now AS timestamptz) - n * interval '1 hour' AS at) x
"""
_OFFERS = """
INSERT INTO ccd.offers (offer_id, entry_id, queue_id, agent_id, offered_at, ended_at, result, ring_ms)
SELECT gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), agent_id, from_at, from_at + interval '9 s', 'no_answer', 9000
FROM ccd.agent_states
"""
_VISITS = """
INSERT INTO ccd.queue_entries (entry_id, agent_id, offer_id, joined_at, connected_at, left_at, outcome, talk_ended_at, talk_ms)
SELECT entry_id, agent_id, offer_id, offered_at, ended_at, ended_at, 'answered', ended_at, 1000 FROM ccd.offers
"""


@pytest.fixture
def old_books(database: str, tmp_path: Path) -> Iterator[Books]:
    """Two months of states, offers and visits, a row an hour and agent."""
    books = Books(database, tmp_path)
    ensure_partitions(books.connection, dt.date(2026, 9, 1), months=3)
    books.connection.commit()
    books.staffed([], [f"agent{number}" for number in range(AGENTS)])
    with books.engine.begin() as connection:
        now = dt.datetime.fromtimestamp(NOW / 1e6, dt.UTC)
        for statement in (_STATES, _OFFERS, _VISITS):
            connection.execute(text(statement), {"hours": DAYS * 24, "now": now} if statement is _STATES else {})
    books.connection.autocommit = True
    books.connection.execute("ANALYZE ccd.agents, ccd.agent_states, ccd.offers, ccd.queue_entries")
    books.connection.autocommit = False
    yield books
    books.connection.rollback()
    books.close()


def rows_read(plan: dict[str, Any]) -> float:
    """The rows that the scans of a plan have read."""
    read = plan.get("Actual Rows", 0) + plan.get("Rows Removed by Filter", 0)
    own = read * plan["Actual Loops"] if "Relation Name" in plan and plan.get("Alias") != "a" else 0
    return float(own + sum(map(rows_read, plan.get("Plans", []))))


def test_a_change_of_an_agent_reads_his_last_states_alone(old_books: Books) -> None:
    facts = [
        {"_boot": "boot-b", "_seq": number, "at": NOW, "agent_id": ident(f"agent{number}"), "presence": "on_break"}
        | {"activity": "idle", "cause": "pause"}
        for number in range(AGENTS)
    ]
    for way in ("seqscan", "hashjoin", "mergejoin"):  # so little would be read as a whole
        old_books.connection.execute(f"SET LOCAL enable_{way} = off")
    for statement in AGENT_CHANGED:
        explained = old_books.connection.execute(
            f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}".encode(), {"facts": Jsonb(facts)}
        ).fetchone()
        assert explained is not None
        assert rows_read(explained[0][0]["Plan"]) < 20 * AGENTS, statement


def test_a_report_of_an_hour_reads_the_hours_about_it_alone(old_books: Books) -> None:
    question = Question(since=NOW - 90 * HOUR, until=NOW - 89 * HOUR)
    with old_books.engine.connect() as connection:
        explained = connection.execute(
            text(f"EXPLAIN (ANALYZE, FORMAT JSON) {STATEMENTS['agents']}"), question.parameters()
        ).scalar_one()
    explained = msgspec.json.decode(explained) if isinstance(explained, str) else explained
    assert rows_read(explained[0]["Plan"]) < 20 * AGENTS
