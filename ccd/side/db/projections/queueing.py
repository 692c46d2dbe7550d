"""Facts of queues and agents into `queue_entries`, `offers`, `agent_states`, `agent_sessions` and talk segments.

A caller may be connected, returned and connected again. The state of an entry therefore knows which fact it is from
(`state_boot`, `state_seq`), and an older fact that comes later changes nothing. Moments don't order them: events of a
caller's and an agent's leg that come one after the other may be a millisecond apart the other way round.
"""

# ruff: noqa: S608 -- the text is ours alone; facts travel as a parameter

from __future__ import annotations

from ccd.side.db.projections.recordset import AT, rows, uid

_NEWER = "(excluded.state_boot, excluded.state_seq) >= (q.state_boot, q.state_seq)"

CALLER_QUEUED = f"""
INSERT INTO ccd.queue_entries AS q (entry_id, call_id, leg_id, queue_id, priority, position, moved_from, joined_at, node)
SELECT DISTINCT ON (f.entry_id) {uid("entry_id")}, {uid("call_id")}, f.leg_id, {uid("queue_id")},
  coalesce(f.priority, 0), coalesce(f.position, 0), {uid("moved_from")}, {AT},
  coalesce((SELECT c.node FROM ccd.calls c WHERE c.call_id = {uid("call_id")}), '')
FROM {
    rows("entry_id text, call_id text, leg_id text, queue_id text, priority integer, position integer, moved_from text")
}
ORDER BY f.entry_id, f.at
ON CONFLICT (entry_id) DO UPDATE SET leg_id = excluded.leg_id, priority = excluded.priority, node = excluded.node,
  position = excluded.position, moved_from = excluded.moved_from, joined_at = least(q.joined_at, excluded.joined_at)
"""


def _entry_state(columns: str, values: dict[str, str]) -> str:
    """An upsert of an entry's state that only a newer fact carries out."""
    names = ", ".join(values)
    updates = ", ".join(f"{name} = excluded.{name}" for name in values)
    return f"""
INSERT INTO ccd.queue_entries AS q (entry_id, call_id, queue_id, state_boot, state_seq, {names})
SELECT DISTINCT ON (f.entry_id) {uid("entry_id")}, {uid("call_id")}, {uid("queue_id")}, f._boot, f._seq,
  {", ".join(values.values())}
FROM {rows("entry_id text, call_id text, queue_id text" + columns)}
ORDER BY f.entry_id, f._boot DESC, f._seq DESC
ON CONFLICT (entry_id) DO UPDATE SET state_boot = excluded.state_boot, state_seq = excluded.state_seq, {updates}
WHERE q.state_boot IS NULL OR {_NEWER}
"""


CALLER_CONNECTED = _entry_state(
    ", agent_id text, offer_id text, wait_ms bigint, join_ms bigint",
    {
        "connected_at": AT,
        "left_at": AT,
        "outcome": "'answered'",
        "wait_ms": "f.wait_ms",
        "join_ms": "coalesce(f.join_ms, 0)",
        "agent_id": uid("agent_id"),
        "offer_id": uid("offer_id"),
    },
)

CALLER_RETURNED = _entry_state(
    "",
    {
        "connected_at": "NULL::timestamptz",
        "left_at": "NULL::timestamptz",
        "outcome": "NULL",
        "wait_ms": "NULL::bigint",
        "join_ms": "NULL::bigint",
        "agent_id": "NULL::uuid",
        "offer_id": "NULL::uuid",
    },
)

# Each return counts, also one that the same batch, or a fact written before, has made the state of yesterday.
RETURNS = f"""
INSERT INTO ccd.queue_entries AS q (entry_id, call_id, queue_id, returns)
SELECT {uid("entry_id")}, {uid("call_id")}, {uid("queue_id")}, count(*)
FROM {rows("entry_id text, call_id text, queue_id text")}
GROUP BY 1, 2, 3
ON CONFLICT (entry_id) DO UPDATE SET returns = q.returns + excluded.returns
"""

CALLER_LEFT = _entry_state(
    ", reason text, wait_ms bigint",
    # a ccd before visits had one word for all that a person or a flow did
    {"left_at": AT, "outcome": "CASE f.reason WHEN 'removed' THEN 'kicked' ELSE f.reason END", "wait_ms": "f.wait_ms"},
)

TALK_STARTED = f"""
INSERT INTO ccd.call_segments (call_id, kind, segment_key, started_at, queue_id, agent_id)
SELECT {uid("call_id")}, 'talk', f.offer_id, {AT}, {uid("queue_id")}, {uid("agent_id")}
FROM {rows("call_id text, offer_id text, queue_id text, agent_id text")}
ON CONFLICT DO NOTHING
"""

TALK_RETURNED = f"""
UPDATE ccd.call_segments AS s SET ended_at = {AT}, reason = 'returned'
FROM {rows("call_id text, offer_id text")}
WHERE s.call_id = {uid("call_id")} AND s.kind = 'talk' AND s.segment_key = f.offer_id AND s.started_at <= {AT}
"""

TALK_ENDED = (
    f"""
INSERT INTO ccd.queue_entries AS q (entry_id, call_id, queue_id, talk_ms, talk_ended_at, ended_by)
SELECT DISTINCT ON (f.entry_id) {uid("entry_id")}, {uid("call_id")}, {uid("queue_id")}, f.talk_ms, {AT}, f.ended_by
FROM {rows("entry_id text, call_id text, queue_id text, talk_ms bigint, ended_by text")}
ORDER BY f.entry_id, f.at DESC, f._seq DESC
ON CONFLICT (entry_id) DO UPDATE SET talk_ms = excluded.talk_ms, talk_ended_at = excluded.talk_ended_at,
  ended_by = excluded.ended_by
WHERE q.talk_ended_at IS NULL OR excluded.talk_ended_at >= q.talk_ended_at
""",
    f"""
UPDATE ccd.call_segments AS s SET ended_at = {AT}, reason = f.ended_by
FROM {rows("call_id text, agent_id text, ended_by text")}
WHERE s.call_id = {uid("call_id")} AND s.kind = 'talk' AND s.agent_id = {uid("agent_id")} AND s.ended_at IS NULL
  AND s.started_at <= {AT}
""",
)

QUEUE_SEGMENT = f"""
INSERT INTO ccd.call_segments (call_id, kind, segment_key, started_at, queue_id)
SELECT {uid("call_id")}, 'queue', f.entry_id, {AT}, {uid("queue_id")}
FROM {rows("call_id text, entry_id text, queue_id text")}
ON CONFLICT DO NOTHING
"""

OFFER_MADE = f"""
INSERT INTO ccd.offers (offer_id, entry_id, call_id, queue_id, agent_id, leg_id, contact, offered_at, node)
SELECT DISTINCT ON (f.offer_id) {uid("offer_id")}, {uid("entry_id")}, {uid("call_id")}, {uid("queue_id")},
  {uid("agent_id")}, f.leg_id, f.contact, {AT},
  coalesce(NULLIF(f.node, ''), (SELECT l.node FROM ccd.legs l WHERE l.leg_id = f.leg_id), '')
FROM {
    rows(
        "offer_id text, entry_id text, call_id text, queue_id text, agent_id text, leg_id text, contact text, node text"
    )
}
ON CONFLICT (offer_id) DO UPDATE SET leg_id = excluded.leg_id, contact = excluded.contact, node = excluded.node,
  offered_at = excluded.offered_at
"""

OFFER_ENDED = f"""
INSERT INTO ccd.offers (offer_id, entry_id, call_id, queue_id, agent_id, ended_at, result, cause, ring_ms, asked)
SELECT DISTINCT ON (f.offer_id) {uid("offer_id")}, {uid("entry_id")}, {uid("call_id")}, {uid("queue_id")},
  {uid("agent_id")}, {AT}, f.result, coalesce(f.cause, ''), coalesce(f.ring_ms, 0), coalesce(f.asked, false)
FROM {
    rows(
        "offer_id text, entry_id text, call_id text, queue_id text, agent_id text, result text, cause text, ring_ms bigint,"
        " asked boolean"
    )
}
ORDER BY f.offer_id, f.at, f._seq
ON CONFLICT (offer_id) DO UPDATE SET ended_at = excluded.ended_at, result = excluded.result, cause = excluded.cause,
  ring_ms = excluded.ring_ms, asked = excluded.asked
WHERE offers.ended_at IS NULL
"""

_AGENT_COLUMNS = (
    "agent_id text, presence text, activity text, cause text, reason text, session_id text, station_id text,"
    " call_id text, queue_id text, offer_id text, no_answers integer"
)
# The states whose ends a batch may change: its own, and of each the one before. They are named by their keys, so that a batch
# costs the same after years: of `from_at >= …` PostgreSQL expects a third of all rows, and reads them all.
_TOUCHED = f"""told AS (
  SELECT DISTINCT {uid("agent_id")} AS agent_id, {AT} AS from_at FROM {rows("agent_id text")}
), touched AS (
  SELECT agent_id, from_at FROM told
  UNION
  SELECT t.agent_id, (SELECT max(b.from_at) FROM ccd.agent_states b
    WHERE b.agent_id = t.agent_id AND b.from_at < t.from_at) FROM told t
)"""
_WRAPPED_MS = (
    "(SELECT sum((extract(epoch FROM s.to_at - s.from_at) * 1000000)::bigint)::bigint / 1000 FROM ccd.agent_states s"
    " WHERE s.offer_id = q.offer_id AND s.activity = 'wrap_up')"
)

AGENT_CHANGED = (
    f"""
INSERT INTO ccd.agent_states (agent_id, from_at, boot_id, seq, presence, activity, reason, cause, session_id,
  station_id, call_id, queue_id, offer_id, no_answers)
SELECT {uid("agent_id")}, {AT}, f._boot, f._seq, f.presence, f.activity, coalesce(f.reason, ''), f.cause,
  {uid("session_id")}, {uid("station_id")}, {uid("call_id")}, {uid("queue_id")}, {uid("offer_id")},
  coalesce(f.no_answers, 0)
FROM {rows(_AGENT_COLUMNS)}
ON CONFLICT DO NOTHING
""",
    # A state lasts until the agent's next one.
    f"""
WITH {_TOUCHED}, chain AS (
  SELECT s.agent_id, s.from_at, s.boot_id, s.seq, (SELECT n.from_at FROM ccd.agent_states n
    WHERE n.agent_id = s.agent_id AND n.from_at >= s.from_at
      AND (n.from_at, n.boot_id, n.seq) > (s.from_at, s.boot_id, s.seq)
    ORDER BY n.from_at, n.boot_id, n.seq LIMIT 1) AS next_at
  FROM touched t JOIN ccd.agent_states s ON s.agent_id = t.agent_id AND s.from_at = t.from_at
)
UPDATE ccd.agent_states AS s SET to_at = c.next_at FROM chain c
WHERE s.agent_id = c.agent_id AND s.from_at = c.from_at AND s.boot_id = c.boot_id AND s.seq = c.seq
  AND s.to_at IS DISTINCT FROM c.next_at
""",
    # The visit that an agent wraps up has that time, too.
    f"""
WITH {_TOUCHED}, wrapped AS (
  SELECT DISTINCT s.offer_id FROM touched t JOIN ccd.agent_states s ON s.agent_id = t.agent_id AND s.from_at = t.from_at
  WHERE s.offer_id IS NOT NULL
)
UPDATE ccd.queue_entries AS q SET wrap_up_ms = {_WRAPPED_MS}
FROM wrapped w WHERE q.offer_id = w.offer_id
""",
    f"""
INSERT INTO ccd.agent_sessions AS s (session_id, agent_id, station_id, logged_in_at)
SELECT DISTINCT ON (f.session_id) {uid("session_id")}, {uid("agent_id")}, {uid("station_id")}, {AT}
FROM {rows(_AGENT_COLUMNS)}
WHERE f.session_id <> '' AND f.presence <> 'logged_out' ORDER BY f.session_id, f.at
ON CONFLICT (session_id) DO UPDATE SET logged_in_at = least(s.logged_in_at, excluded.logged_in_at)
""",
    f"""
UPDATE ccd.agent_sessions AS s SET logged_out_at = o.at, reason = o.cause
FROM (
  SELECT s.session_id, min({AT}) AS at, (array_agg(f.cause ORDER BY f.at))[1] AS cause
  FROM {rows(_AGENT_COLUMNS)} JOIN ccd.agent_sessions s ON s.agent_id = {uid("agent_id")} AND s.logged_in_at <= {AT}
  WHERE f.presence = 'logged_out' GROUP BY s.session_id
) AS o
WHERE s.session_id = o.session_id AND (s.logged_out_at IS NULL OR o.at < s.logged_out_at)
""",
)

# What a call's row says of its waits is computed from the entries, whatever order they came in.
CALL_SUMMARY = f"""
UPDATE ccd.calls AS c SET queued_at = e.queued_at, connected_at = e.connected_at, wait_ms = e.wait_ms,
  talk_ms = e.talk_ms, queue_id = e.queue_id, agent_id = e.agent_id
FROM (
  SELECT q.call_id, min(q.joined_at) AS queued_at, min(q.connected_at) AS connected_at, sum(q.wait_ms) AS wait_ms,
    sum(q.talk_ms) AS talk_ms, (array_agg(q.queue_id ORDER BY q.joined_at DESC))[1] AS queue_id,
    (array_agg(q.agent_id ORDER BY q.connected_at DESC) FILTER (WHERE q.agent_id IS NOT NULL))[1] AS agent_id
  FROM ccd.queue_entries q
  WHERE q.call_id IN (SELECT DISTINCT {uid("call_id")} FROM {rows("call_id text")})
  GROUP BY q.call_id
) AS e
WHERE c.call_id = e.call_id
"""

# What a visit is of its call, and what was done for it, computed from the rows that there are by now. Its wait is its own:
# who was moved has waited longer, and his facts say so.
VISIT_SUMMARY = f"""
UPDATE ccd.queue_entries AS q SET visit = n.visit, offers_made = n.offers_made, ring_ms = n.ring_ms,
  wait_ms = CASE WHEN q.left_at IS NULL THEN NULL ELSE coalesce(n.wait_ms, q.wait_ms) END, wrap_up_ms = {_WRAPPED_MS}
FROM (
  SELECT v.entry_id, row_number() OVER (PARTITION BY v.call_id ORDER BY v.joined_at, v.entry_id) AS visit,
    (extract(epoch FROM greatest(v.left_at - v.joined_at, interval '0')) * 1000000)::bigint / 1000 AS wait_ms,
    (SELECT count(*) FROM ccd.offers o WHERE o.entry_id = v.entry_id AND o.offered_at IS NOT NULL) AS offers_made,
    (SELECT o.ring_ms FROM ccd.offers o WHERE o.offer_id = v.offer_id) AS ring_ms
  FROM ccd.queue_entries v
  WHERE v.call_id IN (SELECT DISTINCT {uid("call_id")} FROM {rows("call_id text")})
) AS n
WHERE n.entry_id = q.entry_id
"""

QUEUE_SEGMENTS_END = f"""
UPDATE ccd.call_segments AS s SET ended_at = q.left_at, reason = coalesce(q.outcome, '')
FROM ccd.queue_entries q
WHERE q.call_id IN (SELECT DISTINCT {uid("call_id")} FROM {rows("call_id text")})
  AND s.call_id = q.call_id AND s.kind = 'queue' AND s.segment_key = q.entry_id::text
  AND s.ended_at IS DISTINCT FROM q.left_at
"""
