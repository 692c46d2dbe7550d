"""Facts of voicemail into `voicemails`. A deleted message stays deleted, whatever comes late."""

# ruff: noqa: S608 -- the text is ours alone; facts travel as a parameter

from __future__ import annotations

from ccd.side.db.projections.recordset import AT, rows, uid

VOICEMAIL_LEFT = f"""
INSERT INTO ccd.voicemails AS v (voicemail_id, box_id, call_id, leg_id, node, caller_number, caller_e164, path, local_path,
  ended_by, left_at, duration_ms, state, agent_id, assigned_at)
SELECT DISTINCT ON (f.voicemail_id) {uid("voicemail_id")}, {uid("box_id")}, {uid("call_id")}, f.leg_id, f.node,
  f.caller_number, coalesce(f.caller_e164, ''), f.path, f.local_path, f.ended_by, {AT}, f.duration_ms,
  CASE WHEN {uid("agent_id")} IS NULL THEN 'new' ELSE 'assigned' END, {uid("agent_id")},
  CASE WHEN {uid("agent_id")} IS NOT NULL THEN {AT} END
FROM {
    rows(
        "voicemail_id text, box_id text, call_id text, leg_id text, node text, caller_number text, caller_e164 text, "
        "path text, local_path text, ended_by text, duration_ms bigint, agent_id text"
    )
}
ORDER BY f.voicemail_id, f.at
ON CONFLICT (voicemail_id) DO UPDATE SET box_id = excluded.box_id, call_id = excluded.call_id, leg_id = excluded.leg_id,
  node = excluded.node, caller_number = excluded.caller_number, caller_e164 = excluded.caller_e164, path = excluded.path,
  local_path = excluded.local_path, ended_by = excluded.ended_by, left_at = excluded.left_at,
  duration_ms = excluded.duration_ms,
  state = CASE WHEN v.changed_at IS NULL THEN excluded.state ELSE v.state END,
  agent_id = CASE WHEN v.changed_at IS NULL THEN excluded.agent_id ELSE v.agent_id END,
  assigned_at = coalesce(v.assigned_at, excluded.assigned_at)
"""

VOICEMAIL_DISCARDED = f"""
INSERT INTO ccd.voicemails AS v (voicemail_id, box_id, call_id, path, local_path, duration_ms, state, reason, deleted_by,
  left_at, deleted_at, changed_at)
SELECT DISTINCT ON (f.voicemail_id) {uid("voicemail_id")}, {uid("box_id")}, {uid("call_id")}, f.path, f.local_path,
  f.duration_ms, 'deleted', f.reason, 'ccd', {AT}, {AT}, {AT}
FROM {rows("voicemail_id text, box_id text, call_id text, path text, local_path text, duration_ms bigint, reason text")}
ORDER BY f.voicemail_id, f.at
ON CONFLICT (voicemail_id) DO UPDATE SET state = 'deleted', reason = excluded.reason, path = excluded.path,
  deleted_by = excluded.deleted_by, local_path = excluded.local_path, deleted_at = excluded.deleted_at,
  changed_at = excluded.changed_at
"""

# Several changes of one message may come in a batch: the last says what it is, each says when it was done. The first who
# deleted it did, and says why.
_LAST = "ORDER BY f.at DESC, f._seq DESC"
_FIRST = "ORDER BY f.at, f._seq"
_STANDS = "excluded.deleted_at IS NULL OR excluded.deleted_at >= v.deleted_at"
VOICEMAIL_CHANGED = f"""
INSERT INTO ccd.voicemails AS v (voicemail_id, state, agent_id, assigned_at, listened_at, done_at, deleted_at, changed_at,
  reason, deleted_by)
SELECT id, CASE WHEN deleted_at IS NOT NULL THEN 'deleted' ELSE coalesce(state, 'new') END, agent_id, assigned_at,
  listened_at, done_at, deleted_at, changed_at, coalesce(reason, ''), coalesce(deleted_by, '')
FROM (
  SELECT {uid("voicemail_id")} AS id,
    (array_agg(f.change {_LAST}) FILTER (WHERE f.change <> 'listened'))[1] AS state,
    (array_agg({uid("agent_id")} {_LAST}) FILTER (WHERE f.change = 'assigned'))[1] AS agent_id,
    (array_agg(f.reason {_FIRST}) FILTER (WHERE f.change = 'deleted'))[1] AS reason,
    (array_agg(f.who {_FIRST}) FILTER (WHERE f.change = 'deleted'))[1] AS deleted_by,
    max({AT}) FILTER (WHERE f.change = 'assigned') AS assigned_at,
    max({AT}) FILTER (WHERE f.change = 'listened') AS listened_at,
    max({AT}) FILTER (WHERE f.change = 'done') AS done_at,
    min({AT}) FILTER (WHERE f.change = 'deleted') AS deleted_at,
    max({AT}) FILTER (WHERE f.change <> 'listened') AS changed_at
  FROM {rows("voicemail_id text, change text, agent_id text, reason text, who text")} GROUP BY 1
) AS told
ON CONFLICT (voicemail_id) DO UPDATE SET
  state = CASE WHEN 'deleted' IN (v.state, excluded.state) THEN 'deleted'
    WHEN excluded.changed_at IS NULL OR excluded.changed_at < v.changed_at THEN v.state ELSE excluded.state END,
  agent_id = CASE WHEN excluded.assigned_at IS NULL OR excluded.assigned_at < v.assigned_at THEN v.agent_id
    ELSE excluded.agent_id END,
  assigned_at = greatest(v.assigned_at, excluded.assigned_at), listened_at = greatest(v.listened_at, excluded.listened_at),
  done_at = greatest(v.done_at, excluded.done_at), deleted_at = least(v.deleted_at, excluded.deleted_at),
  changed_at = greatest(v.changed_at, excluded.changed_at),
  reason = CASE WHEN {_STANDS} THEN v.reason ELSE excluded.reason END,
  deleted_by = CASE WHEN {_STANDS} THEN v.deleted_by ELSE excluded.deleted_by END
"""
