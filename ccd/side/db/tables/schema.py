"""The metadata that all tables of ccd hang on, and the columns that many of them share."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, Column, DateTime, MetaData, Text, Uuid, text

SCHEMA = "ccd"

metadata = MetaData(
    schema=SCHEMA,
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    },
)


def moment(name: str, *, nullable: bool = True, **options: Any) -> Column[Any]:
    """A moment: timestamptz, UTC."""
    return Column(name, DateTime(timezone=True), nullable=nullable, **options)


def duration(name: str, **options: Any) -> Column[Any]:
    """A duration in whole milliseconds."""
    return Column(name, BigInteger, **options)


def identity(name: str, *, nullable: bool = True, **options: Any) -> Column[Any]:
    """A uuid of ours."""
    return Column(name, Uuid(as_uuid=False), nullable=nullable, **options)


def words(name: str, default: str | None = None, *, nullable: bool = False, **options: Any) -> Column[Any]:
    """A text; with `default` the database fills it in."""
    server_default = None if default is None else text(f"'{default}'")
    return Column(name, Text, nullable=nullable, server_default=server_default, **options)


def one_of(column: str, values: Any) -> CheckConstraint:
    """Text that must be one of `values`; a CHECK, because a PG ENUM can't lose a value again."""
    listed = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({listed})", name=column)
