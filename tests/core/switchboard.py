"""A desk whose flows call people, on a FakeSwitch: the world of `tests.builders` with transfers, wired as core does it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import gevent

from ccd.acd.model import Station
from ccd.calls.facts import CallArrived
from ccd.core import way_out
from ccd.core.desk import Desk
from ccd.core.node import Node
from ccd.core.site import Site
from ccd.ivr.dialling import Dialling
from ccd.ivr.doors import Doors
from ccd.ivr.facts import FlowEntered, NodeEntered, TransferEnded
from ccd.ivr.linking import link
from ccd.ivr.runner import MAX_STEPS, STEPS_AT_ONCE
from ccd.journal.configuration import Configuration, Route
from ccd.settings.model import Settings
from ccd.switch.commands import Originate
from tests.builders import NODE, World, station

DIAL = {"through": "sofia/gateway/carrier", "allowed": ["0216123*", "02155550000"], "caller_id": "02199990000"}


class Switchboard:
    """`main` is what every number leads to; more flows are named."""

    def __init__(
        self,
        main: dict[str, Any],
        *stations: Station,
        answer: str = "at_once",
        dial: Any = None,
        **more: dict[str, Any],
    ) -> None:
        self.world = World()
        self.site = Site("/srv/sounds", "zh")
        linked, faults = link({"main": main} | more, {})
        assert faults == {}
        self.site.take(
            Configuration(
                version=1,
                routes=(Route(dialled="*", flow="main", answer=answer),),
                flows={sha256: one for flow in linked.values() for sha256, one in flow.documents.items()},
                active_flows={name: flow.flow.sha256 for name, flow in linked.items()},
                stations=stations or (station("boss"),),
            )
        )
        settings = Settings.model_validate({"dial": DIAL if dial is None else dial})
        self.dialling = Dialling(way_out.dial_ports(self.world._ports(), self.world.registry))
        node = cast(Node, SimpleNamespace(guards=self.world.guards, switch=self.world.switch))
        self.desk = Desk(
            clock=self.world.clock,
            registry=self.world.registry,
            acd=self.world.acd,
            site=self.site,
            nodes={NODE: node},
            publish=self.world.publish,
            doors=Doors(transfer=way_out.transfer_door(self.dialling, self.site, settings)),
        )
        self.world.acd._on_done = self.desk.on_done
        self.world.bus.on(CallArrived, self.desk.on_arrived)
        way_out.listen(self.world.bus, self.dialling)

    def calls(self, *, answered: bool = True, number: str = "13800000000") -> str:
        """A caller arrives; returns his leg once his flow has nothing more to do for now."""
        leg = self.world.caller_arrives(number, answered=answered)
        self.breathe()
        return leg

    def breathe(self, seconds: float = 0.0) -> None:
        """Let the greenlets run, some time later if it is said."""
        if seconds:
            self.world.clock.advance(seconds)
        for _ in range(10):
            gevent.sleep(0)

    # --- whom the flow calls ------------------------------------------------------------------------

    @property
    def order(self) -> Originate:
        """The latest order to call somebody."""
        return self.world.switch.last(Originate)

    def rings(self) -> str:
        """The phone that was ordered rings; its leg."""
        order = self.order
        ours = {key.removeprefix("ccd_"): value for key, value in order.variables.items()}
        self.world.created(
            order.leg_id,
            inbound=False,
            number=order.caller_number,
            context="ccd",
            name="sofia/outside/x",
            role=ours["role"],
            call_id=ours["call_id"],
        )
        self.breathe()
        return order.leg_id

    def picks_up(self) -> str:
        """The phone is answered and its leg parked."""
        leg = self.order.leg_id
        if self.world.registry.legs[leg].ordered:
            self.rings()
        self.answers(leg)
        self.world.parked(leg, inbound=False, entry="")
        self.breathe()
        return leg

    def answers(self, leg: str) -> None:
        """A leg is answered."""
        from ccd.switch.events import ChannelAnswered

        self.world.say(ChannelAnswered(leg_id=leg, at=self.world.clock.now()))
        self.breathe()

    def talks(self, caller: str) -> str:
        """The other side picks up and is joined; its leg."""
        leg = self.picks_up()
        self.world.bridged(caller, leg)
        self.breathe()
        return leg

    def ends(self, leg: str, cause: str = "NORMAL_CLEARING", **how: Any) -> None:
        """A leg is gone."""
        self.world.hung_up(leg, cause, **how)
        self.breathe()

    def comes_back(self, caller: str) -> None:
        """The caller stands parked again, behind a bridge."""
        self.world.parked(caller)
        self.breathe()

    # --- what is told ---------------------------------------------------------------------------------

    @property
    def path(self) -> list[str]:
        """The nodes that were entered, in the order in which they were."""
        return [fact.node for fact in self.world.of(NodeEntered)]

    @property
    def flows(self) -> list[str]:
        """The flows that nodes were entered in."""
        return [fact.flow for fact in self.world.of(NodeEntered)]

    @property
    def entered(self) -> list[FlowEntered]:
        """The flows that calls were given."""
        return self.world.of(FlowEntered)

    @property
    def results(self) -> list[str]:
        """What came of the calls that the flow made."""
        return [str(fact.result) for fact in self.world.of(TransferEnded)]

    def goes_home(self) -> None:
        """Whoever is still on the line hangs up; nothing and nobody is left."""
        for leg in list(self.world.registry.legs):
            if leg in self.world.registry.legs:
                self.world.caller_hangs_up(leg)
        for _ in range(MAX_STEPS // STEPS_AT_ONCE + 20):  # a flow that only just does not go round takes all its steps
            gevent.sleep(0)
        assert self.desk.running == {}
        assert (self.dialling._by_leg, self.dialling._by_caller) == ({}, {})
        self.world.assert_at_rest()
