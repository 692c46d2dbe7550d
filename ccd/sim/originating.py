"""`originate` on the simulated switch: a contact becomes a phone that rings, or a failure without any channel."""

from __future__ import annotations

import re
from collections.abc import Callable

from ccd.sim.channel import Channel
from ccd.sim.core import Core
from ccd.sim.legs import Legs
from ccd.sim.parties import Phone, PhoneRing

_SYNTAX = re.compile(
    r"(?:\{(?P<variables>[^}]*)\})?(?P<contact>\S+) (?:&park\(\)|(?P<extension>\w+))"
    r"(?: \S+ (?P<context>\S+) (?P<name>'[^']*'|\S+) (?P<number>\S+))?"
)
Done = Callable[[str], None]


class Originating:
    """Rings phones; `done` gets what BACKGROUND_JOB will carry."""

    def __init__(self, core: Core, legs: Legs, phones: dict[str, Phone]) -> None:
        self._core, self._legs, self._phones = core, legs, phones

    def originate(self, argument: str, done: Done) -> None:
        """`originate {variables}contact &park() [dialplan context name number]`."""
        matched = _SYNTAX.fullmatch(argument.strip())
        if matched is None:
            done("-USAGE: <call url> <exten>|&<application_name>(<app_args>)\n")
            return
        variables = dict(pair.partition("=")[::2] for pair in (matched["variables"] or "").split(",") if "=" in pair)
        if matched["number"]:
            variables["origination_caller_id_name"] = matched["name"].strip("'")
            variables["origination_caller_id_number"] = matched["number"]
        contact = matched["contact"]
        leg_id = variables.get("origination_uuid") or self._core.new_uuid()
        refused = self._core.faults.refuse_originates or self._failure(contact, leg_id)
        if refused:
            done(f"-ERR {refused}\n")
            return
        then = (matched["extension"], matched["context"]) if matched["extension"] else None
        self._ring(leg_id, contact, variables, then, done)

    def _failure(self, contact: str, leg_id: str) -> str:
        """What fails before there is a channel."""
        if self._core.find(leg_id) is not None:
            return "DESTINATION_OUT_OF_ORDER"
        phone = self._phones.get(_phone_name(contact))
        if phone is None:
            return "SUBSCRIBER_ABSENT" if contact.startswith("user/") else ""
        if phone.behaviour(self._core.clock.now()).kind == "not_registered":
            return "USER_NOT_REGISTERED"
        return ""

    def _ring(
        self, leg_id: str, contact: str, variables: dict[str, str], then: tuple[str, str] | None, done: Done
    ) -> None:
        name = _phone_name(contact)
        channel_name = contact if contact.startswith("sofia/") else f"sofia/internal/{name}@127.0.0.1"
        c = Channel(
            uuid=leg_id,
            name=channel_name,
            inbound=False,
            number=variables.get("origination_caller_id_number", "0000000000"),
            caller_name=variables.get("origination_caller_id_name", ""),
            dialled=name,
            context="default",
        )
        c.variables.update(variables)
        outcome = _Outcome(c, then, done)
        c.on_gone.append(outcome.failed)
        self._core.add(c)
        c.state = "CS_CONSUME_MEDIA"
        phone = self._phones.get(name)
        if phone is None and contact.startswith("sofia/gateway/"):  # the network knows no such number
            self._core.soon(lambda: self._legs.hangup(c, "UNALLOCATED_NUMBER", by_party=True, status="404"))
            return
        if phone is None or phone.behaviour(self._core.clock.now()).kind == "unreachable":
            self._core.soon(lambda: self._legs.hangup(c, "NORMAL_TEMPORARY_FAILURE", by_party=True, status="503"))
            return
        ring = phone.ring(self._core, self._legs, c)
        c.party = ring
        timeout = float(variables.get("originate_timeout") or 60)
        given_up = self._core.later(timeout, lambda: self._legs.hangup(c, "NO_ANSWER"))
        c.timers.append(given_up)
        ring.start(lambda: self._progressed(c), lambda: self._answered(c, ring, given_up.cancel, outcome))

    def _progressed(self, c: Channel) -> None:
        if c.is_up and not c.answered_at:
            c.progress_at = self._core.clock.now()
            c.call_state = "RINGING"
            self._core.emit("CHANNEL_PROGRESS", c)

    def _answered(self, c: Channel, ring: PhoneRing, no_more_waiting: Callable[[], None], outcome: _Outcome) -> None:
        no_more_waiting()
        self._legs.answer(c)
        # From its answer on a leg shows whom it was made to reach.
        shown = ring.phone.script.name

        def executes() -> None:
            if not c.is_up:
                return
            c.number, c.caller_name = shown, shown
            self._core.emit("CALL_UPDATE", c, Direction="SEND")
            outcome.succeeded()
            c.state = "CS_EXECUTE"
            if outcome.then is not None:
                self._legs.route(c, *outcome.then)
                return
            c.plan.append(("park", ""))
            self._legs.run_plan(c)

        c.timers.append(self._core.soon(executes))


class _Outcome:
    """The one result of an originate; `then` is where the leg goes in the dialplan, None: it parks."""

    def __init__(self, channel: Channel, then: tuple[str, str] | None, done: Done) -> None:
        self.then = then
        self._channel, self._done, self._told = channel, done, False

    def succeeded(self) -> None:
        """The leg was answered."""
        self._tell(f"+OK {self._channel.uuid}\n")

    def failed(self) -> None:
        """The leg is gone; nothing if it was answered before."""
        self._tell(f"-ERR {self._channel.cause}\n")

    def _tell(self, text: str) -> None:
        if not self._told:
            self._told = True
            self._done(text)


def _phone_name(contact: str) -> str:
    return contact.rpartition("/")[2].partition("@")[0]
