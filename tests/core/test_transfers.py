"""Flows call people: edges, leases, who hears what, and nobody is left on the line."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from structlog.testing import capture_logs

from ccd.base.errors import SwitchGone, SwitchRefused
from ccd.calls.facts import CallEnded, EndedBy, LegCreated, Outcome, Role
from ccd.calls.mailbox import LIMIT
from ccd.ivr.facts import TransferConnected, TransferEnded, TransferStarted
from ccd.ivr.ringing import RINGBACK
from ccd.switch.commands import Answer, Bridge, DropLease, Hangup, Lease, Originate, Play, RingReady, StopPlaying
from ccd.switch.events import ApplicationEnded, DigitPressed
from tests.builders import station
from tests.core.switchboard import Switchboard

EDGES = ("answered", "busy", "no_answer", "refused", "failed")


def call(*edges: str, **fields: Any) -> dict[str, Any]:
    """A flow that calls somebody, with a node `after_…` for each of these edges."""
    fields = fields or {"number": "02161230001"}
    node = {"type": "transfer", "next": "after", **fields} | {edge: f"after_{edge}" for edge in edges}
    ends = {
        name: {"type": "play", "prompt": "p", "barge_in": "no"} for name in ("after", *(f"after_{e}" for e in edges))
    }
    return {"start": "call", "nodes": {"call": node} | ends}


@pytest.fixture
def lines() -> Iterator[list[Any]]:
    with capture_logs() as found:
        yield found


def test_a_caller_hears_ringing_talks_and_goes_on_when_the_other_side_hangs_up() -> None:
    board = Switchboard(call(*EDGES))
    caller = board.calls()
    order, switch = board.order, board.world.switch
    assert (order.contact, order.caller_number) == ("sofia/gateway/carrier/02161230001", "13800000000")
    assert switch.last(Play).audio == RINGBACK
    leg = board.talks(caller)
    assert switch.last(Bridge) == Bridge(leg_id=caller, other_id=leg)
    assert board.world.guards.held() == 0, "who talks needs no lease"
    assert switch.last(DropLease, caller)
    board.breathe(20.0)
    board.ends(leg, disposition="recv_bye")
    assert board.path == ["call"], "his leg is not back yet"
    board.comes_back(caller)
    assert (board.path, board.results, board.world.guards.held()) == (["call", "after_answered"], ["answered"], 1)
    (connected,) = board.world.of(TransferConnected)
    (ended,) = board.world.of(TransferEnded)
    assert (ended.talk_ms, ended.transfer_id) == (20_000, connected.transfer_id)
    board.goes_home()
    (closed,) = board.world.of(CallEnded)
    assert closed.outcome is Outcome.ANSWERED


def test_the_call_and_its_leg_are_history_before_the_switch_is_told() -> None:
    board = Switchboard(call())
    board.calls()
    leg = board.rings()
    (started,) = board.world.of(TransferStarted)
    (created,) = [fact for fact in board.world.of(LegCreated) if fact.leg_id == leg]
    assert (started.leg_id, started.to, started.contact) == (leg, "02161230001", board.order.contact)
    assert (created.role, created.call_id, created.number) == (Role.TRANSFER, started.call_id, "02161230001")
    board.goes_home()


@pytest.mark.parametrize(
    ("cause", "how", "edge", "result"),
    [
        ("USER_BUSY", {"sip": "sip:486"}, "busy", "busy"),
        ("CALL_REJECTED", {"sip": "sip:603"}, "refused", "rejected"),
        ("NO_ANSWER", {"rang": True}, "no_answer", "no_answer"),
        ("NO_USER_RESPONSE", {"sip": "sip:480"}, "no_answer", "no_answer"),
        ("UNALLOCATED_NUMBER", {"sip": "sip:404"}, "failed", "unknown_user"),
        ("NORMAL_TEMPORARY_FAILURE", {"sip": "sip:503"}, "failed", "congestion"),
        ("GATEWAY_DOWN", {}, "failed", "congestion"),
        ("REQUESTED_CHAN_UNAVAIL", {"sip": "sip:302"}, "failed", "redirected"),
        ("SWITCH_LOST", {}, "failed", "interrupted"),
    ],
)
def test_every_cause_has_its_edge(cause: str, how: dict[str, Any], edge: str, result: str) -> None:
    board = Switchboard(call(*EDGES))
    board.calls()
    board.ends(board.rings(), cause, **how)
    assert (board.path, board.results) == (["call", f"after_{edge}"], [result])
    assert board.world.switch.all(StopPlaying), "the ringing that he heard is over"
    board.goes_home()


@pytest.mark.parametrize(
    ("written", "cause", "leaves_by"),
    [
        (("failed",), "USER_BUSY", "after_failed"),
        ((), "USER_BUSY", "after"),
        (("busy",), "GATEWAY_DOWN", "after"),
        (("failed",), "", "after"),
    ],
    ids=["failed stands for busy", "next stands for all", "busy is only busy", "next is also after a talk"],
)
def test_edges_that_a_flow_does_not_write_fall_back(written: tuple[str, ...], cause: str, leaves_by: str) -> None:
    board = Switchboard(call(*written))
    caller = board.calls()
    if cause:
        board.ends(board.rings(), cause)
    else:
        board.ends(board.talks(caller))
        board.comes_back(caller)
    assert board.path[-1] == leaves_by
    board.goes_home()


def test_a_contact_that_fails_without_any_channel_is_heard_of_too() -> None:
    board = Switchboard(call(*EDGES, station="desk boss"))
    board.calls()
    board.world.job_failed(board.order.leg_id, "USER_NOT_REGISTERED")
    board.breathe()
    assert (board.path[-1], board.results) == ("after_failed", ["not_registered"])
    board.goes_home()


def test_an_originate_that_the_switch_refuses_fails() -> None:
    board = Switchboard(call(*EDGES))
    board.world.switch.refuses[Originate] = SwitchRefused("-ERR")
    board.calls()
    board.breathe(0.01)
    assert (board.path[-1], board.results) == ("after_failed", ["congestion"])
    board.goes_home()


def test_a_phone_of_which_no_word_comes_is_given_up(lines: list[Any]) -> None:
    board = Switchboard(call(*EDGES, number="02161230001", ring="3s"))
    board.calls()
    leg = board.rings()
    board.breathe(6.1)
    assert board.world.switch.last(Hangup, leg).cause == "ORIGINATOR_CANCEL"
    assert board.path[-1] == "after_failed"
    assert board.order.timeout_s == 4
    assert [line["event"] for line in lines] == ["transfer_overdue"]
    board.goes_home()


def test_while_the_link_is_down_nobody_is_given_up() -> None:
    board = Switchboard(call(*EDGES, number="02161230001", ring="3s"))
    board.calls()
    board.rings()
    board.world.is_up = False
    board.breathe(30.0)
    assert board.path == ["call"]
    board.world.is_up = True
    board.breathe(3.1)
    assert board.results == ["congestion"]
    board.goes_home()


# --- who is called, and what is shown -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "contact", "shown"),
    [
        ({"number": "02155550000"}, "sofia/gateway/carrier/02155550000", "13800000000"),
        ({"number": "02161230001", "caller_id": "site"}, "sofia/gateway/carrier/02161230001", "02199990000"),
        ({"number": "02161230001", "caller_id": "10086"}, "sofia/gateway/carrier/02161230001", "10086"),
        ({"station": "desk boss"}, "user/boss@example.com", "13800000000"),
        ({"number_from": "'0216123' + last(caller_number, 4)"}, "sofia/gateway/carrier/02161230000", "13800000000"),
    ],
)
def test_who_is_called_and_what_is_shown(fields: dict[str, Any], contact: str, shown: str) -> None:
    board = Switchboard(call(**fields))
    board.calls()
    assert (board.order.contact, board.order.caller_number) == (contact, shown)
    board.goes_home()


@pytest.mark.parametrize("number", ["anonymous", "${system(x)}", "13800\r\napi shutdown"])
def test_a_caller_whose_number_is_none_shows_none(number: str) -> None:
    board = Switchboard(call())
    board.calls(number=number)
    assert board.order.caller_number == ""
    assert board.world.switch.unsafe == []
    board.goes_home()


@pytest.mark.parametrize(
    ("fields", "edge", "results"),
    [
        ({"number": "0101234567"}, "after_refused", ["not_allowed"]),
        ({"number": "021612"}, "after_refused", ["not_allowed"]),
        ({"number": "02161230*72"}, "after_refused", ["not_allowed"]),
        ({"number_from": "'0216123;' + caller_number"}, "after_refused", ["not_allowed"]),
        ({"number_from": "'0216123' + caller_number + '${x}'"}, "after_refused", ["not_allowed"]),
        ({"number_from": "len(caller_number)"}, "after_failed", []),
        ({"number_from": "caller_number / 2"}, "after_failed", []),
        ({"station": "nobody"}, "after_failed", ["no_station"]),
    ],
)
def test_what_may_not_be_called_is_not(fields: dict[str, Any], edge: str, results: list[str], lines: list[Any]) -> None:
    board = Switchboard(call(*EDGES, **fields))
    board.calls()
    assert board.world.switch.all(Originate) == []
    assert (board.path[-1], board.results) == (edge, results)
    assert [line["log_level"] for line in lines] == ["error"]
    board.goes_home()


def test_without_a_way_out_no_number_is_called() -> None:
    board = Switchboard(call("refused"), dial={})
    board.calls()
    assert (board.world.switch.all(Originate), board.path[-1]) == ([], "after_refused")
    board.goes_home()


# --- a caller who is not answered yet -------------------------------------------------------------------


def test_an_unanswered_caller_is_answered_when_the_other_side_picks_up_and_joined_then() -> None:
    board = Switchboard(call(), answer="at_agent")
    caller = board.calls(answered=False)
    switch = board.world.switch
    assert (switch.all(Play), switch.all(RingReady, caller)) == ([], [RingReady(leg_id=caller)])
    board.picks_up()
    assert switch.all(Answer, caller)
    assert switch.all(Bridge) == [], "uuid_bridge would end an unanswered leg"
    board.answers(caller)
    assert switch.last(Bridge).leg_id == caller
    board.goes_home()


def test_music_needs_no_answer() -> None:
    board = Switchboard(call(number="02161230001", hears="music"), answer="at_agent")
    caller = board.calls(answered=False)
    assert board.world.switch.last(Play, caller).audio == "local_stream://moh"
    board.goes_home()


# --- ways to end ----------------------------------------------------------------------------------------


def test_a_caller_who_hangs_up_while_it_rings_stops_the_ringing() -> None:
    board = Switchboard(call())
    caller = board.calls()
    leg = board.rings()
    board.ends(caller, disposition="recv_bye")
    assert board.world.switch.last(Hangup, leg).cause == "ORIGINATOR_CANCEL"
    assert board.results == ["caller_gone"]
    board.ends(leg, "ORIGINATOR_CANCEL")
    assert board.results == ["caller_gone"], "told once"
    board.goes_home()


def test_a_caller_who_hangs_up_ends_the_talk() -> None:
    board = Switchboard(call())
    caller = board.calls()
    leg = board.talks(caller)
    board.world.caller_hangs_up(caller)
    board.breathe()
    assert (board.results, board.world.registry.legs) == (["answered"], {})
    (closed,) = board.world.of(CallEnded)
    assert closed.ended_by is EndedBy.CALLER
    assert leg not in board.world.registry.legs
    board.goes_home()


def test_a_leg_that_the_switch_forgets_is_ended_after_the_caller(lines: list[Any]) -> None:
    board = Switchboard(call())
    caller = board.calls()
    leg = board.talks(caller)
    board.world.registry.legs[caller].bridged_to = ""
    board.ends(caller, disposition="recv_bye")
    assert board.results == ["answered"]
    board.breathe(3.1)
    assert board.world.switch.last(Hangup, leg)
    assert [line["event"] for line in lines] == ["transfer_leg_left_over"]
    board.goes_home()


def test_who_picks_up_and_hangs_up_in_the_moment_of_the_bridge_leaves_the_caller_to_his_flow() -> None:
    board = Switchboard(call(*EDGES))
    caller = board.calls()
    leg = board.picks_up()
    board.ends(leg, disposition="recv_bye")
    assert board.path == ["call"], "his leg is on its way back"
    board.comes_back(caller)
    assert board.path[-1] == "after_failed"
    board.goes_home()


def test_a_bridge_that_left_the_caller_where_he_was_does_not_keep_him() -> None:
    board = Switchboard(call(*EDGES))
    board.calls()
    board.ends(board.picks_up())
    board.breathe(1.1)
    assert board.path[-1] == "after_failed"
    board.goes_home()


def test_ringing_that_still_plays_when_the_bridge_fails_is_ended_whatever_else_has_ended_meanwhile() -> None:
    board = Switchboard(call(*EDGES))
    board.world.switch.refuses[Bridge] = SwitchRefused("-ERR Invalid uuid")
    caller = board.calls()
    leg = board.picks_up()
    late = ApplicationEnded(
        leg_id=caller, at=board.world.clock.now(), execution_id="a", application="playback", response=""
    )
    board.world.say(late)
    board.breathe()
    assert board.world.switch.all(StopPlaying, caller) == []
    board.ends(leg, "SWITCH_CONGESTION")
    assert len(board.world.switch.all(StopPlaying, caller)) == 1, "else it would sound below all that follows"
    board.goes_home()


def test_a_refused_bridge_ends_the_other_side_and_the_flow_goes_on(lines: list[Any]) -> None:
    board = Switchboard(call(*EDGES))
    board.world.switch.refuses[Bridge] = SwitchRefused("-ERR Invalid uuid")
    board.calls()
    leg = board.picks_up()
    assert board.world.switch.last(Hangup, leg).cause == "SWITCH_CONGESTION"
    board.ends(leg, "SWITCH_CONGESTION")
    assert (board.path[-1], board.results) == ("after_failed", ["congestion"])
    board.goes_home()


def test_an_order_to_bridge_that_went_down_with_the_link_is_given_again() -> None:
    board = Switchboard(call())
    caller = board.calls()
    board.world.switch.down = SwitchGone("down")
    leg = board.picks_up()
    board.world.switch.down = None
    board.dialling.bridge_again(leg)
    assert len(board.world.switch.all(Bridge, caller)) == 2
    board.goes_home()


def test_a_caller_of_whose_return_no_word_comes_goes_on_in_his_flow(lines: list[Any]) -> None:
    board = Switchboard(call(*EDGES))
    board.ends(board.talks(board.calls()))
    board.breathe(2.9)
    assert board.path == ["call"]
    board.breathe(0.2)
    assert (board.path, board.results) == (["call", "after_answered"], ["answered"])
    assert [line["event"] for line in lines] == ["caller_not_back"]
    board.goes_home()


def test_a_caller_is_not_taken_back_while_nobody_could_tell_that_he_is() -> None:
    board = Switchboard(call(*EDGES))
    caller = board.calls()
    leg = board.talks(caller)
    board.world.is_up = False
    board.world.registry.lose(leg, "LOST")
    board.breathe(30.0)
    assert board.path == ["call"]
    board.world.is_up = True
    board.comes_back(caller)
    assert board.path[-1] == "after_answered"
    board.goes_home()


def test_a_caller_who_talks_with_somebody_else_is_waited_for() -> None:
    board = Switchboard(call(*EDGES))
    caller = board.calls()
    leg = board.talks(caller)
    board.world.bridged(caller, "a-third-party")
    board.ends(leg)
    board.breathe(60.0)
    assert board.path == ["call"]
    board.comes_back(caller)
    assert board.path[-1] == "after_answered"
    board.goes_home()


@pytest.mark.parametrize("stage", ["rings", "talks"])
def test_whoever_a_flow_called_that_broke_is_not_joined_to_a_caller_in_the_fallback(stage: str) -> None:
    board = Switchboard(call(*EDGES))
    caller = board.calls()
    leg = board.rings() if stage == "rings" else board.talks(caller)
    board.desk.to_fallback(board.world.registry.legs[caller], "flow_failed")
    board.breathe()
    assert board.results == ["caller_gone" if stage == "rings" else "answered"]
    if stage == "rings":
        assert board.world.switch.last(Hangup, leg).cause == "ORIGINATOR_CANCEL"
        board.picks_up()
        assert board.world.switch.all(Bridge) == []
        board.ends(leg)
    else:
        board.breathe(3.1)
        assert board.world.switch.last(Hangup, leg)
    board.goes_home()


def test_a_flood_of_keys_does_not_cost_a_caller_the_end_of_his_transfer(lines: list[Any]) -> None:
    """As after a reconciliation, when all that came meanwhile is followed in one go."""
    board = Switchboard(call(*EDGES))
    caller = board.calls()
    board.world.hung_up(board.rings(), "USER_BUSY")
    for _ in range(2 * LIMIT):
        board.world.say(DigitPressed(leg_id=caller, at=board.world.clock.now(), digit="1"))
    board.breathe()
    assert board.path[-1] == "after_busy"
    board.goes_home()


def test_a_second_transfer_follows_the_first() -> None:
    flow = {
        "start": "one",
        "nodes": {
            "one": {"type": "transfer", "number": "02161230001", "busy": "two", "next": "end"},
            "two": {"type": "transfer", "number": "02161230002", "next": "end"},
            "end": {"type": "hangup"},
        },
    }
    board = Switchboard(flow)
    caller = board.calls()
    board.ends(board.rings(), "USER_BUSY")
    assert board.order.contact.endswith("/02161230002")
    board.ends(board.talks(caller))
    board.comes_back(caller)
    assert (board.path, board.results) == (["one", "two", "end"], ["busy", "answered"])
    assert board.world.switch.all(Lease, caller)
    board.goes_home()


def test_stations_of_another_switch_are_called_there() -> None:
    board = Switchboard(call(station="desk far"), station("far", contact="user/9@example.com", node="fs1"))
    board.calls()
    assert board.world.of(TransferStarted)[0].node == "fs1"
    board.goes_home()
