"""A caller in a flow: the flow runs in its greenlet on a FakeSwitch, the test is the caller's ear and finger."""

from __future__ import annotations

import dataclasses
from typing import Any

import gevent

from ccd.base.clock import FakeClock
from ccd.base.errors import NotFound
from ccd.calls.mailbox import Mailbox
from ccd.calls.model import Call, Leg
from ccd.ivr.doors import Doors, QueueDoor, Steps
from ccd.ivr.facts import FlowLeft, NodeEntered
from ccd.ivr.flow import Flow
from ccd.ivr.queueing import QueueDone
from ccd.ivr.runner import run_flow
from ccd.ivr.talk import Talk
from ccd.ivr.unheard import Unheard
from ccd.switch.commands import Hangup, Play, StopPlaying
from ccd.switch.events import ApplicationEnded, Carried, ChannelAnswered, ChannelParked, DigitPressed
from tests.builders import new_leg
from tests.fakes import FakeSwitch


class Caller:
    """One caller. `heard` is what was played to him, `path` the nodes he came through."""

    def __init__(
        self,
        document: dict[str, Any],
        *,
        answer_point: str = "at_once",
        waits: bool = True,
        unheard: Unheard | None = None,
        values: str = "",
    ) -> None:
        self.clock, self.switch = FakeClock(), FakeSwitch()
        self.leg_id = new_leg()
        self.leg = Leg(leg_id=self.leg_id, node="fs1", answered_at=0)
        self.call = Call("c1", self.leg_id, "fs1", "138", "", "4008", 0)
        self.mailbox = Mailbox(self.leg_id, self.clock)
        self.waits = waits
        self.lacks: set[str] = set()
        self.hours: dict[str, str] = {}
        self.entered: list[tuple[str, int]] = []
        self.asked: list[Steps] = []
        self.facts: list[Any] = []
        self.remembered: list[str] = []
        self.values_told: list[str] = []
        self.flow = Flow("test", document)
        self.talk = Talk(
            call=self.call,
            leg=self.leg,
            mailbox=self.mailbox,
            switch=self.switch,
            clock=self.clock,
            doors=Doors(
                prompt_path=lambda prompt: f"/sounds/{prompt}.wav",
                queue=QueueDoor(
                    enter=self._enter, waits=lambda _: self.waits, timeout_prompt=lambda queue: f"{queue}_timeout"
                ),
                hours=self._ask_hours,
            ),
            unheard=unheard or Unheard(self.clock),
            answer_point=answer_point,
            values=values,
        )
        self.greenlet: gevent.Greenlet | None = None

    def speaks(self, language: str) -> None:
        self.talk.doors = dataclasses.replace(
            self.talk.doors, prompt_path=lambda prompt: f"/sounds/{language}/{prompt}.wav"
        )

    def _ask_hours(self, calendar: str) -> str:
        if calendar not in self.hours:
            raise NotFound(f"no calendar {calendar}")
        return self.hours[calendar]

    def _enter(self, call: Call, leg: Leg, queue: str, priority: int, steps: Steps) -> str:
        if queue in self.lacks:
            raise NotFound(f"no queue {queue}")
        self.entered.append((queue, priority))
        self.asked.append(steps)
        return "local_stream://moh"

    def _remember(self, sha256: str, node: str, values: str, stack: str) -> None:
        self.remembered.append(node)
        if values:
            self.values_told.append(values)

    def begins(self, **resume: str) -> Caller:
        self.greenlet = gevent.spawn(
            run_flow,
            self.flow,
            self.talk,
            clock=self.clock,
            publish=self.facts.append,
            remember=self._remember,
            **resume,
        )
        self.breathe()
        return self

    def breathe(self) -> None:
        for _ in range(5):
            gevent.sleep(0)

    @property
    def heard(self) -> list[str]:
        return [one.audio.removeprefix("/sounds/").removesuffix(".wav") for one in self.switch.all(Play)]

    @property
    def path(self) -> list[str]:
        return [fact.node for fact in self.facts if isinstance(fact, NodeEntered)]

    @property
    def left(self) -> list[str]:
        return [fact.reason for fact in self.facts if isinstance(fact, FlowLeft)]

    @property
    def broken_off(self) -> int:
        return len(self.switch.all(StopPlaying))

    def _put(self, event: object) -> None:
        self.mailbox.put(event)
        self.breathe()

    def answered(self) -> None:
        self.leg.answered_at = self.clock.now()
        self._put(ChannelAnswered(leg_id=self.leg_id, at=1))

    def prompt_ends(self, response: str = "FILE PLAYED") -> None:
        playing = self.switch.last(Play).execution_id
        self._put(
            ApplicationEnded(leg_id=self.leg_id, at=1, execution_id=playing, application="playback", response=response)
        )

    def presses(self, digits: str) -> None:
        for digit in digits:
            self._put(DigitPressed(leg_id=self.leg_id, at=1, digit=digit))

    def parked(self) -> None:
        self._put(
            ChannelParked(
                leg_id=self.leg_id,
                at=1,
                inbound=True,
                caller_number="",
                caller_name="",
                dialled="",
                context="",
                carried=Carried(),
            )
        )

    def queue_done(self, how: str) -> None:
        self._put(QueueDone(how))

    def silence(self, seconds: float) -> None:
        self.clock.advance(seconds)
        self.breathe()

    def hangs_up(self) -> None:
        self.mailbox.close("NORMAL_CLEARING")
        self.breathe()

    def switch_obeys(self) -> None:
        """What ccd wants ended, ends."""
        if self.switch.all(Hangup):
            self.hangs_up()

    def is_over(self) -> bool:
        return self.greenlet is not None and self.greenlet.dead
