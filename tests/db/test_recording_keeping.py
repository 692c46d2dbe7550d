"""How long recordings stay: age, the disk's marks, erasing and holding, on real files and a real PostgreSQL, by a fake clock."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row
from structlog.testing import capture_logs

from ccd.base.clock import FakeClock, as_datetime
from ccd.base.errors import DaemonUnreachable, NotFound
from ccd.settings.recordings import Recordings as Settings
from ccd.side import recording_erasure
from ccd.side.db.engine import conninfo, make_engine
from ccd.side.db.stores.recordings import RecordingStore, Wanted
from ccd.side.recording_erasure import Eraser, NotErasable, delete_below
from ccd.side.recording_files import FileDesk
from ccd.side.recording_keeping import RecordingKeeper
from tests.stories_of_facts import QUEUE, ident

DAY_S = 86_400
WHO = "ops (uid 7, pid 1)"


class Archive:
    """A folder of recordings and their rows; `disk` is how full it is said to be."""

    def __init__(self, database: str, root: Path, **settings: Any) -> None:
        root.mkdir()
        self.root, self.database = root, database
        self.clock = FakeClock()
        self.disk = 10.0
        self.percent_of_a_file = 0.0
        self.told_core: list[str] = []
        self._engine = make_engine(database)
        self.store = RecordingStore(self._engine)
        self.eraser = Eraser(store=lambda: self.store, root=str(root), clock=self.clock, desk=FileDesk())
        self.keeper = self.kept(**settings)
        self._numbers = iter(range(1, 1000))

    def kept(self, **settings: Any) -> RecordingKeeper:
        return RecordingKeeper(
            settings=Settings(path=str(self.root), **settings),
            store=lambda: self.store,
            eraser=self.eraser,
            clock=self.clock,
            tell_core=self.told_core.append,
            used=lambda _: self.disk + self.percent_of_a_file * len(self.files()),
        )

    def close(self) -> None:
        self._engine.dispose()

    def sql(self, statement: str, **values: Any) -> list[dict[str, Any]]:
        with psycopg.connect(conninfo(self.database), autocommit=True, row_factory=dict_row) as connection:
            done = connection.execute(statement.encode(), values)
            return done.fetchall() if done.description else []

    def recorded(
        self, *, number: str = "+8613800138000", queue: str | None = None, keep_days: int = 0, state: str = "complete"
    ) -> str:
        """A recording of now, and its file; returns its id."""
        n = next(self._numbers)
        now = as_datetime(self.clock.now())
        call_id, recording_id = ident(n, "call"), ident(n, "rec")
        path = self.root / f"{now:%Y/%m/%d}" / f"{call_id}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"RIFF")
        self.sql(
            "INSERT INTO ccd.calls (call_id, caller_number, caller_e164, queue_id) VALUES (%(call)s, %(raw)s, %(e)s, %(q)s)",
            call=call_id,
            raw=number.replace("+86", "0"),
            e=number,
            q=queue,
        )
        self.sql(
            "INSERT INTO ccd.recordings (recording_id, call_id, local_path, state, started_at, stopped_at, keep_days, sha256,"
            " size_bytes) VALUES (%(id)s, %(call)s, %(path)s, %(state)s, %(at)s, %(at)s, %(days)s, 'abc', 4)",
            id=recording_id,
            call=call_id,
            path=str(path),
            state=state,
            at=now,
            days=keep_days,
        )
        self.clock.advance(1)
        return recording_id

    def queue(self, keep_days: int) -> str:
        self.sql(
            "INSERT INTO ccd.queues (queue_id, name, strategy, music, ring_ms, wrap_up_ms, max_wait_ms, timeout_prompt,"
            " max_no_answers, no_answer_delay_ms, reject_delay_ms, busy_delay_ms, fault_delay_ms, min_talk_ms, record,"
            " keep_days) VALUES (%(id)s, 'q', 's', 'm', 1, 1, 1, 'p', 1, 1, 1, 1, 1, 1, 'no', %(days)s)",
            id=QUEUE,
            days=keep_days,
        )
        return QUEUE

    def states(self) -> dict[str, str]:
        rows = self.sql("SELECT recording_id::text AS id, state FROM ccd.recordings")
        return {row["id"]: row["state"] for row in rows}

    def files(self) -> list[Path]:
        return sorted(self.root.rglob("*.wav"))

    def audit(self) -> list[tuple[str, str, str, str]]:
        rows = self.sql("SELECT recording_id::text AS id, who, what, why FROM ccd.recording_audit ORDER BY audit_id")
        return [(row["id"], row["who"], row["what"], row["why"]) for row in rows]


@pytest.fixture
def archive(database: str, tmp_path: Path):
    one = Archive(database, tmp_path / "recordings", keep_days=30)
    yield one
    one.close()


# --- age ---------------------------------------------------------------------------------------------------------------


def test_recordings_go_when_their_days_are_over_and_rows_stay_with_hash_and_reason(archive: Archive) -> None:
    old = archive.recorded()
    archive.clock.advance(29 * DAY_S)
    young = archive.recorded()
    archive.keeper.look()
    assert archive.states() == {old: "complete", young: "complete"}
    archive.clock.advance(DAY_S)
    archive.keeper.look()
    assert archive.states() == {old: "erased", young: "complete"}
    row = archive.store.found(old)
    assert (row["sha256"], row["size_bytes"], row["erased_by"]) == ("abc", 4, "ccd")
    assert row["erase_reason"] == "retention: kept 30 days"
    assert row["erased_at"] == archive.clock.now()
    assert archive.audit() == [(old, "ccd", "purge", "retention: kept 30 days")]
    assert [file.parent.parent.parent.parent for file in archive.files()] == [archive.root]
    assert len(archive.files()) == 1


def test_queue_says_how_long_before_the_route_and_the_route_before_the_site(archive: Archive) -> None:
    queue = archive.queue(keep_days=5)
    by_queue = archive.recorded(queue=queue, keep_days=90)
    by_route = archive.recorded(keep_days=10)
    by_site = archive.recorded()
    gone = []
    for _ in range(40):
        archive.clock.advance(DAY_S)
        archive.keeper.look()
        gone += [one for one, state in archive.states().items() if state == "erased" and one not in gone]
    assert gone == [by_queue, by_route, by_site]
    assert [why.partition(": ")[2] for _, _, _, why in archive.audit()] == [
        "kept 5 days",
        "kept 10 days",
        "kept 30 days",
    ]


def test_where_nobody_says_how_long_recordings_stay_for_ever(database: str, tmp_path: Path) -> None:
    archive = Archive(database, tmp_path / "recordings")
    try:
        kept = archive.recorded()
        archive.clock.advance(10_000 * DAY_S)
        archive.keeper.look()
        assert archive.states() == {kept: "complete"}
    finally:
        archive.close()


def test_purging_twice_changes_nothing_and_running_ones_are_left_alone(archive: Archive) -> None:
    old, running = archive.recorded(), archive.recorded(state="running")
    archive.sql("UPDATE ccd.recordings SET stopped_at = NULL WHERE state = 'running'")
    archive.clock.advance(40 * DAY_S)
    archive.keeper.look()
    archive.keeper.look()
    assert archive.states() == {old: "erased", running: "running"}
    assert len(archive.audit()) == 1


def test_empty_day_folders_go_but_for_those_of_today(archive: Archive) -> None:
    first = archive.recorded()
    day = archive.files()[0].parent
    other = archive.recorded()
    archive.eraser.erase([first], who=WHO, why="test")
    assert day.exists(), "another file is in it"
    archive.eraser.erase([other], who=WHO, why="test")
    assert day.exists(), "the switch may write there just now"
    archive.recorded()
    archive.clock.advance(40 * DAY_S)
    archive.recorded()
    archive.keeper.look()
    assert not day.exists()
    assert len(archive.files()) == 1


# --- crashes and strange files -----------------------------------------------------------------------------------------


def test_those_that_cannot_go_do_not_stand_before_those_that_can(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recording_erasure, "PAGE", 2)
    monkeypatch.setattr(
        RecordingStore.erasing, "__kwdefaults__", {"after": "0" * 8 + "-0000" * 3 + "-" + "0" * 12, "limit": 2}
    )
    recorded = sorted(archive.recorded() for _ in range(5))
    archive.sql(
        "UPDATE ccd.recordings SET local_path = '/elsewhere/a.wav' WHERE recording_id = ANY(%(ids)s::uuid[])",
        ids=recorded[:3],
    )
    with capture_logs() as logs:
        told = archive.eraser.erase(recorded, who=WHO, why="test")
        archive.keeper.look()
    assert sorted(told["erased"]) == recorded[3:]
    assert sorted(told["pending"]) == recorded[:3]
    assert len([line for line in logs if line["event"] == "recording_not_erased"]) == 3, "each is told once"


def test_a_disk_that_does_not_answer_is_asked_once_a_round(archive: Archive) -> None:
    hang, asked = threading.Event(), []

    def delete(path: str) -> None:
        asked.append(path)
        hang.wait(10)

    archive.eraser._desk = FileDesk(deadline_seconds=0.2)
    archive.eraser._delete = delete  # type: ignore[method-assign]
    try:
        told = archive.eraser.erase([archive.recorded() for _ in range(5)], who=WHO, why="test")
    finally:
        hang.set()
    assert (len(asked), told["erased"], len(told["pending"])) == (1, [], 5)


def test_whoever_dies_between_file_and_row_is_finished_by_the_next(archive: Archive) -> None:
    first, second = archive.recorded(), archive.recorded()
    archive.store.begin_erasing([first, second], at=archive.clock.now(), who=WHO, what="erase", why="asked to")
    archive.files()[0].unlink()  # dead here: one file is gone, no row says so
    assert set(archive.states().values()) == {"erasing"}
    archive.recorded()
    archive.keeper.look()
    states = archive.states()
    assert (states[first], states[second]) == ("erased", "erased")
    assert len(archive.files()) == 1


def test_share_that_is_away_erases_nothing(archive: Archive) -> None:
    """It looks like an empty folder; its files are there when it comes back, and then they go."""
    old = archive.recorded()
    away = archive.root.with_name("away")
    archive.root.rename(away)
    archive.root.mkdir()
    with capture_logs() as logs:
        told = archive.eraser.erase([old], who=WHO, why="asked to")
    assert told == {"erased": [], "pending": [old], "held": [], "running": []}
    assert [line["event"] for line in logs] == ["recording_not_erased"]
    archive.root.rmdir()
    away.rename(archive.root)
    archive.keeper.look()
    assert archive.states() == {old: "erased"}
    assert archive.files() == []


def test_nothing_outside_the_folder_and_nothing_behind_a_link_is_touched(archive: Archive, tmp_path: Path) -> None:
    outside = tmp_path / "precious"
    (outside / "01").mkdir(parents=True)
    treasure = outside / "01" / "keep.wav"
    treasure.write_text("gold")
    (archive.root / "2020").symlink_to(outside)
    (archive.root / "link.wav").symlink_to(treasure)
    (archive.root / "folder.wav").mkdir()
    now = archive.clock.now()
    for path in (
        str(treasure),
        f"{archive.root}/../precious/01/keep.wav",
        f"{archive.root}/2020/01/keep.wav",
        f"{archive.root}/link.wav",
        f"{archive.root}/folder.wav",
        str(archive.root),
        f"{archive.root}x/keep.wav",
    ):
        with pytest.raises(NotErasable):
            delete_below(str(archive.root), path, now)
    assert treasure.read_text() == "gold"
    assert (archive.root / "link.wav").is_symlink()


def test_row_that_names_a_file_elsewhere_stays_to_be_erased_and_is_told(archive: Archive, tmp_path: Path) -> None:
    bad = archive.recorded()
    treasure = tmp_path / "treasure"
    treasure.write_text("gold")
    archive.sql("UPDATE ccd.recordings SET local_path = %(path)s", path=str(treasure))
    with capture_logs() as logs:
        archive.eraser.erase([bad], who=WHO, why="asked to")
        archive.keeper.look()
    assert {line["alarm"] for line in logs if line["log_level"] == "error"} == {"recording_not_erased"}
    assert treasure.exists()
    assert archive.states() == {bad: "erasing"}


def test_root_may_itself_be_a_link(archive: Archive, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(archive.root)
    file = archive.root / "2020" / "a.wav"
    file.parent.mkdir()
    file.write_text("x")
    delete_below(str(tmp_path / "link"), f"{tmp_path}/link/2020/a.wav", archive.clock.now())
    assert not file.parent.exists()


def test_database_that_is_not_ready_yet_is_no_line_of_the_log(archive: Archive) -> None:
    def not_ready() -> RecordingStore:
        raise DaemonUnreachable("PostgreSQL is starting")

    keeper = RecordingKeeper(
        settings=Settings(path=str(archive.root)),
        store=not_ready,
        eraser=Eraser(store=not_ready, root=str(archive.root), clock=archive.clock),
        clock=archive.clock,
        tell_core=archive.told_core.append,
        used=lambda _: 10.0,
    )
    with capture_logs() as logs:
        keeper.look()
    assert logs == []
    assert archive.told_core == [""], "the disk is looked at all the same"


# --- asked to erase, hold and release ----------------------------------------------------------------------------------


def test_erasing_a_number_takes_all_its_recordings_in_whatever_form_it_came(archive: Archive) -> None:
    his = [archive.recorded(), archive.recorded()]
    other = archive.recorded(number="+8613900139000")
    kept: list[tuple[str, str, str]] = []

    def voicemail(number: str, e164: str, *, who: str, why: str) -> int:
        kept.append((e164, who, why))
        return 3

    archive.eraser.also["voicemails"] = voicemail
    told = archive.eraser.erase_number("013800138000", "+8613800138000", who=WHO, why="he asked for it")
    assert sorted(told["erased"]) == sorted(his)
    assert told["voicemails"] == 3
    assert kept == [("+8613800138000", WHO, "he asked for it")]
    assert archive.states()[other] == "complete"
    assert {one[1:] for one in archive.audit()} == {(WHO, "erase", "he asked for it")}
    assert archive.eraser.erase_number("1", "+8613800138000", who=WHO, why="again")["erased"] == []


def test_held_recording_outlives_age_disk_and_everybody(archive: Archive) -> None:
    held = archive.recorded()
    assert archive.store.hold(held, at=archive.clock.now(), who=WHO, why="lawsuit")
    assert not archive.store.hold(held, at=archive.clock.now(), who=WHO, why="again")
    archive.clock.advance(100 * DAY_S)
    archive.keeper.look()
    assert archive.eraser.erase([held], who=WHO, why="please")["held"] == [held]
    archive.disk = 99
    keeper = archive.kept(disk_full="purge_oldest")
    keeper.look()
    assert archive.states() == {held: "complete"}
    assert archive.store.release(held, at=archive.clock.now(), who=WHO, why="settled")
    archive.keeper.look()
    assert archive.states() == {held: "erased"}
    assert [what for _, _, what, _ in archive.audit()] == ["hold", "release", "purge"]
    assert [one["why"] for one in archive.store.found(held)["audit"]][:2] == ["lawsuit", "settled"]
    assert not archive.store.hold(held, at=archive.clock.now(), who=WHO, why="too late")


# --- the disk ----------------------------------------------------------------------------------------------------------


def test_at_the_high_mark_nothing_new_is_recorded_until_the_low_mark(archive: Archive) -> None:
    keeper = archive.kept(disk_high=90, disk_low=80)
    archive.recorded()
    with capture_logs() as logs:
        for archive.disk in (89.0, 90.0, 85.0, 80.0, 79.9, 85.0):
            keeper.look()
    assert archive.told_core == ["", "disk_full", "disk_full", "disk_full", "", ""]
    assert [line["event"] for line in logs] == ["recordings_disk_full", "recordings_disk_has_room"]
    assert keeper.status() == {"disk_percent": 85.0, "alarm": ""}
    assert len(archive.files()) == 1, "stop deletes nothing"


def test_purge_oldest_frees_the_disk_to_the_low_mark_oldest_first(archive: Archive) -> None:
    keeper = archive.kept(disk_high=90, disk_low=60, disk_full="purge_oldest")
    archive.percent_of_a_file, archive.disk = 1.0, 40.0
    recorded = [archive.recorded() for _ in range(50)]
    keeper.look()
    states = archive.states()
    erased = [one for one in recorded if states[one] == "erased"]
    assert erased == recorded[: len(erased)]
    assert len(archive.files()) < 20
    assert archive.told_core == [""], "there is room: recordings go on"
    assert {why for _, _, _, why in archive.audit()} == {"disk watermark: 90 % used", "disk watermark: 70 % used"}


def test_disk_that_others_filled_stops_recordings_though_nothing_is_left_to_purge(archive: Archive) -> None:
    keeper = archive.kept(disk_high=90, disk_low=60, disk_full="purge_oldest")
    archive.recorded()
    archive.disk = 95.0
    with capture_logs() as logs:
        keeper.look()
    assert archive.files() == []
    assert archive.told_core == ["disk_full"]
    assert "recordings_disk_full" in [line["alarm"] for line in logs if "alarm" in line]


def test_disk_that_does_not_answer_changes_nothing(archive: Archive) -> None:
    def hangs(_: str) -> float:
        raise OSError("Input/output error")

    keeper = RecordingKeeper(
        settings=Settings(path=str(archive.root)),
        store=lambda: archive.store,
        eraser=archive.eraser,
        clock=archive.clock,
        tell_core=archive.told_core.append,
        used=hangs,
    )
    with capture_logs() as logs:
        keeper.look()
    assert archive.told_core == [""]
    assert [line["alarm"] for line in logs] == ["recordings_unreachable"]


# --- finding -----------------------------------------------------------------------------------------------------------


def test_recordings_are_narrowed_by_number_time_state_and_queue_and_read_page_by_page(archive: Archive) -> None:
    first = archive.recorded()
    middle = archive.clock.now()
    rest = [archive.recorded(number="+8613900139000") for _ in range(4)]
    archive.sql(
        "INSERT INTO ccd.queue_entries (entry_id, call_id, queue_id, agent_id) VALUES (%(e)s, %(c)s, %(q)s, %(a)s)",
        e=ident(1, "entry"),
        c=ident(1, "call"),
        q=QUEUE,
        a=ident(1, "agent"),
    )

    def ids(limit: int = 100, **wanted: Any) -> list[str]:
        return [row["recording_id"] for row in archive.store.listed(limit, Wanted(**wanted))]

    assert ids() == [*rest[::-1], first]
    assert ids(number="013800138000") == ids(number="8", e164="+8613800138000") == [first]
    assert ids(until=middle) == [first]
    assert ids(since=middle, limit=2) == rest[:1:-1]
    assert ids(queue_id=QUEUE) == ids(agent_id=ident(1, "agent")) == ids(call_id=ident(1, "call")) == [first]
    assert ids(state="missing") == []
    read: list[str] = []
    while page := ids(limit=2, after=read[-1] if read else ""):
        read += page
    assert read == [*rest[::-1], first]
    with pytest.raises(NotFound):
        ids(after=ident(99, "rec"))
    assert archive.store.beginning(first[:8]) == [first]
    assert archive.store.beginning(ident(1, "call")[:13]) == [first]
    with pytest.raises(NotFound):
        archive.store.found(ident(99, "rec"))


def test_statvfs_is_read_as_users_see_it(tmp_path: Path) -> None:
    from ccd.side.recording_keeping import percent_used

    found = os.statvfs(tmp_path)
    assert 0 <= percent_used(str(tmp_path)) <= 100
    assert percent_used(str(tmp_path)) >= 100 * (found.f_blocks - found.f_bfree) / found.f_blocks - 0.01


def test_the_folders_of_the_days_are_there_before_the_switch_makes_them_for_itself(archive: Archive) -> None:
    archive.root.chmod(0o2770)
    archive.keeper.look()
    assert not list(archive.root.iterdir()), "an empty folder may be one whose disk is away"
    (archive.root / "voicemails").mkdir()
    archive.keeper.look()
    now = archive.clock.now()
    for base in (archive.root, archive.root / "voicemails"):
        for day in (now, now + DAY_S * 1_000_000):
            folder = base / f"{as_datetime(day):%Y/%m/%d}"
            rights = {one.stat().st_mode & 0o7777 for one in (folder, folder.parent, folder.parent.parent)}
            assert rights == {0o2770}, f"ccd and the switch both write to {folder}"


def test_a_day_folder_that_cannot_be_made_is_told_once(archive: Archive) -> None:
    (archive.root / f"{as_datetime(archive.clock.now()):%Y}").write_bytes(b"a file in the way")
    with capture_logs() as logs:
        archive.keeper.look()
        archive.keeper.look()
    assert [line["event"] for line in logs].count("recording_folders_not_made") == 1
