"""/v1/why and `ccd why`: the reasons as API and command line give them."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from click.testing import CliRunner

from ccd.base.codes import BadInput
from ccd.base.errors import NotFound
from ccd.cli.root import root
from ccd.side.http.office import DecisionDesk
from ccd.side.why.stories import Window
from tests import office_world
from tests.builders import World as Queues
from tests.builders import queue, tier
from tests.office_world import CALL, in_thread
from tests.office_world import World as House


class Journal:
    """One call that waited for alice, in memory."""

    def __init__(self) -> None:
        world = Queues()
        world.configure([queue()], ["alice", "bob"], [tier("support", "alice"), tier("support", "bob", 2)])
        world.ready("alice", "bob")
        leg = world.caller_arrives()
        world.registry.legs[leg].call_id = CALL
        world.enter(leg)
        self.window = Window(None, [], [world.facts])
        self.end = world.clock.now()

    def of_call(self, call_id: str) -> Window:
        if call_id != CALL:
            raise NotFound(f"call {call_id} has not stood in a queue")
        return self.window

    def of_agent(self, agent_id: str, begin: int, end: int) -> Window:
        assert begin < self.end <= end
        return self.window


@pytest.fixture
def house(world: House) -> House:
    desk = DecisionDesk(journal=Journal, language="zh", zone="Asia/Shanghai")
    office_world.TODAY.office = dataclasses.replace(office_world.TODAY.office, decisions=desk)
    return world


def test_a_call_is_explained_in_the_sites_language_or_the_one_asked_for(house: House) -> None:
    body = house.get("why", "calls", CALL)
    assert body["exact"]
    assert [event["event"] for event in body["events"]] == ["queued", "offered"]
    offered = body["events"][1]
    assert offered["at"] == "2027-01-15T08:00:00.002Z"
    assert offered["rule"] == {"code": "level", "strategy": "longest-idle-agent", "text": "层级最靠前"}
    assert offered["others"] == [
        {"code": "level", "value": 2, "first": 1, "agent": "bob", "text": "bob：层级 2，层级 1 有人可用"}
    ]
    english = house.get("why", "calls", CALL, language="en")
    assert english["events"][1]["others"][0]["text"] == "bob: level 2, level 1 had somebody"


def test_wrong_questions_are_refused(house: House) -> None:
    with pytest.raises(BadInput, match="language"):
        house.get("why", "calls", CALL, language="fr")
    with pytest.raises(NotFound):
        house.get("why", "agents", "nobody")
    with pytest.raises(BadInput):
        house.get("why", "calls", "x" * 36)


def run(house: House, *words: str) -> Any:
    return in_thread(CliRunner().invoke, root, ["-S", str(house.socket), "why", *words])


def test_the_command_line_says_it_in_lines(house: House) -> None:
    done = run(house, "call", CALL, "--language", "en")
    assert done.exit_code == 0, done.output
    assert done.output.splitlines()[1:] == [
        f"2027-01-15T16:00:00.002+08:00  call {CALL} was offered to alice: of the first level",
        "    bob: level 2, level 1 had somebody",
    ]
    assert run(house, "agent", "nobody").exit_code == 6


def test_it_is_said_when_the_database_is_behind(house: House) -> None:
    assert house.get("why", "calls", CALL)["current"]
    desk = dataclasses.replace(office_world.TODAY.office.decisions, caught_up=lambda: False)
    office_world.TODAY.office = dataclasses.replace(office_world.TODAY.office, decisions=desk)
    assert not house.get("why", "calls", CALL)["current"]
    assert "not in the database yet" in run(house, "call", CALL).stderr
