"""PostgreSQL for tests: one embedded server a run, a fresh database a test. Loaded by conftest as a plugin."""

import itertools
import shutil
import tempfile
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from sqlalchemy.engine import make_url

from ccd.side.db.embedded import EmbeddedPostgres
from ccd.side.db.engine import conninfo
from ccd.side.db.migrate import upgrade

_numbers = itertools.count(1)


@pytest.fixture
def open_folder():
    """A folder that also an unprivileged user reaches; pytest's own are closed when root runs it."""
    folder = Path(tempfile.mkdtemp(prefix="ccd-test-"))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def postgres():
    """The run's PostgreSQL server, fast and unsafe."""
    folder = Path(tempfile.mkdtemp(prefix="ccd-test-"))
    folder.chmod(0o711)
    server = EmbeddedPostgres(folder / "pg", fast=True)
    server.start()
    yield server
    server.stop("immediate")
    shutil.rmtree(folder)


def _run(url, statement, **names):
    with psycopg.connect(conninfo(url), autocommit=True) as connection:
        connection.execute(sql.SQL(statement).format(**{key: sql.Identifier(name) for key, name in names.items()}))


@pytest.fixture(scope="session")
def migrated_template(postgres):
    """A database at the newest version, to be copied."""
    _run(postgres.url, "CREATE DATABASE {new}", new="migrated")
    upgrade(make_url(postgres.url).set(database="migrated").render_as_string(hide_password=False))
    return "migrated"


@pytest.fixture
def empty_database(postgres):
    """The URL of a database in which nothing is."""
    name = f"test{next(_numbers)}"
    _run(postgres.url, "CREATE DATABASE {new}", new=name)
    yield make_url(postgres.url).set(database=name).render_as_string(hide_password=False)
    _run(postgres.url, "DROP DATABASE {old} WITH (FORCE)", old=name)


@pytest.fixture
def database(postgres, migrated_template):
    """The URL of a database of its own at the newest version."""
    name = f"test{next(_numbers)}"
    _run(postgres.url, "CREATE DATABASE {new} TEMPLATE {old}", new=name, old=migrated_template)
    yield make_url(postgres.url).set(database=name).render_as_string(hide_password=False)
    _run(postgres.url, "DROP DATABASE {old} WITH (FORCE)", old=name)
