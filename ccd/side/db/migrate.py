"""The schema's versions: up, down, and which one a database has. Driven by code, without an alembic.ini.

The scripts are package data (`ccd.share.migrations`) in a wheel and the folder `migrations/` in a checkout.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, text

from ccd.base.errors import Refused
from ccd.settings.share import share
from ccd.side.db.engine import make_engine
from ccd.side.db.partitions import is_partition
from ccd.side.db.schema_version import VERSION_TABLE
from ccd.side.db.tables import SCHEMA, metadata

_LOCK = 7_229_000


def upgrade(url: str, revision: str = "head") -> str:
    """Bring the database up to `revision`; returns the version it then has. Two at once wait for each other.

    Raises:
        Refused: there is no such revision, or the database is ahead of this ccd.
    """
    return _run(url, command.upgrade, revision)


def downgrade(url: str, revision: str) -> str:
    """Take the database down to `revision` (`base` is nothing of ours); rows that no longer fit are lost.

    Raises:
        Refused: there is no such revision below the database's own.
    """
    return _run(url, command.downgrade, revision)


def current(url: str) -> str:
    """The version of the database, '' when it has none."""
    with _connected(url) as connection:
        return _version(connection)


def head() -> str:
    """The newest version that this code knows."""
    found = ScriptDirectory.from_config(_config()).get_current_head()
    assert found is not None
    return found


def differences(url: str) -> list[Any]:
    """What autogenerate would change in the database: nothing, when migrations and tables agree."""
    with _connected(url) as connection:
        context = MigrationContext.configure(connection, opts=compare_options())
        return list(compare_metadata(context, metadata))


def compare_options() -> dict[str, Any]:
    """How alembic looks at our schema; for migrations/env.py, too."""
    return {
        "target_metadata": metadata,
        "version_table": VERSION_TABLE,
        "version_table_schema": SCHEMA,
        "include_schemas": True,
        "include_name": _is_ours,
        "compare_type": True,
        "compare_server_default": True,
    }


def _is_ours(name: str | None, kind: str, parents: Any) -> bool:
    if kind == "schema":
        return name == SCHEMA
    if kind == "table":
        return name != VERSION_TABLE and not is_partition(name or "")
    return True


def _run(url: str, what: Any, revision: str) -> str:
    with _connected(url) as connection:
        connection.execute(text("SELECT pg_advisory_lock(:lock)"), {"lock": _LOCK})
        try:
            connection.execute(text(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}"))
            connection.commit()
            found = _version(connection)
            known = sorted(script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions())
            if found and found not in known:
                raise Refused(f"the database has version {found}, which is newer than this ccd")
            if revision not in {"base", "head", *known}:
                raise Refused(f"no revision {revision!r}; known are base, {', '.join(known)}")
            try:
                what(_config(connection), revision)
            except CommandError as error:  # up to one that is below, down to one that is above
                raise Refused(f"no way from {found or 'base'} to {revision}: {error}") from None
            connection.commit()
            return _version(connection)
        finally:
            connection.rollback()
            connection.execute(text("SELECT pg_advisory_unlock(:lock)"), {"lock": _LOCK})


@contextmanager
def _connected(url: str) -> Iterator[Connection]:
    # A migration may take long, and may wait long for another: hours, not the seconds of daily work.
    engine = make_engine(url, statement_seconds=3600, pool_size=1)
    try:
        with engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()


def _version(connection: Connection) -> str:
    context = MigrationContext.configure(connection, opts=compare_options())
    return context.get_current_revision() or ""


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(share("migrations")).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config
