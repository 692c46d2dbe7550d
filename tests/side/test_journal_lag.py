"""Answers out of SQL wait a moment for what has just happened, and say when it is not there yet."""

from __future__ import annotations

import gevent

from ccd.journal.records import Position
from ccd.side.journal_lag import JournalLag


def test_nothing_is_waited_for_when_all_is_written() -> None:
    lag = JournalLag()
    assert lag.caught_up(0)
    lag.grew(Position(1, 500))
    lag.committed(Position(1, 500))
    assert lag.caught_up(0)


def test_who_asks_waits_for_what_was_said_before_and_for_no_more() -> None:
    lag = JournalLag()
    lag.grew(Position(1, 500))
    asked = gevent.spawn(lag.caught_up, 10)
    gevent.idle()
    lag.grew(Position(2, 100))
    lag.committed(Position(1, 200))
    gevent.idle()
    assert not asked.ready()
    lag.committed(Position(1, 500))
    assert asked.get(timeout=10) is True
    assert lag._waiting == {}


def test_it_is_said_when_sql_does_not_follow() -> None:
    lag = JournalLag()
    lag.grew(Position(1, 500))
    assert not lag.caught_up(0.001)
    assert lag._waiting == {}
