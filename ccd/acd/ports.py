"""What the queue needs from outside: the composition root hands these over, so that acd knows no other feature."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ccd.acd.join_door import NO_DOOR, JoinDoor
from ccd.base.clock import Clock
from ccd.calls.model import Leg
from ccd.switch.port import Switch


@dataclass(frozen=True, slots=True)
class Ports:
    """The doors of the queue.

    publish: durable facts, in order.        order_leg: registers a leg we are about to originate.
    lose_leg: a leg is known to be gone.     is_parked: whether a leg stands parked and may be driven.
    switch_of, switches: the switch of a node; all of them.
    drop_lease: a bridged leg needs none.    hold_lease: a customer's leg that is parked again needs one.
    node_is_up: whether a node's event sockets are up.
    may_return: whether somebody stood in a queue before a restart, on a switch that has not told yet whether he still does.
    look_at: ask a node what became of a leg, and have registry and queues follow it.
    join: what is shown and heard when an agent is joined to a caller.
    """

    clock: Clock
    publish: Callable[[Any], None]
    order_leg: Callable[[Leg], None]
    lose_leg: Callable[[str, str], None]
    is_parked: Callable[[str], bool]
    switch_of: Callable[[str], Switch]
    switches: Callable[[], list[Switch]]
    drop_lease: Callable[[str, str], None]
    hold_lease: Callable[[str, str], None]
    node_is_up: Callable[[str], bool]
    join: JoinDoor = NO_DOOR
    may_return: Callable[[str], bool] = lambda queue_id: False
    look_at: Callable[[str, str], None] = lambda node, leg_id: None
