"""A switch that does what it is told and holds channels of its own, under a core that may miss what it says of them.

The call centre is that of `tests.builders`, with core's own recovery. `loses` picks the events that never arrive. Every heartbeat
tells how many channels there are, as FreeSWITCH's does; where the counts go on differing, core looks and puts right.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import gevent

from ccd.acd.ports import Ports
from ccd.base.clock import FakeClock
from ccd.core.node import DIFFER_OFTEN
from ccd.switch.commands import Bridge, Hangup, Originate
from ccd.switch.events import (
    ChannelAnswered,
    ChannelBridged,
    ChannelCreated,
    ChannelHungUp,
    ChannelParked,
    ChannelProgressed,
    ChannelUnbridged,
    SwitchEvent,
)
from tests.builders import queue, tier
from tests.channels import CORE_UUID, ChannelWorld

HEARTBEAT_S = 20
Loses = Callable[[SwitchEvent], bool]


class Field(ChannelWorld):
    """The call centre; `channels` are the switch's, as it dumps them. Phones ring by themselves; who answers is the story's."""

    def __init__(
        self, names: list[str], *, loses: Loses = lambda _: False, clock: FakeClock | None = None, **settings: Any
    ) -> None:
        super().__init__(clock=clock)
        self.names = names
        self.loses = loses
        self.channels: dict[str, dict[str, str]] = {}
        self.told_of = 0
        self._obeyed = 0
        self._differed = 0
        self.connects(reconciled=True)
        self.configure([queue(**settings)], names, [tier("support", name) for name in names])
        self.ready(*names)

    def _ports(self) -> Ports:
        look_at = lambda _, leg_id: self.recovery.look_at(self.node, leg_id)  # noqa: E731 (recovery is made later)
        return dataclasses.replace(super()._ports(), look_at=look_at)

    # --- what happens on the switch, and what is told of it ---------------------------------------

    def say(self, event: SwitchEvent) -> None:
        self._happens(event)
        self.told_of += 1
        if not self.loses(event):
            super().say(event)

    def _happens(self, event: SwitchEvent) -> None:
        match event:
            case ChannelCreated():
                self.channels[event.leg_id] = {
                    "Unique-ID": event.leg_id,
                    "Core-UUID": CORE_UUID,
                    "Channel-State": "CS_ROUTING",
                    "Call-Direction": "inbound" if event.inbound else "outbound",
                    "Caller-Caller-ID-Number": event.caller_number,
                    "Caller-Destination-Number": event.dialled,
                    "Caller-Context": event.context,
                    "Channel-Name": event.name,
                    "Caller-Channel-Created-Time": str(event.at),
                    "variable_ccd_role": event.carried.role,
                    "variable_ccd_call_id": event.carried.call_id,
                    "variable_ccd_agent_id": event.carried.agent_id,
                    "variable_ccd_offer_id": event.carried.offer_id,
                }
            case ChannelProgressed():
                self.channels[event.leg_id]["Caller-Channel-Progress-Time"] = str(event.at)
            case ChannelAnswered():
                self.channels[event.leg_id]["Caller-Channel-Answered-Time"] = str(event.at)
            case ChannelParked():
                self.channels[event.leg_id] |= {
                    "Channel-State": "CS_EXECUTE",
                    "variable_current_application": "park",
                    "variable_signal_bond": "",
                }
            case ChannelBridged():
                self._bond(event.leg_id, event.other_id)
                self._bond(event.other_id, event.leg_id)
            case ChannelUnbridged():
                self._bond(event.leg_id, "")
            case ChannelHungUp():
                self.channels.pop(event.leg_id, None)
            case _:
                pass

    def _bond(self, leg_id: str, other_id: str) -> None:
        if leg_id in self.channels:
            state = {"Channel-State": "CS_EXCHANGE_MEDIA", "variable_signal_bond": other_id}
            self.channels[leg_id] |= state | {"Caller-Channel-Bridged-Time": str(self.clock.now())}

    def obeys(self) -> None:
        """The switch does what it has been told since: rings phones, joins, ends legs. Then what follows from that."""
        while self._obeyed < len(self.switch.told):
            order = self.switch.told[self._obeyed]
            self._obeyed += 1
            match order:
                case Originate():
                    self._rings(order)
                case Bridge() if {order.leg_id, order.other_id} <= self.channels.keys():
                    self.say(ChannelBridged(leg_id=order.leg_id, at=self.clock.now(), other_id=order.other_id))
                case Hangup() if order.leg_id in self.channels:
                    self.hung_up(order.leg_id, order.cause, disposition="send_cancel")

    def _rings(self, order: Originate) -> None:
        ours = {key.removeprefix("ccd_"): value for key, value in order.variables.items()}
        carried = {key: ours[key] for key in ("role", "call_id", "agent_id", "offer_id")}
        phone = order.contact.removeprefix("user/")
        name = f"sofia/internal/{phone}"
        self.created(order.leg_id, inbound=False, number=order.caller_number, context="ccd", name=name, **carried)
        self.say(ChannelProgressed(leg_id=order.leg_id, at=self.clock.now()))

    def passes(self, seconds: float) -> None:
        """Time goes by, a second at a time, and everybody does what he has to."""
        while seconds > 0:
            self.obeys()
            self.clock.advance(min(seconds, 1.0))
            self._breathe()
            seconds -= 1.0
        self.obeys()

    def _breathe(self) -> None:
        for _ in range(5):
            gevent.sleep(0)

    # --- people -------------------------------------------------------------------------------------

    def legs_of(self, name: str) -> list[str]:
        """The channels at an agent's phone."""
        at = f"sofia/internal/{name}@"
        return [leg_id for leg_id, one in self.channels.items() if one["Channel-Name"].startswith(at)]

    def picks_up(self, name: str) -> None:
        """An agent answers what rings."""
        for leg_id in self.legs_of(name):
            if "Caller-Channel-Answered-Time" not in self.channels[leg_id]:
                self.say(ChannelAnswered(leg_id=leg_id, at=self.clock.now()))
                self.parked(leg_id, inbound=False, entry="")
        self.obeys()

    def puts_down(self, name: str) -> None:
        """An agent hangs up; whoever he talked to comes back to us parked."""
        for leg_id in self.legs_of(name):
            other = self.channels[leg_id].get("variable_signal_bond", "")
            self.hung_up(leg_id, disposition="recv_bye")
            if other in self.channels:
                self.say(ChannelUnbridged(leg_id=other, at=self.clock.now(), other_id=leg_id))
                self.parked(other)
        self.obeys()

    def goes(self, caller: str) -> None:
        """A caller hangs up; an agent's leg that he is joined to is ended by the switch, which says so first."""
        if caller in self.channels:
            other = self.channels[caller].get("variable_signal_bond", "")
            if other in self.channels:
                self.hung_up(other, disposition="send_bye")
                self.say(ChannelUnbridged(leg_id=caller, at=self.clock.now(), other_id=other))
            self.hung_up(caller, disposition="recv_bye")
        self.obeys()

    # --- heartbeats ---------------------------------------------------------------------------------

    def quiet(self, heartbeats: int = 2 * DIFFER_OFTEN) -> None:
        """Nothing happens for a while but heartbeats."""
        for _ in range(heartbeats):
            self.passes(HEARTBEAT_S)
            known = sum(not leg.ordered for leg in self.registry.legs.values())
            self._differed = self._differed + 1 if len(self.channels) != known else 0
            if self._differed >= DIFFER_OFTEN:
                self._differed = 0
                self.recovery.reconcile(self.node)
                self.obeys()

    def states(self) -> dict[str, str]:
        """What each agent does, by name."""
        return {name: str(self.agent(name).activity) for name in self.names}
