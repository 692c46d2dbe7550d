"""Lists of callers, and every change of them: what core is told, and who did it."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Identity, Index, Integer, Table, text

from ccd.screening.model import Action, ListName
from ccd.side.db.tables.schema import metadata, moment, one_of, words

_NOW = text("now()")

list_entries = Table(
    "list_entries",
    metadata,
    Column("entry_id", BigInteger, Identity(), primary_key=True),
    words("list"),
    words("subject"),
    Column("sort_key", BigInteger),
    words("scope", "all"),
    words("action"),
    words("target", ""),
    words("reason", ""),
    moment("expires_at"),
    moment("created_at", nullable=False, server_default=_NOW),
    words("created_by", ""),
    one_of("list", ListName),
    one_of("action", Action),
    Index("uq_list_entries_subject", "subject", "list", "scope", unique=True),
)

list_changes = Table(
    "list_changes",
    metadata,
    Column("version", BigInteger, primary_key=True, autoincrement=False),
    moment("changed_at", nullable=False, server_default=_NOW),
    words("who", ""),
    words("what"),
    words("list"),
    Column("entry_id", BigInteger),
    Column("entries", Integer, nullable=False, server_default=text("1")),
)
