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


def _time(condition: str, unit: str = "ms") -> str:
    us = f"coalesce(sum(us) FILTER (WHERE {condition}), 0)::bigint"
    return us if unit == "us" else f"{us} / 1000"


_BUSY = _time("presence = 'available' AND activity <> 'idle'")
_AVAILABLE = _time("presence = 'available'")
_MISSED = "o.result NOT IN ('accepted', 'cancelled', 'lost_race', 'congestion')"
_CAUSE = "CASE WHEN o.result = 'no_answer' AND o.asked THEN 'not_accepted' ELSE o.result END"
_OFFERED = (
    "o.offered_at >= CAST(:since AS timestamptz) AND o.offered_at < CAST(:until AS timestamptz) AND "
    + _OF_QUEUE.format("o")
)


def _reaching(table: str, begins: str, also: str, what: str) -> str:
    """Rows of the chosen agents that begin within the span, and of each the last one before it, which may reach into it.

    The last one comes from an index by agent and beginning: years before the span cost nothing.
    """
    return f"""(
    SELECT agent_id, {what} FROM chosen JOIN ccd.{table} one USING (agent_id)
    WHERE one.{begins} >= CAST(:since AS timestamptz) AND one.{begins} < CAST(:until AS timestamptz)
    UNION ALL
    SELECT chosen.agent_id, last.* FROM chosen CROSS JOIN LATERAL (
      SELECT {what} FROM ccd.{table} one
      WHERE one.agent_id = chosen.agent_id AND one.{begins} < CAST(:since AS timestamptz)
      ORDER BY one.{begins} DESC, {also} LIMIT 1
    ) AS last
  )"""


_STATES = _reaching(
    "agent_states",
    "from_at",
    "one.boot_id DESC, one.seq DESC",
    "one.from_at, one.to_at, one.presence, one.activity, one.reason",
)
_OFFERS = _reaching("offers", "offered_at", "one.offer_id DESC", "one.offered_at, one.ended_at, one.ring_ms")
_ANSWERED_AT = "o.offered_at + o.ring_ms * interval '1 millisecond'"


def _within(begins: str, ends: str) -> str:
    """The part of a time that lies within the span."""
    return f"least({ends}, CAST(:until AS timestamptz)) - greatest({begins}, CAST(:since AS timestamptz))"


def _us(interval: str) -> str:
    return f"(extract(epoch FROM {interval}) * 1000000)::bigint"


# A row an agent. States are cut at the ends of the span; who is talking now talks until its end. Of the time of an offer
# that is his ring which has passed before he answered.
AGENTS = f"""
WITH chosen AS (
  SELECT agent_id FROM ccd.agents WHERE CAST(:agent_id AS uuid) IS NULL OR agent_id = CAST(:agent_id AS uuid)
), lasted AS (
  SELECT s.agent_id, s.presence, s.activity, coalesce(NULLIF(s.reason, ''), 'none') AS reason,
    sum({_within("s.from_at", "coalesce(s.to_at, CAST(:until AS timestamptz))")}) AS lasted
  FROM {_STATES} AS s WHERE s.to_at IS NULL OR s.to_at > CAST(:since AS timestamptz) GROUP BY 1, 2, 3, 4
), spans AS (
  SELECT agent_id, presence, activity, reason, {_us("lasted")} AS us FROM lasted
), joins AS (
  SELECT o.agent_id, {_us(f"sum(greatest({_within(_ANSWERED_AT, 'o.ended_at')}, interval '0'))")} AS us
  FROM {_OFFERS} AS o
  WHERE o.ended_at > CAST(:since AS timestamptz)
    AND o.ended_at >= o.offered_at + (o.ring_ms + 1) * interval '1 millisecond'
  GROUP BY 1
), times AS (
  SELECT s.agent_id, {_time("presence <> 'logged_out'")} AS signed_in_ms, {_time("presence = 'on_break'")} AS break_ms,
    {_time("activity = 'offered'", "us")} AS offered_us, {_time("activity = 'talking'")} AS talk_ms,
    {_time("activity = 'wrap_up'")} AS wrap_up_ms, {share(_BUSY, _AVAILABLE)} AS occupancy
  FROM spans s GROUP BY 1
), breaks AS (
  SELECT one.agent_id, jsonb_object_agg(one.reason, one.ms) AS breaks FROM (
    SELECT agent_id, reason, sum(us)::bigint / 1000 AS ms FROM spans WHERE presence = 'on_break' AND us > 0 GROUP BY 1, 2
  ) AS one GROUP BY 1
), offered AS (
  SELECT agent_id, count(*) AS offers, count(*) FILTER (WHERE o.result = 'accepted') AS answered
  FROM chosen a JOIN ccd.offers o USING (agent_id) WHERE {_OFFERED} GROUP BY 1
), missed AS (
  SELECT one.agent_id, jsonb_object_agg(one.cause, one.n) AS missed FROM (
    SELECT agent_id, {_CAUSE} AS cause, count(*) AS n
    FROM chosen a JOIN ccd.offers o USING (agent_id) WHERE {_OFFERED} AND {_MISSED} GROUP BY 1, 2
  ) AS one GROUP BY 1
), handled AS (
  SELECT agent_id, {mean_ms("sum(v.talk_ms + coalesce(v.wrap_up_ms, 0))", "count(*)")} AS aht_ms
  FROM chosen a JOIN ccd.queue_entries v USING (agent_id)
  WHERE v.outcome = 'answered' AND v.talk_ended_at IS NOT NULL AND v.connected_at >= CAST(:since AS timestamptz)
    AND v.connected_at < CAST(:until AS timestamptz) AND {_OF_QUEUE.format("v")}
  GROUP BY 1
)
SELECT agent_id, a.name AS agent, a.display_name, coalesce(t.signed_in_ms, 0) AS signed_in_ms,
  coalesce(t.break_ms, 0) AS break_ms, coalesce(b.breaks, CAST('{{}}' AS jsonb)) AS breaks,
  greatest(coalesce(t.offered_us, 0) - coalesce(j.us, 0), 0) / 1000 AS ring_ms, coalesce(j.us, 0) / 1000 AS join_ms,
  coalesce(t.talk_ms, 0) AS talk_ms, coalesce(t.wrap_up_ms, 0) AS wrap_up_ms,
  t.occupancy, coalesce(o.offers, 0) AS offers, coalesce(o.answered, 0) AS answered,
  coalesce(m.missed, CAST('{{}}' AS jsonb)) AS missed, h.aht_ms
FROM chosen JOIN ccd.agents a USING (agent_id)
LEFT JOIN times t USING (agent_id) LEFT JOIN joins j USING (agent_id) LEFT JOIN breaks b USING (agent_id)
LEFT JOIN offered o USING (agent_id) LEFT JOIN missed m USING (agent_id) LEFT JOIN handled h USING (agent_id)
WHERE a.retired_at IS NULL OR t.signed_in_ms > 0 OR o.offers > 0
ORDER BY a.name, agent_id
"""

STATEMENTS = {"queues": QUEUES, "agents": AGENTS, "intervals": INTERVALS}
