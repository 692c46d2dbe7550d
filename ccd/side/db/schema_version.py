"""Which version a database has and which this code knows, without alembic: side asks both at every start.

Alembic, which makes the steps (ccd.side.db.migrate), is a third of a second to load and is loaded when there are steps to make.
"""

from __future__ import annotations

import re

from psycopg import sql

from ccd.settings.share import share
from ccd.side.db.engine import connect
from ccd.side.db.tables import SCHEMA

VERSION_TABLE = "alembic_version"

_REVISION = re.compile(r"^(down_revision|revision)\s*=\s*(?:\"(\w+)\"|None)\s*$", re.MULTILINE)


def current(url: str) -> str:
    """The version of the database, '' when it has none."""
    with connect(url) as connection:
        name = f"{SCHEMA}.{VERSION_TABLE}"
        found = connection.execute("SELECT to_regclass(%s) IS NOT NULL", (name,)).fetchone()
        if found != (True,):
            return ""
        question = sql.SQL("SELECT version_num FROM {}").format(sql.Identifier(SCHEMA, VERSION_TABLE))
        row = connection.execute(question).fetchone()
        return str(row[0]) if row else ""


def head() -> str:
    """The newest version that this code knows: the step that no other one builds on."""
    steps = [dict(_said(path.read_text(encoding="utf-8"))) for path in (share("migrations") / "versions").glob("*.py")]
    (newest,) = {step["revision"] for step in steps} - {step["down_revision"] for step in steps}
    return newest


def _said(script: str) -> list[tuple[str, str]]:
    return [(found[1], found[2] or "") for found in _REVISION.finditer(script)]
