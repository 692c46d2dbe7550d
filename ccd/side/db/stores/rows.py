"""Rows of the configuration's tables as what they stand for, and back. For ccd.side.db.stores.config only."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import msgspec
from sqlalchemy import Connection, Table, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from ccd.acd.asks import as_json, from_json
from ccd.acd.model import Agent, BreakReason, Queue, Station, Tier
from ccd.base.errors import NotFound, Refused
from ccd.side.db.tables import agents, break_reasons, config_versions, queues, stations, tiers, voicemail_boxes
from ccd.voicemail.model import Box

V = TypeVar("V", Agent, Queue, Station, Box, BreakReason)

TABLES: dict[type, tuple[Table, str, str]] = {
    Agent: (agents, "agent_id", "agent"),
    Queue: (queues, "queue_id", "queue"),
    Station: (stations, "station_id", "station"),
    Box: (voicemail_boxes, "box_id", "voicemail box"),
    BreakReason: (break_reasons, "break_id", "break reason"),
}
_DOUBLE = "23505"


def version(connection: Connection) -> int:
    """The configuration's version; 0 before the first change."""
    return int(connection.scalar(select(func.coalesce(func.max(config_versions.c.version), 0))) or 0)


def active(connection: Connection, kind: type[V]) -> list[V]:
    """All of a kind that are not retired, by name."""
    table, _, _ = TABLES[kind]
    rows = connection.execute(select(table).where(table.c.retired_at.is_(None)).order_by(table.c.name))
    return [_struct(kind, row._mapping) for row in rows]


def named(connection: Connection, kind: type[V], name: str) -> V:
    """The one of this name that is not retired; NotFound."""
    table, _, noun = TABLES[kind]
    row = connection.execute(select(table).where(table.c.name == name, table.c.retired_at.is_(None))).first()
    if row is None:
        raise NotFound(f"no {noun} {name}")
    return _struct(kind, row._mapping)


def all_tiers(connection: Connection) -> list[Tier]:
    """All tiers, as agents are offered calls."""
    rows = connection.execute(
        select(tiers).order_by(tiers.c.queue_id, tiers.c.level, tiers.c.position, tiers.c.agent_id)
    )
    return [Tier(**row._mapping) for row in rows]


def tier_of(connection: Connection, whose: Tier) -> Tier | None:
    """The place of an agent in a queue, if he has one."""
    where = (tiers.c.queue_id == whose.queue_id) & (tiers.c.agent_id == whose.agent_id)
    row = connection.execute(select(tiers).where(where)).first()
    return None if row is None else Tier(**row._mapping)


def add(connection: Connection, fresh: V) -> V:
    """Insert; Refused when the name is taken."""
    table, _, noun = TABLES[type(fresh)]
    _unique(noun, fresh.name, lambda: connection.execute(insert(table).values(**_values(fresh))))
    return fresh


def change(connection: Connection, after: V) -> V:
    """Write all of it over the row of its id; Refused when its name is another's."""
    table, key, noun = TABLES[type(after)]
    where = table.c[key] == getattr(after, key)
    _unique(noun, after.name, lambda: connection.execute(update(table).where(where).values(**_values(after))))
    return after


def _struct(kind: type[V], row: Any) -> V:
    values: dict[str, Any] = {name: "" if row[name] is None else row[name] for name in kind.__struct_fields__}
    if kind is Queue:
        values["asks"] = from_json(values["asks"])
    return msgspec.convert(values, kind)


def _values(one: msgspec.Struct) -> dict[str, Any]:
    values: dict[str, Any] = msgspec.to_builtins(one)
    if isinstance(one, Queue):
        values["asks"] = as_json(one.asks)
    for reference in ("station_id", "queue_id", "agent_id"):
        if values.get(reference) == "":
            values[reference] = None
    return values


def _unique(noun: str, name: str, carry_out: Callable[[], Any]) -> None:
    try:
        carry_out()
    except IntegrityError as error:
        if getattr(error.orig, "sqlstate", "") != _DOUBLE:
            raise
        article = "an" if noun[0] in "aeiou" else "a"
        raise Refused(f"there is already {article} {noun} {name}") from None
