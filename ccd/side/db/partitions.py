"""Monthly partitions, made ahead of time; rows of a month without one lie in the DEFAULT partition and never fail."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

import psycopg
from psycopg import sql

from ccd.side.db.tables import PARTITIONED, SCHEMA

_NAME = re.compile(rf"({'|'.join(PARTITIONED)})_(y\d{{4}}m\d\d|default)")
_LOCK = 7_229_001


def is_partition(name: str) -> bool:
    """Whether a table of this name is a partition of one of ours."""
    return _NAME.fullmatch(name) is not None


def months_from(day: dt.date, count: int) -> list[dt.date]:
    """The first days of the month of `day` and of those that follow, `count` in all."""
    first = day.year * 12 + day.month - 1
    return [dt.date((first + n) // 12, (first + n) % 12 + 1, 1) for n in range(count)]


def ensure_partitions(connection: psycopg.Connection[Any], first: dt.date, months: int = 3) -> list[str]:
    """Make the partitions of `months` months from the month of `first`; returns the names of the new ones.

    Rows that came before their month's partition are moved out of the DEFAULT partition in the same transaction.
    """
    made = []
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
        rows = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = %s", (SCHEMA,)).fetchall()
        there = {name for (name,) in rows}
        for table, column in PARTITIONED.items():
            for month in months_from(first, months):
                name = f"{table}_y{month:%Y}m{month:%m}"
                if name not in there:
                    _make(connection, table, column, name, month)
                    made.append(name)
    return made


def _make(connection: psycopg.Connection[Any], table: str, column: str, name: str, month: dt.date) -> None:
    start, end = (dt.datetime(day.year, day.month, 1, tzinfo=dt.UTC) for day in months_from(month, 2))
    names = {
        "parent": sql.Identifier(SCHEMA, table),
        "rest": sql.Identifier(SCHEMA, f"{table}_default"),
        "new": sql.Identifier(SCHEMA, name),
        "column": sql.Identifier(column),
        "start": sql.Literal(start),
        "end": sql.Literal(end),
    }
    for statement in (
        "CREATE TABLE {new} (LIKE {parent} INCLUDING DEFAULTS INCLUDING CONSTRAINTS)",
        "WITH moved AS (DELETE FROM {rest} WHERE {column} >= {start} AND {column} < {end} RETURNING *)"
        " INSERT INTO {new} SELECT * FROM moved",
        "ALTER TABLE {parent} ATTACH PARTITION {new} FOR VALUES FROM ({start}) TO ({end})",
    ):
        connection.execute(sql.SQL(statement).format(**names))
