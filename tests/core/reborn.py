"""kill -9 at any fact: a core that knows what the spool held by then, and the switch as it is, beside the one that lived on."""

from __future__ import annotations

import json
from collections.abc import Container, Iterable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gevent
import msgspec

from ccd.acd.model import BreakReason, Queue, Tier
from ccd.base.clock import FakeClock
from ccd.calls.facts import Fact, Role
from ccd.calls.model import Leg
from ccd.core.ledger import Ledger
from ccd.core.onward import tell_onward
from ccd.journal.codec import decode, encode
from ccd.switch.commands import Originate, SetVariables
from tests.builders import World
from tests.channels import CORE_UUID, ChannelWorld

FLOW = "f" * 64


class Reborn(ChannelWorld):
    """Core after a kill -9; `channels` are the switch's, as it dumps them.

    `goes_on` has the edge by which each caller's flow was gone on with, by leg; '' in its midst.
    """

    def __init__(
        self,
        before: World,
        facts: Iterable[Fact],
        queues: list[Queue],
        names: list[str],
        tiers: list[Tier],
        *reasons: BreakReason,
        cdr: Path = Path("/nowhere"),
    ) -> None:
        ledger = Ledger()
        ledger.remembered.zones = set(before.ledger.remembered.zones)  # as the last snapshot has them
        for fact in facts:
            again = decode(encode(fact))
            assert again is not None
            ledger.apply(again)
        ledger = msgspec.convert(json.loads(json.dumps(msgspec.to_builtins(ledger))), Ledger)
        super().__init__(ledger=ledger, clock=FakeClock(before.clock.now()))
        self._cdr = cdr
        self.goes_on: dict[str, str] = {}
        known = ledger.calls.keys()
        self.channels = {leg_id: _channel(before, leg, known) for leg_id, leg in before.registry.legs.items()}
        tell_onward(ledger, self.publish)
        self.is_up = False
        self.configure(queues, names, tiers)
        self.acd.roster.breaks.configure(reasons, self.acd.roster.agents.values())
        for last in list(ledger.agents.values()):
            self.acd.roster.restore(last)
        self._reconcile()

    def _reconcile(self) -> None:
        self.connects(
            reconciled=False,
            desk=self._desk(),
            site=SimpleNamespace(flow=lambda sha256: SimpleNamespace(nodes={}, language="", name="main")),
            voicemails=SimpleNamespace(is_spoken=lambda leg_id: False),
            cdr=self._cdr,
        )
        refresh = self.acd.refresh_all

        def refresh_all() -> None:
            self.is_up = True  # as core's nodes are, once they are reconciled
            refresh()

        self.acd.refresh_all = refresh_all  # type: ignore[method-assign]
        self.recovery.reconcile(self.node)
        self.node.is_reconciled = True

    def looks_at(self, leg_id: str) -> None:
        """Core asks what became of a leg."""
        self.recovery.look_at(self.node, leg_id)
        for _ in range(10):
            gevent.sleep(0)

    def _desk(self) -> Any:
        def run(leg: Leg, call: object, flow: object, route: object, *, edge: str, **more: object) -> None:
            self.goes_on[leg.leg_id] = edge

        return SimpleNamespace(
            run=run,
            route_for=lambda call, flow: None,
            overflows=SimpleNamespace(of=lambda call, to, language: None),
        )


def _channel(world: World, leg: Leg, known: Container[str]) -> dict[str, str]:
    """A leg as the switch dumps it, with all that it has been told of it; one that was only ordered rings.

    The switch is told nothing of a call before the fact of its arrival is kept.
    """
    carried: dict[str, str] = {}
    for order in world.switch.all(Originate, leg.leg_id):
        carried |= order.variables
    if leg.role is not Role.CUSTOMER or leg.call_id in known:
        for told in world.switch.all(SetVariables, leg.leg_id):
            carried |= told.values
    if leg.role is Role.CUSTOMER:
        carried |= {"ccd_v": "1", "ccd_role": "customer", "ccd_call_id": leg.call_id, "ccd_flow": FLOW}
    elif not leg.inbound:
        carried["ccd_role"] = str(leg.role)
    state = "CS_EXECUTE" if leg.parked else "CS_EXCHANGE_MEDIA" if leg.bridged_to else "CS_ROUTING"
    return {
        "Unique-ID": leg.leg_id,
        "Core-UUID": CORE_UUID,
        "Channel-State": state,
        "Call-Direction": "inbound" if leg.inbound else "outbound",
        "Caller-Caller-ID-Number": leg.number,
        "Caller-Destination-Number": "4008",
        "Caller-Context": leg.context or "ccd",
        "Channel-Name": leg.channel_name or f"sofia/internal/{leg.agent_id.removeprefix('a-')}@192.0.2.1",
        "Caller-Channel-Created-Time": str(leg.created_at or world.clock.now()),
        "Caller-Channel-Progress-Time": str(leg.progressed_at or ""),
        "Caller-Channel-Answered-Time": str(leg.answered_at or ""),
        "variable_signal_bond": leg.bridged_to,
        "variable_current_application": "park" if leg.parked else "",
    } | {f"variable_{name}": value for name, value in carried.items()}
