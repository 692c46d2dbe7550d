"""Where an overflow sends a caller: numbers, boxes and flows, by flows that survive a restart; and the place he comes back to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from structlog.testing import capture_logs

from ccd.acd.facts import CallerLeft, CallerQueued
from ccd.acd.overflow_words import read
from ccd.base.words import decode_text
from ccd.core.overflow_flows import document
from ccd.ivr.facts import FlowEntered, FlowLeft
from ccd.ivr.flow import check
from ccd.switch.commands import Originate, Play, SetVariables
from ccd.switch.events import DigitPressed
from tests.builders import queue, tier
from tests.core.switchboard import Switchboard

MAIN = {
    "language": "en",
    "start": "q",
    "nodes": {"q": {"type": "queue", "queue": "support", "no_agents": "bye"}, "bye": {"type": "hangup"}},
}
LATER = {"start": "later", "nodes": {"later": {"type": "menu", "prompt": "menu_main", "choices": {"1": "bye"}}}}
LATER["nodes"] = LATER["nodes"] | {"bye": {"type": "hangup"}}  # type: ignore[operator]


@pytest.fixture
def lines() -> Iterator[list[Any]]:
    with capture_logs() as found:
        yield found


def a_board(*rules: str, **settings: Any) -> Switchboard:
    board = Switchboard(MAIN, later=LATER)
    board.world.bus.on(CallerQueued, board.desk.on_queued)
    queues = [queue("support", overflow=tuple(read(one) for one in rules), **settings)]
    queues.append(queue("sales", music="local_stream://sales"))
    board.world.configure(queues, ["bob"], [tier("sales", "bob")])
    return board


def flows(board: Switchboard) -> list[str]:
    return [fact.flow for fact in board.world.of(FlowEntered)]


def presses(board: Switchboard, leg: str, digit: str) -> None:
    board.world.say(DigitPressed(leg_id=leg, at=board.world.clock.now(), digit=digit))
    board.breathe()


def test_nobody_is_signed_in_and_a_number_is_called_for_him() -> None:
    board = a_board("no_agents number:02161230000")
    board.calls()
    assert flows(board) == ["main", "overflow_number"]
    assert board.order.contact == "sofia/gateway/carrier/02161230000"
    assert board.site.flow(board.world.of(FlowEntered)[1].sha256).language == "en", "he goes on in his language"


def test_a_key_leads_into_another_flow_of_the_site() -> None:
    board = a_board("key 0 flow:later")
    leg = board.calls()
    presses(board, leg, "7")
    assert flows(board) == ["main"]
    presses(board, leg, "0")
    assert flows(board) == ["main", "later"]
    assert [fact.reason for fact in board.world.of(FlowLeft)] == ["diverted"]
    assert [fact.to for fact in board.world.of(CallerLeft)] == ["flow:later"]
    written = board.world.switch.last(SetVariables).values
    assert decode_text(written["ccd_node"]) == "later", "a restarted ccd finds him there"


def test_too_long_a_wait_ends_in_the_mailbox() -> None:
    board = a_board("30s voicemail:night")
    board.calls()
    board.breathe(30)
    assert flows(board) == ["main", "overflow_voicemail"]


def test_in_the_other_queue_he_hears_its_music_and_his_flow_stays_where_it_is() -> None:
    board = a_board("30s queue:sales")
    leg = board.calls()
    board.breathe(30)
    assert [one.audio for one in board.world.switch.all(Play)][-1] == "local_stream://sales"
    assert flows(board) == ["main"]
    board.world.ready("bob")
    assert board.world.offered_to(leg) == "bob"
    assert board.world.switch.all(Originate)


def test_a_flow_that_is_gone_is_one_line_of_the_log_and_the_flows_own_matter(lines: list[Any]) -> None:
    board = a_board("no_agents flow:gone")
    board.calls()
    assert flows(board) == ["main"]
    assert [line["to"] for line in lines if line["event"] == "overflow_leads_nowhere"] == ["flow:gone"]


def test_the_ledger_knows_where_he_is_on_his_way_to_until_he_is_there() -> None:
    board = a_board("30s voicemail:night")
    leg = board.calls()
    call_id = board.world.registry.legs[leg].call_id
    board.world.clock.advance(30)
    past = board.world.ledger.calls[call_id]
    assert (past.done, past.sent_to) == ("timed_out", "voicemail:night")
    board.breathe()
    past = board.world.ledger.calls[call_id]
    assert (past.done, past.sent_to) == ("", "")


def test_who_calls_again_in_time_stands_where_he_stood() -> None:
    board = a_board(resume_ms=60_000)
    world = board.world
    world.registry.e164 = lambda number: f"+86{number}"  # type: ignore[method-assign]
    first = board.calls(number="13800138000")
    world.clock.advance(10)
    other = board.calls(number="13900139000")
    world.caller_hangs_up(first)
    board.breathe(30)
    again = board.calls(number="13800138000")
    place = {leg: world.acd.exits.place_to_tell(leg) for leg in (again, other)}
    assert place == {again: 1, other: 2}
    stay = world.acd.caller_of(again)
    assert stay is not None
    assert stay.entered_at - stay.joined_at == 40_000_000
    assert world.of(CallerQueued)[-1].joined_at == stay.joined_at


@pytest.mark.parametrize(("kind", "name"), [("number", "02161230000"), ("voicemail", "夜间")])
@pytest.mark.parametrize("language", ["", "en"])
def test_the_flows_of_ours_pass_the_check_of_flows(kind: str, name: str, language: str) -> None:
    assert check(document(kind, name, language)) == []
