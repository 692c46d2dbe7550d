"""PostgreSQL stopped, killed, frozen and full, and the writer killed: no fact is lost, none is there twice."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from structlog.testing import capture_logs

from ccd.base.clock import SystemClock
from ccd.journal.spool import SpoolReader, SpoolWriter
from ccd.side.db import engine as engine_module
from ccd.side.db.embedded import EmbeddedPostgres
from ccd.side.db.engine import conninfo
from ccd.side.db.migrate import upgrade
from ccd.side.writer import JournalWriter
from tests.stories_of_facts import FACTS_PER_CALL, payloads

SIZES = [pytest.param(4_000, id="4000"), pytest.param(60_000, id="60000", marks=pytest.mark.long)]


class Desk:
    """A spool, a server of its own, and a writer in a thread."""

    def __init__(self, folder, count):
        self.server = EmbeddedPostgres(folder / "pg", fast=True)
        self.url = self.server.start()
        self.spool_folder = folder / "spool"
        self.facts = payloads(count)
        self.spool = SpoolWriter(self.spool_folder, "boot-a", clock=SystemClock(), max_segment_bytes=1_000_000)
        self.writer = None
        self.noted = threading.Condition()

    def start_writer(self):
        self.writer = JournalWriter(
            self.url,
            self.spool_folder,
            on_committed=self.committed,
            clock=SystemClock(),
            statement_seconds=5,
            deadline_seconds=1.5,
        )
        self.thread = threading.Thread(target=self.writer.run)
        self.thread.start()

    def committed(self, position):
        self.spool.discard_before(position)
        with self.noted:
            self.noted.notify_all()

    def append(self, count):
        """The next `count` facts, timed: a call waits for no database."""
        slowest = 0.0
        for payload in self.facts[:count]:
            began = time.perf_counter()
            self.spool.append(payload)
            slowest = max(slowest, time.perf_counter() - began)
        del self.facts[:count]
        self.writer.notify()
        return slowest

    def until(self, done, seconds=60):
        with self.noted:
            assert self.noted.wait_for(done, seconds), (self.writer.counts, self.writer.causes)

    def until_all_written(self):
        self.until(lambda: self.writer.position == self.spool.position)

    def until_trouble(self, seconds=20):
        deadline = time.monotonic() + seconds
        while not self.writer.causes:
            assert time.monotonic() < deadline
            threading.Event().wait(0.01)

    def close(self):
        if self.writer is not None:
            self.writer.stop()
            self.thread.join(20)
        self.spool.close()
        self.server.stop("immediate")


@pytest.fixture
def desk(open_folder, ready_made, request):
    one = Desk(open_folder, request.param)
    yield one
    one.close()


def assert_each_fact_once(url, count):
    with psycopg.connect(conninfo(url)) as connection:
        found = connection.execute(
            "SELECT count(*), count(DISTINCT (boot_id, seq)), max(seq) FROM ccd.facts"
        ).fetchone()
        assert found == (count, count, count)
        calls, talk = connection.execute(
            "SELECT count(*), sum(talk_ms) FROM ccd.calls WHERE ended_at IS NOT NULL"
        ).fetchone()
        assert (calls, talk) == (count // FACTS_PER_CALL, 30_000 * (count // FACTS_PER_CALL))
        assert connection.execute("SELECT count(*) FROM ccd.agent_states WHERE to_at IS NULL").fetchone() == (
            min(50, calls),
        )


def through_a_fault(desk, break_it, mend_it):
    """Half the facts, the fault, the other half meanwhile, and the mending; returns the events logged."""
    count = len(desk.facts)
    with capture_logs() as lines:
        desk.start_writer()
        desk.append(count // 4)
        desk.until(lambda: desk.writer.counts.batches > 0)
        desk.append(count // 4)
        break_it()
        assert desk.append(len(desk.facts)) < 0.5
        desk.until_trouble()
        mend_it()
        desk.until_all_written()
    assert_each_fact_once(desk.url, count)
    assert desk.spool.pending == 0
    causes = [line["cause"] for line in lines if line["event"] == "journal_not_written"]
    assert len(causes) == len(set(causes)) <= 6
    assert lines[-1]["event"] == "journal_written_again"


@pytest.mark.parametrize("desk", SIZES, indirect=True)
def test_postgresql_stopped_and_started(desk):
    through_a_fault(desk, lambda: desk.server.stop("fast"), desk.server.start)


@pytest.mark.parametrize("desk", SIZES, indirect=True)
def test_postgresql_killed_and_started(desk):
    through_a_fault(desk, desk.server.kill, desk.server.start)


@pytest.mark.parametrize("desk", SIZES, indirect=True)
def test_postgresql_frozen_and_thawed(desk):
    frozen = []

    def freeze():
        """The postmaster and all its children, as a stuck disk or a paused machine does."""
        children = subprocess.run(["ps", "-o", "pid=", "--ppid", str(desk.server.pid)], capture_output=True, check=True)
        frozen.extend([desk.server.pid, *map(int, children.stdout.split())])
        for pid in frozen:
            os.kill(pid, signal.SIGSTOP)

    def thaw():
        for pid in frozen:
            os.kill(pid, signal.SIGCONT)

    through_a_fault(desk, freeze, thaw)


@pytest.mark.parametrize("desk", SIZES[:1], indirect=True)
def test_the_writer_says_that_postgresql_does_not_answer_and_that_it_does_again(desk):
    """`ccd status` shows it."""
    desk.start_writer()
    desk.server.kill()
    desk.append(50)
    while not desk.writer.cut_off:
        time.sleep(0.01)
    desk.server.start()
    desk.append(1)
    while desk.writer.cut_off:
        time.sleep(0.01)


def test_who_asks_a_frozen_postgresql_is_told_and_what_he_asked_for_does_not_come_about_later(open_folder, monkeypatch):
    monkeypatch.setattr(engine_module, "GRACE_SECONDS", 0.3)
    server = EmbeddedPostgres(open_folder / "pg", fast=True)
    engine = engine_module.make_engine(server.start(), statement_seconds=1.0)
    frozen = []
    too_late = threading.Timer(20, lambda: [os.kill(pid, signal.SIGCONT) for pid in frozen])
    too_late.start()
    try:
        with engine.begin() as connection:
            connection.execute(text("CREATE TABLE public.doors (name text)"))
            children = subprocess.run(["ps", "-o", "pid=", "--ppid", str(server.pid)], capture_output=True, check=True)
            frozen.extend([server.pid, *map(int, children.stdout.split())])
        for pid in frozen:
            os.kill(pid, signal.SIGSTOP)
        with pytest.raises(OperationalError), engine.begin() as connection:
            connection.execute(text("INSERT INTO public.doors VALUES ('open')"))
        for pid in frozen:
            os.kill(pid, signal.SIGCONT)
        with engine.begin() as connection:
            assert connection.execute(text("SELECT count(*) FROM public.doors")).scalar_one() == 0
    finally:
        too_late.cancel()
        for pid in frozen:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
        engine.dispose()
        server.stop()


@pytest.fixture
def full_desk(open_folder, request):
    """A desk whose tables lie on a small disk."""
    if os.geteuid() != 0:
        pytest.skip("needs root to mount a small disk")
    disk = open_folder / "disk"
    disk.mkdir()
    size = 24 + request.param // 400
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}m,mode=711", "tmpfs", disk], check=False)
    if mounted.returncode != 0:
        pytest.skip("may not mount here")
    desk = None
    try:
        desk = Desk(open_folder, request.param)
        space = disk / "tables"
        space.mkdir(mode=0o700)
        owner = os.stat(f"/proc/{desk.server.pid}")
        os.chown(space, owner.st_uid, owner.st_gid)
        with psycopg.connect(conninfo(desk.url), autocommit=True) as connection:
            connection.execute(f"CREATE TABLESPACE small LOCATION '{space}'")
            connection.execute("ALTER DATABASE ccd SET default_tablespace = small")
        upgrade(desk.url)
        desk.disk = disk
        yield desk
    finally:
        if desk is not None:
            desk.close()
        subprocess.run(["umount", disk], check=True)


@pytest.mark.parametrize("full_desk", SIZES, indirect=True)
def test_the_disk_of_postgresql_full_and_free_again(full_desk):
    ballast = full_desk.disk / "ballast"

    def fill():
        with contextlib.suppress(OSError), ballast.open("wb", buffering=0) as file:
            while file.write(bytes(65536)):
                pass

    through_a_fault(full_desk, fill, ballast.unlink)


WRITE_AND_DIE = """
import gevent.monkey
gevent.monkey.patch_all()
import os, pathlib, sys
from ccd.base.clock import SystemClock
from ccd.side.writer import JournalWriter

url, folder, lives = sys.argv[1], pathlib.Path(sys.argv[2]), int(sys.argv[3])

def committed(position):
    global lives
    lives -= 1
    if lives < 0:
        os.kill(os.getpid(), 9)  # between COMMIT and its note
    print(position.segment, position.offset, flush=True)

JournalWriter(url, folder, on_committed=committed, clock=SystemClock()).run()
"""


@pytest.mark.parametrize("count", SIZES)
def test_the_writer_killed_between_commit_and_its_note(count, database, tmp_path):
    spool = SpoolWriter(tmp_path, "boot-a", clock=SystemClock())
    for payload in payloads(count):
        spool.append(payload)
    end = f"{spool.position.segment} {spool.position.offset}"
    deaths = 0
    while True:
        command = [sys.executable, "-c", WRITE_AND_DIE, database, str(tmp_path), str(1 + deaths)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            told = next((line for line in process.stdout if line.strip() == end), None)
            if told is not None:
                process.terminate()
        if told is not None:
            break
        assert process.returncode == -signal.SIGKILL
        deaths += 1
    assert deaths >= 2
    assert_each_fact_once(database, count)
    spool.close()


def test_a_patched_writer_lets_other_greenlets_run_while_postgresql_is_frozen(desk_process):
    """In side everything shares one thread: the writer's waiting may not be anybody else's."""
    assert desk_process["slowest_tick_ms"] < 250
    assert desk_process["written"] == 2000


FREEZE_UNDER_GEVENT = """
import gevent.monkey
gevent.monkey.patch_all()
import gevent, json, os, pathlib, signal, subprocess, sys, time
from ccd.base.clock import SystemClock
from ccd.journal.spool import SpoolWriter
from ccd.side.writer import JournalWriter
from tests.stories_of_facts import payloads

url, folder, server = sys.argv[1], pathlib.Path(sys.argv[2]), int(sys.argv[3])
spool = SpoolWriter(folder, "boot-a", clock=SystemClock())
writer = JournalWriter(url, folder, on_committed=lambda _: None, clock=SystemClock(), deadline_seconds=1.0)
running = gevent.spawn(writer.run)
slowest = 0.0

def ticks():
    global slowest
    while True:
        before = time.monotonic()
        gevent.sleep(0.01)
        slowest = max(slowest, time.monotonic() - before - 0.01)

def until(done):
    with gevent.Timeout(30):
        while not done():
            gevent.sleep(0.01)

facts = payloads(2000)
for payload in facts[:1000]:
    spool.append(payload)
writer.notify()
until(lambda: writer.position == spool.position)
children = subprocess.run(["ps", "-o", "pid=", "--ppid", str(server)], capture_output=True, check=True).stdout
pids = [server, *map(int, children.split())]
for pid in pids:
    os.kill(pid, signal.SIGSTOP)
ticking = gevent.spawn(ticks)
for payload in facts[1000:]:
    spool.append(payload)
writer.notify()
until(lambda: writer.causes)
ticking.kill()
for pid in pids:
    os.kill(pid, signal.SIGCONT)
until(lambda: writer.position == spool.position)
print(json.dumps({"slowest_tick_ms": slowest * 1000, "written": writer.counts.written}))
writer.stop()
running.join()
spool.close()
"""


@pytest.fixture
def desk_process(open_folder, ready_made, tmp_path):
    server = EmbeddedPostgres(open_folder / "pg", fast=True)
    try:
        url = server.start()
        command = [sys.executable, "-c", FREEZE_UNDER_GEVENT, url, str(tmp_path / "spool"), str(server.pid)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 0, done.stderr
        yield json.loads(done.stdout.splitlines()[-1])
    finally:
        server.stop("immediate")


@pytest.mark.long
def test_sixty_thousand_facts_are_written_well_under_a_minute(database, tmp_path):
    spool = SpoolWriter(tmp_path, "boot-a", clock=SystemClock())
    for payload in payloads(60_000):
        spool.append(payload)
    writer = JournalWriter(
        database, tmp_path, on_committed=lambda place: place == spool.position and writer.stop(), clock=SystemClock()
    )
    began = time.monotonic()
    writer.run()
    took = time.monotonic() - began
    print(f"60,000 facts in {took:.1f} s")
    assert took < 45
    assert_each_fact_once(database, 60_000)
    assert SpoolReader(tmp_path).read(writer.position)[0] == []
    spool.close()
