"""One batch of the spool into PostgreSQL: facts, projections and the cursor in one transaction. For the writer only."""

from __future__ import annotations

import json
import os
import re
from collections import defaultdict
from pathlib import Path
from typing import Any

import msgspec
import psycopg
import structlog

from ccd.journal.spool import Position, SpooledFact
from ccd.side.db.projections import PROJECTIONS, SUMMARIES, SUMMARY_KINDS

log = structlog.get_logger(__name__)

CURSOR = "spool"
# Classes of SQLSTATE that speak of the data; all others are the server's trouble, or a schema that is not there yet.
_REFUSALS = frozenset({"22", "23", "54"})
_NUL = re.compile(rb"\\u0000")
_UUID = "'^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$'"


def _uuid_of(key: str) -> str:
    # Lenient: an odd id stays in the body, and the fact is kept.
    return f"CASE WHEN e->>'{key}' ~ {_UUID} THEN (e->>'{key}')::uuid END"


_INSERT = f"""
INSERT INTO ccd.facts (boot_id, seq, at, kind, call_id, leg_id, agent_id, queue_id, body)
SELECT e->>'_boot', (e->>'_seq')::bigint, timestamptz 'epoch' + (e->>'at')::bigint * interval '1 microsecond',
  e->>'kind', {_uuid_of("call_id")}, e->>'leg_id', {_uuid_of("agent_id")}, {_uuid_of("queue_id")}, e - '_boot' - '_seq'
FROM jsonb_array_elements(%(facts)s::jsonb) AS e
ON CONFLICT DO NOTHING RETURNING boot_id, seq
""".encode()  # noqa: S608 -- the text is ours alone; facts travel as a parameter
_STATEMENTS = {kind: tuple(text.encode() for text in texts) for kind, texts in PROJECTIONS.items()}
_SUMMARIES = tuple(text.encode() for text in SUMMARIES)


class CursorMoved(Exception):
    """Another connection wrote the batch meanwhile: an earlier COMMIT of ours that we heard no answer to."""


class DeadLetters:
    """The facts that SQL refuses, one JSON line each, on disk before the cursor passes them."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: set[tuple[str, int]] = set()

    @property
    def count(self) -> int:
        """How many there were since the start."""
        return len(self._seen)

    def add(self, fact: SpooledFact, error: str, *, stored: bool) -> None:
        """Keep `fact`; `stored` says that `ccd.facts` has it and only its projection failed."""
        if (fact.boot_id, fact.seq) in self._seen:
            return  # its batch is written once more after PostgreSQL failed
        line = {
            "boot_id": fact.boot_id,
            "seq": fact.seq,
            "stored": stored,
            "error": error,
            "payload": fact.payload.decode(errors="backslashreplace"),
        }
        with open(self._path, "a", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
            file.write(json.dumps(line, ensure_ascii=False) + "\n")
            file.flush()
            os.fsync(file.fileno())
        self._seen.add((fact.boot_id, fact.seq))
        log.error("fact_refused", alarm="dead_letters", boot_id=fact.boot_id, seq=fact.seq, stored=stored, error=error)


class _Head(msgspec.Struct):
    kind: str
    at: int


_head = msgspec.json.Decoder(_Head)


class _Row(msgspec.Struct, frozen=True):
    fact: SpooledFact
    kind: str
    data: bytes


def read_cursor(connection: psycopg.Connection[Any]) -> Position:
    """How far the spool is written; the beginning for a new database."""
    with connection.transaction():
        connection.execute(
            "INSERT INTO ccd.journal_cursor (name, segment, byte_offset) VALUES (%s, 0, 0) ON CONFLICT DO NOTHING",
            (CURSOR,),
        )
        return _cursor(connection)


def write_batch(
    connection: psycopg.Connection[Any],
    facts: list[SpooledFact],
    before: Position,
    after: Position,
    dead: DeadLetters,
) -> int:
    """Write the facts between two places of the spool and move the cursor, all or nothing; returns how many were new."""
    with connection.transaction():
        # The row's lock keeps a backend of a connection that we gave up from writing beside us.
        if _cursor(connection) != before:
            raise CursorMoved
        rows = [row for fact in facts if (row := _prepare(fact, dead)) is not None]
        written = _write(connection, rows, dead) if rows else 0
        connection.execute(
            "UPDATE ccd.journal_cursor SET segment = %s, byte_offset = %s, moved_at = now() WHERE name = %s",
            (after.segment, after.offset, CURSOR),
        )
    return written


def _cursor(connection: psycopg.Connection[Any]) -> Position:
    found = connection.execute(
        "SELECT segment, byte_offset FROM ccd.journal_cursor WHERE name = %s FOR UPDATE", (CURSOR,)
    ).fetchone()
    assert found is not None
    return Position(*found)


def _prepare(fact: SpooledFact, dead: DeadLetters) -> _Row | None:
    payload = fact.payload
    try:
        if _NUL.search(payload):
            payload = msgspec.json.encode(_without_nul(msgspec.json.decode(payload)))
        kind = _head.decode(payload).kind
        payload.decode()
    except (msgspec.MsgspecError, UnicodeError) as error:
        dead.add(fact, f"not a fact: {error}", stored=False)
        return None
    name = msgspec.json.encode({"_boot": fact.boot_id.replace("\0", ""), "_seq": fact.seq})
    return _Row(fact, kind, name[:-1] + b"," + payload.lstrip()[1:])


def _without_nul(value: Any) -> Any:
    """PostgreSQL's text has no NUL: it becomes U+FFFD, as elsewhere what cannot be read."""
    if isinstance(value, str):
        return value.replace("\0", "\ufffd")
    if isinstance(value, list):
        return [_without_nul(one) for one in value]
    if isinstance(value, dict):
        return {_without_nul(key): _without_nul(one) for key, one in value.items()}
    return value


def _write(connection: psycopg.Connection[Any], rows: list[_Row], dead: DeadLetters) -> int:
    """Write `rows`, halving them until what SQL refuses stands alone and goes to the dead letters."""
    try:
        with connection.transaction():
            fresh = _insert(connection, rows)
            _project(connection, fresh)
            return len(fresh)
    except psycopg.Error as error:
        if (error.sqlstate or "")[:2] not in _REFUSALS:
            raise
        refusal = str(error).strip().splitlines()[0]
    if len(rows) > 1:
        middle = len(rows) // 2
        return _write(connection, rows[:middle], dead) + _write(connection, rows[middle:], dead)
    return _write_refused(connection, rows[0], refusal, dead)


def _write_refused(connection: psycopg.Connection[Any], row: _Row, refusal: str, dead: DeadLetters) -> int:
    """The fact alone, without its projection, if SQL takes that."""
    stored = 0
    try:
        with connection.transaction():
            stored = len(_insert(connection, [row]))
    except psycopg.Error as error:
        if (error.sqlstate or "")[:2] not in _REFUSALS:
            raise
    dead.add(row.fact, refusal, stored=bool(stored))
    return stored


def _insert(connection: psycopg.Connection[Any], rows: list[_Row]) -> list[_Row]:
    found = connection.execute(_INSERT, {"facts": _array(rows)}).fetchall()
    if len(found) == len(rows):
        return rows
    new = set(found)
    return [row for row in rows if (row.fact.boot_id, row.fact.seq) in new]


def _project(connection: psycopg.Connection[Any], rows: list[_Row]) -> None:
    by_kind: dict[str, list[_Row]] = defaultdict(list)
    for row in rows:
        by_kind[row.kind].append(row)
    for kind, statements in _STATEMENTS.items():
        if kind in by_kind:
            facts = {"facts": _array(by_kind[kind])}
            for statement in statements:
                connection.execute(statement, facts)
    summed = [row for row in rows if row.kind in SUMMARY_KINDS]
    if summed:
        facts = {"facts": _array(summed)}
        for statement in _SUMMARIES:
            connection.execute(statement, facts)


def _array(rows: list[_Row]) -> str:
    return (b"[" + b",".join(row.data for row in rows) + b"]").decode()
