"""Facts of recordings into `recordings`. A row is `complete` only when side has seen and hashed the file."""

# ruff: noqa: S608 -- the text is ours alone; facts travel as a parameter

from __future__ import annotations

from ccd.side.db.projections.recordset import AT, rows, uid

RECORDING_STARTED = f"""
INSERT INTO ccd.recordings (recording_id, call_id, leg_id, path, local_path, from_point, started_at, node)
SELECT DISTINCT ON (f.recording_id) {uid("recording_id")}, {uid("call_id")}, f.leg_id, f.path, f.local_path,
  f.from_point, {AT}, coalesce((SELECT c.node FROM ccd.calls c WHERE c.call_id = {uid("call_id")}), '')
FROM {rows("recording_id text, call_id text, leg_id text, path text, local_path text, from_point text")}
ORDER BY f.recording_id, f.at
ON CONFLICT (recording_id) DO UPDATE SET leg_id = excluded.leg_id, path = excluded.path, node = excluded.node,
  local_path = excluded.local_path, from_point = excluded.from_point,
  started_at = least(recordings.started_at, excluded.started_at)
"""


def _mark(kind: str) -> str:
    """Add each fact's offset to the ranges; the list keeps every mark, in order of its offset."""
    return f"""
INSERT INTO ccd.recordings AS r (recording_id, call_id, masked)
SELECT {uid("recording_id")}, min(f.call_id)::uuid,
  jsonb_agg(jsonb_build_object('at_ms', f.offset_ms, 'mark', '{kind}') ORDER BY f.offset_ms)
FROM {rows("recording_id text, call_id text, offset_ms bigint")} GROUP BY 1
ON CONFLICT (recording_id) DO UPDATE SET masked = (
  SELECT jsonb_agg(mark ORDER BY (mark->>'at_ms')::bigint, mark->>'mark' DESC)
  FROM jsonb_array_elements(r.masked || excluded.masked) AS mark)
"""


RECORDING_MASKED = _mark("masked")
RECORDING_UNMASKED = _mark("unmasked")

RECORDING_STOPPED = f"""
INSERT INTO ccd.recordings AS r (recording_id, call_id, stopped_at, duration_ms)
SELECT DISTINCT ON (f.recording_id) {uid("recording_id")}, {uid("call_id")}, {AT}, f.duration_ms
FROM {rows("recording_id text, call_id text, duration_ms bigint")} ORDER BY f.recording_id, f.at DESC
ON CONFLICT (recording_id) DO UPDATE SET stopped_at = excluded.stopped_at, duration_ms = excluded.duration_ms
WHERE r.stopped_at IS NULL OR excluded.stopped_at >= r.stopped_at
"""

RECORDING_FAILED = f"""
INSERT INTO ccd.recordings AS r (recording_id, call_id, state, reason)
SELECT DISTINCT ON (f.recording_id) {uid("recording_id")}, {uid("call_id")}, 'failed', f.reason
FROM {rows("recording_id text, call_id text, reason text")} ORDER BY f.recording_id, f.at DESC
ON CONFLICT (recording_id) DO UPDATE SET state = 'failed', reason = excluded.reason
WHERE r.state <> 'complete'
"""
