"""Callers by the thousand come through every kind of node and hang up anywhere: what is kept of them goes with them."""

from __future__ import annotations

import dataclasses
import gc
from typing import Any

import pytest
from gevent import Greenlet

from ccd.acd.facts import LeftReason
from ccd.calls.facts import CallToFallback, LegEnded
from ccd.core.errands import Errands
from ccd.core.past_callers import PastCallers
from ccd.ivr.doors import VoicemailDoor
from ccd.ivr.facts import NodeEntered
from ccd.ivr.recording import RecordingDoor
from ccd.routing.routes import Route
from ccd.switch.commands import Originate, Play
from ccd.switch.events import ApplicationEnded, ChannelAnswered, DigitPressed, RecordStopped
from ccd.voicemail.facts import VoicemailStarted
from ccd.voicemail.model import Box
from ccd.voicemail.service import Voicemails
from tests.builders import queue
from tests.core.switchboard import Switchboard

END = {"type": "hangup", "prompt": "bye"}
MAIN: dict[str, Any] = {
    "start": "hello",
    "nodes": {
        "hello": {"type": "answer", "next": "silent"},
        "silent": {"type": "record", "do": "mask", "next": "pin"},
        "pin": {
            "type": "collect",
            "prompt": "pin",
            "into": "pin",
            "length": "4",
            "secret": "yes",
            "next": "ask",
            "no_input": "inner",
        },
        "ask": {
            "type": "http",
            "method": "POST",
            "url": "https://crm.example.com/x",
            "json": {"pin": "pin"},
            "into": {"balance": "balance"},
            "next": "inner",
            "failed": "inner",
        },
        "inner": {"type": "flow", "flow": "inner", "next": "call"},
        "call": {"type": "transfer", "number": "02161230001", "next": "wait"},
        "wait": {"type": "queue", "queue": "support", "next": "bye", "timed_out": "message"},
        "message": {"type": "voicemail", "box": "night", "next": "bye", "empty": "bye", "failed": "bye"},
        "bye": END,
    },
}
INNER: dict[str, Any] = {
    "start": "say",
    "nodes": {
        "say": {"type": "say", "kind": "digits", "value": "dialled", "next": "back"},
        "back": {"type": "return", "result": {"out": "1"}},
    },
}
STEPS = (
    "arrives",
    "hears",
    "types",
    "asked",
    "answered",
    "said",
    "rings",
    "talks",
    "is left",
    "is told",
    "waits",
    "greeting",
    "tone",
    "speaks",
    "saved",
    "goes",
)


class Centre(Switchboard):
    """Every door that a flow has, with what stands behind it in core."""

    def __init__(self) -> None:
        super().__init__(MAIN, inner=INNER)
        world = self.world
        world.configure([queue("support", consent="announce", record="queue")], [], [])
        world.route = Route(dialled="*", flow="main", record="answer")
        self.errands = Errands(world.clock)
        self.sent: list[str] = []
        self.errands.attach(self, lambda: None)
        self.voicemails = Voicemails(
            clock=world.clock,
            publish=world.publish,
            switch_of=lambda _: world.switch,
            switch_root=lambda _: "/var/lib/ccd/recordings",
            local_root="/srv/recordings",
            e164=lambda number: "",
        )
        self.voicemails.configure((Box(box_id="b", name="night"),))
        world.bus.on(RecordStopped, self.voicemails.on_stopped)
        world.bus.on(CallToFallback, self.voicemails.on_fallback)
        world.bus.on(LegEnded, self.voicemails.on_leg_ended)
        self.desk._doors = dataclasses.replace(
            self.desk._doors,
            errand=self.errands.start,
            recording=RecordingDoor(
                due=world.points.consent_due,
                consented=world.points.consented,
                begin=world.points.begin,
                mask=world.points.mask,
                unmask=world.points.unmask,
            ),
            voicemail=VoicemailDoor(
                greeting=self.voicemails.greeting,
                prompt_path=lambda prompt, language: f"/srv/sounds/{language}/{prompt}.wav",
                is_spoken=self.voicemails.is_spoken,
                begin=self.voicemails.begin,
                finish=self.voicemails.finish,
            ),
        )
        self.callers = PastCallers()

    # --- many at once -------------------------------------------------------------------------------

    def wave(self, leaves: list[int]) -> None:
        """Callers who go through the flow side by side; the one at place `n` hangs up at step `leaves[n]`."""
        legs: list[str] = []
        for step, name in enumerate(STEPS):
            if name == "arrives":
                legs = [self.world.caller_arrives(f"138{number:08d}") for number in range(len(leaves))]
            else:
                self.step(name, [leg for leg in legs if leg in self.world.registry.legs])
            for leg, leave in zip(legs, leaves, strict=True):
                if leave == step and leg in self.world.registry.legs:  # some before their flow has begun with the step
                    self.world.caller_hangs_up(leg)
            self.world.switch_obeys()
            self.breathe()
        for fact in self.world.facts:
            self.callers.apply(fact)
        assert {fact.node for fact in self.world.of(NodeEntered)} >= {*MAIN["nodes"], *INNER["nodes"]}
        self.world.facts.clear()
        self.world.switch.forget()

    def step(self, name: str, legs: list[str]) -> None:
        world, now = self.world, self.world.clock.now()
        if name in ("hears", "said", "is told", "greeting", "tone", "saved", "goes"):
            playing = {one.leg_id: one.execution_id for one in world.switch.all(Play)}
            for leg in legs:
                world.say(
                    ApplicationEnded(
                        leg_id=leg, at=now, execution_id=playing[leg], application="playback", response="FILE PLAYED"
                    )
                )
        elif name == "types":
            for leg in legs:
                for digit in "1357":
                    world.say(DigitPressed(leg_id=leg, at=now, digit=digit))
        elif name == "asked":
            while (line := self.errands.next_line(self)) is not None:
                self.sent.append(line.split(b'"id": "')[1][:36].decode())
        elif name == "answered":
            for errand_id in self.sent:
                self.errands.finish(errand_id, {"status": 200, "values": {"balance": ["number", "3"]}})
            self.sent.clear()
        elif name in ("rings", "talks", "is left"):
            self.transfers(name, legs)
        elif name == "waits":
            for leg in legs:
                if (caller := world.acd.caller_of(leg)) is not None:
                    world.acd.remove(caller, LeftReason.TIMED_OUT)
        elif name == "speaks":
            world.clock.advance(3)
            for started in world.of(VoicemailStarted):
                if started.leg_id in legs:
                    world.say(RecordStopped(leg_id=started.leg_id, at=now, path=started.path, duration_ms=3_000))
        self.breathe()

    def transfers(self, name: str, legs: list[str]) -> None:
        world = self.world
        for order in world.switch.all(Originate):
            transfer = self.dialling._by_leg.get(order.leg_id)
            if transfer is None or transfer.caller_id not in legs:
                continue
            if name == "rings":
                world.created(
                    order.leg_id,
                    inbound=False,
                    number="1",
                    context="ccd",
                    name="x",
                    role="transfer",
                    call_id=transfer.call_id,
                )
            elif name == "talks":
                world.say(ChannelAnswered(leg_id=order.leg_id, at=world.clock.now()))
                world.parked(order.leg_id, inbound=False, entry="")
                world.bridged(transfer.caller_id, order.leg_id)
            else:
                world.hung_up(order.leg_id)
                world.parked(transfer.caller_id)

    def assert_empty(self) -> None:
        """Nothing is kept of anybody."""
        self.world.clock.advance(120)
        self.world.switch_obeys()
        self.breathe()
        assert self.desk.running == {}
        assert (self.dialling._by_leg, self.dialling._by_caller) == ({}, {})
        assert (len(self.errands), self.voicemails.running, self.sent) == (0, {}, [])
        assert self.world.ledger.voicemails == {}
        assert self.world.ledger.legs == {}
        assert self.callers.open == {}
        assert len(self.world.ledger.ended) <= 500
        self.world.assert_at_rest()
        assert self.world.clock.pending() == 0


def greenlets() -> int:
    gc.collect()
    return sum(isinstance(one, Greenlet) and not one.dead for one in gc.get_objects())


@pytest.mark.parametrize("calls", [400])
def test_of_callers_who_come_through_everything_nothing_is_left(calls: int) -> None:
    centre, before = Centre(), greenlets()
    of_one = [place % len(STEPS) for place in range(200)]
    for _ in range(calls // len(of_one)):
        centre.wave(of_one)
    centre.assert_empty()
    assert greenlets() == before


def test_nobody_is_called_for_a_caller_who_is_gone_before_his_flow_begins() -> None:
    board = Switchboard(
        {"start": "call", "nodes": {"call": {"type": "transfer", "number": "02161230001", "next": "bye"}, "bye": END}}
    )
    caller = board.world.caller_arrives()
    board.world.caller_hangs_up(caller)
    board.breathe()
    assert board.world.switch.all(Originate) == []
    assert board.path == []
    board.goes_home()
