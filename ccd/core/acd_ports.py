"""What queues and agents may use of core: the switches by name, the legs' registry, and what the ledger knows of the absent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ccd.acd.ports import Ports
from ccd.core.join_desk import JoinDesk

if TYPE_CHECKING:
    from ccd.core.house import House


def ports(house: House) -> Ports:
    """The ports of `Acd`, and of whoever else drives legs."""

    def is_parked(leg_id: str) -> bool:
        leg = house.registry.legs.get(leg_id)
        return leg is not None and leg.parked and not leg.bridged_to

    def hold_lease(name: str, leg_id: str) -> None:
        leg = house.registry.legs.get(leg_id)
        leased, standing = leg is not None and leg.leased, house.acd.standing.has(leg_id)
        house.node(name).guards.hold(leg_id, leased=leased, ours=standing)

    return Ports(
        clock=house.clock,
        publish=house.publisher.publish,
        order_leg=house.registry.order_leg,
        lose_leg=house.registry.lose,
        is_parked=is_parked,
        switch_of=lambda name: house.node(name).switch,
        switches=lambda: [node.switch for node in house.nodes.values()],
        drop_lease=lambda name, leg_id: house.node(name).guards.drop(leg_id),
        hold_lease=hold_lease,
        node_is_up=house.node_is_up,
        may_return=lambda queue_id: may_return(house, queue_id),
        look_at=lambda name, leg_id: house.recovery.look_at(house.node(name), leg_id),
        join=JoinDesk(house.registry, house.site).door(),
    )


def may_return(house: House, queue_id: str) -> bool:
    """Whether a caller of a queue may stand on a switch that has not told yet; one that is not of this site any more never
    will.
    """
    return any(
        past.queue_id == queue_id and past.node in house.nodes and past.call_id not in house.registry.calls
        for past in house.ledger.calls.values()
    )
