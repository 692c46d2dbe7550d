"""The facts that decisions were made of, from the journal in SQL. For `ccd.side.why`.

A window is read from the last snapshot before it, or from the beginning of its boot: five minutes or 5,000 facts more at most.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Union

import msgspec
from sqlalchemy import Connection, Engine, text

from ccd.acd.facts import AgentChanged, CallerConnected, CallerLeft, CallerQueued, CallerReturned, OfferEnded, OfferMade
from ccd.acd.inputs import (
    AgentNotReady,
    AgentReady,
    CallerHeld,
    CallerWaits,
    ConfigurationTaken,
    QueueDropped,
    QueueSnapshot,
    RulesTaken,
)
from ccd.base.clock import Moment
from ccd.base.errors import NotFound, Refused
from ccd.journal.codec import decode
from ccd.side.db.engine import to_datetime, to_moment
from ccd.side.why.stories import Window

MOST_FACTS = 200_000
_REPLAYED = (
    ConfigurationTaken,
    RulesTaken,
    QueueDropped,
    QueueSnapshot,
    AgentReady,
    AgentNotReady,
    AgentChanged,
    CallerWaits,
    CallerHeld,
    CallerLeft,
    OfferMade,
)
_TOLD = (CallerQueued, CallerConnected, CallerReturned, OfferEnded)
_TYPES = _REPLAYED + _TOLD
_KINDS = {
    which: [str(kind.__struct_config__.tag) for kind in kinds]
    for which, kinds in {"replayed": _REPLAYED, "told": _TOLD, "kinds": _TYPES}.items()
}
_bodies = msgspec.json.Decoder(list[msgspec.Raw])
_fact: msgspec.json.Decoder[Any] = msgspec.json.Decoder(Union[_TYPES])  # noqa: UP007
_START = text("""
SELECT boot_id, seq, at, body::text FROM ccd.facts
WHERE at <= :before AND at > :before - interval '31 days'
  AND (kind = 'queue_snapshot' OR kind = 'configuration_taken' AND body->>'begins' = 'true')
ORDER BY at DESC, seq DESC LIMIT 1
""")
_FIRST = text("""
SELECT boot_id, at FROM ccd.facts
WHERE at > :begin AND at <= :end AND kind = 'configuration_taken' AND body->>'begins' = 'true' ORDER BY at LIMIT 1
""")
# What is only told is of the one call or agent. States of agents that say no more than the facts beside them are left out, too.
# One row a boot, in no order: neither a sort of long rows there nor thousands of rows here.
_WINDOW = text("""
SELECT boot_id, array_agg(seq), '[' || string_agg(body::text, ',') || ']' FROM (
  SELECT boot_id, seq, at, body FROM ccd.facts
  WHERE at >= :begin AND at <= :end AND NOT (boot_id = :boot AND seq <= :seq) AND (
    kind = ANY(:replayed) AND NOT (
      kind = 'agent_changed' AND body->>'presence' = 'available' AND body->>'activity' IN ('idle', 'offered')
    ) OR kind = ANY(:told) AND body->>:whose = :id
  ) LIMIT :most
) AS facts GROUP BY boot_id HAVING boot_id = :boot OR max(at) >= :start ORDER BY min(at)
""")
_TAKEN = text("""
SELECT body::text FROM ccd.facts
WHERE at = ANY(:moments) AND boot_id = :boot AND kind = 'configuration_taken' ORDER BY seq
""")
_CALL = text("""
SELECT min(at), max(at) FROM ccd.facts WHERE call_id = :call_id AND kind = ANY(:kinds)
""")
_MARGIN_US = 60_000_000


class DecisionStore:
    """Reads windows of the journal."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def of_call(self, call_id: str) -> Window:
        """All that decided about a call, from before it joined a queue until it left; NotFound if it never stood in one."""
        with self._engine.connect() as connection:
            found = connection.execute(_CALL, {"call_id": call_id, "kinds": _KINDS["kinds"]}).one()
            if found[0] is None:
                raise NotFound(f"call {call_id} has not stood in a queue, or its facts are not kept any more")
            return self._window(connection, to_moment(found[0]), to_moment(found[1]), "call_id", call_id)

    def of_agent(self, agent_id: str, begin: Moment, end: Moment) -> Window:
        """All that was decided between two moments, and what became of one agent's offers."""
        with self._engine.connect() as connection:
            return self._window(connection, begin, end, "agent_id", agent_id)

    def _window(self, connection: Connection, begin: Moment, end: Moment, whose: str, id_: str) -> Window:
        boot, seq, at, snapshot = self._start(connection, begin, end)
        given = {
            "begin": to_datetime(at - _MARGIN_US),
            "end": to_datetime(end),
            "replayed": _KINDS["replayed"],
            "told": _KINDS["told"],
            "whose": whose,
            "id": id_,
            "start": to_datetime(at),
            "boot": boot,
            "seq": seq,
            "most": MOST_FACTS + 1,
        }
        rows = connection.execute(_WINDOW, given).all()
        if sum(len(row[1]) for row in rows) > MOST_FACTS:
            raise Refused("too much happened in that time to be replayed; ask for a shorter one")
        boots: dict[str, Iterable[Any]] = {boot: ()} | {row[0]: _in_order(row[1], row[2]) for row in rows}
        kept = [] if snapshot is None else self._taken(connection, boot, snapshot)
        return Window(snapshot, kept, [boots.pop(boot), *boots.values()])

    def _start(
        self, connection: Connection, begin: Moment, end: Moment
    ) -> tuple[str, int, Moment, QueueSnapshot | None]:
        """The last snapshot before a moment, or the beginning of its boot; else of the first boot behind it."""
        found = connection.execute(_START, {"before": to_datetime(begin)}).first()
        if found is not None:
            boot, seq, at, body = found
            fact = decode(body.encode())
            return (
                (boot, seq, to_moment(at), fact) if isinstance(fact, QueueSnapshot) else (boot, -1, to_moment(at), None)
            )
        first = connection.execute(_FIRST, {"begin": to_datetime(begin), "end": to_datetime(end)}).first()
        if first is not None:
            return first[0], -1, to_moment(first[1]), None
        raise NotFound("the journal holds no decisions of that time")

    def _taken(self, connection: Connection, boot: str, snapshot: QueueSnapshot) -> list[ConfigurationTaken]:
        moments = [to_datetime(one) for one in snapshot.configuration]
        rows = connection.execute(_TAKEN, {"moments": moments, "boot": boot})
        return [fact for row in rows if isinstance(fact := decode(row[0].encode()), ConfigurationTaken)]


def _in_order(numbers: list[int], bodies: str) -> Iterator[Any]:
    """Facts of one boot as they were published, each decoded when its turn comes: thousands that live at once cost more."""
    encoded = _bodies.decode(bodies)
    for place in sorted(range(len(numbers)), key=numbers.__getitem__):
        yield _fact.decode(encoded[place])
