"""What the lists say of a caller, carried out at the desk; whatever fails there lets him in."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from structlog.testing import capture_logs

from ccd.calls import onchannel
from ccd.calls.facts import CallEnded, EndedBy, Outcome
from ccd.calls.onchannel import Place
from ccd.core.closing import _outcome
from ccd.core.ledger import Ledger
from ccd.core.open_calls import OpenCall
from ccd.core.screen import MOST_DIVERSIONS, Screen, open_lists
from ccd.core.site import Site
from ccd.core.stays import as_known
from ccd.ivr.facts import FlowEntered
from ccd.ivr.flow import fingerprint
from ccd.journal.codec import decode, encode
from ccd.journal.configuration import Configuration
from ccd.journal.snapshot import StateFolder
from ccd.screening.facts import CallScreened
from ccd.screening.lists import Change
from ccd.screening.model import Action, Entry, ListName
from ccd.switch.commands import Answer, Hangup, Play, SetVariables
from ccd.switch.events import ChannelAnswered
from tests.builders import queue
from tests.core.test_desk import WAIT, Reception

NUMBER, E164 = "13800138000", "+8613800138000"
BY_CLASS = {
    "start": "which",
    "nodes": {
        "which": {
            "type": "branch",
            "cases": [{"when": f"caller_class == 'vip' and caller_e164 == '{E164}'", "next": "gold"}],
            "otherwise": "plain",
        },
        "gold": {"type": "hangup", "cause": "USER_BUSY"},
        "plain": {"type": "hangup"},
    },
}


class Door:
    """A desk with lists."""

    def __init__(self, flow: dict[str, Any], folder: Path) -> None:
        self.reception = Reception(flow)
        self.world = self.reception.world
        self.state = StateFolder(folder / "state")
        self.lists = open_lists(self.state, self.world.clock, self.world.registry._numbering)
        self.kept: list[Configuration] = []
        self.screen = Screen(
            clock=self.world.clock,
            lists=self.lists,
            site=self.reception.site,
            publish=self.world.publish,
            keep=lambda: self.kept.append(self.reception.site.configuration),
        )
        self.reception.desk._screen = self.screen

    def lists_say(self, subject: str, name: str = "blacklist", **entry: Any) -> None:
        version = self.lists.version + 1
        given = {"action": Action.REJECT, "target": "CALL_REJECTED"} if name == "blacklist" else {}
        made = Entry(entry_id=version, list=ListName(name), subject=subject, **(given | entry))
        self.lists.change([Change(version=version, entry_id=version, entry=made)])

    def calls(self) -> str:
        leg = self.world.caller_arrives(number=NUMBER, answered=False)
        self.reception.breathe()
        return leg

    def screened(self) -> list[CallScreened]:
        return self.world.of(CallScreened)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def test_who_is_rejected_is_hung_up_and_never_answered(folder: Path) -> None:
    door = Door(WAIT, folder)
    door.lists_say(E164, reason="again and again", target="USER_BUSY")
    leg = door.calls()
    switch = door.world.switch
    assert switch.last(Hangup) == Hangup(leg_id=leg, cause="USER_BUSY")
    assert switch.all(Answer) == switch.all(Play) == []
    assert switch.all(SetVariables)[0].values["ccd_caller_class"] == "blacklist"
    (fact,) = door.screened()
    assert (fact.list, fact.action, fact.scope, fact.reason) == ("blacklist", "reject", "all", "again and again")
    door.world.hung_up(leg, disposition="send_refuse")
    (ended,) = door.world.of(CallEnded)
    assert (ended.outcome, ended.ended_by) == (Outcome.BLOCKED, EndedBy.CCD)
    door.reception.goes_home()


def test_a_number_without_a_route_is_screened_all_the_same(folder: Path) -> None:
    door = Door(WAIT, folder)
    door.reception.site.take(Configuration(version=2))
    door.lists_say(E164)
    leg = door.calls()
    assert door.world.switch.last(Hangup).leg_id == leg
    door.reception.goes_home()


def test_flows_read_the_class_and_the_number_that_lists_compare(folder: Path) -> None:
    door = Door(BY_CLASS, folder)
    door.lists_say("+86138*", "vip", reason="gold")
    door.calls()
    assert door.world.switch.last(Hangup).cause == "USER_BUSY"
    assert [(one.caller_class, one.action) for one in door.screened()] == [("vip", "warn")]
    door.reception.goes_home()


def test_a_caller_of_whom_nothing_is_said_has_no_class_and_makes_no_fact(folder: Path) -> None:
    door = Door(BY_CLASS, folder)
    door.calls()
    assert door.world.switch.last(Hangup).cause == "NORMAL_CLEARING"
    assert door.screened() == []
    assert "ccd_caller_class" not in door.world.switch.all(SetVariables)[0].values
    door.reception.goes_home()


def test_a_failure_of_the_lists_lets_the_caller_in(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    door = Door(WAIT, folder)
    door.world.configure([queue("sales")], [], [])

    def fails(*_: object) -> None:
        raise RuntimeError("a fault of ours")

    monkeypatch.setattr(door.lists, "verdict", fails)
    with capture_logs() as logs:
        leg = door.calls()
    assert door.world.acd.caller_of(leg) is not None, "he waits in the queue"
    assert {line["alarm"] for line in logs if "alarm" in line} == {"screening_failed"}
    door.reception.goes_home()


def test_an_entry_that_leads_to_a_flow_that_is_gone_only_warns(folder: Path) -> None:
    door = Door(WAIT, folder)
    door.world.configure([queue("sales")], [], [])
    door.lists_say(E164, action=Action.FLOW, target="nowhere")
    with capture_logs() as logs:
        leg = door.calls()
    assert door.world.acd.caller_of(leg) is not None
    assert "list_entry_not_carried_out" in [line["event"] for line in logs]
    assert [(one.caller_class, one.action) for one in door.screened()] == [("blacklist", "warn")]
    door.reception.goes_home()


def test_a_queues_entry_bites_before_the_queue_and_other_entries_do_not_bite_twice(folder: Path) -> None:
    door = Door(WAIT, folder)
    door.world.configure([queue("sales")], [], [])
    door.lists_say("+86138*", "vip", reason="gold")
    door.lists_say(E164, scope="queue:sales", reason="not here")
    leg = door.calls()
    assert door.world.acd.caller_of(leg) is None
    assert door.world.switch.last(Hangup) == Hangup(leg_id=leg, cause="CALL_REJECTED")
    assert [(one.caller_class, one.action) for one in door.screened()] == [("vip", "warn"), ("blacklist", "reject")]
    door.reception.goes_home()


def test_a_queues_entry_that_leads_back_to_the_queue_turns_nobody_round_for_ever(folder: Path) -> None:
    door = Door(WAIT, folder)
    door.world.configure([queue("sales")], [], [])
    door.lists_say(E164, scope="queue:sales", action=Action.FLOW, target="main")
    leg = door.calls()
    assert door.world.acd.caller_of(leg) is not None
    assert len(door.world.of(FlowEntered)) == MOST_DIVERSIONS + 1
    door.reception.goes_home()


def test_the_whitelist_lets_in_at_a_queue_too(folder: Path) -> None:
    door = Door(WAIT, folder)
    door.world.configure([queue("sales")], [], [])
    door.lists_say("+86138*", "whitelist")
    door.lists_say(E164, scope="queue:sales")
    leg = door.calls()
    assert door.world.acd.caller_of(leg) is not None
    door.reception.goes_home()


def test_a_flow_of_ours_is_kept_by_its_hash_and_found_by_the_next_core(folder: Path) -> None:
    door = Door(WAIT, folder)
    door.lists_say(E164, action=Action.PLAY, target="closed")
    leg = door.calls()
    assert door.world.switch.last(Answer).leg_id == leg
    door.world.say(ChannelAnswered(leg_id=leg, at=door.world.clock.now()))
    door.reception.breathe()
    assert door.world.switch.last(Play).audio == "/srv/sounds/zh/closed.wav"
    (kept,) = door.kept
    site = Site("/srv/sounds", "zh")
    site.take(msgspec.convert(msgspec.to_builtins(kept), Configuration))
    sha256 = door.world.of(FlowEntered)[0].sha256
    assert fingerprint(kept.flows[sha256]) == site.flow(sha256).sha256 == sha256
    door.reception.goes_home()


def test_what_was_said_of_a_caller_outlives_core(folder: Path) -> None:
    fact = CallScreened(at=1, call_id="c", leg_id="l", caller_class="vip", list="vip", entry_id=7, reason="gold")
    assert decode(encode(fact)) == fact
    ledger = Ledger(calls={"c": OpenCall(call_id="c", leg_id="l", node="fs1")})
    ledger.apply(fact)
    past = msgspec.convert(msgspec.to_builtins(ledger), Ledger).calls["c"]
    assert (past.caller_class, past.class_reason, past.blocked) == ("vip", "gold", False)
    assert as_known(Place(call_id="c", caller_class="withheld"), past).caller_class == "vip"
    carried = onchannel.variables(call_id="c", caller_class="malicious")
    assert onchannel.read(carried).caller_class == "malicious"
    ledger.apply(msgspec.structs.replace(fact, action="reject"))
    assert _outcome(ledger.calls["c"]) is Outcome.BLOCKED


def test_changes_that_core_took_over_are_there_after_a_restart(folder: Path) -> None:
    door = Door(WAIT, folder)
    door.lists_say(E164)
    door.state.close()
    state = StateFolder(folder / "state")
    again = open_lists(state, door.world.clock, door.world.registry._numbering)
    assert again.verdict(NUMBER, "1").caller_class == "blacklist"
    state.close()


def test_kept_changes_that_cannot_be_read_cost_an_alarm_and_no_start(folder: Path) -> None:
    state = StateFolder(folder / "state")
    state.save("lists-changes.json", {"version": "x"})
    with capture_logs() as logs:
        lists = open_lists(state, SimpleNamespace(now=lambda: 1), None)  # type: ignore[arg-type]
    assert [line["event"] for line in logs] == ["lists_changes_unreadable", "lists_not_built_yet"]
    assert lists.version == 0
    state.close()
