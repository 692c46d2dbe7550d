"""Files of recordings: hashed when they are still, missing when they do not come, and a hung disk stalls nobody else."""

import hashlib
import threading

import gevent
import psycopg
from structlog.testing import capture_logs

from ccd.base.clock import SystemClock
from ccd.side.db.engine import conninfo
from ccd.side.recording_files import FileDesk, Measured, RecordingFiles
from tests.stories_of_facts import ident


def desk(**options):
    return FileDesk(**{"settle_seconds": 0.01, "deadline_seconds": 0.3, **options})


def test_a_file_is_hashed_when_its_size_no_longer_changes(tmp_path):
    sizes = iter([5, 9, 9])
    file = tmp_path / "a.wav"
    file.write_bytes(b"123456789")

    class Growing:
        def __init__(self, _path):
            self.st_size = next(sizes)

    assert desk(stat=Growing).measure(str(file)) == Measured("complete", 9, hashlib.sha256(b"123456789").hexdigest())


def test_a_file_that_does_not_come_is_missing_with_the_reason(tmp_path):
    assert desk().measure(str(tmp_path / "none.wav")) == Measured("missing", reason="No such file or directory")


def test_hung_files_do_not_stand_in_the_way_of_others(tmp_path):
    hang = threading.Event()
    file = tmp_path / "good.wav"
    file.write_bytes(b"x")

    def stat(path):
        if path.startswith("/hung/"):
            hang.wait()
        return file.stat()

    one = desk(stat=stat)
    try:
        with capture_logs() as lines:
            hung = [gevent.spawn(one.measure, f"/hung/{n}") for n in range(4)]
            gevent.joinall(hung, timeout=5)
            assert {job.value.state for job in hung} == {"missing"}
            assert one.measure(str(file)).state == "complete"
        assert [line["event"] for line in lines] == ["recording_files_hang"]
    finally:
        hang.set()


def test_rows_become_complete_or_missing(database, tmp_path):
    file = tmp_path / "a.wav"
    file.write_bytes(b"sound")
    rows = [
        (ident(1, "rec"), str(file)),
        (ident(2, "rec"), str(tmp_path / "none.wav")),
        (ident(3, "rec"), "still recording"),
    ]
    with psycopg.connect(conninfo(database)) as connection:
        for recording_id, path in rows:
            connection.execute(
                "INSERT INTO ccd.recordings (recording_id, local_path) VALUES (%s, %s)", (recording_id, path)
            )
        connection.execute("UPDATE ccd.recordings SET stopped_at = now() WHERE local_path <> 'still recording'")
    files = RecordingFiles(database, clock=SystemClock(), desk=desk())
    with (
        capture_logs() as lines,
        gevent.Timeout(10),
        psycopg.connect(conninfo(database), autocommit=True) as connection,
    ):
        while connection.execute("SELECT count(*) FROM ccd.recordings WHERE state = 'running'").fetchone() != (1,):
            files.look()
            gevent.sleep(0.05)
        found = connection.execute(
            "SELECT state, size_bytes, sha256, reason FROM ccd.recordings ORDER BY local_path"
        ).fetchall()
    assert sorted(found, key=lambda row: row[0]) == [
        ("complete", 5, hashlib.sha256(b"sound").hexdigest(), ""),
        ("missing", None, None, "No such file or directory"),
        ("running", None, None, ""),
    ]
    assert [line["event"] for line in lines] == ["recording_missing"]


def test_a_share_that_was_away_is_looked_at_again(database, tmp_path):
    file = tmp_path / "late.wav"
    file.write_bytes(b"late")
    with gevent.Timeout(10), psycopg.connect(conninfo(database), autocommit=True) as connection:
        connection.execute(
            "INSERT INTO ccd.recordings (recording_id, local_path, stopped_at, state, checks, checked_at)"
            " VALUES (%s, %s, now(), 'missing', 1, now() - interval '11 minutes')",
            (ident(1, "rec"), str(file)),
        )
        files = RecordingFiles(database, clock=SystemClock(), desk=desk())
        while connection.execute("SELECT state FROM ccd.recordings").fetchone() != ("complete",):
            files.look()
            gevent.sleep(0.05)
