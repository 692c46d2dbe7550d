"""The field of the live tests: the switch under test, its event log, and the words the stories are told in."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import gevent
from gevent.event import Event as Flag

from ccd.lab.freeswitch import PrivateFreeSwitch
from ccd.lab.outside import Outside
from ccd.lab.parties import Caller, Phone
from ccd.lab.stories import CallerScript, PhoneScript, Ring, RingDiary
from ccd.lab.wire import Event

DEADLINE_S = 30.0  # costs nothing where things work, and is enough where several such runs share two processors
_PAUSES_S = (0.01, 0.02, 0.03, 0.05)


class Field:
    """The switch and the outside world, seen through the switch's own event socket."""

    def __init__(self, switch: PrivateFreeSwitch, outside: Outside) -> None:
        self.switch = switch
        self.outside = outside
        self.events: list[Event] = []
        self._news = Flag()
        self._numbers = iter(range(13800000001, 13800009999))
        self.wire = switch.wire(self._note)
        self.wire.command(
            "event json CHANNEL_ANSWER CHANNEL_PARK CHANNEL_BRIDGE CHANNEL_HANGUP_COMPLETE CHANNEL_DESTROY"
        )

    def set_alive(self, value: str) -> None:
        """Write the liveness variable as it stands."""
        self.wire.api(f"global_setvar ccd_alive={value}")

    def ccd_lives(self) -> None:
        """Do what a living ccd does every two seconds."""
        self.wire.must("expand global_setvar ccd_alive=${strepoch()}")

    def ccd_is_dead(self) -> None:
        """As after ccd stopped."""
        self.set_alive("0")

    def a_number(self) -> str:
        """A caller's number that nobody else has."""
        return str(next(self._numbers))

    def call(self, dialled: str = "95500", patience_ms: int | None = None) -> Caller:
        """A caller dials."""
        return self.outside.call(CallerScript(number=self.a_number(), dialled=dialled, hang_up_after_ms=patience_ms))

    def phone(self, name: str, *rings: Ring, register: bool = True) -> Phone:
        """A phone with a fresh diary."""
        return self.outside.phone(PhoneScript(name, rings or (Ring("answer"),)), register=register)

    def parked(self, number: str, context: str = "ccd") -> str:
        """Wait until the leg that shows `number` is parked in `context`; its id."""
        event = self.wait(
            lambda e: (
                e["Event-Name"] == "CHANNEL_PARK"
                and e.get("Caller-Caller-ID-Number") == number
                and e.get("Caller-Context") == context
            ),
            f"{number} parked in {context}",
        )
        return str(event["Unique-ID"])

    def rung(self, phone: Phone, number: str) -> RingDiary:
        """Wait until `phone` was rung for the caller `number`."""
        return until(
            lambda: next((ring for ring in phone.diary.rings if ring.caller_number == number), None),
            f"{phone.script.name} rung for {number}",
        )

    def wait(self, wanted: Callable[[Event], bool], what: str, timeout: float = DEADLINE_S) -> Event:
        """Wait for an event, past ones included."""
        with gevent.Timeout(timeout, AssertionError(f"not seen in {timeout} s: {what}")):
            while True:
                self._news.clear()
                for event in self.events:
                    if wanted(event):
                        return event
                self._news.wait()

    def answer(self, leg: str) -> None:
        """Have a parked leg answer by itself, as ccd does, and wait until it has."""
        self.wire.execute(leg, "answer")
        self.wait(lambda e: e["Event-Name"] == "CHANNEL_ANSWER" and e["Unique-ID"] == leg, "answered")

    def connect(self, customer: str, phone: str) -> str:
        """Answer the parked customer, ring `phone`, bridge them; the id of the agent's leg.

        A customer's leg that is not answered yet does not survive `uuid_bridge`.
        """
        self.answer(customer)
        agent = self.wire.must("create_uuid")
        self.wire.must(
            f"originate {{origination_uuid={agent},ignore_early_media=true}}user/{phone}@{self.switch.domain} &park()"
        )
        self.wire.must(f"uuid_bridge {customer} {agent}")
        self.wait(
            lambda e: (
                e["Event-Name"] == "CHANNEL_BRIDGE" and customer in (e["Unique-ID"], e.get("Other-Leg-Unique-ID"))
            ),
            "bridged",
        )
        return agent

    def _note(self, event: Event) -> None:
        self.events.append(event)
        self._news.set()


def until(look: Callable[[], Any], what: str, timeout: float = DEADLINE_S) -> Any:
    """Wait until `look` finds something."""
    with gevent.Timeout(timeout, AssertionError(f"not seen in {timeout} s: {what}")):
        pauses = itertools.chain(_PAUSES_S, itertools.repeat(_PAUSES_S[-1]))
        while not (found := look()):
            gevent.sleep(next(pauses))
        return found
