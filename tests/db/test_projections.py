"""What facts make of the tables, in whatever order and however often they come."""

import itertools
import random
import threading
import uuid

import psycopg
import pytest
from psycopg.rows import dict_row
from structlog.testing import capture_logs

from ccd.acd import facts as acd
from ccd.base.clock import FakeClock
from ccd.calls import facts as calls
from ccd.ivr import facts as ivr
from ccd.journal import codec
from ccd.journal.records import SpooledFact
from ccd.journal.spool import SpoolWriter
from ccd.recording import facts as recording
from ccd.side.db.engine import connect, conninfo, to_moment
from ccd.side.db.journal import DeadLetters, read_cursor, write_batch
from ccd.side.db.projections import FACTS_ONLY, PROJECTIONS, SUMMARY_KINDS
from ccd.side.writer import JournalWriter
from tests.stories_of_facts import AGENTS, QUEUE, SECOND, START, answered_call, ident


@pytest.fixture
def journal(database, tmp_path):
    with connect(database) as connection:
        yield Journal(connection, DeadLetters(tmp_path / "dead.jsonl"))


class Journal:
    def __init__(self, connection, dead):
        self.connection, self.dead, self.seq = connection, dead, 0
        self.place = read_cursor(connection)

    def write(self, *facts, boot="boot-a"):
        """One batch with these facts."""
        spooled = []
        for fact in facts:
            self.seq += 1
            payload = fact if isinstance(fact, bytes) else codec.encode(fact)
            spooled.append(SpooledFact(boot, self.seq, payload))
        return self.write_spooled(spooled)

    def write_spooled(self, spooled):
        before, self.place = self.place, type(self.place)(self.place.segment, self.place.offset + 1)
        return write_batch(self.connection, spooled, before, self.place, self.dead)

    def rows(self, question):
        with self.connection.cursor(row_factory=dict_row) as cursor:
            return cursor.execute(question).fetchall()

    def row(self, question):
        (only,) = self.rows(question)
        return only

    def everything(self):
        tables = ("calls", "legs", "queue_entries", "offers", "recordings", "agent_sessions")
        found = {table: self.rows(f"SELECT * FROM ccd.{table} ORDER BY 1") for table in tables}
        found["agent_states"] = self.rows(
            "SELECT agent_id, from_at, to_at, activity FROM ccd.agent_states ORDER BY 1, 2"
        )
        for entry in found["queue_entries"]:
            del entry["state_seq"]
        return found


def test_every_kind_of_fact_has_its_projection_or_is_named_as_having_none():
    assert set(PROJECTIONS) | FACTS_ONLY == set(codec.BY_TAG)
    assert set(PROJECTIONS) >= SUMMARY_KINDS


def test_an_answered_call_is_on_record_with_all_its_times(journal):
    journal.write(*answered_call(1))
    call = journal.row("SELECT * FROM ccd.calls")
    t = START + SECOND // 10
    assert to_moment(call["arrived_at"]) == t
    assert to_moment(call["answered_at"]) == t + 1
    assert to_moment(call["queued_at"]) == t + 10 * SECOND
    assert to_moment(call["connected_at"]) == t + 30 * SECOND
    assert to_moment(call["ended_at"]) == t + 60 * SECOND
    assert (call["wait_ms"], call["talk_ms"], call["duration_ms"]) == (20_000, 30_000, 60_000)
    assert (call["outcome"], call["ended_by"], call["caller_name"]) == ("answered", "caller", "张")
    assert (str(call["queue_id"]), str(call["agent_id"])) == (QUEUE, AGENTS[1])
    offer = journal.row("SELECT * FROM ccd.offers")
    assert (offer["result"], offer["ring_ms"], offer["node"]) == ("accepted", 5000, "b")
    segments = journal.rows(
        "SELECT kind, extract(epoch FROM ended_at - started_at)::int AS s FROM ccd.call_segments ORDER BY 1"
    )
    assert [(one["kind"], one["s"]) for one in segments] == [("flow", 10), ("queue", 20), ("talk", 30)]
    kept = journal.row("SELECT body, boot_id, seq FROM ccd.facts WHERE kind = 'node_entered'")
    assert kept["body"] == {
        "kind": "node_entered",
        "at": t + 2,
        "call_id": ident(1, "call"),
        "flow": "main",
        "node": "hello",
    }


def test_a_transfer_says_how_long_they_talked(journal):
    for n, talked in ((1, 42_000), (2, 0)):
        ids = {"transfer_id": ident(n, "transfer"), "call_id": ident(1, "call"), "leg_id": ident(n, "leg")}
        journal.write(
            ivr.TransferStarted(at=START, node="local", to="02161230001", contact="x", **ids),
            ivr.TransferEnded(at=START + 50 * SECOND, to="02161230001", result="answered", talk_ms=talked, **ids),
        )
    told = journal.rows("SELECT kind, name, talk_ms FROM ccd.call_segments ORDER BY talk_ms")
    assert [tuple(one.values()) for one in told] == [
        ("transfer", "02161230001", 42_000),
        ("transfer", "02161230001", None),
    ]


@pytest.mark.parametrize("batches", [1, 2])
def test_the_last_word_counts_not_the_latest_moment(journal, batches):
    """An agent's leg that ends after the caller's may be told of first: the stay has ended all the same."""
    stay = {"entry_id": ident(1, "entry"), "call_id": ident(1, "call"), "queue_id": QUEUE}
    talk = stay | {"agent_id": AGENTS[0], "offer_id": ident(1, "offer")}
    told = [
        acd.CallerQueued(at=START, leg_id="leg", priority=0, **stay),
        acd.CallerConnected(at=START + SECOND, leg_id="agent", wait_ms=1000, **talk),
        acd.CallerReturned(at=START + 2 * SECOND, **talk),
        acd.CallerLeft(at=START + 2 * SECOND - 1000, reason=acd.LeftReason.ABANDONED, wait_ms=1999, **stay),
    ]
    for facts in [told] if batches == 1 else [told[:3], told[3:]]:
        journal.write(*facts)
    entry = journal.row("SELECT * FROM ccd.queue_entries")
    assert (entry["outcome"], entry["wait_ms"], entry["returns"]) == ("abandoned", 1999, 1)
    assert to_moment(entry["left_at"]) == START + 2 * SECOND - 1000


@pytest.mark.parametrize("seed", range(4))
def test_facts_in_any_order_and_batches_come_to_the_same(journal, seed, database, tmp_path):
    facts = [fact for n in (1, 51, 101) for fact in answered_call(n, at=START + n * 100 * SECOND)]
    numbered = [SpooledFact("boot-a", n, codec.encode(fact)) for n, fact in enumerate(facts, 1)]
    journal.write_spooled(numbered)
    expected = journal.everything()
    journal.connection.execute(
        "TRUNCATE ccd.facts, ccd.calls, ccd.legs, ccd.queue_entries, ccd.offers, ccd.recordings,"
        " ccd.agent_sessions, ccd.agent_states, ccd.call_segments"
    )
    journal.connection.commit()
    shuffled = random.Random(seed)
    shuffled.shuffle(numbered)
    while numbered:
        size = shuffled.randint(1, 9)
        journal.write_spooled(numbered[:size])
        del numbered[:size]
    found = journal.everything()
    for table, rows in expected.items():
        if table in ("queue_entries", "recordings"):  # the node of the call is known only when the call came first
            for row in (*rows, *found[table]):
                row["node"] = ""
        assert found[table] == rows


@pytest.mark.parametrize("order", list(itertools.permutations(range(4))))
def test_the_callers_leg_is_a_customers_whoever_tells_it_first(journal, order):
    """A leg is created before the registry knows that it is a caller's, and only CallArrived says so for certain."""
    leg, call = {"leg_id": "leg"}, {"call_id": ident(1, "call")}
    told = [
        calls.LegCreated(
            at=START, call_id="", node="a", role=calls.Role.UNKNOWN, inbound=True, number="1", name="sofia/x", **leg
        ),
        calls.CallArrived(at=START, node="a", caller_number="1", caller_name="", dialled="400", **leg, **call),
        calls.LegAnswered(at=START + 1, role=calls.Role.CUSTOMER, **leg, **call),
        calls.LegEnded(at=START + SECOND, role=calls.Role.CUSTOMER, cause="NORMAL_CLEARING", **leg, **call),
    ]
    for number in order:
        journal.write(told[number])
    row = journal.row("SELECT * FROM ccd.legs")
    assert (row["role"], str(row["call_id"]), row["node"], row["name"]) == ("customer", call["call_id"], "a", "sofia/x")


def test_a_caller_who_is_known_from_the_switchs_records_alone_has_a_leg_with_its_node(journal):
    journal.write(
        calls.CallArrived(
            at=START, call_id=ident(1, "call"), leg_id="leg", node="a", caller_number="1", caller_name="", dialled="4"
        ),
        calls.LegEnded(at=START, leg_id="leg", call_id=ident(1, "call"), role=calls.Role.CUSTOMER, cause="X"),
    )
    row = journal.row("SELECT * FROM ccd.legs")
    assert (row["role"], row["node"], row["cause"]) == ("customer", "a", "X")


def test_numbers_are_kept_as_they_came_and_as_they_are_compared(journal):
    leg, call = {"leg_id": "leg"}, {"call_id": ident(1, "call")}
    number, e164 = "013800138000", "+8613800138000"
    journal.write(
        calls.LegCreated(
            at=START,
            node="a",
            role=calls.Role.UNKNOWN,
            inbound=True,
            number=number,
            number_e164=e164,
            name="x",
            **leg,
            call_id="",
        ),
        calls.CallArrived(
            at=START, node="a", caller_number=number, caller_e164=e164, caller_name="", dialled="400", **leg, **call
        ),
    )
    row = journal.row("SELECT caller_number, caller_e164 FROM ccd.calls")
    assert (row["caller_number"], row["caller_e164"]) == (number, e164)
    row = journal.row("SELECT number, number_e164 FROM ccd.legs")
    assert (row["number"], row["number_e164"]) == (number, e164)


def test_what_is_written_twice_counts_once(journal):
    spooled = [SpooledFact("boot-a", n, codec.encode(fact)) for n, fact in enumerate(answered_call(1), 1)]
    assert journal.write_spooled(spooled[:12]) == 12
    assert journal.write_spooled(spooled) == 8
    assert journal.write_spooled(spooled) == 0
    assert journal.row("SELECT count(*) AS n FROM ccd.facts")["n"] == 20


def waiting(**more):
    return {"entry_id": ident(1, "entry"), "call_id": ident(1, "call"), "queue_id": QUEUE, **more}


def test_a_caller_who_comes_back_waits_on_and_an_older_connect_changes_nothing(journal):
    connected = acd.CallerConnected(
        at=START + 5 * SECOND, leg_id="b", wait_ms=5000, **waiting(agent_id=AGENTS[0], offer_id=ident(1, "o1"))
    )
    returned = acd.CallerReturned(at=START + 6 * SECOND, **waiting(agent_id=AGENTS[0], offer_id=ident(1, "o1")))
    journal.write(acd.CallerQueued(at=START, leg_id="a", **waiting()), returned)
    journal.write(connected, boot="boot-Z")  # the spool of a boot before this one came late
    entry = journal.row("SELECT * FROM ccd.queue_entries")
    assert (entry["connected_at"], entry["left_at"], entry["agent_id"], entry["returns"]) == (None, None, None, 1)
    assert to_moment(entry["joined_at"]) == START
    journal.write(acd.CallerLeft(at=START + 9 * SECOND, reason=acd.LeftReason.ABANDONED, wait_ms=9000, **waiting()))
    entry = journal.row("SELECT * FROM ccd.queue_entries")
    assert (entry["outcome"], entry["wait_ms"], entry["connected_at"]) == ("abandoned", 9000, None)


@pytest.mark.parametrize("size", [1, 2, 5])
def test_each_return_counts_however_the_journal_was_cut_into_batches(journal, size):
    offers = [waiting(agent_id=AGENTS[0], offer_id=ident(1, f"o{number}")) for number in range(3)]
    told = [
        fact
        for offer in offers
        for fact in (
            acd.CallerConnected(at=START + SECOND, leg_id="b", wait_ms=1000, **offer),
            acd.CallerReturned(at=START + SECOND, **offer),
        )
    ][:-1]
    for begin in range(0, len(told), size):
        journal.write(*told[begin : begin + size])
    entry = journal.row("SELECT * FROM ccd.queue_entries")
    assert (entry["returns"], entry["outcome"]) == (2, "answered")


def test_agent_history_has_no_gap_and_a_session_ends_with_the_logout(journal):
    def changed(second, presence, activity="idle"):
        return acd.AgentChanged(
            at=START + second * SECOND, agent_id=AGENTS[0], presence=presence, activity=activity, cause=f"c{second}",
            session_id="" if presence == "logged_out" else ident(0, "session"), station_id=ident(0, "station"),
        )  # fmt: skip

    journal.write(changed(0, "available"), changed(10, "available", "talking"))
    journal.write(changed(30, "logged_out"))
    journal.write(changed(20, "on_break"), boot="boot-late")
    history = journal.rows("SELECT presence, activity, from_at, to_at FROM ccd.agent_states ORDER BY from_at")
    assert [row["to_at"] for row in history] == [*(row["from_at"] for row in history[1:]), None]
    assert [row["presence"] for row in history] == ["available", "available", "on_break", "logged_out"]
    session = journal.row("SELECT * FROM ccd.agent_sessions")
    assert to_moment(session["logged_in_at"]) == START
    assert to_moment(session["logged_out_at"]) == START + 30 * SECOND
    assert session["reason"] == "c30"


def test_masks_of_a_recording_are_ranges_in_whatever_order_their_ends_come(journal):
    own = {"recording_id": ident(1, "rec"), "call_id": ident(1, "call")}
    journal.write(recording.RecordingUnmasked(at=START, offset_ms=2000, from_ms=1000, cause="limit", **own))
    journal.write(
        recording.RecordingMasked(at=START, offset_ms=1000, until=START + SECOND, **own),
        recording.RecordingMasked(at=START, offset_ms=5000, reason="secret", **own),
    )
    masks = journal.rows("SELECT mask, from_ms, to_ms, cause, until_at FROM ccd.recording_masks ORDER BY from_ms")
    assert [(one["mask"], one["from_ms"], one["to_ms"], one["cause"]) for one in masks] == [
        ("agent", 1000, 2000, "limit"),
        ("secret", 5000, None, ""),
    ]
    assert to_moment(masks[0]["until_at"]) == START + SECOND


def test_recording_that_failed_is_told_with_its_reason_and_an_erased_one_stays_erased(journal):
    own = {"recording_id": ident(1, "rec"), "call_id": ident(1, "call")}
    journal.write(recording.RecordingFailed(at=START, reason="disk_full", **own))
    row = journal.row("SELECT * FROM ccd.recordings")
    assert (row["state"], row["reason"], to_moment(row["started_at"])) == ("failed", "disk_full", START)
    journal.rows("UPDATE ccd.recordings SET state = 'erased' RETURNING 1")
    journal.write(recording.RecordingFailed(at=START + 1, reason="late", **own))
    assert journal.row("SELECT state FROM ccd.recordings")["state"] == "erased"


def test_what_the_caller_said_to_the_question_stands_with_his_call(journal):
    call = ident(1, "call")
    journal.write(recording.RecordingConsent(at=START, call_id=call, consent="announced"))
    journal.write(recording.RecordingConsent(at=START + 1, call_id=call, consent="refused"))
    assert journal.row("SELECT recording_consent FROM ccd.calls")["recording_consent"] == "refused"


def test_a_leg_of_no_call_and_what_the_switch_did_are_kept(journal):
    journal.write(
        calls.LegCreated(
            at=START, leg_id="x", call_id="", node="a", role=calls.Role.STATION, inbound=True, number="", name=""
        ),
        calls.SwitchConnected(at=START, node="a", core_uuid="u"),
        calls.SwitchDisconnected(at=START, node="a", reason="eof"),
        calls.Repaired(at=START, subject="agent", what="freed"),
        b'{"kind":"from_the_future","at":1,"anything":[1]}',
    )
    assert journal.row("SELECT call_id FROM ccd.legs")["call_id"] is None
    assert [row["event"] for row in journal.rows("SELECT event FROM ccd.switch_events ORDER BY seq")] == [
        "connected",
        "disconnected",
        "repaired",
    ]
    assert journal.row("SELECT body FROM ccd.facts WHERE kind = 'from_the_future'")["body"]["anything"] == [1]


def test_what_sql_refuses_goes_to_the_dead_letters_and_the_rest_is_written(journal, tmp_path):
    ended = {
        "leg_id": "l",
        "cause": "",
        "ended_by": calls.EndedBy.CCD,
        "duration_ms": 1,
        "outcome": calls.Outcome.ANSWERED,
    }
    good = [calls.CallEnded(at=START, call_id=str(uuid.UUID(int=n)), **ended) for n in range(1, 60)]
    bad = [
        b'{"kind":"call_ended","at":1,"call_id":"no uuid","leg_id":"l","outcome":"answered","cause":""}',
        b'{"kind":"call_ended","at":9223372036854775807,"call_id":""}',
        b"no json at all",
        b'{"kind":"x"}',
        b'{"kind":"x","at":1,"text":"\xff"}',
    ]
    with capture_logs() as lines:
        journal.write(*good[:20], bad[0], *good[20:40], *bad[1:], *good[40:])
    assert journal.row("SELECT count(*) AS n FROM ccd.calls")["n"] == len(good)
    assert journal.row("SELECT count(*) AS n FROM ccd.facts")["n"] == len(good) + 1
    assert [line["event"] for line in lines] == ["fact_refused"] * len(bad)
    assert len((tmp_path / "dead.jsonl").read_text().splitlines()) == len(bad) == journal.dead.count


def test_nul_becomes_the_replacement_character(journal):
    journal.write(calls.Repaired(at=START, subject="a\0b", what="\\u0000 stays"))
    event = journal.row("SELECT subject, detail FROM ccd.switch_events")
    assert (event["subject"], event["detail"]) == ("a\ufffdb", "\\u0000 stays")


def test_a_database_that_is_not_migrated_is_waited_for_and_its_facts_are_no_dead_letters(empty_database, tmp_path):
    spool = SpoolWriter(tmp_path, "boot-a", clock=FakeClock())
    spool.append(codec.encode(calls.Repaired(at=START, subject="a", what="b")))
    writer = JournalWriter(empty_database, tmp_path, on_committed=lambda _: None, clock=FakeClock())
    with capture_logs() as lines:
        thread = threading.Thread(target=writer.run)
        thread.start()
        from ccd.side.db.migrate import upgrade

        upgrade(empty_database)
        with psycopg.connect(conninfo(empty_database), autocommit=True) as connection:
            deadline = 100
            while connection.execute("SELECT count(*) FROM ccd.facts").fetchone() != (1,) and deadline:
                deadline -= 1
                threading.Event().wait(0.1)
        writer.stop()
        thread.join(10)
    assert writer.dead_letters.count == 0
    assert writer.counts.written == 1
    assert {line["event"] for line in lines} <= {"journal_not_written", "journal_written_again"}
