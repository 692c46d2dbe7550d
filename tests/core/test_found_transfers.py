"""What a restarted core makes of transfers that it finds: the ledger, the channels and the switch's own records agree."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest

from ccd.calls.onchannel import Place
from ccd.core.closing import Closing
from ccd.core.ledger import Ledger
from ccd.core.node import Node
from ccd.core.open_calls import OpenCall, OpenTransfer
from ccd.core.transfers import Standing, Transfers
from ccd.ivr.facts import TransferConnected, TransferEnded
from ccd.ivr.flow import Flow
from ccd.ivr.transfers import Stage
from ccd.switch.commands import Bridge, DropLease, Hangup, Originate
from ccd.switch.found import Found
from tests.builders import new_leg
from tests.core.switchboard import Switchboard
from tests.core.test_transfers import EDGES, call

SECOND = 1_000_000


class Restarted:
    """A core that has just come back to a caller with a transfer."""

    def __init__(self, folder: Path, **transfer: Any) -> None:
        self.board = Switchboard(call(*EDGES))
        self.world = self.board.world
        self.caller, self.called = self.board.calls(), new_leg()
        live = self.world.registry.legs[self.caller]
        self.board.desk.running[live.call_id].kill()  # what the core before this one did
        self.board.dialling._by_caller.clear()
        self.board.dialling._by_leg.clear()
        self.world.facts.clear()
        self.world.switch.forget()
        self.world.switch.awaited = 0
        self.folder = folder
        self.call_id = live.call_id
        past = OpenCall(call_id=self.call_id, leg_id=self.caller, node="fs1", flow="f", place="call")
        past.transfer = OpenTransfer(
            transfer_id="0190-t",
            leg_id=self.called,
            node="fs1",
            to="0216123",
            contact="sofia/gateway/carrier/0216123",
            made_at=self.world.clock.now() - 10 * SECOND,
            **transfer,
        )
        self.past = self.world.ledger.calls[self.call_id] = past
        self.transfers = Transfers(
            clock=self.world.clock,
            dialling=self.board.dialling,
            leg=self.world.registry.legs.get,
            ledger=self.world.ledger,
            publish=self.world.publish,
            cdr_path=str(folder),
        )
        self.node = cast(Node, SimpleNamespace(switch=self.world.switch, guards=self.world.guards))

    def found(self, leg_id: str, **state: Any) -> Found:
        empty: dict[str, Any] = dict.fromkeys((field.name for field in msgspec.structs.fields(Found)), "")
        numbers = dict.fromkeys(("created_at", "answered_at", "bridged_at"), 0)
        flags = dict.fromkeys(("inbound", "parked", "plays", "ended", "early_media"), False)
        return Found(**(empty | numbers | flags | {"leg_id": leg_id, "variables": {}} | state))

    def looks(self, *, bridged_to: str = "", **called: Any) -> Standing:
        """The recovery's question; `called` is how the other leg stands, nothing for one that is gone."""
        legs = {}
        if called:
            self.world.created(
                self.called, inbound=False, number="", context="ccd", name="x", role="transfer", call_id=self.call_id
            )
            legs[self.called] = self.found(self.called, **called)
        customer = self.found(self.caller, bridged_to=bridged_to, answered_at=1)
        return self.transfers.find(self.node, customer, Place(call_id=self.call_id), legs)

    def wrote(self, **variables: Any) -> None:
        """The switch's record of the called leg."""
        now = self.world.clock.now()
        record = {"end_uepoch": str(now - SECOND), "direction": "outbound"} | {
            key: str(one) for key, one in variables.items()
        }
        path = self.folder / f"{self.called}.cdr.json"
        path.write_text(json.dumps({"variables": record, "callflow": [{"caller_profile": {}}]}))

    def edge(self, standing: Standing) -> str:
        return standing.edge(Flow("main", call(*EDGES)), "call")

    @property
    def results(self) -> list[str]:
        return [str(fact.result) for fact in self.world.of(TransferEnded)]


def test_a_phone_that_rings_stops_and_the_node_follows_on_recover(tmp_path: Path) -> None:
    core = Restarted(tmp_path)
    standing = core.looks(created_at=1)
    assert (standing, core.edge(standing), core.results) == (Standing(), "", ["interrupted"])
    assert core.world.switch.last(Hangup) == Hangup(leg_id=core.called, cause="ORIGINATOR_CANCEL")
    assert core.past.transfer is None


def test_a_core_that_dies_once_more_still_follows_on_recover(tmp_path: Path) -> None:
    core = Restarted(tmp_path)
    core.looks(created_at=1)
    again = core.transfers.find(core.node, core.found(core.caller), Place(call_id=core.call_id), {})
    assert core.edge(again) == ""


def test_who_has_just_picked_up_is_joined(tmp_path: Path) -> None:
    core = Restarted(tmp_path)
    standing = core.looks(answered_at=5, parked=True)
    assert standing.goes_on
    assert core.world.switch.last(Bridge) == Bridge(leg_id=core.caller, other_id=core.called)
    core.world.bridged(core.caller, core.called)
    (connected,) = core.world.of(TransferConnected)
    assert connected.transfer_id == "0190-t"
    assert core.world.switch.awaited == 0


@pytest.mark.parametrize("connected_at", [0, 7], ids=["core died before it heard so", "known"])
def test_a_talk_goes_on(tmp_path: Path, connected_at: int) -> None:
    core = Restarted(tmp_path, connected_at=connected_at)
    standing = core.looks(bridged_to=core.called, answered_at=5, bridged_at=6)
    assert standing.goes_on
    transfer = core.board.dialling.of_caller(core.caller)
    assert transfer is not None
    assert (transfer.stage, transfer.connected_at) == (Stage.TALKING, connected_at or 6)
    assert len(core.world.of(TransferConnected)) == (0 if connected_at else 1)
    assert core.world.switch.all(DropLease, core.caller)
    assert core.world.switch.awaited == 0


def test_a_talk_goes_on_though_nobody_remembers_it(tmp_path: Path) -> None:
    core = Restarted(tmp_path)
    core.world.ledger.calls.clear()
    assert core.looks(bridged_to=core.called, answered_at=5, bridged_at=6).goes_on


def test_a_talk_that_ended_meanwhile_is_told_of_from_the_record(tmp_path: Path) -> None:
    core = Restarted(tmp_path)
    now = core.world.clock.now()
    core.wrote(hangup_cause="NORMAL_CLEARING", answer_uepoch=now - 8 * SECOND, bridge_uepoch=now - 7 * SECOND)
    standing = core.looks()
    assert core.edge(standing) == "answered"
    (connected,), (ended,) = core.world.of(TransferConnected), core.world.of(TransferEnded)
    assert (connected.ring_ms, ended.talk_ms, ended.result) == (2_000, 6_000, "answered")
    assert core.past.transferred


@pytest.mark.parametrize(
    ("record", "edge", "result"),
    [
        ({"hangup_cause": "USER_BUSY", "proto_specific_hangup_cause": "sip:486"}, "busy", "busy"),
        ({"hangup_cause": "NO_ANSWER", "progress_uepoch": 5}, "no_answer", "no_answer"),
        ({"hangup_cause": "LOSE_RACE", "answer_uepoch": 5}, "", "interrupted"),
        (None, "", "interrupted"),
    ],
    ids=["busy", "no answer", "picked up, and nobody was there", "no record"],
)
def test_a_call_that_came_to_nothing_meanwhile_has_its_edge(
    tmp_path: Path, record: dict[str, Any] | None, edge: str, result: str
) -> None:
    core = Restarted(tmp_path)
    if record is not None:
        core.wrote(**record)
    assert (core.edge(core.looks()), core.results) == (edge, [result])


def test_a_leg_that_was_called_for_somebody_who_is_gone_ends(tmp_path: Path) -> None:
    core = Restarted(tmp_path)
    core.transfers.end_orphans(core.node, {core.called: core.found(core.called)})
    assert core.world.switch.last(Hangup).leg_id == core.called


def test_a_caller_who_hung_up_meanwhile_leaves_no_open_row(tmp_path: Path) -> None:
    core = Restarted(tmp_path, connected_at=1)
    world = core.world
    core.past.transferred = True
    world.registry.legs.clear()
    world.registry.calls.clear()
    closing = Closing(
        clock=world.clock,
        registry=world.registry,
        acd=world.acd,
        ledger=world.ledger,
        publish=world.publish,
        cdr_path=str(tmp_path),
        close_transfer=core.transfers.close,
    )
    closing.close_forgotten("fs1", {})
    kinds = [type(fact).__name__ for fact in world.facts]
    assert kinds.index("TransferEnded") < kinds.index("CallEnded")
    assert world.facts[-1].outcome == "answered"  # type: ignore[attr-defined]


def test_a_ledger_with_a_transfer_is_saved_and_read() -> None:
    past = OpenCall(call_id="c", leg_id="l", node="fs1")
    past.transfer = OpenTransfer(transfer_id="t", leg_id="x", node="fs1", to="1", contact="user/1@x", made_at=3)
    again = msgspec.convert(msgspec.to_builtins(Ledger(calls={"c": past})), Ledger)
    assert again.calls["c"] == past


def test_a_talk_that_ends_before_the_flow_is_back_at_its_node_is_not_begun_again(tmp_path: Path) -> None:
    """What happened while the core looked about is told it before the flow's greenlet has run."""
    core = Restarted(tmp_path, connected_at=7)
    world, board = core.world, core.board
    assert core.looks(bridged_to=core.called, answered_at=5, bridged_at=6).goes_on
    leg = world.registry.legs[core.caller]
    flow = board.site.flow_named("main")
    leg.mailbox = None
    route = board.site.route("4008")
    assert route is not None
    board.desk.run(leg, world.registry.calls[core.call_id], flow, route, start="call", goes_on=True)
    world.hung_up(core.called, disposition="recv_bye")
    world.parked(core.caller)
    board.breathe()
    assert world.switch.all(Originate) == []
    assert board.path == ["call", "after_answered"]
    board.goes_home()
