"""What each setting does, as a short story that comes out differently with another value; for test_14.

A story is given the value and returns what was seen. `PLAYED_ELSEWHERE` names the tests of settings that act in SQL or on paper.
"""

from __future__ import annotations

from tests.complaints import settings_of_callers, settings_of_offers, settings_of_people, settings_of_places
from tests.complaints.settings_stage import Proof

NO_SETTINGS = {"breakreason.break_id"}
"""Ids that only tell rows apart."""

PLAYED_ELSEWHERE = {
    "queue.keep_days": "tests/db/test_recording_keeping.py",
    "queue.service_level_ms": "tests/side/test_reports.py",
    "breakreason.zh": "tests/http/test_duties.py",
    "breakreason.en": "tests/http/test_duties.py",
}

PROOFS: dict[str, Proof] = (
    settings_of_offers.PROOFS | settings_of_places.PROOFS | settings_of_callers.PROOFS | settings_of_people.PROOFS
)
