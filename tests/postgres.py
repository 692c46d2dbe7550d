"""PostgreSQL for tests: one embedded server a run, a fresh database a test. Loaded by conftest as a plugin."""

import itertools
import os
import shutil
import subprocess
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
_MEMORY = Path("/dev/shm")
_ROOM = 2 << 30


def _place():
    """Where databases are quickest: in memory, if there is room and programs may be run; None is the usual place."""
    try:
        about = os.statvfs(_MEMORY)
    except OSError:
        return None
    good = about.f_bavail * about.f_frsize >= _ROOM and not about.f_flag & os.ST_NOEXEC and os.access(_MEMORY, os.W_OK)
    return _MEMORY if good else None


def _open_folder():
    folder = Path(tempfile.mkdtemp(prefix="ccd-test-", dir=_place()))
    folder.chmod(0o711)
    return folder


@pytest.fixture
def open_folder():
    """A folder that also an unprivileged user reaches; pytest's own are closed when root runs it."""
    folder = _open_folder()
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def postgres():
    """The run's PostgreSQL server, fast and unsafe."""
    folder = _open_folder()
    server = EmbeddedPostgres(folder / "pg", fast=True)
    server.start()
    yield server
    server.stop("immediate")
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def made_cluster():
    """The data folder of a server that was made, migrated and stopped in order: to be copied."""
    folder = _open_folder()
    server = EmbeddedPostgres(folder / "pg", fast=True)
    upgrade(server.start())
    server.stop()
    yield folder / "pg" / "data"
    shutil.rmtree(folder)


def take_cluster(made, data):
    """Copy a data folder with its owner."""
    subprocess.run(["cp", "-aT", made, data], check=True)


@pytest.fixture
def ready_made(monkeypatch, made_cluster):
    """Where it is not the making of a server that is tested: a new one takes a copy of what initdb made, and is migrated."""
    monkeypatch.setattr(
        EmbeddedPostgres, "_init", lambda _self, _programs, data, _become: take_cluster(made_cluster, data)
    )
    return made_cluster


@pytest.fixture(scope="session")
def keeper(postgres):
    """The connection that makes and drops the tests' databases."""
    with psycopg.connect(conninfo(postgres.url), autocommit=True) as connection:

        def run(statement, **names):
            connection.execute(sql.SQL(statement).format(**{key: sql.Identifier(name) for key, name in names.items()}))

        yield run


@pytest.fixture(scope="session")
def migrated_template(postgres, keeper):
    """A database at the newest version, to be copied."""
    keeper("CREATE DATABASE {new}", new="migrated")
    upgrade(make_url(postgres.url).set(database="migrated").render_as_string(hide_password=False))
    return "migrated"


@pytest.fixture
def empty_database(postgres, keeper):
    """The URL of a database in which nothing is."""
    name = f"test{next(_numbers)}"
    keeper("CREATE DATABASE {new}", new=name)
    yield make_url(postgres.url).set(database=name).render_as_string(hide_password=False)
    keeper("DROP DATABASE {old} WITH (FORCE)", old=name)


@pytest.fixture
def database(postgres, keeper, migrated_template):
    """The URL of a database of its own at the newest version."""
    name = f"test{next(_numbers)}"
    keeper("CREATE DATABASE {new} TEMPLATE {old} STRATEGY FILE_COPY", new=name, old=migrated_template)
    yield make_url(postgres.url).set(database=name).render_as_string(hide_password=False)
    keeper("DROP DATABASE {old} WITH (FORCE)", old=name)
