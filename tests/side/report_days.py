"""Facts of days in a call centre, written as the journal's writer does, and the reports over them."""

from __future__ import annotations

import random
import uuid
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy import text

from ccd.acd import facts as acd
from ccd.calls.facts import EndedBy, Fact
from ccd.journal import codec
from ccd.journal.records import SpooledFact
from ccd.side.db.engine import connect, make_engine
from ccd.side.db.journal import DeadLetters, read_cursor, write_batch
from ccd.side.reports.questions import Question
from ccd.side.reports.store import Reports

ZONE = "Asia/Shanghai"
OUTCOMES = (
    "answered",
    "abandoned",
    "short_abandoned",
    "timed_out",
    "overflowed",
    "exit_key",
    "full",
    "no_agents",
    "closed",
    "moved",
    "kicked",
    "callback",
    "switch_lost",
)
KINDS = ("queues", "agents", "intervals")


def ident(name: str) -> str:
    """An id that is the same whenever it is asked for."""
    return str(uuid.uuid5(uuid.NAMESPACE_OID, name))


def moment(clock: str, zone: str = ZONE, day: str = "2026-11-20") -> int:
    """A moment of a local time, as 09:05:00."""
    return round(datetime.fromisoformat(f"{day}T{clock}").replace(tzinfo=ZoneInfo(zone)).timestamp() * 1e6)


class Books:
    """A database with queues, agents and what the journal brings."""

    def __init__(self, database: str, folder: Path) -> None:
        self.engine = make_engine(database)
        self.reports = Reports(self.engine)
        self.connection = connect(database)
        self.dead = DeadLetters(folder / "dead.jsonl")
        self.place = read_cursor(self.connection)

    def close(self) -> None:
        self.connection.close()
        self.engine.dispose()

    def staffed(self, queues: Iterable[str], agents: Iterable[str], *, zone: str = "", **settings: int) -> None:
        """Queues and agents, by name; their ids are `ident` of it."""
        settings = {"service_level_ms": 20_000} | settings
        with self.engine.begin() as connection:
            for name in queues:
                connection.execute(
                    text(
                        "INSERT INTO ccd.queues (queue_id, name, strategy, music, ring_ms, wrap_up_ms, max_wait_ms,"
                        " timeout_prompt, max_no_answers, no_answer_delay_ms, reject_delay_ms, busy_delay_ms,"
                        " fault_delay_ms, min_talk_ms, record, zone, service_level_ms)"
                        " VALUES (:id, :name, 'ring-all', '', 1, 1, 0, '', 3, 1, 1, 1, 1, 1, 'no', :zone, :level)"
                    ),
                    {"id": ident(name), "name": name, "zone": zone, "level": settings["service_level_ms"]},
                )
            for name in agents:
                connection.execute(
                    text("INSERT INTO ccd.agents (agent_id, name) VALUES (:id, :name)"),
                    {"id": ident(name), "name": name},
                )

    def write(self, spooled: Sequence[SpooledFact]) -> None:
        """One batch."""
        before, self.place = self.place, type(self.place)(self.place.segment, self.place.offset + 1)
        write_batch(self.connection, list(spooled), before, self.place, self.dead)
        assert self.dead.count == 0, "SQL refused a fact"

    def write_all(self, facts: Iterable[Fact], boot: str = "boot-a") -> None:
        """All at once."""
        self.write([SpooledFact(boot, seq, codec.encode(fact)) for seq, fact in enumerate(facts, 1)])

    def empty(self) -> None:
        """As if nothing had happened."""
        self.connection.execute(
            "TRUNCATE ccd.facts, ccd.calls, ccd.queue_entries, ccd.offers, ccd.agent_sessions, ccd.agent_states,"
            " ccd.call_segments, ccd.legs, ccd.switch_events"
        )
        self.connection.commit()

    def report(self, what: str, since: int, until: int, **more: Any) -> list[dict[str, Any]]:
        """The rows, which must be what the facts say as well."""
        question = Question(since=since, until=until, **{"zone": ZONE, **more})
        rows, recount = self.reports.checked(what, question)
        assert recount.differences == []
        if what != "agents":
            for row in rows:
                assert row["offered"] == row["waiting"] + sum(row[outcome] for outcome in OUTCOMES)
        return rows

    def visits(self) -> list[dict[str, Any]]:
        """The rows of visits, by call and number."""
        with self.engine.connect() as connection:
            found = connection.execute(text("SELECT * FROM ccd.queue_entries ORDER BY call_id, visit")).mappings()
            return [dict(row) for row in found]


def with_uuids(fact: Fact) -> bytes:
    """A fact of the builders' world, whose queues and agents are named `q-support` and `a-alice`."""
    body = msgspec.to_builtins(fact)
    for key in ("queue_id", "agent_id", "station_id"):
        if body.get(key):
            body[key] = ident(body[key])
    return msgspec.json.encode(body)


class Day:
    """Facts told by hand."""

    def __init__(self) -> None:
        self.facts: list[Fact] = []

    def agent(self, clock: str, name: str, what: str, *, offer: str = "") -> None:
        """An agent is `available`, `talking`, `on_break lunch`, `logged_out` …"""
        word, _, reason = what.partition(" ")
        activity = word if word in ("offered", "talking", "wrap_up") else "idle"
        presence = "available" if word in ("offered", "talking", "wrap_up") else word
        self.facts.append(
            acd.AgentChanged(
                at=moment(clock),
                agent_id=ident(name),
                presence=presence,
                activity=activity,
                cause="told",
                reason=reason,
                offer_id=ident(offer) if offer else "",
            )
        )

    def joins(self, clock: str, call: str, queue: str = "support", visit: str = "", moved_from: str = "") -> None:
        self.facts.append(
            acd.CallerQueued(
                at=moment(clock),
                leg_id="leg",
                moved_from=ident(moved_from) if moved_from else "",
                position=1,
                **_stay(call, queue, visit),
            )
        )

    def leaves(self, clock: str, call: str, why: str, queue: str = "support", visit: str = "") -> None:
        reason = acd.LeftReason(why)
        self.facts.append(acd.CallerLeft(at=moment(clock), reason=reason, wait_ms=0, **_stay(call, queue, visit)))

    def offered(self, clock: str, call: str, agent: str, queue: str = "support", visit: str = "") -> None:
        self.facts.append(acd.OfferMade(at=moment(clock), leg_id="x", contact="x", **_offer(call, agent, queue, visit)))

    def missed(
        self,
        clock: str,
        call: str,
        agent: str,
        why: str,
        queue: str = "support",
        visit: str = "",
        *,
        rang_s: float | None = None,
        asked: bool = False,
    ) -> None:
        """An offer came to nothing; it rang all the while, unless the agent answered after `rang_s`."""
        offer, at = _offer(call, agent, queue, visit), moment(clock)
        made = [one.at for one in self.facts if isinstance(one, acd.OfferMade) and one.offer_id == offer["offer_id"]]
        ring_ms = (at - made[-1]) // 1000 if rang_s is None else round(rang_s * 1000)
        self.facts.append(acd.OfferEnded(at=at, result=acd.OfferResult(why), ring_ms=ring_ms, asked=asked, **offer))

    def answered(
        self, clock: str, call: str, agent: str, rang_s: int, queue: str = "support", visit: str = "", join_ms: int = 0
    ) -> None:
        offer = _offer(call, agent, queue, visit)
        self.facts += [
            acd.OfferEnded(at=moment(clock), result=acd.OfferResult.ACCEPTED, ring_ms=rang_s * 1000, **offer),
            acd.CallerConnected(at=moment(clock), leg_id="x", wait_ms=0, join_ms=join_ms, **offer),
        ]

    def talked(self, clock: str, call: str, agent: str, talk_s: int, queue: str = "support", visit: str = "") -> None:
        self.facts.append(
            acd.TalkEnded(
                at=moment(clock),
                agent_id=ident(agent),
                talk_ms=talk_s * 1000,
                ended_by=EndedBy.CALLER,
                **_stay(call, queue, visit),
            )
        )


def _stay(call: str, queue: str, visit: str) -> dict[str, Any]:
    return {"entry_id": ident(f"{call} {visit}"), "call_id": ident(call), "queue_id": ident(queue)}


def _offer(call: str, agent: str, queue: str, visit: str) -> dict[str, Any]:
    return {"offer_id": ident(f"{call} {visit} {agent}"), "agent_id": ident(agent), **_stay(call, queue, visit)}


def traffic(chance: random.Random) -> list[list[Fact]]:
    """What boots of core told, one list a boot: any traffic, with kills between."""
    at = moment("09:00:00")
    told: list[Fact] = []
    calls = [_one_call(chance, f"call{number}") for number in range(chance.randint(1, 12))]
    while calls:
        call = chance.choice(calls)
        step = next(call, None)
        if step is None:
            calls.remove(call)
            continue
        at += chance.randint(0, 40_000_000)
        # what a recovery finds out, it tells with the moment at which it was
        late = chance.choice([0, 0, 0, chance.randint(0, 5_000_000)])
        told += [msgspec.structs.replace(fact, at=at - late) for fact in step]
        if chance.random() < 0.02:
            break  # the day is not over
    boots: list[list[Fact]] = [[]]
    for fact in told:
        boots[-1].append(fact)
        if chance.random() < 0.03:
            boots.append([])
    return [boot for boot in boots if boot]


def _one_call(chance: random.Random, call: str) -> Any:
    moved = ""
    for visit in range(chance.choice([1, 1, 1, 2, 3])):
        stay = _stay(call, chance.choice(["support", "sales"]), str(visit))
        yield [acd.CallerQueued(at=0, leg_id="leg", moved_from=moved, position=1, **stay)]
        moved = ""
        for number in range(chance.randint(0, 3)):
            agent = ident(chance.choice(["alice", "bob"]))
            offer = {"offer_id": ident(f"{call} {visit} {number}"), "agent_id": agent, **stay}
            yield [
                acd.OfferMade(at=0, leg_id="x", contact="x", **offer),
                acd.AgentChanged(at=0, agent_id=agent, presence="available", activity="offered", cause="offer"),
            ]
            result = chance.choice(list(acd.OfferResult))
            asked = chance.random() < 0.3
            ended = acd.OfferEnded(at=0, result=result, ring_ms=chance.randint(0, 9_000), asked=asked, **offer)
            if result is not acd.OfferResult.ACCEPTED:
                yield [ended]
                continue
            join_ms = chance.choice([0, 0, 1_800, chance.randint(1, 6_000)])
            yield [ended, acd.CallerConnected(at=0, leg_id="x", wait_ms=1, join_ms=join_ms, **offer)]
            if chance.random() < 0.3:
                yield [acd.CallerReturned(at=0, **offer)]
                continue
            yield [acd.AgentChanged(at=0, agent_id=agent, presence="available", activity="talking", cause="connected")]
            wrap = {"offer_id": offer["offer_id"], "presence": "available", "activity": "wrap_up", "cause": "wrap_up"}
            talk_ms = chance.randint(0, 90_000)
            yield [
                acd.TalkEnded(at=0, agent_id=agent, talk_ms=talk_ms, ended_by=EndedBy.AGENT, **stay),
                acd.AgentChanged(at=0, agent_id=agent, **wrap),
            ]
            presence = chance.choice(["available", "on_break", "logged_out"])
            yield [acd.AgentChanged(at=0, agent_id=agent, presence=presence, activity="idle", cause="ready")]
            break
        else:
            reason = chance.choice([one for one in acd.LeftReason if one is not acd.LeftReason.CONNECTED])
            moved = stay["entry_id"] if reason is acd.LeftReason.MOVED else ""
            yield [acd.CallerLeft(at=0, reason=reason, wait_ms=1, **stay)]
