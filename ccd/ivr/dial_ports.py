"""What transfers need from outside of this package: the clock, the registry's legs, switches and leases."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ccd.base.clock import Clock
from ccd.calls.model import Leg
from ccd.switch.port import Switch


@dataclass(frozen=True, slots=True)
class DialPorts:
    """The composition root hands it over.

    leg: a live leg by its id, or None.      order_leg: registers a leg that we are about to originate.
    lose_leg: a leg is known to be gone.     switch_of: the switch of a node.
    drop_lease, hold_lease: a bridged customer needs none; one that is parked again does.
    node_is_up: whether a node's event sockets are up.
    """

    clock: Clock
    publish: Callable[[Any], None]
    leg: Callable[[str], Leg | None]
    order_leg: Callable[[Leg], None]
    lose_leg: Callable[[str, str], None]
    switch_of: Callable[[str], Switch]
    drop_lease: Callable[[str, str], None]
    hold_lease: Callable[[str, str], None]
    node_is_up: Callable[[str], bool]
