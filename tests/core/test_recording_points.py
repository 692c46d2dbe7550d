"""Parts of calls and what is kept of them: the recording starts, waits, is silent and goes on as the policy says."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccd.base.errors import SwitchGone, SwitchRefused
from ccd.ivr.facts import TransferConnected, TransferStarted
from ccd.journal.configuration import Route
from ccd.recording.facts import (
    RecordingAsked,
    RecordingConsent,
    RecordingFailed,
    RecordingMasked,
    RecordingStarted,
    RecordingStopped,
    RecordingUnmasked,
)
from ccd.recording.policy import POINTS
from ccd.switch.commands import MaskRecording, StartRecording, UnmaskRecording
from tests.builders import NODE, World, agent, queue, station, tier
from tests.core.switchboard import Switchboard

QUEUE_WORDS = ("no", "queue", "agent", "never")
AGENT_WORDS = ("no", "agent", "never")


def centre(route: str = "no", in_queue: str = "no", by_agent: str = "no", **said: Any) -> World:
    world = World(record_at=route)
    world.route = Route(dialled="*", flow="main", record=route, **said)
    world.acd.configure((queue(record=in_queue, min_talk_ms=0),))
    world.acd.roster.configure([agent("alice", record=by_agent)], [station("alice")], [tier("support", "alice")])
    return world


def call_through(world: World) -> tuple[str, int]:
    """A second in the flow, one in the queue, one with alice, one in the flow behind; returns his leg and when he came."""
    caller, came = world.caller_arrives(), world.clock.now()
    world.clock.advance(1)
    world.enter(caller)
    world.clock.advance(1)
    world.ready("alice")
    leg = world.connect(caller, "alice")
    world.clock.advance(1)
    world.agent_hangs_up(caller, leg)
    world.clock.advance(1)
    return caller, came


def kept(world: World, came: int) -> list[bool]:
    """Whether sound of the flow, the queue, the conversation and the flow behind is in the file; looked at in their middles."""
    starts = [fact.at for fact in world.of(RecordingStarted)]
    if not starts:
        return [False] * 4
    begun, masks = starts[0], world.of(RecordingMasked)
    ends = {(one.reason, one.from_ms): one.at for one in world.of(RecordingUnmasked)}
    silent = [(one.at, ends.get((one.reason, one.offset_ms), came + 10_000_000)) for one in masks]
    middles = [came + 500_000 + part * 1_000_000 for part in range(4)]
    return [at >= begun and not any(since <= at < until for since, until in silent) for at in middles]


@pytest.mark.parametrize(
    ("route", "in_queue", "by_agent", "heard"),
    [
        ("no", "no", "no", "...."),
        ("answer", "no", "no", "FQAB"),
        ("queue", "no", "no", ".QAB"),
        ("agent", "no", "no", "..AB"),
        ("no", "queue", "no", ".QAB"),
        ("no", "no", "agent", "..AB"),
        # route says yes, the queue or the agent says never: that part is silence
        ("answer", "never", "no", "F..B"),
        ("answer", "no", "never", "FQ.B"),
        ("queue", "never", "no", "...B"),
        # asked for in a part that is never heard: it begins when the part is over
        ("agent", "no", "never", "...B"),
        ("no", "queue", "never", ".Q.B"),
        ("no", "never", "agent", "...B"),
        # never of the route stands above all
        ("never", "queue", "agent", "...."),
    ],
)
def test_parts_of_a_call(route: str, in_queue: str, by_agent: str, heard: str) -> None:
    world = centre(route, in_queue, by_agent)
    caller, came = call_through(world)
    assert "".join(letter if yes else "." for letter, yes in zip("FQAB", kept(world, came), strict=True)) == heard
    world.hung_up(caller)
    assert len(world.of(RecordingStarted)) == (heard != "....")
    assert len(world.of(RecordingStopped)) == (heard != "....")
    world.acd.roster.logout("a-alice")
    world.assert_at_rest()


@given(st.sampled_from(("no", *POINTS, "never")), st.sampled_from(QUEUE_WORDS), st.sampled_from(AGENT_WORDS))
def test_what_is_kept_of_each_part_is_what_the_rule_says_of_it(route: str, in_queue: str, by_agent: str) -> None:
    """The oracle knows nothing of files and masks: who is in charge of a part, and who asked in it or before."""
    world = centre(route, in_queue, by_agent)
    _, came = call_through(world)
    parts = [
        ("answer", [route]),
        ("queue", [route, in_queue]),
        ("agent", [route, in_queue, by_agent]),
        ("answer", [route]),
    ]
    asked, expected = False, []
    for point, words in parts:
        asked = asked or any(word in POINTS[: POINTS.index(point) + 1] for word in words)
        expected.append(asked and "never" not in words)
    assert kept(world, came) == expected


@pytest.mark.parametrize(("route", "heard"), [("no", "..."), ("answer", "FTB"), ("agent", ".TB"), ("never", "...")])
def test_talk_with_whom_the_flow_called_is_a_conversation(route: str, heard: str) -> None:
    """F is the flow, T the talk of the transfer, B the flow behind it."""
    board = Switchboard({"start": "call", "nodes": {"call": {"type": "transfer", "number": "02161230001", "next": "bye"},
                                                    "bye": {"type": "play", "prompt": "p"}}})  # fmt: skip
    world = board.world
    world.route = Route(dialled="*", flow="main", record=route)
    caller, came = board.calls(), world.clock.now()
    board.breathe(1)
    called = board.talks(caller)
    board.breathe(1)
    board.ends(called, disposition="recv_bye")
    board.comes_back(caller)
    board.breathe(0.5)
    flow, talk, behind, _ = kept(world, came)
    assert "".join(letter if yes else "." for letter, yes in zip("FTB", (flow, talk, behind), strict=True)) == heard
    board.goes_home()


def test_transfer_that_nobody_answers_is_no_conversation() -> None:
    board = Switchboard({"start": "call", "nodes": {"call": {"type": "transfer", "number": "02161230001", "next": "bye"},
                                                    "bye": {"type": "play", "prompt": "p"}}})  # fmt: skip
    board.world.route = Route(dialled="*", flow="main", record="agent")
    board.calls()
    board.ends(board.rings(), "USER_BUSY", sip="sip:486")
    assert board.world.switch.all(StartRecording) == []
    board.goes_home()


def test_site_may_ask_for_every_incoming_call() -> None:
    world = centre()
    world.points._inbound = "answer"
    _, came = call_through(world)
    assert kept(world, came) == [True] * 4


def test_recording_keeps_what_its_route_says_of_days() -> None:
    world = centre("answer", keep_days=12)
    world.caller_arrives()
    assert world.of(RecordingStarted)[0].keep_days == 12


def test_caller_who_hangs_up_in_a_part_that_is_never_heard_leaves_no_file() -> None:
    """His queue's part is over with him: that is no reason to begin then."""
    world = centre("queue", "never")
    caller = world.caller_queues()
    assert [fact.from_point for fact in world.of(RecordingAsked)] == ["queue"]
    world.caller_hangs_up(caller)
    assert world.switch.all(StartRecording) == []
    world.assert_at_rest()


def test_recording_that_could_not_be_had_is_not_tried_again_in_the_same_call() -> None:
    world = centre("answer", "queue", "agent")
    world.switch.refuses[StartRecording] = SwitchRefused("-ERR Cannot record session!")
    caller, _ = call_through(world)
    assert len(world.of(RecordingFailed)) == 1
    assert world.recordings.status()["not_written"] == 1
    world.hung_up(caller)


def test_full_disk_costs_new_recordings_never_calls_or_those_that_run() -> None:
    world = centre("answer")
    running = world.caller_arrives()
    world.recordings.not_now = "disk_full"
    late = world.caller_arrives()
    assert [fact.reason for fact in world.of(RecordingFailed)] == ["disk_full"]
    assert len(world.switch.all(StartRecording)) == 1
    assert {running, late} <= set(world.registry.legs)
    world.recordings.not_now = ""
    world.caller_arrives()
    assert len(world.switch.all(StartRecording)) == 2


# --- consent -----------------------------------------------------------------------------------------------------------


def consent(world: World, leg: str, said: str) -> None:
    world.points.consented(world.registry.calls[world.registry.legs[leg].call_id], said)


def test_nothing_is_kept_before_the_caller_was_told() -> None:
    world = centre("answer", consent="announce")
    caller = world.caller_arrives()
    call = world.registry.calls[world.registry.legs[caller].call_id]
    assert world.switch.all(StartRecording) == []
    due = world.points.consent_due(call, "")
    assert due is not None
    assert (due.prompt, due.key) == ("recording_notice", "")
    consent(world, caller, "announced")
    assert len(world.switch.all(StartRecording)) == 1
    assert world.points.consent_due(call, "") is None, "once a call"
    world.hung_up(caller)
    world.assert_at_rest()


def test_refusal_leaves_the_call_unrecorded_wherever_it_goes() -> None:
    world = centre("answer", "queue", "agent", consent="ask")
    caller = world.caller_arrives()
    consent(world, caller, "refused")
    world.enter(caller)
    world.ready("alice")
    world.connect(caller, "alice")
    assert world.switch.all(StartRecording) == []
    assert [fact.consent for fact in world.of(RecordingConsent)] == ["refused"]


def test_refusal_while_the_route_records_silences_the_rest() -> None:
    """The route tells nobody, the queue asks: from his refusal on the file is silence to its end."""
    world = centre("answer")
    world.acd.configure((queue(record="no", consent="ask"),))
    caller = world.caller_arrives()
    call = world.registry.calls[world.registry.legs[caller].call_id]
    due = world.points.consent_due(call, "support")
    assert due is not None
    assert due.key == "2"
    world.clock.advance(3)
    consent(world, caller, "refused")
    assert [(fact.reason, fact.offset_ms) for fact in world.of(RecordingMasked)] == [("consent", 3000)]
    world.enter(caller)
    assert world.of(RecordingUnmasked) == []


@pytest.mark.parametrize(
    ("route", "in_queue", "by_agent", "at_answer", "at_queue"),
    [
        ("no", "no", "no", False, False),
        ("answer", "no", "no", True, True),
        ("queue", "no", "no", False, True),
        ("agent", "no", "no", False, True),
        ("no", "agent", "no", False, True),
        ("no", "no", "agent", False, True),
        ("answer", "never", "no", True, False),
        ("never", "queue", "no", False, False),
    ],
)
def test_consent_is_asked_where_a_recording_could_begin_and_nowhere_else(
    route: str, in_queue: str, by_agent: str, at_answer: bool, at_queue: bool
) -> None:
    world = centre(route, in_queue, by_agent, consent="announce")
    call = world.registry.calls[world.registry.legs[world.caller_arrives()].call_id]
    assert (world.points.consent_due(call, "") is not None) == at_answer
    assert (world.points.consent_due(call, "support") is not None) == at_queue


@pytest.mark.parametrize(("route", "due"), [("no", False), ("agent", True), ("answer", True), ("never", False)])
def test_consent_is_asked_before_the_flow_calls_somebody_whose_talk_would_be_recorded(route: str, due: bool) -> None:
    world = centre(route, consent="announce")
    call = world.registry.calls[world.registry.legs[world.caller_arrives()].call_id]
    assert (world.points.consent_due_to_talk(call) is not None) == due
    world.points.consented(call, "announced")
    assert world.points.consent_due_to_talk(call) is None


def test_nobody_who_stands_in_a_queue_is_asked_again() -> None:
    world = centre("agent", consent="ask")
    caller = world.caller_queues()
    assert world.points.consent_due(world.registry.calls[world.registry.legs[caller].call_id], "support") is None


# --- a flow's own word -------------------------------------------------------------------------------------------------


def test_flow_begins_a_recording_that_nobody_else_asked_for() -> None:
    world = centre()
    caller = world.caller_arrives()
    call = world.registry.calls[world.registry.legs[caller].call_id]
    world.points.begin(call)
    world.points.begin(call)
    (started,) = world.of(RecordingStarted)
    assert started.from_point == "flow"
    world.hung_up(caller)
    world.assert_at_rest()


def test_never_stands_above_a_flow() -> None:
    world = centre("never")
    world.points.begin(world.registry.calls[world.registry.legs[world.caller_arrives()].call_id])
    assert world.of(RecordingStarted) == []


# --- a restart ---------------------------------------------------------------------------------------------------------


def restarted(world: World, caller: str) -> None:
    """A new core finds the call as channels and ledger tell."""
    call = world.registry.calls[world.registry.legs[caller].call_id]
    started = world.ledger.recordings.get(call.call_id)
    ledger = msgspec.convert(
        msgspec.json.decode(msgspec.json.encode(msgspec.to_builtins(world.ledger))), type(world.ledger)
    )
    world.recordings.running.clear()
    world.recordings.masking._held.clear()
    world.points._courses.clear()
    world.switch.forget()
    if started is not None:
        world.recordings.take_up(
            call_id=call.call_id,
            leg_id=caller,
            node=NODE,
            recording_id=started.recording_id,
            relative=started.path.removeprefix("/var/lib/ccd/recordings/"),
            at=started.at,
            masks=ledger.masks_of(call.call_id),
        )
    stay = world.acd.caller_of(caller)
    world.points.take_up(
        call,
        ledger.calls[call.call_id],
        queue_id=stay.queue_id if stay else "",
        agent_id=stay.agent_id if stay and stay.connected_at else "",
    )


def test_silent_part_is_silent_over_a_restart_and_ends_where_it_ends() -> None:
    world = centre("answer", "no", "never")
    caller = world.caller_queues()
    world.ready("alice")
    leg = world.connect(caller, "alice")
    restarted(world, caller)
    assert [type(one) for one in world.switch.told] == [MaskRecording]
    world.clock.advance(5)
    world.agent_hangs_up(caller, leg)
    assert len(world.switch.all(UnmaskRecording)) == 1
    assert [fact.reason for fact in world.of(RecordingUnmasked)] == ["policy"]


def test_recording_that_waited_for_a_silent_part_to_end_begins_after_a_restart_too() -> None:
    world = centre("agent", "no", "never")
    caller = world.caller_queues()
    world.ready("alice")
    leg = world.connect(caller, "alice")
    restarted(world, caller)
    assert world.switch.all(StartRecording) == []
    world.agent_hangs_up(caller, leg)
    assert len(world.switch.all(StartRecording)) == 1


def test_talk_of_a_transfer_is_still_one_after_a_restart() -> None:
    world = centre("agent", consent="announce")
    caller = world.caller_arrives()
    call_id, now = world.registry.legs[caller].call_id, world.clock.now()
    ids = {"at": now, "transfer_id": "t", "call_id": call_id, "leg_id": "l"}
    world.publish(TransferStarted(**ids, node=NODE, to="1", contact="user/1@x"))
    world.publish(TransferConnected(**ids, ring_ms=1))
    restarted(world, caller)
    assert world.switch.all(StartRecording) == []
    consent(world, caller, "announced")
    assert [fact.from_point for fact in world.of(RecordingStarted)] == ["agent"]


def test_refusal_is_remembered_over_a_restart() -> None:
    world = centre("answer", consent="ask")
    caller = world.caller_arrives()
    consent(world, caller, "refused")
    restarted(world, caller)
    world.enter(caller)
    assert world.switch.all(StartRecording) == []


def test_recording_that_failed_before_a_restart_is_not_tried_again() -> None:
    world = centre("answer")
    world.switch.refuses[StartRecording] = SwitchRefused("-ERR Cannot record session!")
    caller = world.caller_arrives()
    del world.switch.refuses[StartRecording]
    restarted(world, caller)
    assert world.switch.all(StartRecording) == []


def test_mask_of_a_flow_whose_recording_has_not_begun_is_remembered_over_a_restart() -> None:
    world = centre("queue")
    caller = world.caller_arrives()
    world.points.mask(world.registry.calls[world.registry.legs[caller].call_id], "flow")
    restarted(world, caller)
    world.enter(caller)
    assert [type(one) for one in world.switch.told if isinstance(one, StartRecording | MaskRecording)] == [
        StartRecording,
        MaskRecording,
    ]
    world.hung_up(caller)
    world.assert_at_rest()


def test_mask_that_a_flow_has_ended_is_over_after_a_restart_though_the_switch_was_not_heard() -> None:
    world = centre("answer")
    caller = world.caller_arrives()
    call = world.registry.calls[world.registry.legs[caller].call_id]
    world.points.mask(call, "flow")
    world.switch.down = SwitchGone("lost")
    world.points.unmask(call, "flow")
    world.switch.down = None
    assert world.of(RecordingUnmasked) == []
    restarted(world, caller)
    assert world.switch.all(UnmaskRecording) != []
    assert [fact.reason for fact in world.of(RecordingUnmasked)] == ["flow"]
