"""Complaint 14: Settings that do nothing.

https://github.com/fusionpbx/fusionpbx/issues/6515 https://github.com/fusionpbx/fusionpbx/issues/2455

Every setting of a queue, an agent, a station, a place in a queue and a reason for breaks has a story here, which is played
with two values and comes out differently. Who adds a setting adds its story, or this fails. What is no setting is refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from ccd.acd import strategies
from ccd.acd.model import Agent, BreakReason, Queue, Station, Tier
from ccd.base.errors import CcdError
from tests.complaints.settings_at_work import NO_SETTINGS, PLAYED_ELSEWHERE, PROOFS
from tests.complaints.settings_stage import Proof
from tests.office_world import World as Office

ROOT = Path(__file__).parents[2]
KINDS: tuple[type[msgspec.Struct], ...] = (Queue, Agent, Station, Tier, BreakReason)
ROWS = [(kind, name) for kind in KINDS for name in kind.__struct_fields__]


def key(kind: type, name: str) -> str:
    return f"{kind.__name__.lower()}.{name}"


def test_every_setting_has_a_story_and_every_story_a_setting() -> None:
    wanted = {key(kind, name) for kind, name in ROWS} - PLAYED_ELSEWHERE.keys() - NO_SETTINGS
    assert wanted - PROOFS.keys() == set(), "settings of which nothing shows that they do anything"
    assert PROOFS.keys() - wanted == set(), "stories of settings that there are not"
    for name, where in PLAYED_ELSEWHERE.items():
        assert name.split(".")[1] in (ROOT / where).read_text(), f"{name} is not played in {where}"


@pytest.mark.parametrize("name", sorted(PROOFS))
def test_a_setting_changes_what_happens(name: str) -> None:
    story, one, other = PROOFS[name]
    assert story(one) == story(one), "the story itself comes out the same"
    assert story(one) != story(other), f"{name} is {one!r} or {other!r}, and nothing is different"


def test_a_setting_that_does_nothing_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """The complaint itself: a check box without anything behind it."""
    idle: Proof = Proof(lambda value: "the same", 1, 2)
    monkeypatch.setitem(PROOFS, "queue.name", idle)
    with pytest.raises(AssertionError, match="nothing is different"):
        test_a_setting_changes_what_happens("queue.name")


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    office = Office(tmp_path)
    yield office
    office.close()


@pytest.mark.parametrize(
    "body", [{"strategy": "sequentially-by-next-agent-order"}, {"announce_positions": True}, {"ring_s": 10}]
)
def test_what_is_no_setting_or_no_strategy_is_refused(office: Office, body: dict[str, Any]) -> None:
    with pytest.raises(CcdError, match=r"strategy|announce_positions|ring_s"):
        office.post("queues", name="sales", **body)
    assert office.tables.queues == []


def test_every_strategy_that_is_offered_is_there() -> None:
    assert len(strategies.names()) >= 11
    for name in strategies.names():
        assert strategies.named(name).name == name
