"""The configuration as people change it, and history as they ask for it."""

import pytest
from sqlalchemy import text

from ccd.acd.model import Agent, Queue, Station
from ccd.base.errors import NotFound, Refused, Unsafe
from ccd.journal import codec
from ccd.journal.records import SpooledFact
from ccd.recording import facts as recording
from ccd.side.db.engine import connect, make_engine
from ccd.side.db.journal import DeadLetters, read_cursor, write_batch
from ccd.side.db.stores.config import ConfigStore
from ccd.side.db.stores.history import HistoryStore
from ccd.side.db.stores.recordings import RecordingStore
from tests.stories_of_facts import AGENTS, SECOND, START, answered_call, ident


@pytest.fixture
def engine(database):
    one = make_engine(database)
    yield one
    one.dispose()


@pytest.fixture
def config(engine):
    return ConfigStore(engine)


def test_a_site_is_set_up_and_core_gets_it_whole(config):
    station = config.add_station("desk 1", "user/1001@pbx.example")
    agent = config.add_agent("alice", display_name="李雷", station="desk 1")
    queue = config.add_queue("support", ring_ms=15_000, wrap_up_ms=3_000)
    tier = config.add_tier("support", "alice", level=2)
    loaded = config.load()
    assert (loaded.queues, loaded.agents, loaded.stations, loaded.tiers) == ((queue,), (agent,), (station,), (tier,))
    assert agent.station_id == station.station_id
    assert loaded.version == config.version() == 4


def test_a_refused_change_makes_no_version(config):
    config.add_agent("alice")
    with pytest.raises(Refused, match="there is already an agent alice"):
        config.add_agent("alice")
    for refused in (
        lambda: config.add_agent(" "),
        lambda: config.add_agent("a\nb"),
        lambda: config.add_queue("q", ring="20s"),
        lambda: config.add_queue("q", ring_ms="soon"),
        lambda: config.add_queue("q", ring_ms=-1),
        lambda: config.add_station("s", "user/1@x", kind="smoke"),
        lambda: config.add_station("s", "user/1@x", standing=True, confirm=True),
        lambda: config.add_tier("q", "alice", level=0),
    ):
        with pytest.raises(Refused):
            refused()
    with pytest.raises(Unsafe):
        config.add_station("s", "user/1@x${system(id)}")
    with pytest.raises(NotFound, match="no queue nowhere"):
        config.add_tier("nowhere", "alice")
    with pytest.raises(NotFound):
        config.remove_tier("nowhere", "alice")
    assert config.version() == 1


def test_a_retired_name_is_free_again_and_history_keeps_the_row(config, engine):
    config.add_queue("support")
    old = config.add_agent("alice")
    config.add_tier("support", "alice")
    config.retire(Agent, "alice")
    new = config.add_agent("alice")
    assert new.agent_id != old.agent_id
    assert config.load().agents == (new,)
    assert config.list_tiers() == []
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM ccd.agents WHERE retired_at IS NOT NULL")) == 1


def test_a_new_name_keeps_the_id_and_a_changed_queue_keeps_the_rest(config):
    queue = config.add_queue("support", wrap_up_ms=5)
    assert config.rename(Queue, "support", "help").queue_id == queue.queue_id
    assert config.change_queue("help", max_wait_ms=60_000).wrap_up_ms == 5
    assert config.found(Queue, "help").max_wait_ms == 60_000
    config.add_station("a", "user/1@x")
    config.add_station("b", "user/2@x")
    with pytest.raises(Refused):
        config.rename(Station, "a", "b")


def test_calls_are_found_page_by_page_and_one_with_all_that_belongs_to_it(database, engine):
    facts = [fact for n in range(5) for fact in answered_call(n)]
    spooled = [SpooledFact("boot-a", n, codec.encode(fact)) for n, fact in enumerate(facts, 1)]
    with connect(database) as connection:
        place = read_cursor(connection)
        write_batch(connection, spooled, place, type(place)(1, 1), DeadLetters(None))
    history = HistoryStore(engine)
    first = history.ended_calls(2)
    second = history.ended_calls(10, before=first[-1]["ended_at"])
    assert [one["call_id"] for one in first + second] == [ident(n, "call") for n in (4, 3, 2, 1, 0)]
    assert [one["call_id"] for one in history.ended_calls(agent_id=AGENTS[3])] == [ident(3, "call")]
    call = history.call(ident(2, "call"))
    assert call["ended_at"] == START + 2 * SECOND // 10 + 60 * SECOND
    assert {part: len(call[part]) for part in ("legs", "queue_entries", "offers", "recordings", "segments")} == {
        "legs": 2,
        "queue_entries": 1,
        "offers": 1,
        "recordings": 1,
        "segments": 3,
    }
    assert len(RecordingStore(engine).listed()) == 5
    assert [one["activity"] for one in history.agent_states(AGENTS[0])] == ["idle", "offered"]
    totals = history.totals(START)
    assert (totals["calls"], totals["answered"], totals["abandoned"], totals["wait_ms_p50"]) == (5, 5, 0, 20_000)
    for nobody in ("no uuid", ident(99, "call")):
        with pytest.raises(NotFound):
            history.call(nobody)


def spool(database, facts):
    spooled = [SpooledFact("boot-a", n, codec.encode(fact)) for n, fact in enumerate(facts, 1)]
    with connect(database) as connection:
        place = read_cursor(connection)
        write_batch(connection, spooled, place, type(place)(1, 1), DeadLetters(None))


def test_what_is_given_changes_and_the_rest_stays(config):
    desk = config.add_station("desk", "user/1001@pbx.example", node="local")
    agent = config.add_agent("alice", display_name="李雷", station="desk")
    assert config.change_agent("alice", display_name="韩梅梅") == Agent(
        agent_id=agent.agent_id, name="alice", display_name="韩梅梅", station_id=desk.station_id
    )
    assert config.change_agent("alice", station="").station_id == ""
    assert config.found(Agent, "alice").display_name == "韩梅梅"
    assert config.change_station("desk", contact="user/1002@pbx.example").node == "local"
    assert config.change_station("desk", node="", kind="external") == Station(
        station_id=desk.station_id, name="desk", contact="user/1002@pbx.example", kind="external", node=""
    )
    assert config.load().version == 6


def test_a_refused_change_of_what_is_there_leaves_it_as_it_was(config):
    config.add_station("desk", "user/1001@pbx.example")
    config.add_agent("alice", station="desk")
    config.add_queue("support")
    before = config.load()
    for refused in (
        lambda: config.change_station("desk", kind="smoke"),
        lambda: config.change_queue("support", ring_ms=-1),
        lambda: config.change_queue("support", ring="20s"),
        lambda: config.change_station("desk", contact="user/1@x;y"),
        lambda: config.change_station("desk", node="a b"),
        lambda: config.change_queue("support", music="/tmp/${x}"),
    ):
        with pytest.raises(Refused):
            refused()
    for nowhere in (
        lambda: config.change_agent("bob", display_name="x"),
        lambda: config.change_agent("alice", station="nowhere"),
        lambda: config.change_station("nowhere", kind="sip"),
        lambda: config.change_queue("nowhere", ring_ms=1000),
        lambda: config.retire(Queue, "nowhere"),
    ):
        with pytest.raises(NotFound):
            nowhere()
    assert config.load() == before


def test_a_queues_id_is_no_setting(config):
    before = config.add_queue("support")
    assert config.change_queue("support", queue_id=ident(1, "queue")) == before


def test_a_retired_station_leaves_its_agents_without_one_and_a_retired_queue_its_agents_without_a_place(config):
    config.add_station("desk", "user/1001@pbx.example")
    config.add_agent("alice", station="desk")
    config.add_queue("support")
    config.add_queue("sales")
    config.add_tier("support", "alice")
    kept = config.add_tier("sales", "alice")
    config.retire(Station, "desk")
    config.retire(Queue, "support")
    loaded = config.load()
    assert (loaded.stations, [one.name for one in loaded.queues], loaded.tiers) == ((), ["sales"], (kept,))
    assert loaded.agents[0].station_id == ""


def test_history_keeps_the_names_of_what_was_removed(config, database, engine):
    facts = answered_call(1)
    offer = next(fact for fact in facts if type(fact).__name__ == "OfferMade")
    queue, agent = config.add_queue("support"), config.add_agent("alice")
    for old, new, table in ((queue.queue_id, offer.queue_id, "queues"), (agent.agent_id, offer.agent_id, "agents")):
        with engine.begin() as connection:
            key = f"{table[:-1]}_id"
            connection.execute(text(f"UPDATE ccd.{table} SET {key} = '{new}' WHERE {key} = '{old}'"))
    config.retire(Queue, "support")
    config.retire(Agent, "alice")
    config.add_queue("support")
    config.add_agent("alice")
    spool(database, facts)
    call = HistoryStore(engine).call(ident(1, "call"))
    assert (call["queue"], call["agent"]) == ("support", "alice")
    assert [(one["queue"], one["agent"]) for one in call["offers"] + call["queue_entries"]] == [
        ("support", "alice")
    ] * 2
    assert {one["agent"] for one in call["legs"]} == {None}


def test_calls_are_found_by_the_beginning_of_their_id(database, engine):
    spool(database, [fact for n in range(3) for fact in answered_call(n)])
    history = HistoryStore(engine)
    every = sorted(ident(n, "call") for n in range(3))
    for one in every:
        found = {length: history.calls_beginning(one[:length]) for length in (8, 9, 13, 14, 20, 35)}
        assert found == {length: [other for other in every if other.startswith(one[:length])] for length in found}
    assert history.calls_beginning("00000000") == []
    assert history.calls_beginning("", limit=2) == every[:2]


def test_recordings_tell_their_silent_ranges(database, engine):
    """Facts in any order; the one of a ccd before there were reasons does not say where its range began."""
    facts = answered_call(1)
    own = next({"recording_id": f.recording_id, "call_id": f.call_id} for f in facts if hasattr(f, "recording_id"))
    facts += [
        recording.RecordingUnmasked(at=START, offset_ms=3000, reason="secret", from_ms=1500, cause="asked", **own),
        recording.RecordingMasked(at=START, offset_ms=5000, reason="policy", **own),
        recording.RecordingMasked(at=START, offset_ms=1000, until=START + 120 * SECOND, **own),
        recording.RecordingUnmasked(at=START, offset_ms=2000, **own),
        recording.RecordingMasked(at=START, offset_ms=1500, reason="secret", **own),
    ]
    spool(database, facts)
    expected = [
        {"from_ms": 1000, "to_ms": 3000, "reasons": ["agent", "secret"]},
        {"from_ms": 5000, "to_ms": None, "reasons": ["policy"]},
    ]
    assert RecordingStore(engine).listed()[0]["masked"] == expected
    assert HistoryStore(engine).call(own["call_id"])["recordings"][0]["masked"] == expected
