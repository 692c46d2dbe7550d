"""What was: calls with all that belongs to them, agents' states. For side's API; plain dicts, never rows.

Moments are `ccd.base.clock.Moment`s, ids are text, an absent value is None.
"""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any

from sqlalchemy import Connection, Engine, Executable, Select, Table, case, func, select

from ccd.base.clock import Moment
from ccd.base.errors import NotFound
from ccd.side.db.engine import to_datetime, to_moment
from ccd.side.db.stores.masked import add_silence
from ccd.side.db.tables import (
    agent_sessions,
    agent_states,
    agents,
    call_segments,
    calls,
    legs,
    offers,
    queue_entries,
    queues,
    recordings,
    switch_events,
)

LONGEST_PAGE = 1000
_UUID_FORM = "00000000-0000-0000-0000-000000000000"
Record = dict[str, Any]

_PARTS: dict[str, tuple[Table, str]] = {
    "legs": (legs, "created_at"),
    "queue_entries": (queue_entries, "joined_at"),
    "offers": (offers, "offered_at"),
    "recordings": (recordings, "started_at"),
    "segments": (call_segments, "started_at"),
}
_INNER = {"state_boot", "state_seq", "checks", "segment_key"}


class HistoryStore:
    """Answers questions about the past. Pages go backwards in time: `before` is the last moment of the page before."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def ended_calls(
        self, limit: int = 50, before: Moment | None = None, *, queue_id: str = "", agent_id: str = ""
    ) -> list[Record]:
        """Calls that ended, the last one first, with the names of queue and agent."""
        question = _with_names().where(calls.c.ended_at.is_not(None)).order_by(calls.c.ended_at.desc(), calls.c.call_id)
        if before is not None:
            question = question.where(calls.c.ended_at < to_datetime(before))
        if queue_id:
            question = question.where(calls.c.queue_id == queue_id)
        if agent_id:
            question = question.where(calls.c.agent_id == agent_id)
        return self._asked(question.limit(_page(limit)))

    def call(self, call_id: str) -> Record:
        """One call with its legs, queue_entries, offers, recordings and segments, queues and agents by name; NotFound."""
        try:
            uuid.UUID(call_id)
        except ValueError:
            raise NotFound(f"no call {call_id}") from None
        with self._engine.connect() as connection:
            found = _records(connection, _with_names().where(calls.c.call_id == call_id))
            if not found:
                raise NotFound(f"no call {call_id}")
            for part, (table, moment) in _PARTS.items():
                question = select(table).where(table.c.call_id == call_id).order_by(table.c[moment])
                found[0][part] = _records(connection, question)
                _name_all(connection, found[0][part])
            add_silence(connection, found[0]["recordings"])
            return found[0]

    def calls_beginning(self, prefix: str, limit: int = 6) -> list[str]:
        """The ids of calls that begin with `prefix`, a piece of a uuid as it is written; at most `limit`."""
        lowest, highest = prefix + _UUID_FORM[len(prefix) :], prefix + _UUID_FORM.replace("0", "f")[len(prefix) :]
        question = select(calls.c.call_id).where(calls.c.call_id.between(lowest, highest))
        with self._engine.connect() as connection:
            return list(connection.scalars(question.order_by(calls.c.call_id).limit(limit)))

    def agent_states(self, agent_id: str, limit: int = 100, before: Moment | None = None) -> list[Record]:
        """What an agent declared and did, the newest first."""
        question = (
            select(agent_states)
            .where(agent_states.c.agent_id == agent_id)
            .order_by(agent_states.c.from_at.desc(), agent_states.c.seq.desc())
        )
        if before is not None:
            question = question.where(agent_states.c.from_at < to_datetime(before))
        return self._asked(question.limit(_page(limit)))

    def agent_sessions(self, agent_id: str, limit: int = 100) -> list[Record]:
        """An agent's log-ins, the newest first."""
        question = select(agent_sessions).where(agent_sessions.c.agent_id == agent_id)
        return self._asked(question.order_by(agent_sessions.c.logged_in_at.desc()).limit(_page(limit)))

    def switch_events(self, limit: int = 100) -> list[Record]:
        """What happened to the switches and what was repaired, the newest first."""
        question = select(switch_events).order_by(switch_events.c.at.desc(), switch_events.c.seq.desc())
        return self._asked(question.limit(_page(limit)))

    def totals(self, since: Moment, until: Moment | None = None) -> Record:
        """Ended calls in a span: how many, by outcome, and the waits in ms of those that were connected."""
        waited = func.percentile_disc(0.5).within_group(calls.c.wait_ms).filter(calls.c.connected_at.is_not(None))
        counted = [
            func.count(case((calls.c.outcome == outcome, 1))).label(outcome)
            for outcome in ("answered", "abandoned", "blocked", "voicemail", "ivr_ended")
        ]
        question = select(func.count().label("calls"), *counted, waited.label("wait_ms_p50")).where(
            calls.c.ended_at >= to_datetime(since)
        )
        if until is not None:
            question = question.where(calls.c.ended_at < to_datetime(until))
        return self._asked(question)[0]

    def _asked(self, question: Executable) -> list[Record]:
        with self._engine.connect() as connection:
            return _records(connection, question)


def _with_names() -> Select[Any]:
    return (
        select(calls, queues.c.name.label("queue"), agents.c.name.label("agent"))
        .outerjoin(queues, queues.c.queue_id == calls.c.queue_id)
        .outerjoin(agents, agents.c.agent_id == calls.c.agent_id)
    )


def _name_all(connection: Connection, records: list[Record]) -> None:
    """Put the names of queues and agents beside their ids; what is retired keeps its name here."""
    for key, noun, table in (("queue_id", "queue", queues), ("agent_id", "agent", agents)):
        having = [record for record in records if key in record]
        wanted = {record[key] for record in having if record[key]}
        rows = connection.execute(select(table.c[key], table.c.name).where(table.c[key].in_(wanted))) if wanted else ()
        names = {row[0]: row[1] for row in rows}
        for record in having:
            record[noun] = names.get(record[key])


def _records(connection: Connection, question: Executable) -> list[Record]:
    rows = connection.execute(question).mappings()
    return [{name: _plain(name, value) for name, value in row.items() if name not in _INNER} for row in rows]


def _plain(name: str, value: Any) -> Any:
    return to_moment(value) if isinstance(value, dt.datetime) else value


def _page(limit: int) -> int:
    return max(1, min(limit, LONGEST_PAGE))
