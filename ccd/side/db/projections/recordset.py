"""How a projection reads a batch of facts in SQL: as rows of `jsonb_to_recordset`, so that Python touches no field.

Each fact in `%(facts)s` also carries `_boot` and `_seq`, its name in the spool. A field that the fact left out (it had its
default) is NULL here; ids come as text, since an empty one means none.
"""

from __future__ import annotations

AT = "(timestamptz 'epoch' + f.at * interval '1 microsecond')"


def rows(columns: str) -> str:
    """`FROM` what: the batch's facts as `f`, with `at` in microseconds and the named columns."""
    return f"jsonb_to_recordset(%(facts)s::jsonb) AS f(_boot text, _seq bigint, at bigint, {columns})"


def uid(column: str) -> str:
    """An id of the fact as uuid, NULL when it is empty."""
    return f"NULLIF(f.{column}, '')::uuid"


def since(column: str) -> str:
    """A moment of the fact other than `at`, NULL when it is 0."""
    return f"(timestamptz 'epoch' + NULLIF(f.{column}, 0) * interval '1 microsecond')"
