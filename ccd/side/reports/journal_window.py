"""The facts that a recount of a span needs, and no others of a journal of years. For ccd.side.reports.recount."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sqlalchemy import Connection, text

from ccd.base.clock import Moment
from ccd.base.errors import Refused
from ccd.side.db.engine import to_datetime
from ccd.side.reports.folding import KINDS, Fact, Folded, fold

MOST_FACTS = 2_000_000
AFTER_US = 86_400_000_000
"""So long behind a span its facts are read one and all; calls that were not over by then are followed to their end."""
_SLACK_US = 60_000_000
_PAGE = 5_000

_FACTS = text(
    "SELECT body FROM ccd.facts WHERE kind = ANY(:kinds) AND at >= CAST(:since AS timestamptz)"
    " AND at < CAST(:until AS timestamptz) ORDER BY boot_id, seq"
)
_FACTS_OF_CALLS = text(
    "SELECT body FROM ccd.facts WHERE call_id = ANY(CAST(:calls AS uuid[])) AND kind = ANY(:kinds)"
    " AND at >= CAST(:until AS timestamptz) ORDER BY boot_id, seq"
)
# How each agent stood when the span began, and the offer that was out to him.
_BEFORE = text(
    "SELECT last.body FROM ccd.agents a CROSS JOIN (VALUES ('agent_changed'), ('offer_made')) AS wanted(kind)"
    " CROSS JOIN LATERAL (SELECT f.body FROM ccd.facts f WHERE f.agent_id = a.agent_id AND f.kind = wanted.kind"
    " AND f.at < CAST(:since AS timestamptz) ORDER BY f.at DESC, f.boot_id DESC, f.seq DESC LIMIT 1) AS last"
)


def folded(connection: Connection, since: Moment, until: Moment) -> Folded:
    """All that the journal says of a span: states, offers and visits, these to their end.

    Raises:
        Refused: that is too much to be counted at once.
    """
    asked = {"kinds": list(KINDS), "since": to_datetime(since - _SLACK_US), "until": to_datetime(until + AFTER_US)}
    found = Folded()
    fold((body for (body,) in connection.execute(_BEFORE, asked)), found)
    with connection.execute(_FACTS.execution_options(yield_per=_PAGE), asked) as streamed:
        fold(_bounded(body for (body,) in streamed), found)
    open_calls = {visit.call_id for visit in found.visits.values() if not visit.is_over}
    if open_calls:
        later = connection.execute(_FACTS_OF_CALLS, asked | {"calls": list(open_calls)})
        fold((body for (body,) in later), found)
    return found


def _bounded(facts: Iterable[Fact]) -> Iterator[Fact]:
    for number, fact in enumerate(facts, 1):
        if number > MOST_FACTS:
            raise Refused("too much happened in that time to be counted from the journal; ask for a shorter one")
        yield fact
