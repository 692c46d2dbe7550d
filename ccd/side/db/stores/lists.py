"""Lists of callers in SQL, which is the truth about them. For side's API and for whoever keeps core's copy in step.

Every change makes a version: greater than any before, and of its moment, so that one of another database is not taken for ours.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, func, insert, select, text
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.exc import OperationalError

from ccd.base.clock import Clock, SystemClock
from ccd.base.errors import NotFound, Refused
from ccd.screening.lists import Change
from ccd.screening.model import Action, Entry, ListName
from ccd.screening.subject import kept_subject
from ccd.side.db.engine import to_datetime, to_moment
from ccd.side.db.tables import list_changes, list_entries

LOCK = "LOCK TABLE ccd.list_changes IN SHARE ROW EXCLUSIVE MODE"
_LOCKED = "55P03"
_KEPT = ("list", "subject", "scope", "action", "target", "reason")


class ListStore:
    """Reads and changes the lists."""

    def __init__(self, engine: Engine, clock: Clock | None = None) -> None:
        self._engine = engine
        self._clock = clock or SystemClock()

    def add(self, entry: Entry, *, who: str = "") -> Entry:
        """Store an entry, in place of the one that its list has for this subject and scope; returns it with its id."""
        values: dict[str, Any] = {name: str(getattr(entry, name)) for name in _KEPT}
        key = kept_subject(entry.subject).key
        values |= {
            "sort_key": key if key >= 0 else None,
            "expires_at": to_datetime(entry.expires_at) if entry.expires_at else None,
            "created_by": who,
        }
        with self._change() as connection:
            row = upsert(list_entries).values(**values)
            changed = {name: row.excluded[name] for name in values} | {"created_at": func.now()}
            entry_id = connection.scalar(
                row.on_conflict_do_update(index_elements=["subject", "list", "scope"], set_=changed).returning(
                    list_entries.c.entry_id
                )
            )
            self._tell(connection, who=who, what="add", list=entry.list, entry_id=entry_id)
            return _entry(connection.execute(select(list_entries).where(list_entries.c.entry_id == entry_id)).one())

    def remove(self, name: ListName, subject: str, scope: str, *, who: str = "") -> Entry:
        """Take an entry off its list; NotFound."""
        where = (
            (list_entries.c.subject == subject) & (list_entries.c.list == name.value) & (list_entries.c.scope == scope)
        )
        with self._change() as connection:
            row = connection.execute(list_entries.delete().where(where).returning(list_entries)).first()
            if row is None:
                raise NotFound(f"{subject} is not on the {name.value} with scope {scope}")
            self._tell(connection, who=who, what="remove", list=name, entry_id=row.entry_id)
            return _entry(row)

    def page(self, name: ListName, *, limit: int, after: int = 0, subject: str = "") -> list[dict[str, Any]]:
        """Entries in the order of their ids, behind `after`; of one subject where it is given."""
        question = select(list_entries).where(list_entries.c.list == name.value, list_entries.c.entry_id > after)
        if subject:
            question = question.where(list_entries.c.subject == subject)
        with self._engine.connect() as connection:
            rows = connection.execute(question.order_by(list_entries.c.entry_id).limit(limit)).mappings()
            return [{key: value for key, value in row.items() if key != "sort_key"} for row in rows]

    def counts(self) -> dict[str, int]:
        """How many entries each list has, expired ones too."""
        question = select(list_entries.c.list, func.count()).group_by(list_entries.c.list)
        with self._engine.connect() as connection:
            found = {row[0]: int(row[1]) for row in connection.execute(question)}
        return {name.value: found.get(name.value, 0) for name in ListName}

    def patterns(self) -> int:
        """How many entries are patterns, which every look-up tries."""
        with self._engine.connect() as connection:
            question = select(func.count()).where(list_entries.c.sort_key.is_(None))
            return int(connection.scalar(question) or 0)

    def version(self) -> int:
        """The latest change; 0 before the first."""
        with self._engine.connect() as connection:
            return _version(connection)

    def since(self, version: int, most: int) -> list[Change] | None:
        """Every single change after a version, in order; None where they are too many, of many entries, or not after ours."""
        with self._engine.connect() as connection:
            if version and not connection.scalar(
                select(list_changes.c.version).where(list_changes.c.version == version)
            ):
                return None
            question = (
                select(list_changes.c.version, list_changes.c.entry_id.label("changed_id"), list_entries)
                .outerjoin(list_entries, list_entries.c.entry_id == list_changes.c.entry_id)
                .where(list_changes.c.version > version)
                .order_by(list_changes.c.version)
                .limit(most + 1)
            )
            rows = connection.execute(question).all()
        if len(rows) > most or any(row.changed_id is None for row in rows):
            return None
        return [
            Change(version=row.version, entry_id=row.changed_id, entry=_entry(row) if row.entry_id else None)
            for row in rows
        ]

    @contextmanager
    def _change(self) -> Iterator[Connection]:
        """A transaction; changes wait for each other, so that versions are committed in their order."""
        try:
            with self._engine.begin() as connection:
                connection.execute(text(LOCK))
                yield connection
        except OperationalError as error:
            if getattr(error.orig, "sqlstate", "") == _LOCKED:
                raise Refused("an import is at work on the lists; try again in a moment") from None
            raise

    def _tell(self, connection: Connection, *, who: str, what: str, list: ListName, entry_id: int | None) -> None:
        version = next_version(_version(connection), self._clock)
        row = {"version": version, "who": who, "what": what, "list": list.value, "entry_id": entry_id}
        connection.execute(insert(list_changes).values(**row))


def next_version(last: int, clock: Clock) -> int:
    """The version of a change now."""
    return max(last + 1, clock.now())


def _version(connection: Connection) -> int:
    return int(connection.scalar(select(func.coalesce(func.max(list_changes.c.version), 0))) or 0)


def _entry(row: Any) -> Entry:
    return Entry(
        entry_id=row.entry_id,
        list=ListName(row.list),
        subject=row.subject,
        scope=row.scope,
        action=Action(row.action),
        target=row.target,
        reason=row.reason,
        expires_at=to_moment(row.expires_at) if row.expires_at else 0,
    )
