"""Legs that ccd knew before it looked again: which of them live, what was missed of them, and which are gone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import structlog

from ccd.acd.service import Acd
from ccd.base.clock import Clock
from ccd.calls.facts import Repaired, Role
from ccd.calls.model import Leg
from ccd.calls.registry import Registry
from ccd.core.adoption import in_fallback
from ccd.core.ledger import Ledger
from ccd.core.looking import dump_channels
from ccd.core.node import Node
from ccd.ivr.dialling import Dialling
from ccd.switch.cdr import read_ending
from ccd.switch.commands import ListChannels
from ccd.switch.events import ANY_EXECUTION, ApplicationEnded
from ccd.switch.found import Found, read_channels

log = structlog.get_logger(__name__)


class KnownLegs:
    """The part of a recovery that looks at channels and brings known legs in step with them."""

    def __init__(
        self,
        *,
        clock: Clock,
        registry: Registry,
        acd: Acd,
        dialling: Dialling,
        ledger: Ledger,
        publish: Callable[[Any], None],
        cdr_path: str,
    ) -> None:
        self._clock = clock
        self._registry = registry
        self._acd = acd
        self._dialling = dialling
        self._ledger = ledger
        self._publish = publish
        self._cdr_path = cdr_path

    def look(self, node: Node) -> dict[str, Found]:
        """Every channel of the node, by leg id; dumps are asked for side by side."""
        listed = read_channels(node.switch.ask(ListChannels(), timeout=10.0))
        # The list is filled late, so it is no witness that a leg is gone: each that we know of is asked for.
        known = [leg.leg_id for leg in self._registry.legs.values() if leg.node == node.name]
        before = [leg_id for leg_id, leg in self._ledger.legs.items() if leg.node == node.name]
        return self._dump(node, list(dict.fromkeys([*listed, *known, *before])))

    def look_for_more(self, node: Node) -> dict[str, Found]:
        """Channels that the node lists and nobody has told us of."""
        missing = set(read_channels(node.switch.ask(ListChannels(), timeout=10.0))) - set(self._registry.legs)
        return self._dump(node, sorted(missing)) if missing else {}

    def _dump(self, node: Node, leg_ids: list[str]) -> dict[str, Found]:
        return dump_channels(node.switch, leg_ids, known=self._registry.legs)

    def switch_was_restarted(self, node: Node) -> None:
        """Every leg of the old switch is gone."""
        log.error("switch_lost", node=node.name, legs=len(self._registry.legs))
        for leg in [one for one in self._registry.legs.values() if one.node == node.name]:
            self._registry.lose(leg.leg_id, "SWITCH_LOST")

    def gone(self, leg_id: str) -> None:
        """A leg is not there any more: its end is as the switch's record tells, if there is one."""
        ending = read_ending(self._cdr_path, leg_id)
        if ending is None:
            self._registry.lose(leg_id, "LOST")
        else:
            self._registry.lose(leg_id, ending.cause, ending.ended_at, ending.disposition)

    def look_at(self, node: Node, leg_id: str) -> None:
        """One leg of which a word was expected and has not come: what its channel tells is followed.

        Raises:
            SwitchError: the link was lost; the next connect finds out.
        """
        found = self._dump(node, [leg_id]).get(leg_id)
        leg = self._registry.legs.get(leg_id)
        if leg is None or leg.in_fallback:
            return  # the word came meanwhile
        if found is None:
            self._publish(Repaired(at=self._clock.now(), subject=leg_id, what="end_missed"))
            self.gone(leg_id)
        elif in_fallback(found):  # its lease was over, or the dialplan took us for dead
            if leg.mailbox is not None:
                leg.mailbox.close("ccd_was_away")
            node.guards.forget(leg_id)
            self._acd.awaited.gone_elsewhere(leg_id)
            self._registry.note_fallback(leg, "ccd_was_away", self._clock.now())
        else:
            self.catch_up(leg, found, orders_lost=False)

    def catch_up(self, leg: Leg, found: Found, *, orders_lost: bool) -> None:
        """Events of a known leg that were missed. `orders_lost`: while the socket was away, with which orders may have gone.

        Events of it that lie in hand follow, and say some of this again: the registry and who listens to it know.
        """
        if orders_lost and leg.role in (Role.AGENT, Role.STANDING) and found.parked and not found.bridged_to:
            self._acd.offers.bridging.bridge_again(leg.leg_id)
        if orders_lost and leg.role is Role.TRANSFER and found.parked and not found.bridged_to:
            self._dialling.bridge_again(leg.leg_id)
        playing = self._acd.offers.playing(leg.leg_id)
        missed = found.changes(
            self._clock.now(),
            answered=bool(leg.answered_at),
            bridged_to=leg.bridged_to,
            parked=leg.parked,
            rang=bool(leg.progressed_at),
        )
        if leg.ordered:  # even its beginning was missed
            missed = found.as_events(self._clock.now())
        if missed:
            self._publish(Repaired(at=self._clock.now(), subject=leg.leg_id, what="events_missed"))
        for event in missed:
            self._registry.apply(event, leg.node)
        if found.plays or found.bridged_to:
            return
        if leg.mailbox is not None:
            leg.mailbox.put(self._played(leg, ANY_EXECUTION))
        if playing:
            self._acd.offers.on_played(self._played(leg, playing))

    def _played(self, leg: Leg, execution_id: str) -> ApplicationEnded:
        return ApplicationEnded(
            leg_id=leg.leg_id,
            at=self._clock.now(),
            execution_id=execution_id,
            application="playback",
            response="LOST",
        )
