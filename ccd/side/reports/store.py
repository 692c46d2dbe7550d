"""Answers reports from SQL. For side's API; plain dicts, moments are `ccd.base.clock.Moment`s, rates per cent."""

from __future__ import annotations

import datetime as dt
import uuid
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, Engine, select, text

from ccd.base.errors import NotFound
from ccd.side.db.engine import to_datetime, to_moment
from ccd.side.db.tables import agents, queues
from ccd.side.reports.buckets import spans
from ccd.side.reports.questions import Question
from ccd.side.reports.recount import Recount, recounted
from ccd.side.reports.sql import STATEMENTS

Record = dict[str, Any]


class Reports:
    """The three reports, and the same from the facts themselves."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def rows(self, what: str, question: Question) -> list[Record]:
        """`queues`: a row a queue, the last one of all together. `agents`: a row an agent. `intervals`: a row an interval."""
        with self._engine.connect() as connection:
            return _rows(connection, what, question)

    def checked(self, what: str, question: Question) -> tuple[list[Record], Recount]:
        """The rows, and how the same came out when counted once more from the journal's facts alone."""
        with self._engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection:
            rows = _rows(connection, what, question)
            return rows, recounted(connection, what, question, rows)

    def zone_of(self, queue_id: str) -> str:
        """A queue's own zone, '' for the site's."""
        with self._engine.connect() as connection:
            return connection.scalar(select(queues.c.zone).where(queues.c.queue_id == queue_id)) or ""

    def id_of(self, noun: str, name: str) -> str:
        """The id behind the name of a queue or an agent; of a retired one when no other has it. NotFound."""
        table, key = {"queue": (queues, "queue_id"), "agent": (agents, "agent_id")}[noun]
        found = select(table.c[key]).where(table.c.name == name).order_by(table.c.retired_at.desc().nulls_first())
        with self._engine.connect() as connection:
            id_: str | None = connection.scalar(found.limit(1))
        if id_ is None:
            raise NotFound(f"no {noun} {name}")
        return id_


def _rows(connection: Connection, what: str, question: Question) -> list[Record]:
    parameters = question.parameters()
    if what == "intervals":
        found = spans(question.since, question.until, question.interval, question.zone)
        parameters["froms"] = [to_datetime(begins) for begins, _ in found]
        parameters["untils"] = [to_datetime(ends) for _, ends in found]
    rows = connection.execute(text(STATEMENTS[what]), parameters).mappings()
    return [{name: _plain(value) for name, value in row.items()} for row in rows]


def _plain(value: Any) -> Any:
    match value:
        case dt.datetime():
            return to_moment(value)
        case Decimal():
            return float(value)
        case uuid.UUID():
            return str(value)
    return value
