"""The facts that decisions were made of, from the journal in SQL. For `ccd.side.why`.

A window is read from the last snapshot before it, or from the beginning of its boot: five minutes or 5,000 facts more at most.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Engine, text

from ccd.acd.inputs import ConfigurationTaken, QueueSnapshot
from ccd.base.clock import Moment
from ccd.base.errors import NotFound, Refused
from ccd.journal.codec import decode
from ccd.side.db.engine import to_datetime, to_moment
from ccd.side.why.stories import Window

MOST_FACTS = 200_000
_KINDS = [
    "configuration_taken",
    "rules_taken",
    "queue_dropped",
    "queue_snapshot",
    "agent_ready",
    "agent_not_ready",
    "agent_changed",
    "caller_queued",
    "caller_waits",
    "caller_held",
    "caller_left",
    "caller_connected",
    "caller_returned",
    "offer_made",
    "offer_ended",
]
_STARTS = text("""
SELECT boot_id, seq, at, body::text FROM ccd.facts
WHERE at <= :before AND at > :before - interval '31 days' AND kind IN ('queue_snapshot', 'configuration_taken')
ORDER BY at DESC LIMIT 1000
""")
_FIRST = text("""
SELECT boot_id, at FROM ccd.facts
WHERE at > :begin AND at <= :end AND kind = 'configuration_taken' AND body->>'begins' = 'true' ORDER BY at LIMIT 1
""")
_WINDOW = text("""
SELECT boot_id, seq, body::text FROM ccd.facts
WHERE at >= :begin AND at <= :end AND kind = ANY(:kinds)
ORDER BY min(at) OVER (PARTITION BY boot_id), boot_id, seq LIMIT :most
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
            found = connection.execute(_CALL, {"call_id": call_id, "kinds": _KINDS}).one()
            if found[0] is None:
                raise NotFound(f"call {call_id} has not stood in a queue, or its facts are not kept any more")
            return self._window(connection, to_moment(found[0]), to_moment(found[1]))

    def between(self, begin: Moment, end: Moment) -> Window:
        """All that was decided between two moments."""
        with self._engine.connect() as connection:
            return self._window(connection, begin, end)

    def _window(self, connection: Connection, begin: Moment, end: Moment) -> Window:
        boot, seq, at, snapshot = self._start(connection, begin, end)
        given = {
            "begin": to_datetime(at - _MARGIN_US),
            "end": to_datetime(end),
            "kinds": _KINDS,
            "most": MOST_FACTS + 1,
        }
        rows = connection.execute(_WINDOW, given).all()
        if len(rows) > MOST_FACTS:
            raise Refused("too much happened in that time to be replayed; ask for a shorter one")
        boots: dict[str, list[Any]] = {boot: []}
        for row in rows:
            if (row[0] == boot and row[1] <= seq) or (fact := decode(row[2].encode())) is None:
                continue
            boots.setdefault(row[0], []).append(fact)
        kept = [] if snapshot is None else self._taken(connection, boot, snapshot)
        later = [facts for name, facts in boots.items() if name != boot and not _is_earlier(facts, at)]
        return Window(snapshot, kept, [boots[boot], *later])

    def _start(
        self, connection: Connection, begin: Moment, end: Moment
    ) -> tuple[str, int, Moment, QueueSnapshot | None]:
        """The last snapshot before a moment, or the beginning of its boot; else of the first boot behind it."""
        for boot, seq, at, body in connection.execute(_STARTS, {"before": to_datetime(begin)}):
            fact = decode(body.encode())
            if isinstance(fact, QueueSnapshot):
                return boot, seq, to_moment(at), fact
            if isinstance(fact, ConfigurationTaken) and fact.begins:
                return boot, -1, to_moment(at), None
        first = connection.execute(_FIRST, {"begin": to_datetime(begin), "end": to_datetime(end)}).first()
        if first is not None:
            return first[0], -1, to_moment(first[1]), None
        raise NotFound("the journal holds no decisions of that time")

    def _taken(self, connection: Connection, boot: str, snapshot: QueueSnapshot) -> list[ConfigurationTaken]:
        moments = [to_datetime(one) for one in snapshot.configuration]
        rows = connection.execute(_TAKEN, {"moments": moments, "boot": boot})
        return [fact for row in rows if isinstance(fact := decode(row[0].encode()), ConfigurationTaken)]


def _is_earlier(facts: list[Any], at: Moment) -> bool:
    """Whether these are the last facts of a boot before the one that the window begins in."""
    return all(fact.at < at for fact in facts)
