"""Hands transfers what they need of the rest of core: legs and leases, the stations, and what the site allows."""

from __future__ import annotations

from ccd.acd.ports import Ports
from ccd.base.bus import Bus
from ccd.base.errors import NotFound
from ccd.calls.facts import CallToFallback, LegAnswered, LegEnded, LegParked, LegsBridged
from ccd.calls.registry import Registry
from ccd.core.site import Site
from ccd.ivr.dial_ports import DialPorts
from ccd.ivr.dialling import Dialling
from ccd.ivr.doors import TransferDoor
from ccd.ivr.transfers import Stage, Target
from ccd.routing.outgoing import Outgoing
from ccd.settings.model import Settings


def dial_ports(ports: Ports, registry: Registry) -> DialPorts:
    """The doors of transfers are those of the queue."""
    return DialPorts(
        clock=ports.clock,
        publish=ports.publish,
        leg=registry.legs.get,
        order_leg=ports.order_leg,
        lose_leg=ports.lose_leg,
        switch_of=ports.switch_of,
        drop_lease=ports.drop_lease,
        hold_lease=ports.hold_lease,
        node_is_up=ports.node_is_up,
    )


def transfer_door(dialling: Dialling, site: Site, settings: Settings) -> TransferDoor:
    """What a flow's transfer nodes may do."""
    outgoing = Outgoing(
        through=settings.dial.through, allowed=settings.dial.allowed, numbering=settings.numbering.rules
    )

    def number(dialled: str) -> Target:
        return Target(to=dialled, number=dialled, contact=outgoing.contact(dialled))

    def station(name: str) -> Target:
        for one in site.configuration.stations:
            if one.name == name:
                return Target(to=name, contact=one.contact, node=one.node)
        raise NotFound(f"no station {name!r}")

    def rings(leg_id: str) -> bool:
        transfer = dialling.of_caller(leg_id)
        return transfer is not None and transfer.stage is Stage.RINGING

    return TransferDoor(
        number=number,
        station=station,
        goes_on=lambda leg_id: dialling.of_caller(leg_id) is not None,
        rings=rings,
        begin=dialling.begin,
        refuse=dialling.refuse,
        site_number=settings.dial.caller_id,
    )


def listen(bus: Bus, dialling: Dialling) -> None:
    """Tell transfers what happens to their legs."""
    bus.on(LegAnswered, dialling.on_answered)
    bus.on(LegParked, dialling.on_parked)
    bus.on(LegsBridged, dialling.on_bridged)
    bus.on(LegEnded, dialling.on_leg_ended)
    bus.on(CallToFallback, dialling.on_fallback)
