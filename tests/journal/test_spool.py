"""The spool: what is appended is read, in order, whatever happened to the files or to the process."""

import errno
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import gevent
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from ccd.base.clock import FakeClock, SystemClock
from ccd.journal.records import segment_path, segments
from ccd.journal.spool import Position, SpoolReader, SpoolWriter


@pytest.fixture
def clock():
    return FakeClock()


def spool(folder, clock, boot_id="boot-a", **options):
    return SpoolWriter(folder, boot_id, clock=clock, **options)


def read_all(folder, position=None):
    reader = SpoolReader(folder)
    found, end = reader.read(position, limit=1_000_000)
    reader.close()
    return found, end


def test_facts_come_back_in_order_with_their_boot_and_number(tmp_path, clock):
    writer = spool(tmp_path, clock)
    numbers = [writer.append(b"fact %d" % n) for n in range(3)]
    found, end = read_all(tmp_path)
    assert numbers == [1, 2, 3]
    assert [(one.boot_id, one.seq, one.payload) for one in found] == [
        ("boot-a", 1, b"fact 0"),
        ("boot-a", 2, b"fact 1"),
        ("boot-a", 3, b"fact 2"),
    ]
    assert end == writer.position
    assert read_all(tmp_path, end) == ([], end)


def test_a_reader_follows_the_writer_page_by_page_over_segments(tmp_path, clock):
    writer = spool(tmp_path, clock, max_segment_bytes=300)
    reader, here, seen = SpoolReader(tmp_path), None, []
    for n in range(50):
        writer.append(b"x" * n)
        found, here = reader.read(here, limit=1)
        seen += [one.seq for one in found]
    assert seen == list(range(1, 51))
    assert len(segments(tmp_path)) > 5


def test_committed_segments_go_and_the_live_one_stays(tmp_path, clock):
    writer = spool(tmp_path, clock, max_segment_bytes=200)
    for _ in range(30):
        writer.append(b"some fact")
    middle = read_all(tmp_path)[0][14]
    _, place = SpoolReader(tmp_path).read(None, limit=15)
    writer.discard_before(place)
    assert read_all(tmp_path, place)[0][0].seq == middle.seq + 1
    assert min(segments(tmp_path)) == place.segment
    writer.discard_before(Position(writer.position.segment + 5, 0))
    assert segments(tmp_path) == [writer.position.segment]


def test_a_new_boot_begins_a_new_segment_and_the_old_tail_is_cut_and_logged(tmp_path, clock):
    first = spool(tmp_path, clock)
    first.append(b"whole")
    first.append(b"torn")
    torn = segment_path(tmp_path, first.position.segment)
    os.truncate(torn, torn.stat().st_size - 1)
    assert [one.payload for one in read_all(tmp_path)[0]] == [b"whole"]
    spool(tmp_path, clock, boot_id="boot-b").append(b"after")
    with capture_logs() as lines:
        found, _ = read_all(tmp_path)
    assert [(one.boot_id, one.payload) for one in found] == [("boot-a", b"whole"), ("boot-b", b"after")]
    assert [line["event"] for line in lines] == ["spool_tail_cut"]


def test_a_torn_tail_of_the_live_segment_means_not_yet(tmp_path, clock):
    writer = spool(tmp_path, clock)
    writer.append(b"one")
    writer.append(b"two")
    live = segment_path(tmp_path, writer.position.segment)
    whole = live.read_bytes()
    live.write_bytes(whole[:-2])
    with capture_logs() as lines:
        found, here = read_all(tmp_path)
        live.write_bytes(whole)
        rest, _ = read_all(tmp_path, here)
    assert [one.payload for one in found + rest] == [b"one", b"two"]
    assert lines == []


def test_an_emptied_folder_is_read_from_where_it_begins_again(tmp_path, clock):
    writer = spool(tmp_path, clock)
    writer.append(b"gone")
    old = writer.position
    segment_path(tmp_path, old.segment).unlink()
    clock.advance(5)
    spool(tmp_path, clock, boot_id="boot-b").append(b"kept")
    assert [one.payload for one in read_all(tmp_path, old)[0]] == [b"kept"]


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_cut_or_garbled_anywhere_all_before_the_damage_is_read_and_nothing_is_invented(data):
    with tempfile.TemporaryDirectory() as folder:
        writer = spool(Path(folder), FakeClock())
        ends = []
        payloads = data.draw(st.lists(st.binary(max_size=40), min_size=1, max_size=8))
        for payload in payloads:
            writer.append(payload)
            ends.append(writer.position.offset)
        file = segment_path(Path(folder), writer.position.segment)
        content = bytearray(file.read_bytes())
        at = data.draw(st.integers(0, len(content) - 1))
        if data.draw(st.booleans()):
            del content[at:]
        else:
            content[at] ^= data.draw(st.integers(1, 255))
        file.write_bytes(content)
        next_boot = spool(Path(folder), FakeClock(), boot_id="boot-b")
        next_boot.append(b"next")
        with capture_logs():
            found, _ = read_all(Path(folder))
        before = [one.payload for one in found if one.boot_id == "boot-a"]
        head = ends[0] - len(payloads[0]) - 17
        undamaged = sum(1 for end in ends if end <= at) if at >= head else 0
        assert before == payloads[:undamaged]
        assert found[-1].payload == b"next"


def test_facts_wait_in_memory_while_the_disk_is_full_and_keep_their_order(tmp_path, clock, monkeypatch):
    writer = spool(tmp_path, clock)
    writer.append(b"before")
    real, room = os.write, [7]

    def scarce(fd, data):
        if fd != writer._fd or room[0] is None:
            return real(fd, data)
        if room[0] == 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        part, room[0] = real(fd, data[: room[0]]), 0
        return part

    monkeypatch.setattr(os, "write", scarce)
    with capture_logs() as lines:
        assert [writer.append(b"during %d" % n) for n in range(3)] == [2, 3, 4]
        assert writer.pending == 3
        clock.advance(2.5)
        room[0] = None
        clock.advance(1)
    assert [one.payload for one in read_all(tmp_path)[0]] == [b"before", b"during 0", b"during 1", b"during 2"]
    assert [line["event"] for line in lines] == ["spool_write_failed", "spool_write_recovered"]
    assert (writer.failing, writer.pending) == ("", 0)


def test_memory_for_a_dead_disk_is_bounded_and_what_is_lost_is_counted(tmp_path, clock, monkeypatch):
    writer = spool(tmp_path, clock, max_pending_bytes=1000)
    monkeypatch.setattr(os, "write", lambda *_: (_ for _ in ()).throw(OSError(errno.EIO, "I/O error")))
    with capture_logs():
        for _ in range(100):
            writer.append(b"x" * 83)
    assert (writer.pending, writer.counts.lost) == (10, 90)


def test_the_disk_is_synced_only_when_there_is_something_new(tmp_path):
    writer = spool(tmp_path, SystemClock(), sync_every=0.01)
    for _ in range(100):
        writer.append(b"fact")
    with gevent.Timeout(5):
        while writer.counts.syncs == 0:
            gevent.sleep(0.005)
    first = writer.counts.syncs
    gevent.sleep(0.05)
    assert writer.counts.syncs == first <= 2
    writer.close()


WRITE_UNTIL_KILLED = """
import sys, pathlib
from ccd.base.clock import SystemClock
from ccd.journal.spool import SpoolWriter
writer = SpoolWriter(pathlib.Path(sys.argv[1]), "boot-a", clock=SystemClock())
while True:
    print(writer.append(b"fact"), flush=True)
"""


def test_what_was_appended_before_kill_9_is_there(tmp_path):
    with subprocess.Popen(
        [sys.executable, "-c", WRITE_UNTIL_KILLED, str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as process:
        told = [int(process.stdout.readline()) for _ in range(500)]
        process.send_signal(signal.SIGKILL)
    numbers = [one.seq for one in read_all(tmp_path)[0]]
    assert numbers[:500] == told
    assert numbers == list(range(1, len(numbers) + 1))
