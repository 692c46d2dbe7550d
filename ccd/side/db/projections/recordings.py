"""Facts of recordings into `recordings` and their masks. A row is `complete` only when side has seen and hashed the file."""

# ruff: noqa: S608 -- the text is ours alone; facts travel as a parameter

from __future__ import annotations

from ccd.side.db.projections.recordset import AT, rows, since, uid

RECORDING_STARTED = f"""
INSERT INTO ccd.recordings (recording_id, call_id, leg_id, path, local_path, from_point, keep_days, started_at, node)
SELECT DISTINCT ON (f.recording_id) {uid("recording_id")}, {uid("call_id")}, f.leg_id, f.path, f.local_path,
  f.from_point, coalesce(f.keep_days, 0), {AT},
  coalesce((SELECT c.node FROM ccd.calls c WHERE c.call_id = {uid("call_id")}), '')
FROM {
    rows("recording_id text, call_id text, leg_id text, path text, local_path text, from_point text, keep_days integer")
}
ORDER BY f.recording_id, f.at
ON CONFLICT (recording_id) DO UPDATE SET leg_id = excluded.leg_id, path = excluded.path, node = excluded.node,
  local_path = excluded.local_path, from_point = excluded.from_point, keep_days = excluded.keep_days,
  started_at = least(recordings.started_at, excluded.started_at)
"""

RECORDING_MASKED = f"""
INSERT INTO ccd.recording_masks (recording_id, call_id, mask, from_ms, until_at)
SELECT DISTINCT ON (f.recording_id, coalesce(f.reason, 'agent'), f.offset_ms)
  {uid("recording_id")}, {uid("call_id")}, coalesce(f.reason, 'agent'), f.offset_ms, {since("until")}
FROM {rows('recording_id text, call_id text, offset_ms bigint, reason text, "until" bigint')}
ORDER BY f.recording_id, coalesce(f.reason, 'agent'), f.offset_ms
ON CONFLICT (recording_id, mask, from_ms) DO UPDATE SET until_at = excluded.until_at
"""

# A ccd before reasons did not say where the range began that ends here: it is the last one before.
RECORDING_UNMASKED = f"""
INSERT INTO ccd.recording_masks (recording_id, call_id, mask, from_ms, to_ms, cause)
SELECT DISTINCT ON (one.recording_id, one.mask, one.from_ms) one.recording_id, one.call_id, one.mask, one.from_ms,
  one.to_ms, one.cause
FROM (
  SELECT {uid("recording_id")} AS recording_id, {uid("call_id")} AS call_id, coalesce(f.reason, 'agent') AS mask,
    f.offset_ms AS to_ms, coalesce(f.cause, 'asked') AS cause, coalesce(f.from_ms, (
      SELECT max(m.from_ms) FROM ccd.recording_masks m WHERE m.recording_id = {uid("recording_id")}
        AND m.mask = coalesce(f.reason, 'agent') AND m.from_ms <= f.offset_ms), f.offset_ms) AS from_ms
  FROM {rows("recording_id text, call_id text, offset_ms bigint, reason text, from_ms bigint, cause text")}) AS one
ORDER BY one.recording_id, one.mask, one.from_ms, one.to_ms
ON CONFLICT (recording_id, mask, from_ms) DO UPDATE SET to_ms = excluded.to_ms, cause = excluded.cause
"""

RECORDING_STOPPED = f"""
INSERT INTO ccd.recordings AS r (recording_id, call_id, stopped_at, duration_ms)
SELECT DISTINCT ON (f.recording_id) {uid("recording_id")}, {uid("call_id")}, {AT}, f.duration_ms
FROM {rows("recording_id text, call_id text, duration_ms bigint")} ORDER BY f.recording_id, f.at DESC
ON CONFLICT (recording_id) DO UPDATE SET stopped_at = excluded.stopped_at, duration_ms = excluded.duration_ms
WHERE r.stopped_at IS NULL OR excluded.stopped_at >= r.stopped_at
"""

RECORDING_FAILED = f"""
INSERT INTO ccd.recordings AS r (recording_id, call_id, state, reason, started_at, stopped_at)
SELECT DISTINCT ON (f.recording_id) {uid("recording_id")}, {uid("call_id")}, 'failed', f.reason, {AT}, {AT}
FROM {rows("recording_id text, call_id text, reason text")} ORDER BY f.recording_id, f.at DESC
ON CONFLICT (recording_id) DO UPDATE SET state = 'failed', reason = excluded.reason,
  stopped_at = coalesce(r.stopped_at, excluded.stopped_at)
WHERE r.state IN ('running', 'missing')
"""

RECORDING_CONSENT = f"""
INSERT INTO ccd.calls (call_id, recording_consent)
SELECT DISTINCT ON (f.call_id) {uid("call_id")}, f.consent
FROM {rows("call_id text, consent text")} ORDER BY f.call_id, f.at DESC, f._seq DESC
ON CONFLICT (call_id) DO UPDATE SET recording_consent = excluded.recording_consent
"""
