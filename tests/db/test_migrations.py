"""Schema versions: up, down with rows in every table, and the same as the tables in the code."""

import datetime as dt
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import BigInteger, Boolean, DateTime, Integer, Uuid, inspect, select, text
from sqlalchemy.dialects.postgresql import JSONB

from ccd.base.errors import Refused
from ccd.side.db import migrate, schema_version
from ccd.side.db.engine import connect, conninfo, make_engine
from ccd.side.db.partitions import ensure_partitions, is_partition, months_from
from ccd.side.db.tables import PARTITIONED, facts, metadata

IDS = uuid.UUID("01900000-0000-7000-8000-000000000001")
NOON = dt.datetime(2026, 11, 22, 12, tzinfo=dt.UTC)
ONE_OF = {
    "outcome": "answered",
    "ended_by": "caller",
    "role": "agent",
    "result": "busy",
    "presence": "available",
    "activity": "idle",
    "event": "repaired",
    "state": "running",
    "list": "blacklist",
    "action": "reject",
}
KINDS = {"call_segments": "talk"}
STATES = {"voicemails": {"state": "new", "file": "complete"}}


def sample(table, column):
    if (state := STATES.get(table.name, {}).get(column.name)) is not None:
        return state
    if column.name == "reason":
        return "why"
    if column.name == "kind":
        return KINDS.get(table.name, "kind")
    if column.name in ONE_OF:
        return ONE_OF[column.name]
    for kind, value in ((Uuid, str(IDS)), (DateTime, NOON), (BigInteger, 7), (Integer, 7), (JSONB, {"a": 1})):
        if isinstance(column.type, kind):
            return value
    return True if isinstance(column.type, Boolean) else f"a {column.name}"


@pytest.fixture
def engine(database):
    one = make_engine(database)
    yield one
    one.dispose()


def fill_every_table(engine):
    with engine.begin() as connection:
        for table in metadata.sorted_tables:
            connection.execute(table.insert(), {column.name: sample(table, column) for column in table.columns})


def test_migrations_make_exactly_the_tables_of_the_code(database):
    assert migrate.differences(database) == []
    assert migrate.current(database) == migrate.head()


def test_side_reads_the_versions_as_alembic_does(empty_database):
    assert schema_version.head() == migrate.head()
    assert schema_version.current(empty_database) == migrate.current(empty_database) == ""
    for revision in ("0002", "head", "base"):
        move = migrate.downgrade if revision == "base" else migrate.upgrade
        moved_to = move(empty_database, revision)
        assert schema_version.current(empty_database) == migrate.current(empty_database) == moved_to


def test_the_way_down_and_up_again_with_rows_in_every_table(database, engine):
    fill_every_table(engine)
    with engine.connect() as connection:
        counts = [connection.scalar(select(text("count(*)")).select_from(table)) for table in metadata.sorted_tables]
    assert counts == [1] * len(metadata.sorted_tables)
    assert migrate.downgrade(database, "base") == ""
    assert inspect(engine).get_table_names(schema="ccd") == [migrate.VERSION_TABLE]
    assert migrate.upgrade(database) == migrate.head()
    assert migrate.differences(database) == []


def test_calls_that_the_switch_ended_are_unknown_to_the_schema_before(database, engine):
    fill_every_table(engine)
    with engine.begin() as connection:
        connection.execute(text("UPDATE ccd.calls SET ended_by = 'switch'"))
    migrate.downgrade(database, "0001")
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT ended_by FROM ccd.calls")) == "unknown"
    assert migrate.upgrade(database) == migrate.head()


def test_two_upgrades_at_once_wait_for_each_other(empty_database):
    with ThreadPoolExecutor(2) as both:
        assert list(both.map(migrate.upgrade, [empty_database] * 2)) == [migrate.head()] * 2


def test_a_database_of_a_newer_ccd_is_refused(database, engine):
    with engine.begin() as connection:
        connection.execute(text("UPDATE ccd.alembic_version SET version_num = '9999'"))
    with pytest.raises(Refused, match="version 9999, which is newer"):
        migrate.upgrade(database)


def test_every_check_of_a_word_knows_its_column():
    """A new CHECK needs a sample above; this says so before the insert does."""
    assert {column.name for table in metadata.tables.values() for column in table.columns if column.name in ONE_OF}


def test_months_follow_each_other_over_the_year():
    assert [f"{month:%Y-%m}" for month in months_from(dt.date(2026, 11, 22), 3)] == ["2026-11", "2026-12", "2027-01"]


def test_rows_that_came_before_their_partition_move_into_it(database, engine):
    fill_every_table(engine)
    with connect(database) as connection:
        made = ensure_partitions(connection, NOON.date(), months=2)
        assert len(made) == 2 * len(PARTITIONED)
        assert all(is_partition(name) for name in made)
        assert ensure_partitions(connection, NOON.date(), months=2) == []
        assert connection.execute("SELECT count(*) FROM ccd.facts_y2026m11").fetchone() == (1,)
        assert connection.execute("SELECT count(*) FROM ccd.facts_default").fetchone() == (0,)
    assert migrate.differences(database) == []


def test_a_fact_of_any_month_finds_a_place(database, engine):
    row = {column.name: sample(facts, column) for column in facts.columns}
    with engine.begin() as connection:
        for year in (1970, 2026, 2999):
            connection.execute(facts.insert(), {**row, "at": NOON.replace(year=year)})


def test_a_revision_that_is_not_on_the_way_is_refused(database):
    migrate.downgrade(database, "0001")
    with pytest.raises(Refused, match="no way from 0001 to 0002"):
        migrate.downgrade(database, "0002")
    with pytest.raises(Refused, match="no revision 'tomorrow'; known are base, 0001"):
        migrate.upgrade(database, "tomorrow")
    assert migrate.current(database) == "0001"


@pytest.mark.parametrize("url", ["nonsense", "mysql://h/d", "postgresql://h:port/d"])
def test_what_is_no_url_of_a_postgresql_is_refused_without_repeating_it(url):
    with pytest.raises(Refused) as caught:
        conninfo(url)
    assert url not in str(caught.value)
