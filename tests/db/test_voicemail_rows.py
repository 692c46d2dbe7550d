"""Voicemail in PostgreSQL: rows from facts in any order, questions, and files that are measured, erased and grow old."""

from __future__ import annotations

import hashlib
import itertools
import wave
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gevent
import psycopg
import pytest
from psycopg.rows import dict_row
from structlog.testing import capture_logs

from ccd.base.clock import FakeClock
from ccd.base.errors import DaemonUnreachable, NotFound, Refused
from ccd.journal import codec
from ccd.journal.records import SpooledFact
from ccd.side.db.engine import connect, conninfo, make_engine, to_moment
from ccd.side.db.journal import DeadLetters, read_cursor, write_batch
from ccd.side.db.stores.config import ConfigStore
from ccd.side.db.stores.voicemails import VoicemailStore
from ccd.side.recording_files import FileDesk
from ccd.side.voicemail_files import VoicemailEraser, VoicemailFiles
from ccd.voicemail.facts import MessageEnd, NoMessage, VoicemailChanged, VoicemailDiscarded, VoicemailLeft
from ccd.voicemail.model import Box, Change
from tests.stories_of_facts import AGENTS, SECOND, START, ident

DAY = 86_400 * SECOND
M1, M2 = ident(1, "voicemail"), ident(2, "voicemail")


def left(n: int = 1, *, at: int = START, **given: Any) -> VoicemailLeft:
    told: dict[str, Any] = {
        "voicemail_id": ident(n, "voicemail"),
        "call_id": ident(n, "call"),
        "leg_id": ident(n, "leg"),
        "node": "local",
        "box_id": ident(0, "box"),
        "box": "night",
        "caller_number": "13800138000",
        "caller_e164": "+8613800138000",
        "path": f"/switch/voicemails/{n}.wav",
        "local_path": f"/ours/voicemails/{n}.wav",
        "duration_ms": 4_000,
        "ended_by": MessageEnd.KEY,
    }
    return VoicemailLeft(at=at, **told | given)


def change(
    what: Change, *, at: int = START + SECOND, agent_id: str = "", n: int = 1, reason: str = ""
) -> VoicemailChanged:
    return VoicemailChanged(
        at=at, voicemail_id=ident(n, "voicemail"), change=what, who="root", agent_id=agent_id, reason=reason
    )


class Journal:
    def __init__(self, url: str, folder: Path) -> None:
        self.url, self.dead, self.seq = url, DeadLetters(folder / "dead.jsonl"), 0

    def write(self, *facts: Any, boot: str = "a") -> None:
        spooled = []
        for fact in facts:
            self.seq += 1
            spooled.append(SpooledFact(boot, self.seq, codec.encode(fact)))
        with connect(self.url) as connection:
            before = read_cursor(connection)
            write_batch(connection, spooled, before, type(before)(before.segment, before.offset + 1), self.dead)
        assert self.dead.count == 0

    def rows(self, question: str = "SELECT * FROM ccd.voicemails ORDER BY left_at") -> list[dict[str, Any]]:
        with psycopg.connect(conninfo(self.url), row_factory=dict_row) as connection:
            return connection.execute(question.encode()).fetchall()

    def row(self) -> dict[str, Any]:
        (only,) = self.rows()
        return only


@pytest.fixture
def journal(database: str, tmp_path: Path) -> Journal:
    return Journal(database, tmp_path)


# --- rows from facts ------------------------------------------------------------------------------------


def test_a_message_becomes_a_row(journal: Journal) -> None:
    journal.write(left())
    row = journal.row()
    assert (row["state"], row["agent_id"], row["duration_ms"], row["file"]) == ("new", None, 4_000, "unchecked")
    assert (row["caller_e164"], row["ended_by"], row["path"]) == ("+8613800138000", "key", "/switch/voicemails/1.wav")


def test_a_message_in_an_agents_box_is_assigned_to_him(journal: Journal) -> None:
    journal.write(left(agent_id=AGENTS[0]))
    row = journal.row()
    assert (row["state"], str(row["agent_id"]), row["assigned_at"] is not None) == ("assigned", AGENTS[0], True)


def test_what_was_discarded_is_a_deleted_row_with_its_reason(journal: Journal) -> None:
    fact = VoicemailDiscarded(
        at=START,
        voicemail_id=M1,
        call_id=ident(1, "call"),
        box_id=ident(0, "box"),
        path="/s/1.wav",
        local_path="/l/1.wav",
        duration_ms=300,
        reason=NoMessage.TOO_SHORT,
    )
    journal.write(fact, fact)
    assert (journal.row()["state"], journal.row()["reason"]) == ("deleted", "too_short")


LIFE = (
    left(),
    change(Change.ASSIGNED, at=START + SECOND, agent_id=AGENTS[0]),
    change(Change.LISTENED, at=START + 2 * SECOND),
    change(Change.ASSIGNED, at=START + 3 * SECOND, agent_id=AGENTS[1]),
    change(Change.DONE, at=START + 4 * SECOND),
)


@pytest.mark.parametrize("order", list(itertools.permutations(range(5)))[::23])
@pytest.mark.parametrize("deleted", [False, True])
def test_the_row_is_the_same_in_whatever_order_facts_come_and_however_often(
    journal: Journal, order: tuple[int, ...], deleted: bool
) -> None:
    facts = [LIFE[place] for place in order]
    if deleted:
        facts.insert(order[0], change(Change.DELETED, at=START + 5 * SECOND, reason="retention"))
    for fact in facts:
        journal.write(fact)
    one_by_one = journal.row()
    journal.write(*facts)
    assert journal.row() == one_by_one
    assert one_by_one["state"] == ("deleted" if deleted else "done")
    assert str(one_by_one["agent_id"]) == AGENTS[1]
    moments = {"left_at": 0, "assigned_at": 3, "listened_at": 2, "done_at": 4} | ({"deleted_at": 5} if deleted else {})
    assert {name: to_moment(one_by_one[name]) for name in moments} == {
        name: START + after * SECOND for name, after in moments.items()
    }


def test_who_deleted_it_first_and_why_stays_in_the_row(journal: Journal) -> None:
    first = VoicemailChanged(
        at=START + 5 * SECOND, voicemail_id=M1, change=Change.DELETED, who="li", reason="by letter"
    )
    later = change(Change.DELETED, at=START + 9 * SECOND, reason="retention")
    for facts in ((left(), first, later), (later, first)):
        journal.write(*facts)
        row = journal.row()
        assert (row["deleted_by"], row["reason"], to_moment(row["deleted_at"])) == ("li", "by letter", first.at)


def test_a_late_fact_of_an_earlier_deletion_says_who_it_was(journal: Journal) -> None:
    journal.write(left(), change(Change.DELETED, at=START + 9 * SECOND, reason="retention"))
    journal.write(
        VoicemailChanged(at=START + SECOND, voicemail_id=M1, change=Change.DELETED, who="li", reason="by letter")
    )
    assert (journal.row()["deleted_by"], journal.row()["reason"]) == ("li", "by letter")


def test_a_deleted_message_is_not_brought_back_by_a_late_fact(journal: Journal) -> None:
    journal.write(left(), change(Change.DELETED))
    journal.write(change(Change.ASSIGNED, at=START + 9 * SECOND, agent_id=AGENTS[0]))
    assert journal.row()["state"] == "deleted"


# --- questions ------------------------------------------------------------------------------------------


def test_messages_are_found_by_box_agent_state_and_time(journal: Journal, database: str) -> None:
    engine = make_engine(database)
    try:
        config, store = ConfigStore(engine), VoicemailStore(engine)
        alice = config.add_agent("alice")
        night, day = config.add_box("night", agent="alice"), config.add_box("day")
        journal.write(
            left(1, box_id=night.box_id, agent_id=alice.agent_id),
            left(2, box_id=day.box_id, at=START + 60 * SECOND),
            left(3, box_id=day.box_id, at=START + 120 * SECOND),
            change(Change.DELETED, n=3),
            change(Change.DONE, n=99),
        )
        assert [row["box"] for row in store.listed()] == ["day", "night"]
        assert [row["voicemail_id"] for row in store.listed(box_id=night.box_id)] == [M1]
        assert [row["agent"] for row in store.listed(agent_id=alice.agent_id)] == ["alice"]
        assert [row["state"] for row in store.listed(state="deleted")] == ["deleted"]
        assert [row["voicemail_id"] for row in store.listed(since=START + SECOND)] == [M2]
        assert len(store.listed(1)) == 1
        assert store.found(M1)["caller_number"] == "13800138000"
        with pytest.raises(NotFound):
            store.found(ident(99, "voicemail"))
    finally:
        engine.dispose()


def test_a_box_is_kept_changed_and_retired_and_its_messages_stay(journal: Journal, database: str) -> None:
    engine = make_engine(database)
    try:
        config = ConfigStore(engine)
        config.add_agent("alice")
        config.add_queue("sales")
        box = config.add_box("night", queue="sales", agent="alice", max_ms=60_000)
        after = config.change_box("night", agent="", notify="ops")
        assert (after.box_id, after.agent_id, after.notify, after.max_ms) == (box.box_id, "", "ops", 60_000)
        assert after.queue_id == box.queue_id
        assert config.load().boxes == (after,)
        journal.write(left(box_id=box.box_id))
        with pytest.raises(Refused, match="already"):
            config.add_box("night")
        for wrong in ({"min_ms": 60_000}, {"greeting": "../x"}, {"language": "../zh"}):
            with pytest.raises(Refused):
                config.change_box("night", **wrong)
        config.retire(Box, "night")
        assert config.load().boxes == ()
        assert VoicemailStore(engine).found(M1)["box"] == "night"
        config.add_box("night")
    finally:
        engine.dispose()


# --- files ----------------------------------------------------------------------------------------------


class Office:
    """The files' keeper over a folder of recordings."""

    def __init__(self, journal: Journal, root: Path) -> None:
        self.journal, self.root, self.clock = journal, root, FakeClock(START + DAY)
        self.deleted: list[tuple[str, str]] = []
        self.core_is_away = False
        self.refuses = ""
        (root / "voicemails").mkdir(parents=True)
        self.files = VoicemailFiles(
            journal.url,
            root=str(root),
            clock=self.clock,
            delete=self._delete,
            desk=FileDesk(settle_seconds=0.01, deadline_seconds=5.0),
        )

    def _delete(self, voicemail_id: str, reason: str) -> None:
        if self.core_is_away:
            raise DaemonUnreachable("core is away")
        if voicemail_id == self.refuses:
            raise Refused("not this one")
        self.deleted.append((voicemail_id, reason))

    def speak(self, path: Path, ms: int = 1_500, loud: bool = True) -> Path:
        with wave.open(str(path), "wb") as file:
            file.setparams((1, 2, 8000, 0, "NONE", ""))
            file.writeframes(b"\1\0" * (8 * ms - 160) + (b"\0\10" if loud else b"\1\0") * 160)
        return path

    def look_until(self, **wanted: Any) -> dict[str, Any]:
        with gevent.Timeout(10):
            while True:
                self.files.look()
                row = self.journal.row()
                if all(row[key] == value for key, value in wanted.items()):
                    return row
                gevent.sleep(0.02)


@pytest.fixture
def office(journal: Journal, tmp_path: Path) -> Iterator[Office]:
    made = Office(journal, tmp_path / "recordings")
    yield made
    gevent.killall(list(made.files._working.values()))


def test_a_file_is_measured_and_says_how_long_the_message_is(office: Office) -> None:
    path = office.speak(office.root / "voicemails" / "1.wav")
    office.journal.write(left(local_path=str(path), duration_ms=60_000))
    row = office.look_until(file="complete")
    assert (row["duration_ms"], row["size_bytes"]) == (1_500, 24_044)
    assert office.deleted == []
    assert row["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_message_in_which_nothing_is_said_is_deleted(office: Office) -> None:
    path = office.speak(office.root / "voicemails" / "1.wav", loud=False)
    office.journal.write(left(local_path=str(path)))
    office.look_until(file="complete")
    assert office.deleted == [(M1, "silent")]


def test_a_file_that_is_missing_is_said_so(office: Office) -> None:
    office.files._desk = FileDesk(settle_seconds=0.01, deadline_seconds=0.2)
    office.journal.write(left(local_path=str(office.root / "voicemails" / "none.wav")))
    with capture_logs() as logs:
        office.look_until(file="missing")
    assert {line["event"] for line in logs} == {"voicemail_missing"}


def test_a_deleted_message_loses_its_file_and_keeps_its_row(office: Office) -> None:
    path = office.speak(office.root / "voicemails" / "1.wav")
    office.journal.write(left(local_path=str(path)), change(Change.DELETED))
    row = office.look_until(file="erased")
    assert not path.exists()
    assert (row["state"], row["caller_number"], row["deleted_at"] is not None) == ("deleted", "13800138000", True)


def test_all_messages_of_a_number_are_deleted_in_whatever_form_it_came(office: Office, database: str) -> None:
    path, other = (office.speak(office.root / "voicemails" / f"{name}.wav") for name in ("his", "other"))
    office.journal.write(
        left(1, local_path=str(path)),
        left(2, caller_number="013800138000", local_path=""),
        left(3, caller_number="13800138000", caller_e164="", local_path=""),
        left(4, caller_number="13900139000", caller_e164="+8613900139000", local_path=str(other)),
    )
    engine = make_engine(database)

    def delete(voicemail_id: str, who: str, why: str) -> None:
        fact = VoicemailChanged(at=START + DAY, voicemail_id=voicemail_id, change=Change.DELETED, who=who, reason=why)
        office.journal.write(fact)

    try:
        erases = VoicemailEraser(lambda: VoicemailStore(engine), delete)
        assert erases("13800138000", "+8613800138000", who="li", why="by letter") == 3
        assert erases("13800138000", "+8613800138000", who="li", why="again") == 0
    finally:
        engine.dispose()
    with gevent.Timeout(10):
        while path.exists():
            office.files.look()
            gevent.sleep(0.02)
    rows = {str(row["voicemail_id"]): row for row in office.journal.rows()}
    told = {
        (row["state"], row["deleted_by"], row["reason"]) for one, row in rows.items() if one != ident(4, "voicemail")
    }
    assert told == {("deleted", "li", "by letter")}
    assert rows[ident(4, "voicemail")]["state"] == "new"


def test_a_file_that_is_gone_already_counts_as_erased(office: Office) -> None:
    office.speak(office.root / "voicemails" / "another.wav")
    office.journal.write(left(local_path=str(office.root / "voicemails" / "none.wav")), change(Change.DELETED))
    office.look_until(file="erased")


@pytest.mark.parametrize("away", ["the share of all recordings", "that of voicemail"])
def test_a_disk_that_is_away_erases_nothing_and_the_file_goes_when_it_is_back(office: Office, away: str) -> None:
    folder = office.root if away == "the share of all recordings" else office.root / "voicemails"
    path = office.speak(office.root / "voicemails" / "1.wav")
    office.journal.write(left(local_path=str(path)), change(Change.DELETED))
    folder.rename(folder.with_name("elsewhere"))
    folder.mkdir()
    with capture_logs() as logs, gevent.Timeout(10):
        while not logs:
            office.files.look()
            gevent.sleep(0.02)
    assert (logs[0]["alarm"], "is its disk away" in logs[0]["reason"] or "is not there" in logs[0]["reason"]) == (
        "voicemail_not_erased",
        True,
    )
    assert office.journal.row()["file"] == "unchecked"
    folder.rmdir()
    folder.with_name("elsewhere").rename(folder)
    office.look_until(file="erased")
    assert not path.exists()


def test_files_that_cannot_go_do_not_stand_before_those_that_can(office: Office) -> None:
    facts = [left(n, at=START + n, local_path=f"/elsewhere/{n}.wav") for n in range(1, 102)]
    path = office.speak(office.root / "voicemails" / "good.wav")
    office.journal.write(*facts, left(102, at=START + DAY, local_path=str(path)))
    office.journal.write(*(change(Change.DELETED, n=n) for n in range(1, 103)))
    with capture_logs() as logs, gevent.Timeout(20):
        while path.exists():
            office.files.look()
            gevent.sleep(0.02)
    assert len(logs) <= 101, "each is told once"


def test_a_silent_message_is_deleted_when_core_is_back(office: Office) -> None:
    path = office.speak(office.root / "voicemails" / "1.wav", loud=False)
    office.journal.write(left(local_path=str(path)))
    office.core_is_away = True
    with capture_logs() as logs, gevent.Timeout(10):
        while not logs:
            office.files.look()
            gevent.sleep(0.02)
    assert office.journal.row()["file"] == "unchecked"
    office.core_is_away = False
    office.look_until(file="complete")
    assert office.deleted == [(M1, "silent")]


def test_one_that_core_refuses_to_delete_does_not_keep_the_others(office: Office, database: str) -> None:
    engine = make_engine(database)
    try:
        month = ConfigStore(engine).add_box("month", retention_days=30)
    finally:
        engine.dispose()
    office.journal.write(left(1, box_id=month.box_id), left(2, at=START + SECOND, box_id=month.box_id))
    office.clock.advance(40 * 86_400)
    office.refuses = M1
    with capture_logs() as logs:
        office.files.look()
        office.files.look()
    assert office.deleted == [(M2, "retention")]
    assert [line["event"] for line in logs if line["log_level"] == "error"] == ["voicemail_not_deleted"]


def test_a_file_whose_header_is_nonsense_is_measured_all_the_same(office: Office) -> None:
    path = office.speak(office.root / "voicemails" / "1.wav")
    header = bytearray(path.read_bytes())
    header[24:28] = bytes(4)  # no samples a second
    path.write_bytes(header)
    office.journal.write(left(local_path=str(path), duration_ms=4_000))
    assert office.look_until(file="complete")["duration_ms"] == 4_000


@pytest.mark.parametrize("where", ["beside", "above", "link", "root"])
def test_nothing_is_erased_outside_the_folder_whatever_a_row_says(office: Office, tmp_path: Path, where: str) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    victim = office.speak(precious / "call.wav")
    (office.root / "voicemails" / "link").symlink_to(precious)
    paths = {
        "beside": str(office.speak(office.root / "call.wav")),
        "above": f"{office.root}/voicemails/../../precious/call.wav",
        "link": f"{office.root}/voicemails/link/call.wav",
        "root": str(office.root / "voicemails"),
    }
    office.journal.write(left(local_path=paths[where]), change(Change.DELETED))
    with capture_logs() as logs:
        for _ in range(10):
            office.files.look()
            gevent.sleep(0.05)
    assert victim.exists()
    assert Path(paths["beside"]).exists()
    assert office.journal.row()["file"] == "unchecked"
    assert [line["alarm"] for line in logs] == ["voicemail_not_erased"], "said once"


def test_messages_older_than_their_box_keeps_them_are_deleted_once(office: Office, database: str) -> None:
    engine = make_engine(database)
    try:
        config = ConfigStore(engine)
        month, always = config.add_box("month", retention_days=30), config.add_box("always", retention_days=0)
    finally:
        engine.dispose()
    office.journal.write(left(1, box_id=month.box_id), left(2, box_id=always.box_id))
    office.clock.advance(28 * 86_400)
    office.files.look()
    assert office.deleted == []
    office.clock.advance(86_401)
    office.core_is_away = True
    office.files.look()
    assert office.deleted == []
    office.core_is_away = False
    office.files.look()
    office.files.look()
    assert office.deleted == [(M1, "retention")]
    office.journal.write(change(Change.DELETED, reason="retention"))
    office.files.look()
    assert office.deleted == [(M1, "retention")]
    states = [row["state"] for row in office.journal.rows("SELECT state FROM ccd.voicemails ORDER BY voicemail_id")]
    assert sorted(states) == ["deleted", "new"]
