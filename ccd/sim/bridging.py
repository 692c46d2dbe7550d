"""Bridges of the simulated switch, in the two steps that FreeSWITCH takes, with the races that live between them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ccd.sim.channel import Channel
from ccd.sim.core import Core

if TYPE_CHECKING:
    from ccd.sim.legs import Legs


class Bridging:
    """Joins and parts legs. `originator` is the first leg of uuid_bridge: bridge events are about it."""

    def __init__(self, core: Core, legs: Legs) -> None:
        self._core, self._legs = core, legs

    def bridge(self, a: Channel | None, b: Channel | None) -> str:
        """`uuid_bridge`: its reply comes at once, the bridge later."""
        if a is None or b is None or not a.is_up or a is b:
            return "-ERR Invalid uuid\n"
        if not a.has_media:
            if not b.has_media:
                return "-ERR Invalid uuid\n"
            a, b = b, a
        a.other_id, b.other_id = b.uuid, a.uuid
        for leg, other in ((a, b), (b, a)):
            leg.set("bridge_channel", other.name)
            leg.set("bridge_uuid", other.uuid)
            leg.set("signal_bond", other.uuid)
        b.number, b.caller_name = a.number, a.caller_name
        joining = object()
        a.joining = b.joining = joining
        self._core.soon(lambda: self._leave_park(a, b, joining))
        return f"+OK {b.uuid}\n"

    def _leave_park(self, a: Channel, b: Channel, joining: object) -> None:
        """First step: both legs leave what they do. Who hangs up before it is gone when the other looks for it."""
        for leg in (b, a):
            if leg.is_up and leg.joining is joining:
                if leg.peer is not None:
                    self.leave(leg, None)
                self._legs.unwind(leg)
                leg.state = "CS_SOFT_EXECUTE" if leg is a else "CS_RESET"
        if a.is_up and not b.is_up and a.joining is joining:
            a.joining = None
            # park_on_cancel is not looked at here: the leg is sent away as after a bridge.
            self._after(a, "DESTINATION_OUT_OF_ORDER", cancelled=True)
        elif a.is_up:
            self._core.soon(lambda: self._join(a, b, joining))
        # When a hung up first, b stays in CS_RESET: alive, silent, in nobody's hand. So does a real one.

    def _join(self, a: Channel, b: Channel, joining: object) -> None:
        """Second step: the sound is joined, unless one of them left meanwhile."""
        if a.joining is not joining or b.joining is not joining:
            return
        a.joining = b.joining = None
        if not a.is_up:
            self._legs.hangup(b, "DESTINATION_OUT_OF_ORDER")
            return
        if not b.is_up:
            if a.flag("uuid_bridge_park_on_cancel"):
                self._legs.park(a)
            else:
                self._legs.hangup(a, "ORIGINATOR_CANCEL")
            return
        a.peer, b.peer, a.is_originator, b.is_originator = b, a, True, False
        a.bridged_at = b.bridged_at = self._core.clock.now()
        self._core.emit("CHANNEL_EXECUTE", a, Application="uuid_bridge", Application_Data=b.uuid)
        b.state = "CS_SOFT_EXECUTE"
        self._core.emit("CHANNEL_EXECUTE", b, Application="uuid_bridge", Application_Data=a.uuid)
        self._core.emit("CHANNEL_BRIDGE", a, Bridge_A_Unique_ID=a.uuid, Bridge_B_Unique_ID=b.uuid)
        self._core.emit("CALL_UPDATE", a, Direction="SEND")
        b.state = "CS_EXCHANGE_MEDIA"
        self._core.emit("CALL_UPDATE", b, Direction="SEND")
        for leg, other in ((a, b), (b, a)):
            if leg.party is not None and other.party is not None:
                leg.party.on_bridged(other.party, a.bridged_at)
            self._legs.wake(leg)

    def part(self, c: Channel, report: Callable[[], None]) -> None:
        """`c` hung up: report it, and see what becomes of the leg it talked with."""
        peer = c.peer
        if peer is None:
            report()
            return
        c.peer = peer.peer = None
        if c.variables.get("transfer_after_bridge"):  # used up, although the leg itself hung up
            self._spend_transfer(c)
        self._legs.unwind(peer)
        if c.is_originator:
            self._after(peer, "NORMAL_CLEARING")
            self._unbridged(c, peer)
            report()
            return
        report()
        self._unbridged(peer, c)
        self._after(peer, c.cause)

    def leave(self, c: Channel, then: Callable[[], None] | None) -> None:
        """`c` is moved elsewhere out of its bridge."""
        peer = c.peer
        if peer is None:
            return
        c.peer = peer.peer = None
        if peer.joining is None:
            self._after(peer, "NORMAL_CLEARING")

        def gone() -> None:
            originator, other = (c, peer) if c.is_originator else (peer, c)
            self._unbridged(originator, other)
            if then is not None and c.is_up:
                self._legs.unwind(c)
                then()

        if then is None:
            gone()
        else:
            self._core.soon(gone)

    def _unbridged(self, a: Channel, b: Channel) -> None:
        self._core.emit("CHANNEL_UNBRIDGE", a, Bridge_A_Unique_ID=a.uuid, Bridge_B_Unique_ID=b.uuid)

    def _spend_transfer(self, c: Channel) -> None:
        """A transfer unsets the bond of both legs; nothing else does, also no end of a bridge."""
        other = self._core.find(c.variables.get("signal_bond", ""))
        for leg in (c, other):
            if leg is not None:
                leg.set("signal_bond", "")
        c.set("transfer_after_bridge", "")

    def _after(self, c: Channel, cause: str, *, cancelled: bool = False) -> None:
        """What a leg does when the other side of its bridge left; the variables are used up."""
        if not c.is_up:
            return
        if c.flag("park_after_bridge"):
            self._legs.park(c)
        elif where := c.variables.get("transfer_after_bridge"):
            self._spend_transfer(c)
            extension, _, rest = where.partition(":")
            c.other_id, c.transfer_at = "", self._core.clock.now()
            self._legs.route(c, extension, rest.partition(":")[2])
        elif cancelled or c.flag("hangup_after_bridge") or not c.is_originator:
            self._legs.hangup(c, cause if c.is_originator or cancelled else "NORMAL_CLEARING")
        else:
            c.state = "CS_EXECUTE"
            self._legs.run_plan(c)
