"""What a site configures, in SQL: agents, stations, queues and tiers. For side's API and imports.

Every change and the version it makes are one transaction; `load` is what core gets to work with.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import msgspec
from sqlalchemy import Connection, Engine, Table, func, insert, select, text, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.exc import IntegrityError

from ccd.acd.model import Agent, Queue, Station, Tier
from ccd.base import words
from ccd.base.errors import NotFound, Refused
from ccd.base.ids import new_id
from ccd.side.db.tables import agents, config_versions, queues, stations, tiers

V = TypeVar("V", Agent, Queue, Station)

_TABLES: dict[type, tuple[Table, str, str]] = {
    Agent: (agents, "agent_id", "agent"),
    Queue: (queues, "queue_id", "queue"),
    Station: (stations, "station_id", "station"),
}
_KINDS = ("sip", "freetdm", "external")
_LONGEST_NAME = 64


class Loaded(msgspec.Struct, frozen=True):
    """The configured part of what core runs, and its version."""

    version: int
    queues: tuple[Queue, ...]
    agents: tuple[Agent, ...]
    stations: tuple[Station, ...]
    tiers: tuple[Tier, ...]


class ConfigStore:
    """Reads and changes the configuration. Names are what people use; ids never change."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def load(self) -> Loaded:
        """Everything that is not retired, all of one version."""
        with self._engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection:
            return Loaded(
                version=_version(connection),
                queues=tuple(_active(connection, Queue)),
                agents=tuple(_active(connection, Agent)),
                stations=tuple(_active(connection, Station)),
                tiers=tuple(_tiers(connection)),
            )

    def version(self) -> int:
        """The configuration's version; 0 before the first change."""
        with self._engine.connect() as connection:
            return _version(connection)

    def listed(self, kind: type[V]) -> list[V]:
        """All agents, queues or stations that are not retired, by name."""
        with self._engine.connect() as connection:
            return _active(connection, kind)

    def found(self, kind: type[V], name: str) -> V:
        """The one of this name; NotFound."""
        with self._engine.connect() as connection:
            return _named(connection, kind, name)

    def list_tiers(self) -> list[Tier]:
        """All tiers of queues and agents that are not retired."""
        with self._engine.connect() as connection:
            return _tiers(connection)

    def add_agent(self, name: str, *, display_name: str = "", station: str = "") -> Agent:
        """Add an agent; `station` names where a login without a station goes."""
        with self._change(f"agent {name} added") as connection:
            station_id = _named(connection, Station, station).station_id if station else ""
            agent = Agent(agent_id=new_id(), name=_name(name), display_name=display_name, station_id=station_id)
            return _add(connection, agent)

    def add_station(self, name: str, contact: str, *, kind: str = "sip", node: str = "") -> Station:
        """Add a telephone; `contact` is checked as all that goes to the switch is."""
        if kind not in _KINDS:
            raise Refused(f"a station is of kind {', '.join(_KINDS)}, not {kind!r}")
        with self._change(f"station {name} added") as connection:
            fresh = Station(
                station_id=new_id(),
                name=_name(name),
                contact=words.contact(contact),
                kind=kind,
                node=node and words.word(node),
            )
            return _add(connection, fresh)

    def add_queue(self, name: str, **options: Any) -> Queue:
        """Add a queue; `options` are the fields of ccd.acd.model.Queue that differ from their defaults."""
        with self._change(f"queue {name} added") as connection:
            return _add(connection, _queue({"queue_id": new_id(), "name": _name(name), **options}))

    def change_queue(self, name: str, **options: Any) -> Queue:
        """Change some settings of a queue; calls that wait in it go on waiting."""
        with self._change(f"queue {name} changed") as connection:
            before = _named(connection, Queue, name)
            after = _queue(
                {**msgspec.structs.asdict(before), **options, "queue_id": before.queue_id, "name": before.name}
            )
            connection.execute(update(queues).where(queues.c.queue_id == after.queue_id).values(**_values(after)))
            return after

    def rename(self, kind: type[V], name: str, new_name: str) -> V:
        """Give another name; history follows the id."""
        table, key, noun = _TABLES[kind]
        with self._change(f"{noun} {name} renamed to {new_name}") as connection:
            before = _named(connection, kind, name)
            after = msgspec.structs.replace(before, name=_name(new_name))
            where = table.c[key] == getattr(before, key)
            _unique(noun, new_name, lambda: connection.execute(update(table).where(where).values(name=after.name)))
            return after

    def retire(self, kind: type[V], name: str) -> V:
        """Take out of use; history keeps it, and its name is free again."""
        table, key, noun = _TABLES[kind]
        with self._change(f"{noun} {name} retired") as connection:
            gone = _named(connection, kind, name)
            connection.execute(update(table).where(table.c[key] == getattr(gone, key)).values(retired_at=func.now()))
            if key in tiers.c:
                connection.execute(tiers.delete().where(tiers.c[key] == getattr(gone, key)))
            if kind is Station:
                connection.execute(
                    update(agents).where(agents.c.station_id == getattr(gone, key)).values(station_id=None)
                )
            return gone

    def add_tier(self, queue: str, agent: str, *, level: int = 1, position: int = 1) -> Tier:
        """Let an agent serve a queue, or change his place in it."""
        if level < 1 or position < 1:
            raise Refused("level and position begin at 1")
        with self._change(f"tier {queue} {agent} set to {level}/{position}") as connection:
            tier = Tier(
                queue_id=_named(connection, Queue, queue).queue_id,
                agent_id=_named(connection, Agent, agent).agent_id,
                level=level,
                position=position,
            )
            place = {"level": level, "position": position}
            row = upsert(tiers).values(queue_id=tier.queue_id, agent_id=tier.agent_id, **place)
            connection.execute(row.on_conflict_do_update(index_elements=["queue_id", "agent_id"], set_=place))
            return tier

    def remove_tier(self, queue: str, agent: str) -> None:
        """Let an agent no longer serve a queue; NotFound when he did not."""
        with self._change(f"tier {queue} {agent} removed") as connection:
            queue_id = _named(connection, Queue, queue).queue_id
            agent_id = _named(connection, Agent, agent).agent_id
            where = (tiers.c.queue_id == queue_id) & (tiers.c.agent_id == agent_id)
            if connection.execute(tiers.delete().where(where)).rowcount == 0:
                raise NotFound(f"agent {agent} does not serve queue {queue}")

    @contextmanager
    def _change(self, what: str) -> Iterator[Connection]:
        """A transaction that makes the next version; changes wait for each other."""
        with self._engine.begin() as connection:
            connection.execute(text("LOCK TABLE ccd.config_versions IN SHARE ROW EXCLUSIVE MODE"))
            yield connection
            connection.execute(insert(config_versions).values(version=_version(connection) + 1, what=what))


def _version(connection: Connection) -> int:
    return int(connection.scalar(select(func.coalesce(func.max(config_versions.c.version), 0))) or 0)


def _active(connection: Connection, kind: type[V]) -> list[V]:
    table, _, _ = _TABLES[kind]
    rows = connection.execute(select(table).where(table.c.retired_at.is_(None)).order_by(table.c.name))
    return [_struct(kind, row._mapping) for row in rows]


def _named(connection: Connection, kind: type[V], name: str) -> V:
    table, _, noun = _TABLES[kind]
    row = connection.execute(select(table).where(table.c.name == name, table.c.retired_at.is_(None))).first()
    if row is None:
        raise NotFound(f"no {noun} {name}")
    return _struct(kind, row._mapping)


def _struct(kind: type[V], row: Any) -> V:
    return msgspec.convert({name: "" if row[name] is None else row[name] for name in kind.__struct_fields__}, kind)


def _tiers(connection: Connection) -> list[Tier]:
    rows = connection.execute(
        select(tiers).order_by(tiers.c.queue_id, tiers.c.level, tiers.c.position, tiers.c.agent_id)
    )
    return [Tier(**row._mapping) for row in rows]


def _add(connection: Connection, fresh: V) -> V:
    table, _, noun = _TABLES[type(fresh)]
    _unique(noun, fresh.name, lambda: connection.execute(insert(table).values(**_values(fresh))))
    return fresh


def _values(one: msgspec.Struct) -> dict[str, Any]:
    values = msgspec.structs.asdict(one)
    if values.get("station_id") == "":
        values["station_id"] = None
    return values


def _unique(noun: str, name: str, change: Any) -> None:
    try:
        change()
    except IntegrityError as error:
        if getattr(error.orig, "sqlstate", "") != "23505":
            raise
        raise Refused(f"there is already a {noun} {name}") from None


def _queue(fields: dict[str, Any]) -> Queue:
    try:
        queue = msgspec.convert(fields, Queue)
    except msgspec.ValidationError as error:
        raise Refused(f"queue: {error}") from None
    unknown = sorted(set(fields) - set(Queue.__struct_fields__))
    if unknown:
        raise Refused(f"queue: no setting {', '.join(unknown)}")
    negative = [name for name, value in fields.items() if isinstance(value, int) and value < 0]
    if negative:
        raise Refused(f"queue: {', '.join(negative)} may not be negative")
    words.audio(queue.music)
    return queue


def _name(name: str) -> str:
    if not name or name != name.strip() or len(name) > _LONGEST_NAME or not name.isprintable():
        raise Refused(
            f"not a name: {name[:80]!r} (1 to {_LONGEST_NAME} characters that can be printed, no blank at the ends)"
        )
    return name
