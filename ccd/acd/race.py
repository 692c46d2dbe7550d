"""Several phones may ring for one caller: who is answered first has him. For ccd.acd, as `Offers.race`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ccd.acd.callers import Offer, QueuedCaller
from ccd.acd.facts import OfferResult
from ccd.acd.ports import Ports
from ccd.base.clock import Moment
from ccd.switch.commands import Answer

if TYPE_CHECKING:
    from ccd.acd.service import Acd

CERTAIN_S = 0.2
"""An agent who has answered and is there so much later has the caller; until then the other telephones ring on."""


class Race:
    """Knows the winner of each caller's phones, and who is next when he is gone again."""

    def __init__(self, ports: Ports, acd: Acd) -> None:
        self._ports = ports
        self._acd = acd

    def answered(self, offer: Offer) -> None:
        """The first telephone that is answered has the caller; the others ring on until it is sure that he stays."""
        caller = self._acd.callers.get(offer.entry_id)
        if caller is None or caller.winner or offer.offer_id not in caller.ringing or offer.withdrawn is not None:
            return
        caller.winner = caller.offer_id = offer.offer_id
        caller.agent_id = offer.agent_id
        self._acd.deciding.stop(caller)
        if len(caller.ringing) > 1:
            self._ports.clock.call_later(CERTAIN_S, lambda: self._certain(caller, offer))
        self.answer(caller)

    def _certain(self, caller: QueuedCaller, offer: Offer) -> None:
        if caller.winner == offer.offer_id:
            self._acd.offers.endings.withdraw_all(caller, OfferResult.LOST_RACE, but=offer.offer_id)

    def answer(self, caller: QueuedCaller) -> None:
        """An agent has him: a caller who has not been answered yet is answered now."""
        if not caller.answered:
            self._ports.switch_of(caller.node).tell(Answer(leg_id=caller.leg_id))

    def one_less(self, caller: QueuedCaller, offer: Offer, at: Moment) -> None:
        """One telephone less for a caller: another may have answered too, others may ring on, or he is back in line.

        His place stays, and the time that he has waited; he is offered again only when his leg stands parked.
        """
        if caller.winner and caller.winner != offer.offer_id:
            return
        if offer.bridging:
            self._acd.talks.give_back(caller, at)
            return
        caller.winner = caller.offer_id = caller.agent_id = ""
        out = self._acd.offers.out
        ringing = [one for one in map(out.get, caller.ringing) if one is not None and one.withdrawn is None]
        if not ringing:
            self._acd.wait(caller)
            return
        caller.offer_id, caller.agent_id = ringing[0].offer_id, ringing[0].agent_id
        if answered := sorted((one for one in ringing if one.answered_at), key=lambda one: one.answered_at):
            self.answered(answered[0])
            if answered[0].parked:
                self._acd.offers.bridging.join(answered[0])
        else:
            self._acd.deciding.wait(caller)
