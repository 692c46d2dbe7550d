"""Recordings in SQL: found, held, released, erased, and how long they may stay. For side's API and its keeper; plain dicts."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, Engine, Select, exists, func, insert, or_, select, text, update

from ccd.base.clock import Moment
from ccd.base.errors import NotFound
from ccd.side.db.engine import to_datetime, to_moment
from ccd.side.db.stores.masked import add_silence
from ccd.side.db.tables import agents, calls, queue_entries, queues, recording_audit, recordings

LONGEST_PAGE = 1000
PAGE = 500
_ANY_UUID = "00000000-0000-0000-0000-000000000000"
_WITH_FILE = ("complete", "missing", "failed")
_HIDDEN = {"checks", "keep_days"}
Record = dict[str, Any]


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Which recordings are asked for; what is empty or None does not matter."""

    call_id: str = ""
    number: str = ""
    e164: str = ""
    queue_id: str = ""
    agent_id: str = ""
    since: Moment | None = None
    until: Moment | None = None
    state: str = ""
    after: str = ""


class RecordingStore:
    """The rows of recordings. What is done to files is ccd.side.recording_erasure's."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    # --- finding ----------------------------------------------------------------------------------

    def listed(self, limit: int = 100, wanted: Wanted | None = None) -> list[Record]:
        """Recordings with their calls, the last begun first; `masked` are the silent ranges.

        `wanted.after` is the last recording of the page before.
        """
        question = _narrowed(_with_calls(), wanted or Wanted())
        begun = recordings.c.started_at.desc().nulls_last()
        with self._engine.connect() as connection:
            if wanted is not None and wanted.after:
                question = _behind(connection, question, wanted.after)
            rows = question.order_by(begun, recordings.c.recording_id.desc()).limit(max(1, min(limit, LONGEST_PAGE)))
            return _records(connection, rows)

    def found(self, recording_id: str) -> Record:
        """One recording with its silent ranges and all that was done to it; NotFound."""
        with self._engine.connect() as connection:
            records = _records(connection, _with_calls().where(recordings.c.recording_id == recording_id))
            if not records:
                raise NotFound(f"no recording {recording_id}")
            done = select(recording_audit).where(recording_audit.c.recording_id == recording_id)
            rows = connection.execute(done.order_by(recording_audit.c.audit_id)).mappings()
            keys = ("at", "who", "what", "why")
            records[0]["audit"] = [{key: _plain(row[key]) for key in keys} for row in rows]
            return records[0]

    def beginning(self, prefix: str, limit: int = 6) -> list[str]:
        """The recordings whose id, or whose call's id, begins with a piece of a uuid as it is written."""
        low, high = prefix + _ANY_UUID[len(prefix) :], prefix + _ANY_UUID.replace("0", "f")[len(prefix) :]
        which = or_(recordings.c.recording_id.between(low, high), recordings.c.call_id.between(low, high))
        with self._engine.connect() as connection:
            question = select(recordings.c.recording_id).where(which).order_by(recordings.c.recording_id).limit(limit)
            return list(connection.scalars(question))

    def of_number(self, number: str, e164: str) -> list[str]:
        """Every recording of a caller's number that is not erased yet."""
        question = select(recordings.c.recording_id).join(calls, calls.c.call_id == recordings.c.call_id)
        question = question.where(_is_number(number, e164), recordings.c.state.not_in(("erasing", "erased")))
        with self._engine.connect() as connection:
            return list(connection.scalars(question))

    def states(self, recording_ids: Sequence[str]) -> list[Record]:
        """State, hold and path of these."""
        columns = ("recording_id", "state", "held_at", "stopped_at", "local_path")
        question = select(*(recordings.c[name] for name in columns)).where(recordings.c.recording_id.in_(recording_ids))
        with self._engine.connect() as connection:
            return [dict(row) for row in connection.execute(question).mappings()]

    # --- holding ----------------------------------------------------------------------------------

    def hold(self, recording_id: str, *, at: Moment, who: str, why: str) -> bool:
        """Nobody and nothing may erase it from now on; tells whether it was free and has not been erased."""
        free = recordings.c.held_at.is_(None) & recordings.c.state.not_in(("erasing", "erased"))
        values = {"held_at": to_datetime(at), "held_by": who, "hold_reason": why}
        return self._one(recording_id, free, values, at=at, who=who, what="hold", why=why)

    def release(self, recording_id: str, *, at: Moment, who: str, why: str) -> bool:
        """It may be erased again; tells whether it was held."""
        values = {"held_at": None, "held_by": "", "hold_reason": ""}
        return self._one(
            recording_id, recordings.c.held_at.is_not(None), values, at=at, who=who, what="release", why=why
        )

    def _one(
        self, recording_id: str, condition: Any, values: Record, *, at: Moment, who: str, what: str, why: str
    ) -> bool:
        with self._engine.begin() as connection:
            where = (recordings.c.recording_id == recording_id) & condition
            if connection.execute(update(recordings).where(where).values(**values)).rowcount == 0:
                return False
            _audit(connection, [recording_id], at=at, who=who, what=what, why=why)
            return True

    # --- erasing ----------------------------------------------------------------------------------

    def begin_erasing(self, recording_ids: Sequence[str], *, at: Moment, who: str, what: str, why: str) -> list[str]:
        """Note that these go, and why; whoever dies before the files are gone leaves that to the next. Held ones stay."""
        with self._engine.begin() as connection:
            free = (
                recordings.c.recording_id.in_(recording_ids)
                & recordings.c.held_at.is_(None)
                & (recordings.c.state.in_(_WITH_FILE) | _closed())
            )
            change = update(recordings).where(free).values(state="erasing", erased_by=who, erase_reason=why)
            gone = list(connection.scalars(change.returning(recordings.c.recording_id)))
            _audit(connection, gone, at=at, who=who, what=what, why=why)
            return gone

    def erasing(
        self, recording_ids: Sequence[str] | None = None, *, after: str = _ANY_UUID, limit: int = PAGE
    ) -> list[tuple[str, str]]:
        """Id and path of what is to be erased and is not yet, by id, a page at a time."""
        question = select(recordings.c.recording_id, recordings.c.local_path)
        question = question.where(recordings.c.state == "erasing", recordings.c.recording_id > after)
        if recording_ids is not None:
            question = question.where(recordings.c.recording_id.in_(recording_ids))
        with self._engine.connect() as connection:
            rows = connection.execute(question.order_by(recordings.c.recording_id).limit(limit))
            return [(row[0], row[1]) for row in rows]

    def erased(self, recording_id: str, at: Moment) -> None:
        """The file is gone."""
        with self._engine.begin() as connection:
            where = (recordings.c.recording_id == recording_id) & (recordings.c.state == "erasing")
            connection.execute(update(recordings).where(where).values(state="erased", erased_at=to_datetime(at)))

    def expired(self, now: Moment, keep_days: int, limit: int = 500) -> list[tuple[str, int]]:
        """Recordings that are older than they are kept, and the days: of the queue, else the route, else `keep_days`."""
        days = func.coalesce(
            func.nullif(queues.c.keep_days, 0), func.nullif(recordings.c.keep_days, 0), func.nullif(keep_days, 0)
        )
        age = func.coalesce(recordings.c.stopped_at, recordings.c.started_at)
        question = (
            select(recordings.c.recording_id, days)
            .outerjoin(calls, calls.c.call_id == recordings.c.call_id)
            .outerjoin(queues, queues.c.queue_id == calls.c.queue_id)
            .where(_kept(), age < to_datetime(now) - days * text("interval '1 day'"))
            .order_by(age)
            .limit(limit)
        )
        with self._engine.connect() as connection:
            return [(row[0], int(row[1])) for row in connection.execute(question)]

    def oldest(self, limit: int) -> list[str]:
        """The recordings that have a file and may go first when the disk is full."""
        age = func.coalesce(recordings.c.stopped_at, recordings.c.started_at)
        question = select(recordings.c.recording_id).where(_kept(), recordings.c.size_bytes.is_not(None))
        with self._engine.connect() as connection:
            return list(connection.scalars(question.order_by(age).limit(limit)))


def _closed() -> Any:
    """Closed by the switch, though not measured yet."""
    return (recordings.c.state == "running") & recordings.c.stopped_at.is_not(None)


def _kept() -> Any:
    return recordings.c.state.in_(_WITH_FILE) & recordings.c.held_at.is_(None)


def _is_number(number: str, e164: str) -> Any:
    raw = calls.c.caller_number == number
    return (calls.c.caller_e164 == e164) | raw if e164 else raw


def _with_calls() -> Select[Any]:
    told = (calls.c.caller_number, calls.c.caller_e164, calls.c.dialled, calls.c.recording_consent.label("consent"))
    return (
        select(recordings, *told, queues.c.name.label("queue"), agents.c.name.label("agent"))
        .outerjoin(calls, calls.c.call_id == recordings.c.call_id)
        .outerjoin(queues, queues.c.queue_id == calls.c.queue_id)
        .outerjoin(agents, agents.c.agent_id == calls.c.agent_id)
    )


def _narrowed(question: Select[Any], wanted: Wanted) -> Select[Any]:
    if wanted.call_id:
        question = question.where(recordings.c.call_id == wanted.call_id)
    if wanted.number:
        question = question.where(_is_number(wanted.number, wanted.e164))
    if wanted.since is not None:
        question = question.where(recordings.c.started_at >= to_datetime(wanted.since))
    if wanted.until is not None:
        question = question.where(recordings.c.started_at < to_datetime(wanted.until))
    if wanted.state:
        question = question.where(recordings.c.state == wanted.state)
    for column, value in (("queue_id", wanted.queue_id), ("agent_id", wanted.agent_id)):
        if value:  # every queue and agent that the call came to, not only the last
            stay = (queue_entries.c.call_id == recordings.c.call_id) & (queue_entries.c[column] == value)
            question = question.where(exists().where(stay))
    return question


def _behind(connection: Connection, question: Select[Any], recording_id: str) -> Select[Any]:
    """What comes after this one in the list."""
    last = connection.execute(select(recordings.c.started_at).where(recordings.c.recording_id == recording_id)).first()
    if last is None:
        raise NotFound(f"no recording {recording_id}")
    smaller = recordings.c.recording_id < recording_id
    if last[0] is None:
        return question.where(recordings.c.started_at.is_(None), smaller)
    same = (recordings.c.started_at == last[0]) & smaller
    return question.where(or_(recordings.c.started_at < last[0], same, recordings.c.started_at.is_(None)))


def _audit(connection: Connection, recording_ids: list[str], *, at: Moment, who: str, what: str, why: str) -> None:
    if recording_ids:
        row = {"at": to_datetime(at), "who": who, "what": what, "why": why}
        connection.execute(insert(recording_audit), [{"recording_id": one, **row} for one in recording_ids])


def _records(connection: Connection, question: Select[Any]) -> list[Record]:
    rows = connection.execute(question).mappings()
    records = [{name: _plain(value) for name, value in row.items() if name not in _HIDDEN} for row in rows]
    add_silence(connection, records)
    return records


def _plain(value: Any) -> Any:
    return to_moment(value) if isinstance(value, dt.datetime) else value
