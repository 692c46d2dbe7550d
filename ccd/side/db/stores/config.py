"""What a site configures, in SQL: agents, stations, queues and tiers. For side's API and imports.

Every change and the version it makes are one transaction; `load` is what core gets to work with.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import msgspec
from msgspec.structs import asdict, replace
from sqlalchemy import Connection, Engine, func, insert, text, update

from ccd.acd.cause_rules import with_causes
from ccd.acd.checks import (
    check_nobody_starves,
    check_skills_exist,
    checked_agent,
    checked_queue,
    checked_tier,
    with_asks,
    with_skills,
)
from ccd.acd.model import Agent, BreakReason, Queue, Station, Tier
from ccd.base import words
from ccd.base.errors import NotFound, Refused
from ccd.base.ids import new_id
from ccd.side.db.stores.overflow import check_not_led_to, check_overflow
from ccd.side.db.stores.rows import TABLES, V, active, add, all_tiers, change, named, tier_of, version
from ccd.side.db.tables import agents, config_versions, tiers
from ccd.voicemail.model import Box

_KINDS = ("sip", "freetdm", "external")
_LONGEST_NAME = 64
_STARVE = frozenset({"ageing_ms", "max_wait_ms", "overflow", "asks"})
"""The settings of a queue that may have somebody wait for ever; only who sets one of these is told."""


class Loaded(msgspec.Struct, frozen=True):
    """The configured part of what core runs, and its version."""

    version: int
    queues: tuple[Queue, ...]
    agents: tuple[Agent, ...]
    stations: tuple[Station, ...]
    tiers: tuple[Tier, ...]
    boxes: tuple[Box, ...]
    break_reasons: tuple[BreakReason, ...]


class ConfigStore:
    """Reads and changes the configuration. Names are what people use; ids never change."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def load(self) -> Loaded:
        """Everything that is not retired, all of one version."""
        with self._engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection:
            return Loaded(
                version=version(connection),
                queues=tuple(active(connection, Queue)),
                agents=tuple(active(connection, Agent)),
                stations=tuple(active(connection, Station)),
                tiers=tuple(all_tiers(connection)),
                boxes=tuple(active(connection, Box)),
                break_reasons=tuple(active(connection, BreakReason)),
            )

    def version(self) -> int:
        """The configuration's version; 0 before the first change."""
        with self._engine.connect() as connection:
            return version(connection)

    def listed(self, kind: type[V]) -> list[V]:
        """All agents, queues or stations that are not retired, by name."""
        with self._engine.connect() as connection:
            return active(connection, kind)

    def found(self, kind: type[V], name: str) -> V:
        """The one of this name; NotFound."""
        with self._engine.connect() as connection:
            return named(connection, kind, name)

    def list_tiers(self) -> list[Tier]:
        """All tiers of queues and agents that are not retired."""
        with self._engine.connect() as connection:
            return all_tiers(connection)

    def add_agent(self, name: str, **options: Any) -> Agent:
        """Add an agent; `options` as `change_agent` has them."""
        with self._change(f"agent {name} added") as connection:
            fresh = Agent(agent_id=new_id(), name=_name(name))
            return add(connection, _with_options(connection, fresh, options))

    def change_agent(self, name: str, **options: Any) -> Agent:
        """Change what is given of an agent: fields of ccd.acd.model.Agent, and by name the `station` where a login without
        one goes; an empty one leaves him without. A skill of None is gone."""
        with self._change(f"agent {name} changed") as connection:
            return change(connection, _with_options(connection, named(connection, Agent, name), options))

    def add_station(self, name: str, contact: str, **options: Any) -> Station:
        """Add a telephone; `contact` is checked as all that goes to the switch is. `options`: fields of ccd.acd.model.Station."""
        with self._change(f"station {name} added") as connection:
            return add(connection, _checked(Station(station_id=new_id(), name=_name(name), contact=contact, **options)))

    def change_station(self, name: str, **options: Any) -> Station:
        """Change what is given of a telephone; whoever sits there stays signed in."""
        with self._change(f"station {name} changed") as connection:
            return change(connection, _checked(replace(named(connection, Station, name), **options)))

    def add_queue(self, name: str, **options: Any) -> Queue:
        """Add a queue; `options` are the fields of ccd.acd.model.Queue that differ from their defaults."""
        with self._change(f"queue {name} added") as connection:
            queue = _queue({"queue_id": new_id(), "name": _name(name), **with_asks(with_causes({}, options))})
            _check_asks(connection, queue, options)
            check_overflow(connection, queue)
            _check_nobody_starves(connection, queue)
            return add(connection, queue)

    def change_queue(self, name: str, **options: Any) -> Queue:
        """Change some settings of a queue; calls that wait in it go on waiting."""
        with self._change(f"queue {name} changed") as connection:
            before = named(connection, Queue, name)
            fixed = {"queue_id": before.queue_id, "name": before.name}
            after = _queue({**msgspec.to_builtins(before), **with_asks(with_causes(before.causes, options)), **fixed})
            _check_asks(connection, after, options)
            if "overflow" in options:
                check_overflow(connection, after)
            if options.keys() & _STARVE:
                _check_nobody_starves(connection, after)
            return change(connection, after)

    def add_box(self, name: str, *, queue: str = "", agent: str = "", **options: Any) -> Box:
        """Add a voicemail box of a queue, an agent or neither; `options` are fields of ccd.voicemail.model.Box."""
        with self._change(f"voicemail box {name} added") as connection:
            owners = _owners(connection, queue, agent)
            return add(connection, _box({"box_id": new_id(), "name": _name(name), **options, **owners}))

    def change_box(self, name: str, *, queue: str | None = None, agent: str | None = None, **options: Any) -> Box:
        """Change what is given of a voicemail box; an empty `queue` or `agent` leaves it without that owner."""
        with self._change(f"voicemail box {name} changed") as connection:
            before = named(connection, Box, name)
            return change(connection, _box({**asdict(before), **options, **_owners(connection, queue, agent)}))

    def add_break(self, name: str, **options: Any) -> BreakReason:
        """Add a reason for breaks; `options` are fields of ccd.acd.model.BreakReason."""
        with self._change(f"break reason {name} added") as connection:
            return add(connection, BreakReason(break_id=new_id(), name=_name(name), **options))

    def change_break(self, name: str, **options: Any) -> BreakReason:
        """Change what is given of a reason for breaks; who is on one stays so."""
        with self._change(f"break reason {name} changed") as connection:
            return change(connection, replace(named(connection, BreakReason, name), **options))

    def rename(self, kind: type[V], name: str, new_name: str) -> V:
        """Give another name; history follows the id."""
        noun = TABLES[kind][2]
        with self._change(f"{noun} {name} renamed to {new_name}") as connection:
            check_not_led_to(connection, kind, name)
            return change(connection, replace(named(connection, kind, name), name=_name(new_name)))

    def retire(self, kind: type[V], name: str) -> V:
        """Take out of use; history keeps it, and its name is free again."""
        table, key, noun = TABLES[kind]
        with self._change(f"{noun} {name} retired") as connection:
            gone = named(connection, kind, name)
            check_not_led_to(connection, kind, name)
            connection.execute(update(table).where(table.c[key] == getattr(gone, key)).values(retired_at=func.now()))
            if key in tiers.c:
                connection.execute(tiers.delete().where(tiers.c[key] == getattr(gone, key)))
            if kind is Station:
                connection.execute(
                    update(agents).where(agents.c.station_id == getattr(gone, key)).values(station_id=None)
                )
            return gone

    def add_tier(self, queue: str, agent: str, **place: Any) -> Tier:
        """Let an agent serve a queue; Refused when he does already. `place`: fields of ccd.acd.model.Tier."""
        wanted = checked_tier(Tier(queue_id="", agent_id="", **place))
        with self._change(f"tier {queue} {agent} added") as connection:
            tier = replace(wanted, **_whose(connection, queue, agent))
            if before := tier_of(connection, tier):
                raise Refused(
                    f"agent {agent} serves queue {queue} already (level {before.level}, position {before.position}); "
                    f"`ccd tiers set {queue} {agent}` changes his place"
                )
            connection.execute(insert(tiers).values(**asdict(tier)))
            _check_nobody_starves(connection, named(connection, Queue, queue))
            return tier

    def change_tier(self, queue: str, agent: str, **place: Any) -> Tier:
        """Change what is given of an agent's place in a queue; NotFound when he has none."""
        with self._change(f"tier {queue} {agent} changed") as connection:
            before = tier_of(connection, Tier(**_whose(connection, queue, agent)))
            if before is None:
                raise NotFound(f"agent {agent} does not serve queue {queue}")
            after = checked_tier(replace(before, **place))
            where = (tiers.c.queue_id == after.queue_id) & (tiers.c.agent_id == after.agent_id)
            connection.execute(update(tiers).where(where).values(**asdict(after)))
            return after

    def remove_tier(self, queue: str, agent: str) -> None:
        """Let an agent no longer serve a queue; NotFound when he did not."""
        with self._change(f"tier {queue} {agent} removed") as connection:
            queue_id = named(connection, Queue, queue).queue_id
            agent_id = named(connection, Agent, agent).agent_id
            where = (tiers.c.queue_id == queue_id) & (tiers.c.agent_id == agent_id)
            if connection.execute(tiers.delete().where(where)).rowcount == 0:
                raise NotFound(f"agent {agent} does not serve queue {queue}")

    @contextmanager
    def _change(self, what: str) -> Iterator[Connection]:
        """A transaction that makes the next version; changes wait for each other."""
        with self._engine.begin() as connection:
            connection.execute(text("LOCK TABLE ccd.config_versions IN SHARE ROW EXCLUSIVE MODE"))
            yield connection
            connection.execute(insert(config_versions).values(version=version(connection) + 1, what=what))


def _with_options(connection: Connection, agent: Agent, options: Mapping[str, Any]) -> Agent:
    fields = dict(options)
    if "station" in fields:
        station = fields.pop("station")
        fields["station_id"] = named(connection, Station, station).station_id if station else ""
    if "skills" in fields:
        fields["skills"] = with_skills(agent.skills, fields["skills"])
    return checked_agent(replace(agent, **fields))


def _checked(station: Station) -> Station:
    if station.kind not in _KINDS:
        raise Refused(f"a station is of kind {', '.join(_KINDS)}, not {station.kind!r}")
    if station.standing and station.confirm:
        raise Refused(f"station {station.name}: no leg can stand where somebody must press 1; --standing or --confirm")
    words.contact(station.contact)
    if station.node:
        words.word(station.node)
    return station


def _queue(fields: dict[str, Any]) -> Queue:
    try:
        queue = msgspec.convert(fields, Queue)
    except msgspec.ValidationError as error:
        raise Refused(f"queue: {error}") from None
    unknown = sorted(set(fields) - set(Queue.__struct_fields__))
    if unknown:
        raise Refused(f"queue: no setting {', '.join(unknown)}")
    negative = [
        name for name, value in fields.items() if isinstance(value, int) and value < 0 and name != "vip_priority"
    ]
    if negative:
        raise Refused(f"queue: {', '.join(negative)} may not be negative")
    words.audio(queue.music)
    return checked_queue(queue)


def _check_asks(connection: Connection, queue: Queue, options: Mapping[str, Any]) -> None:
    """Only what is set now: an agent who leaves does not make every later change of the queue impossible."""
    if "asks" in options:
        check_skills_exist(queue, active(connection, Agent))


def _check_nobody_starves(connection: Connection, queue: Queue) -> None:
    others = [one for one in active(connection, Queue) if one.queue_id != queue.queue_id]
    check_nobody_starves(queue, others, all_tiers(connection), active(connection, Agent))


def _whose(connection: Connection, queue: str, agent: str) -> dict[str, Any]:
    return {
        "queue_id": named(connection, Queue, queue).queue_id,
        "agent_id": named(connection, Agent, agent).agent_id,
    }


def _owners(connection: Connection, queue: str | None, agent: str | None) -> dict[str, str]:
    owners: dict[str, str] = {}
    if queue is not None:
        owners["queue_id"] = named(connection, Queue, queue).queue_id if queue else ""
    if agent is not None:
        owners["agent_id"] = named(connection, Agent, agent).agent_id if agent else ""
    return owners


def _box(fields: dict[str, Any]) -> Box:
    try:
        box = msgspec.convert(fields, Box)
    except msgspec.ValidationError as error:
        raise Refused(f"voicemail box: {error}") from None
    words.word(box.greeting)
    if box.language:
        words.word(box.language)
    if not 0 <= box.min_ms < box.max_ms:
        raise Refused("min_ms must be less than max_ms")
    return box


def _name(name: str) -> str:
    if not name or name != name.strip() or len(name) > _LONGEST_NAME or not name.isprintable():
        raise Refused(
            f"not a name: {name[:80]!r} (1 to {_LONGEST_NAME} characters that can be printed, no blank at the ends)"
        )
    return name
