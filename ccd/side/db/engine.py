"""Connections to PostgreSQL, for all of side; everything that asks the database starts here."""

from __future__ import annotations

import datetime as dt
from typing import Any

import psycopg
from sqlalchemy import URL, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from ccd.base.clock import Moment
from ccd.base.errors import Refused
from ccd.side.db.deadline import thrown_away_after

CONNECT_SECONDS = 5
GRACE_SECONDS = 5.0  # a server that is not frozen ends a statement by its own time-out well before
TCP_TIMEOUT_MS = 15_000
EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_SCHEMES = frozenset({"postgresql", "postgres", "postgresql+psycopg"})
_MICROSECOND = dt.timedelta(microseconds=1)


def read_url(url: str) -> URL:
    """The parts of a database's URL.

    Raises:
        Refused: it is none, or none of a PostgreSQL; without a word of the URL, which may hold a password.
    """
    try:
        parts = make_url(url)
    except (ArgumentError, ValueError):
        raise Refused("no database URL; it looks like postgresql://user:password@host:5432/name") from None
    if parts.drivername not in _SCHEMES:
        raise Refused("the database URL must begin with postgresql://")
    return parts


def make_engine(url: str, *, statement_seconds: float = 15.0, pool_size: int = 5) -> Engine:
    """An engine whose statements, locks and TCP connections give up in time, also where the server is frozen."""
    engine = create_engine(
        read_url(url).set(drivername="postgresql+psycopg"),
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_pre_ping=True,
        pool_timeout=10,
        connect_args=limits(statement_seconds),
    )

    class Impatient(psycopg.Connection[Any]):
        """What a frozen server never answers ends here: a statement, a ping, a commit."""

        def wait(self, *given: Any, **more: Any) -> Any:
            with thrown_away_after(self, statement_seconds + GRACE_SECONDS):
                return super().wait(*given, **more)

    @event.listens_for(engine, "do_connect")
    def _connect(_: Any, __: Any, given: list[Any], more: dict[str, Any]) -> psycopg.Connection[Any]:
        return Impatient.connect(*given, **more)

    return engine


def connect(url: str, *, statement_seconds: float = 15.0) -> psycopg.Connection[Any]:
    """A bare psycopg connection with the same limits, for the journal's writer."""
    return psycopg.connect(conninfo(url), **limits(statement_seconds))


def conninfo(url: str) -> str:
    """The SQLAlchemy URL as libpq reads it."""
    return read_url(url).set(drivername="postgresql").render_as_string(hide_password=False)


def limits(statement_seconds: float) -> dict[str, Any]:
    """What psycopg needs so that no statement, lock, idle transaction or dead network holds us for ever."""
    statement_ms = round(statement_seconds * 1000)
    return {
        "connect_timeout": CONNECT_SECONDS,
        "keepalives_idle": 10,
        "keepalives_interval": 3,
        "keepalives_count": 3,
        "tcp_user_timeout": TCP_TIMEOUT_MS,
        "application_name": "ccd",
        "options": f"-c statement_timeout={statement_ms} -c lock_timeout={statement_ms // 2}"
        f" -c idle_in_transaction_session_timeout={statement_ms * 2} -c timezone=UTC"
        # A role named like our schema would find it on its search path, and alembic would take it for the default one.
        " -c search_path=public",
    }


def to_datetime(moment: Moment) -> dt.datetime:
    """The moment as timestamptz wants it, exact to the microsecond."""
    return EPOCH + dt.timedelta(microseconds=moment)


def to_moment(value: dt.datetime) -> Moment:
    """The moment behind a timestamptz."""
    return (value - EPOCH) // _MICROSECOND
