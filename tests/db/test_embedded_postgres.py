"""The PostgreSQL that ccd brings along: its own folder, its own user, no orphan."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
from structlog.testing import capture_logs

from ccd.base.errors import Refused
from ccd.side.db.embedded import EmbeddedPostgres
from ccd.side.db.embedded_home import User
from ccd.side.db.engine import conninfo
from ccd.side.db.throwaway import announce, discard
from tests.postgres import take_cluster


def ask(url, question):
    with psycopg.connect(conninfo(url)) as connection:
        return connection.execute(question).fetchone()[0]


@pytest.fixture
def server(open_folder):
    one = EmbeddedPostgres(open_folder / "pg", fast=True)
    yield one
    one.stop("immediate")


def test_it_keeps_its_data_over_a_stop_and_listens_on_no_network(server, open_folder):
    url = server.start()
    with psycopg.connect(conninfo(url)) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    assert ask(url, "SHOW listen_addresses") == ""
    assert ask(url, "SELECT current_setting('server_version_num')::int >= 140000")
    assert os.stat(f"/proc/{server.pid}").st_uid != 0
    assert (open_folder / "pg").stat().st_mode & 0o777 == 0o700
    server.stop()
    assert server.pid == 0
    assert ask(server.start(), "SELECT answer FROM kept") == 42


@pytest.fixture
def made_server(server, open_folder, made_cluster):
    """One whose data are there already, as after its first start."""
    (open_folder / "pg").mkdir(mode=0o700)
    take_cluster(made_cluster, open_folder / "pg" / "data")
    return server


START_AND_DIE = """
import os, pathlib, sys
from ccd.side.db.embedded import EmbeddedPostgres
server = EmbeddedPostgres(pathlib.Path(sys.argv[1]), fast=True)
server.start()
print(server.pid, flush=True)
os.kill(os.getpid(), 9)
"""


@pytest.mark.parametrize("frozen", [False, True])
def test_the_orphan_of_a_dead_owner_is_stopped_by_the_next_start(made_server, open_folder, frozen):
    died = subprocess.run(
        [sys.executable, "-c", START_AND_DIE, str(open_folder / "pg")], capture_output=True, text=True, check=False
    )
    orphan = int(died.stdout)
    if frozen:
        os.kill(orphan, signal.SIGSTOP)
    with capture_logs() as lines:
        url = made_server.start()
    assert [line["event"] for line in lines] == ["postgres_orphan_stopped"]
    assert ask(url, "SELECT 1") == 1
    state = Path(f"/proc/{orphan}/stat")
    assert not state.exists() or state.read_text().rpartition(")")[2].split()[0] == "Z"


def test_a_living_owner_keeps_its_server(made_server, open_folder):
    made_server.start()
    other = subprocess.run(
        [sys.executable, "-c", START_AND_DIE, str(open_folder / "pg")], capture_output=True, text=True, check=False
    )
    assert "belongs to process" in other.stderr
    assert made_server.pid


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root: only then PostgreSQL runs as another user")
def test_root_keeps_its_closed_folders_closed(open_folder, ready_made):
    closed = open_folder / "closed"
    closed.mkdir(mode=0o700)
    announce(closed / "pg")
    server = EmbeddedPostgres(closed / "pg", fast=True)
    try:
        assert ask(server.start(), "SELECT 1") == 1
        assert closed.stat().st_mode & 0o777 == 0o700
        assert closed.stat().st_uid == 0
    finally:
        server.stop()
        discard(closed / "pg")


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root: only then PostgreSQL runs as another user")
def test_binaries_that_the_user_cannot_read_are_copied_beside_the_data(server, open_folder, monkeypatch):
    really = User.may
    installed = ("pginstall", "site-packages")
    monkeypatch.setattr(
        User, "may", lambda user, how, path: not any(x in str(path) for x in installed) and really(user, how, path)
    )
    assert ask(server.start(), "SELECT 1") == 1
    assert os.readlink(f"/proc/{server.pid}/exe").startswith(str(open_folder / "pg"))


def test_a_path_too_long_for_a_socket_is_no_hindrance(open_folder):
    server = EmbeddedPostgres(open_folder / ("long" * 30) / "pg", fast=True)
    try:
        assert ask(server.start(), "SELECT 1") == 1
    finally:
        server.stop()


def test_without_the_wheel_the_refusal_says_what_to_install(open_folder, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    with pytest.raises(Refused, match=r"ccd\[embedded\]"):
        EmbeddedPostgres(open_folder / "pg").start()
