"""Databases of the demo and the tests go with their process; a site's database is never touched."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from ccd.base.errors import Refused
from ccd.side.db import embedded_home, throwaway
from ccd.side.db.embedded import EmbeddedPostgres
from ccd.side.db.embedded_owner import reap
from ccd.side.db.throwaway import announce, discard

pytestmark = pytest.mark.usefixtures("ready_made")
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root: only then PostgreSQL runs as another user")


@pytest.fixture
def place(open_folder, monkeypatch):
    """Where moved homes go, instead of the machine's own place."""
    folder = open_folder / "place"
    folder.mkdir(mode=0o711)
    for module in (embedded_home, throwaway):
        monkeypatch.setattr(module, "PLACE", folder)
    return folder


@pytest.fixture
def closed(open_folder):
    """A folder that only root reaches: databases in it are moved."""
    folder = open_folder / "closed"
    folder.mkdir(mode=0o700)
    return folder


def run_once(folder):
    server = EmbeddedPostgres(folder, fast=True)
    server.start()
    server.stop("immediate")


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_what_was_announced_is_removed_and_its_log_stays(open_folder):
    folder = open_folder / "pg"
    announce(folder)
    run_once(folder)
    discard(folder)
    assert names(folder) == ["server.log"]


@as_root
def test_a_moved_home_goes_too(place, closed):
    folder = closed / "pg"
    announce(folder)
    run_once(folder)
    assert len(names(place)) == 1
    discard(folder)
    assert names(place) == []
    assert names(folder) == ["server.log"]


def test_an_interrupted_start_leaves_nothing(open_folder):
    folder = open_folder / "pg"
    announce(folder)
    discard(folder)
    assert names(folder) == []


def test_nobody_announces_a_folder_that_holds_something(open_folder):
    folder = open_folder / "pg"
    run_once(folder)
    with pytest.raises(Refused, match="not empty"):
        announce(folder)


def test_what_nobody_announced_is_not_removed(open_folder):
    folder = open_folder / "pg"
    run_once(folder)
    with pytest.raises(Refused, match="no database that this process announced"):
        discard(folder)
    assert (folder / "data" / "PG_VERSION").exists()


@pytest.mark.parametrize("server_lives", [pytest.param(False, marks=pytest.mark.long), True])
def test_a_server_that_outlived_its_owner_is_stopped_first(open_folder, server_lives, start_and_die):
    folder = open_folder / "pg"
    announce(folder)
    died = start_and_die(folder)
    if not server_lives:
        os.kill(died, 3)
    with capture_logs():
        discard(folder)
    assert names(folder) == ["server.log"]
    assert not Path(f"/proc/{died}/exe").exists()


START_AND_DIE = """
import os, pathlib, subprocess, sys
from ccd.side.db import embedded_home, throwaway
from ccd.side.db.embedded import EmbeddedPostgres
folder, place, announced = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), sys.argv[3] == "announced"
embedded_home.PLACE = throwaway.PLACE = place
EmbeddedPostgres._init = lambda _self, _programs, data, _become: subprocess.run(["cp", "-aT", sys.argv[4], data], check=True)
if announced:
    throwaway.announce(folder)
server = EmbeddedPostgres(folder, fast=True)
server.start()
print(server.pid, flush=True)
os.kill(os.getpid(), 9)
"""


@pytest.fixture
def start_and_die(made_cluster):
    """Have another process start a server and be killed; the server's pid."""

    def die(folder, place="/nowhere", announced="no"):
        command = [sys.executable, "-c", START_AND_DIE, str(folder), str(place), announced, str(made_cluster)]
        died = subprocess.run(command, capture_output=True, text=True, check=False)
        return int(died.stdout)

    return die


@as_root
def test_the_next_one_removes_what_a_killed_one_left(place, closed, start_and_die):
    orphan = start_and_die(closed / "killed", place, "announced")
    assert len(names(place)) == 1
    with capture_logs() as lines:
        announce(closed / "next")
    assert [line["event"] for line in lines] == ["postgres_orphan_stopped", "postgres_leftover_removed"]
    assert names(place) == []
    assert not Path(f"/proc/{orphan}/exe").exists()


@as_root
def test_a_killed_site_keeps_its_data(place, closed, start_and_die):
    start_and_die(closed / "site", place)
    with capture_logs() as lines:
        announce(closed / "next")
    assert lines == []
    assert len(names(place)) == 1
    server = EmbeddedPostgres(closed / "site", fast=True)
    with capture_logs() as lines:
        server.start()
    server.stop("immediate")
    assert [line["event"] for line in lines] == ["postgres_orphan_stopped"]


@as_root
@pytest.mark.long
def test_one_that_lives_keeps_its_home(place, closed):
    announce(closed / "mine")
    run_once(closed / "mine")
    announce(closed / "another")
    assert len(names(place)) == 1
    discard(closed / "mine")


@as_root
@pytest.mark.long
@pytest.mark.parametrize("field", [2, 3], ids=["boot", "container"])
def test_a_mark_of_another_boot_or_container_says_nothing_about_life_and_death(place, closed, field, start_and_die):
    start_and_die(closed / "killed", place, "announced")
    (home,) = place.iterdir()
    mark = (home / "throwaway").read_text().split()
    mark[field] = "another"
    (home / "throwaway").write_text(" ".join(mark))
    announce(closed / "next")
    assert (home / "data").exists()
    stopped = EmbeddedPostgres(closed / "killed", fast=True)
    with capture_logs():
        stopped.start()
    stopped.stop("immediate")


@as_root
@pytest.mark.parametrize(
    "forged", ["not ours", pytest.param("link", marks=pytest.mark.long), pytest.param("open", marks=pytest.mark.long)]
)
def test_a_home_that_could_be_somebody_elses_is_left(place, closed, forged, start_and_die):
    start_and_die(closed / "killed", place, "announced")
    (home,) = place.iterdir()
    if forged == "link":
        home.rename(closed / "elsewhere")
        home.symlink_to(closed / "elsewhere")
    elif forged == "not ours":
        os.chown(home / "throwaway", 65534, 65534)
    else:
        home.chmod(0o755)
    announce(closed / "next")
    assert (home / "data").exists()
    with capture_logs():
        reap(home.resolve() / "data", 10.0)


@as_root
def test_a_new_folder_of_an_old_name_does_not_get_the_old_data(place, closed):
    folder = closed / "pg"
    run_once(folder)
    old = names(place)
    for path in folder.iterdir():
        path.unlink()
    run_once(folder)
    assert len(names(place)) == 2
    assert old[0] in names(place)
    run_once(folder)
    assert len(names(place)) == 2


@as_root
@pytest.mark.long
def test_a_note_that_names_a_foreign_folder_is_refused(place, closed):
    folder = closed / "pg"
    run_once(folder)
    (folder / "moved-to").write_text("/etc\n")
    with pytest.raises(Refused, match="no home of ours"):
        run_once(folder)
