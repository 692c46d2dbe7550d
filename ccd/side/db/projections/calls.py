"""Facts of calls and legs into `calls`, `legs`, `call_segments` and `switch_events`.

All of it may run in any order: a row is made by whichever fact comes first, and a moment once known only gives way to
what its column's rule says (first arrival, first answer, last end).
"""

# ruff: noqa: S608 -- the text is ours alone; facts travel as a parameter

from __future__ import annotations

from ccd.side.db.projections.recordset import AT, rows, since, uid

# A leg is told of before anybody knows whose it is: "unknown" never takes the place of another word.
ROLE = "role = CASE WHEN excluded.role = 'unknown' THEN legs.role ELSE excluded.role END"
LEG = "leg_id text, call_id text, node text, role text, inbound boolean, number text, number_e164 text, name text, agent_id text"
CALL = (
    "call_id text, leg_id text, node text, caller_number text, caller_name text, dialled text, caller_e164 text, "
    "dialled_e164 text, trunk text"
)

CALL_ARRIVED = (
    f"""
INSERT INTO ccd.calls (call_id, leg_id, node, caller_number, caller_name, dialled, caller_e164, dialled_e164, trunk, arrived_at)
SELECT DISTINCT ON (f.call_id) {uid("call_id")}, f.leg_id, f.node, f.caller_number, f.caller_name, f.dialled,
  coalesce(f.caller_e164, ''), coalesce(f.dialled_e164, ''), coalesce(f.trunk, ''), {AT}
FROM {rows(CALL)}
ORDER BY f.call_id, f.at
ON CONFLICT (call_id) DO UPDATE SET leg_id = excluded.leg_id, node = excluded.node,
  caller_number = excluded.caller_number, caller_name = excluded.caller_name, dialled = excluded.dialled,
  caller_e164 = excluded.caller_e164, dialled_e164 = excluded.dialled_e164, trunk = excluded.trunk,
  arrived_at = least(calls.arrived_at, excluded.arrived_at)
WHERE calls.arrived_at IS NULL OR excluded.arrived_at <= calls.arrived_at
""",
    f"""
INSERT INTO ccd.legs (leg_id, call_id, node, role)
SELECT DISTINCT ON (f.leg_id) f.leg_id, {uid("call_id")}, f.node, 'customer'
FROM {rows("call_id text, leg_id text, node text")} ORDER BY f.leg_id, f.at
ON CONFLICT (leg_id) DO UPDATE SET call_id = coalesce(legs.call_id, excluded.call_id), {ROLE},
  node = coalesce(NULLIF(legs.node, ''), excluded.node)
""",
)

CALL_ANSWERED = f"""
INSERT INTO ccd.calls (call_id, leg_id, answered_at)
SELECT DISTINCT ON (f.call_id) {uid("call_id")}, f.leg_id, {AT}
FROM {rows("call_id text, leg_id text")} ORDER BY f.call_id, f.at
ON CONFLICT (call_id) DO UPDATE SET answered_at = least(calls.answered_at, excluded.answered_at)
"""

CALL_ROUTED = f"""
INSERT INTO ccd.calls (call_id, route, route_flow, route_class, route_closed, repeat_calls, last_agent, routed_at)
SELECT DISTINCT ON (f.call_id) {
    uid("call_id")
}, f.dialled, f.flow, coalesce(f.caller_class, ''), coalesce(f.closed, ''),
  coalesce(f.repeat_calls, 0), coalesce(f.last_agent, ''), {AT}
FROM {
    rows("call_id text, dialled text, flow text, caller_class text, closed text, repeat_calls integer, last_agent text")
}
ORDER BY f.call_id, f.at DESC, f._seq DESC
ON CONFLICT (call_id) DO UPDATE SET route = excluded.route, route_flow = excluded.route_flow,
  route_class = excluded.route_class, route_closed = excluded.route_closed, repeat_calls = excluded.repeat_calls,
  last_agent = excluded.last_agent, routed_at = excluded.routed_at
WHERE calls.routed_at IS NULL OR excluded.routed_at >= calls.routed_at
"""

CALL_SCREENED = f"""
INSERT INTO ccd.calls (call_id, leg_id, caller_class, class_reason, list_action, list_scope, list_entry_id, screened_at)
SELECT DISTINCT ON (f.call_id) {uid("call_id")}, f.leg_id, f.caller_class, coalesce(f.reason, ''),
  coalesce(f.action, 'warn'), coalesce(f.scope, ''), NULLIF(f.entry_id, 0), {AT}
FROM {rows("call_id text, leg_id text, caller_class text, reason text, action text, scope text, entry_id bigint")}
ORDER BY f.call_id, f.at DESC, f._seq DESC
ON CONFLICT (call_id) DO UPDATE SET caller_class = excluded.caller_class, class_reason = excluded.class_reason,
  list_action = excluded.list_action, list_scope = excluded.list_scope, list_entry_id = excluded.list_entry_id,
  screened_at = excluded.screened_at
WHERE calls.screened_at IS NULL OR excluded.screened_at >= calls.screened_at
"""

CALL_ENDED = f"""
INSERT INTO ccd.calls (call_id, leg_id, ended_at, outcome, cause, ended_by, duration_ms)
SELECT DISTINCT ON (f.call_id) {uid("call_id")}, f.leg_id, {AT}, f.outcome, f.cause, f.ended_by, f.duration_ms
FROM {rows("call_id text, leg_id text, outcome text, cause text, ended_by text, duration_ms bigint")}
ORDER BY f.call_id, f.at DESC, f._seq DESC
ON CONFLICT (call_id) DO UPDATE SET ended_at = excluded.ended_at, outcome = excluded.outcome, cause = excluded.cause,
  ended_by = excluded.ended_by, duration_ms = excluded.duration_ms
WHERE calls.ended_at IS NULL OR excluded.ended_at >= calls.ended_at
"""

CALL_RECOVERED = f"""
INSERT INTO ccd.calls (call_id, leg_id, recovered_at)
SELECT DISTINCT ON (f.call_id) {uid("call_id")}, f.leg_id, {AT}
FROM {rows("call_id text, leg_id text")} ORDER BY f.call_id, f.at DESC
ON CONFLICT (call_id) DO UPDATE SET recovered_at = greatest(calls.recovered_at, excluded.recovered_at)
"""

CALL_TO_FALLBACK = f"""
INSERT INTO ccd.calls (call_id, leg_id, fallback_at, fallback_reason)
SELECT DISTINCT ON (f.call_id) {uid("call_id")}, f.leg_id, {AT}, f.reason
FROM {rows("call_id text, leg_id text, reason text")} ORDER BY f.call_id, f.at DESC
ON CONFLICT (call_id) DO UPDATE SET fallback_at = excluded.fallback_at, fallback_reason = excluded.fallback_reason
WHERE calls.fallback_at IS NULL OR excluded.fallback_at >= calls.fallback_at
"""

LEG_CREATED = (
    f"""
INSERT INTO ccd.legs (leg_id, call_id, node, role, inbound, number, number_e164, name, agent_id, created_at)
SELECT DISTINCT ON (f.leg_id) f.leg_id, {uid("call_id")}, f.node, f.role, f.inbound, f.number,
  coalesce(f.number_e164, ''), f.name, {uid("agent_id")}, {AT}
FROM {rows(LEG)}
ORDER BY f.leg_id, f.at DESC, f._seq DESC
ON CONFLICT (leg_id) DO UPDATE SET call_id = coalesce(excluded.call_id, legs.call_id), node = excluded.node,
  {ROLE}, inbound = excluded.inbound, number = excluded.number,
  number_e164 = excluded.number_e164, name = excluded.name,
  agent_id = coalesce(excluded.agent_id, legs.agent_id), created_at = least(legs.created_at, excluded.created_at)
""",
    f"""
UPDATE ccd.offers SET node = f.node FROM {rows("leg_id text, node text, role text")}
WHERE f.role = 'agent' AND offers.leg_id = f.leg_id AND offers.leg_id <> ''
""",
)

LEG_ANSWERED = f"""
INSERT INTO ccd.legs (leg_id, call_id, role, answered_at)
SELECT DISTINCT ON (f.leg_id) f.leg_id, {uid("call_id")}, f.role, {AT}
FROM {rows("leg_id text, call_id text, role text")} ORDER BY f.leg_id, f.at
ON CONFLICT (leg_id) DO UPDATE SET answered_at = least(legs.answered_at, excluded.answered_at),
  call_id = coalesce(legs.call_id, excluded.call_id), {ROLE}
"""

LEG_ENDED = f"""
INSERT INTO ccd.legs (leg_id, call_id, role, progressed_at, answered_at, ended_at, cause, protocol_cause, node)
SELECT DISTINCT ON (f.leg_id) f.leg_id, {uid("call_id")}, f.role, {since("progressed_at")}, {since("answered_at")},
  {AT}, f.cause, coalesce(f.protocol_cause, ''), coalesce(f.node, '')
FROM {
    rows(
        "leg_id text, call_id text, role text, cause text, protocol_cause text, progressed_at bigint, answered_at bigint,"
        " node text"
    )
}
ORDER BY f.leg_id, f.at DESC, f._seq DESC
ON CONFLICT (leg_id) DO UPDATE SET progressed_at = coalesce(excluded.progressed_at, legs.progressed_at),
  answered_at = least(legs.answered_at, excluded.answered_at), ended_at = excluded.ended_at, cause = excluded.cause,
  protocol_cause = excluded.protocol_cause, call_id = coalesce(legs.call_id, excluded.call_id), {ROLE},
  node = coalesce(NULLIF(legs.node, ''), excluded.node)
WHERE legs.ended_at IS NULL OR excluded.ended_at >= legs.ended_at
"""

LEGS_BRIDGED = f"""
INSERT INTO ccd.legs (leg_id, call_id, bridged_at)
SELECT side.leg_id, (array_agg({uid("call_id")}))[1], min({AT})
FROM {rows("leg_id text, other_id text, call_id text")}, LATERAL (VALUES (f.leg_id), (f.other_id)) AS side(leg_id)
GROUP BY side.leg_id
ON CONFLICT (leg_id) DO UPDATE SET bridged_at = least(legs.bridged_at, excluded.bridged_at)
"""

FLOW_ENTERED = f"""
INSERT INTO ccd.call_segments (call_id, kind, segment_key, started_at, name, detail)
SELECT {uid("call_id")}, 'flow', f._boot || '/' || f._seq, {AT}, f.flow, f.sha256
FROM {rows("call_id text, flow text, sha256 text")}
ON CONFLICT DO NOTHING
"""

FLOW_LEFT = f"""
UPDATE ccd.call_segments AS s SET ended_at = {AT}, reason = f.reason
FROM {rows("call_id text, flow text, reason text")}
WHERE s.call_id = {uid("call_id")} AND s.kind = 'flow' AND s.name = f.flow AND s.ended_at IS NULL AND s.started_at <= {AT}
"""

TRANSFER_STARTED = f"""
INSERT INTO ccd.call_segments (call_id, kind, segment_key, started_at, name)
SELECT {uid("call_id")}, 'transfer', f.transfer_id, {AT}, f."to"
FROM {rows('call_id text, transfer_id text, "to" text')}
ON CONFLICT DO NOTHING
"""

TRANSFER_ENDED = (
    f"""
UPDATE ccd.call_segments AS s SET ended_at = {AT}, reason = f.result, talk_ms = NULLIF(f.talk_ms, 0)
FROM {rows("call_id text, transfer_id text, result text, talk_ms bigint")}
WHERE s.call_id = {uid("call_id")} AND s.kind = 'transfer' AND s.segment_key = f.transfer_id AND s.started_at <= {AT}
""",
    # A call that was not made has no other fact.
    f"""
INSERT INTO ccd.call_segments (call_id, kind, segment_key, started_at, ended_at, name, reason)
SELECT {uid("call_id")}, 'transfer', f.transfer_id, {AT}, {AT}, f."to", f.result
FROM {rows('call_id text, transfer_id text, leg_id text, "to" text, result text')}
WHERE coalesce(f.leg_id, '') = ''
ON CONFLICT DO NOTHING
""",
)

SWITCH_CONNECTED = f"""
INSERT INTO ccd.switch_events (boot_id, seq, at, event, node, core_uuid)
SELECT f._boot, f._seq, {AT}, 'connected', f.node, f.core_uuid FROM {rows("node text, core_uuid text")}
ON CONFLICT DO NOTHING
"""

SWITCH_DISCONNECTED = f"""
INSERT INTO ccd.switch_events (boot_id, seq, at, event, node, detail)
SELECT f._boot, f._seq, {AT}, 'disconnected', f.node, f.reason FROM {rows("node text, reason text")}
ON CONFLICT DO NOTHING
"""

REPAIRED = f"""
INSERT INTO ccd.switch_events (boot_id, seq, at, event, subject, detail)
SELECT f._boot, f._seq, {AT}, 'repaired', f.subject, f.what FROM {rows("subject text, what text")}
ON CONFLICT DO NOTHING
"""
