"""The reports as SQL, over rows alone. For ccd.side.reports.store; every value is a parameter."""

# ruff: noqa: S608 -- the text is ours alone

from __future__ import annotations

from ccd.side.reports.figures import SERVICE_LEVEL, columns, mean_ms, share

_IN_SPAN = "v.joined_at >= CAST(:since AS timestamptz) AND v.joined_at < CAST(:until AS timestamptz)"
_BY_AGENT = "(CAST(:agent_id AS uuid) IS NULL OR v.agent_id = CAST(:agent_id AS uuid))"
_OF_QUEUE = "(CAST(:queue_id AS uuid) IS NULL OR {0}.queue_id = CAST(:queue_id AS uuid))"

# A row a queue, and the last one of all together.
QUEUES = f"""
SELECT q.queue_id, q.name AS queue, CASE WHEN GROUPING(q.queue_id) = 0 THEN {SERVICE_LEVEL} END AS service_level_ms,
  {columns()}
FROM ccd.queues q
LEFT JOIN ccd.queue_entries v ON v.queue_id = q.queue_id AND {_IN_SPAN} AND {_BY_AGENT}
WHERE {_OF_QUEUE.format("q")}
GROUP BY GROUPING SETS ((q.queue_id, q.name, q.service_level_ms), ())
HAVING GROUPING(q.queue_id) = 1 OR count(v.entry_id) > 0 OR bool_or(q.retired_at IS NULL)
ORDER BY GROUPING(q.queue_id), q.name, q.queue_id
"""

# A row an interval, also where nobody came.
INTERVALS = f"""
SELECT b.from_at, b.until_at, {columns()}
FROM unnest(CAST(:froms AS timestamptz[]), CAST(:untils AS timestamptz[])) AS b(from_at, until_at)
LEFT JOIN (ccd.queue_entries v JOIN ccd.queues q ON q.queue_id = v.queue_id)
  ON v.joined_at >= b.from_at AND v.joined_at < b.until_at AND {_IN_SPAN} AND {_BY_AGENT} AND {_OF_QUEUE.format("v")}
GROUP BY b.from_at, b.until_at
ORDER BY b.from_at
"""


def _time(condition: str) -> str:
    return f"coalesce(sum(us) FILTER (WHERE {condition}), 0)::bigint / 1000"


_BUSY = _time("presence = 'available' AND activity <> 'idle'")
_AVAILABLE = _time("presence = 'available'")
_MISSED = "o.result NOT IN ('accepted', 'cancelled', 'lost_race', 'congestion')"
_OFFERED = (
    "o.offered_at >= CAST(:since AS timestamptz) AND o.offered_at < CAST(:until AS timestamptz) AND "
    + _OF_QUEUE.format("o")
)

# A row an agent. States are cut at the ends of the span; who is talking now talks until its end.
AGENTS = f"""
WITH spans AS (
  SELECT s.agent_id, s.presence, s.activity, coalesce(NULLIF(s.reason, ''), 'none') AS reason, (extract(epoch FROM
    least(coalesce(s.to_at, CAST(:until AS timestamptz)), CAST(:until AS timestamptz))
    - greatest(s.from_at, CAST(:since AS timestamptz))) * 1000000)::bigint AS us
  FROM ccd.agent_states s
  WHERE s.from_at < CAST(:until AS timestamptz) AND (s.to_at IS NULL OR s.to_at > CAST(:since AS timestamptz))
), times AS (
  SELECT agent_id, {_time("presence <> 'logged_out'")} AS signed_in_ms, {_time("presence = 'on_break'")} AS break_ms,
    {_time("activity = 'offered'")} AS ring_ms, {_time("activity = 'talking'")} AS talk_ms,
    {_time("activity = 'wrap_up'")} AS wrap_up_ms, {share(_BUSY, _AVAILABLE)} AS occupancy
  FROM spans GROUP BY agent_id
), breaks AS (
  SELECT one.agent_id, jsonb_object_agg(one.reason, one.ms) AS breaks FROM (
    SELECT agent_id, reason, sum(us)::bigint / 1000 AS ms FROM spans WHERE presence = 'on_break' AND us > 0 GROUP BY 1, 2
  ) AS one GROUP BY 1
), offered AS (
  SELECT o.agent_id, count(*) AS offers, count(*) FILTER (WHERE o.result = 'accepted') AS answered
  FROM ccd.offers o WHERE {_OFFERED} GROUP BY 1
), missed AS (
  SELECT one.agent_id, jsonb_object_agg(one.result, one.n) AS missed FROM (
    SELECT o.agent_id, o.result, count(*) AS n FROM ccd.offers o WHERE {_OFFERED} AND {_MISSED} GROUP BY 1, 2
  ) AS one GROUP BY 1
), handled AS (
  SELECT v.agent_id, {mean_ms("sum(v.talk_ms + coalesce(v.wrap_up_ms, 0))", "count(*)")} AS aht_ms
  FROM ccd.queue_entries v
  WHERE v.outcome = 'answered' AND v.talk_ended_at IS NOT NULL AND v.connected_at >= CAST(:since AS timestamptz)
    AND v.connected_at < CAST(:until AS timestamptz) AND {_OF_QUEUE.format("v")}
  GROUP BY 1
)
SELECT a.agent_id, a.name AS agent, a.display_name, coalesce(t.signed_in_ms, 0) AS signed_in_ms,
  coalesce(t.break_ms, 0) AS break_ms, coalesce(b.breaks, CAST('{{}}' AS jsonb)) AS breaks,
  coalesce(t.ring_ms, 0) AS ring_ms, coalesce(t.talk_ms, 0) AS talk_ms, coalesce(t.wrap_up_ms, 0) AS wrap_up_ms,
  t.occupancy, coalesce(o.offers, 0) AS offers, coalesce(o.answered, 0) AS answered,
  coalesce(m.missed, CAST('{{}}' AS jsonb)) AS missed, h.aht_ms
FROM ccd.agents a
LEFT JOIN times t USING (agent_id) LEFT JOIN breaks b USING (agent_id) LEFT JOIN offered o USING (agent_id)
LEFT JOIN missed m USING (agent_id) LEFT JOIN handled h USING (agent_id)
WHERE (CAST(:agent_id AS uuid) IS NULL OR a.agent_id = CAST(:agent_id AS uuid))
  AND (a.retired_at IS NULL OR t.signed_in_ms > 0 OR o.offers > 0)
ORDER BY a.name, a.agent_id
"""

STATEMENTS = {"queues": QUEUES, "agents": AGENTS, "intervals": INTERVALS}
