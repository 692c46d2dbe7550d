"""The heavy work on lists, in a process of its own: building core's file and importing files. `python -m ccd.side.list_worker`.

One job as JSON on standard input, one answer as JSON on standard output. It is not patched by gevent and blocks nobody.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import psycopg

from ccd.base.clock import SystemClock
from ccd.base.errors import CcdError, Refused
from ccd.base.numbering import Numbering
from ccd.screening.file import verify, write_file
from ccd.screening.model import Action, Entry, ListName
from ccd.side.db.engine import connect
from ccd.side.db.stores.lists import LOCK, next_version
from ccd.side.list_jobs import FORMAT, Build, Import, read_job
from ccd.side.list_lines import Faults, Usual, read_rows

STATEMENT_S = 600.0
MOST_PATTERNS = 1_000

_VERSION = "SELECT coalesce(max(version), 0) FROM ccd.list_changes"
_ENTRIES = """
COPY (SELECT entry_id, list, subject, scope, action, target, reason,
  coalesce((extract(epoch FROM expires_at) * 1000000)::bigint, 0)
FROM ccd.list_entries WHERE expires_at IS NULL OR expires_at > now()
ORDER BY sort_key NULLS LAST, entry_id) TO STDOUT
"""
_STAGE = """
CREATE TEMP TABLE staged (line bigint, subject text, sort_key bigint, scope text, action text, target text, reason text,
  expires_at timestamptz) ON COMMIT DROP
"""
_MERGE = """
INSERT INTO ccd.list_entries (list, subject, sort_key, scope, action, target, reason, expires_at, created_by)
SELECT DISTINCT ON (subject, scope) %(list)s, subject, sort_key, scope, action, target, reason, expires_at, %(who)s
FROM staged ORDER BY subject, scope, line DESC
ON CONFLICT (subject, list, scope) DO UPDATE SET sort_key = excluded.sort_key, action = excluded.action,
  target = excluded.target, reason = excluded.reason, expires_at = excluded.expires_at, created_at = now(),
  created_by = excluded.created_by
"""
_TELL = "INSERT INTO ccd.list_changes (version, who, what, list, entries) VALUES (%s, %s, 'import', %s, %s)"


def build(url: str, path: Path) -> dict[str, Any]:
    """Write core's file from SQL, all of one version, and look at what was written."""
    with connect(url, statement_seconds=STATEMENT_S) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        version = _number(connection, _VERSION)
        entries = write_file(path, version, _entries(connection))
    if wrong := verify(path):
        raise Refused(f"the file that was just written cannot be used: {wrong}")
    return {"version": version, "entries": entries}


def _entries(connection: psycopg.Connection[Any]) -> Iterator[Entry]:
    with connection.cursor() as cursor, cursor.copy(_ENTRIES) as rows:
        for row in rows.rows():
            entry_id, name, subject, scope, action, target, reason, expires_at = row
            yield Entry(
                entry_id=int(entry_id),
                list=ListName(name),
                subject=subject,
                scope=scope,
                action=Action(action),
                target=target,
                reason=reason,
                expires_at=int(expires_at),
            )


def take_in(
    url: str,
    path: Path,
    name: ListName,
    *,
    usual: Usual,
    rules: Numbering,
    who: str,
    known: Mapping[str, Sequence[str]],
) -> dict[str, Any]:
    """Import a file into a list, all of it or nothing: `faults` says which lines are wrong."""
    faults = Faults()
    with connect(url, statement_seconds=STATEMENT_S) as connection, connection.transaction():
        connection.execute(_STAGE)
        lines = 0
        with connection.cursor() as cursor, cursor.copy("COPY staged FROM STDIN") as copy:
            for row in read_rows(path, name, usual, rules, faults, known=known):
                if not faults.count:
                    copy.write_row(row)
                lines += 1
        if faults.count:
            raise psycopg.Rollback
        connection.execute(LOCK)
        merged = connection.execute(_MERGE, {"list": name.value, "who": who}).rowcount
        patterns = _number(connection, "SELECT count(*) FROM ccd.list_entries WHERE sort_key IS NULL")
        if patterns > MOST_PATTERNS:
            faults.add(0, f"all lists would have {patterns} patterns together; at most {MOST_PATTERNS} are kept")
            raise psycopg.Rollback
        version = next_version(_number(connection, _VERSION), SystemClock())
        connection.execute(_TELL, (version, who, name.value, merged))
    if faults.count:
        return {"faults": faults.told(), "faulty": faults.count}
    return {"lines": lines, "entries": merged, "faults": [], "faulty": 0}


def _number(connection: psycopg.Connection[Any], question: str) -> int:
    found = connection.execute(question.encode()).fetchone()
    return int(found[0]) if found else 0


def answer(job: Any) -> dict[str, Any]:
    """Do a job; its answer is `{"ok": …, "format": …}` or `{"error": text}`."""
    try:
        return {"ok": _done(read_job(job)), "format": FORMAT}
    except (CcdError, psycopg.Error, OSError) as error:
        return {"error": " ".join(str(error).split())[:300]}


def _done(job: Build | Import) -> dict[str, Any]:
    path = Path(job.path)
    if isinstance(job, Build):
        return build(job.url, path)
    return take_in(job.url, path, job.list, usual=job.usual, rules=job.rules, who=job.who, known=job.known)


if __name__ == "__main__":
    json.dump(answer(json.load(sys.stdin)), sys.stdout, ensure_ascii=False)
