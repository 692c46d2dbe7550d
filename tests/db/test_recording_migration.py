"""Marks of masked recordings become ranges, and ranges become marks again on the way down."""

from __future__ import annotations

import json

from sqlalchemy import text

from ccd.side.db import migrate
from ccd.side.db.engine import make_engine
from tests.stories_of_facts import ident

MARKS = [(1000, "masked"), (2000, "unmasked"), (5000, "masked")]


def test_marks_become_ranges_and_back(database: str) -> None:
    engine = make_engine(database)
    migrate.downgrade(database, "0003")
    marks = json.dumps([{"at_ms": at_ms, "mark": mark} for at_ms, mark in MARKS])
    with engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO ccd.recordings (recording_id, masked) VALUES (:id, cast(:marks AS jsonb)), (:other, '[]')"
            ),
            {"id": ident(1, "rec"), "other": ident(2, "rec"), "marks": marks},
        )
    migrate.upgrade(database)
    with engine.begin() as connection:
        ranges = connection.execute(text("SELECT mask, from_ms, to_ms FROM ccd.recording_masks ORDER BY from_ms")).all()
        assert [tuple(one) for one in ranges] == [("agent", 1000, 2000), ("agent", 5000, None)]
        connection.execute(
            text(
                "INSERT INTO ccd.recording_masks (recording_id, mask, from_ms, to_ms) VALUES (:id, 'secret', 1500, 3000)"
            ),
            {"id": ident(1, "rec")},
        )
        connection.execute(
            text("UPDATE ccd.recordings SET state = 'erased' WHERE recording_id = :id"), {"id": ident(2, "rec")}
        )
    migrate.downgrade(database, "0003")
    with engine.connect() as connection:
        rows = connection.execute(text("SELECT masked, state FROM ccd.recordings ORDER BY state DESC")).all()
    assert [(one["at_ms"], one["mark"]) for one in rows[0][0]] == [
        (1000, "masked"),
        (3000, "unmasked"),
        (5000, "masked"),
    ]
    assert tuple(rows[1]) == ([], "missing")
    migrate.upgrade(database)
    engine.dispose()
