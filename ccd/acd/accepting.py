"""Press 1 to accept: a telephone outside has answered, and whether a person has, its key tells. Until then nobody has.

A mobile's voicemail answers, too: it presses nothing, and its time passes like that of a phone that nobody answers.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ccd.acd.callers import Offer
from ccd.acd.facts import OfferResult
from ccd.acd.phrases import CONFIRM
from ccd.acd.ports import Ports
from ccd.base.clock import Moment, Timer
from ccd.switch.commands import Play, StopPlaying
from ccd.switch.events import ApplicationEnded, DigitPressed

if TYPE_CHECKING:
    from ccd.acd.service import Acd

KEY = "1"
AGAIN_S = 1.0


@dataclass(slots=True)
class _Asked:
    """An agent who is asked; `playing` is '' between two times."""

    offer: Offer
    playing: str = ""
    again: Timer | None = None


class Accepting:
    """Offers whose phones have answered and whose agents have not, by the agent's leg."""

    def __init__(self, ports: Ports, acd: Acd) -> None:
        self._asked: dict[str, _Asked] = {}
        self._ports = ports
        self._acd = acd

    def picked_up(self, offer: Offer, at: Moment, deadline_s: float) -> None:
        """The telephone was answered; its leg parks in a moment."""
        offer.picked_up_at, offer.rang_at = at, offer.rang_at or at
        if offer.withdrawn is None:
            self._acd.offers.allow(offer, deadline_s)

    def ask(self, offer: Offer) -> None:
        """The leg may be driven: ask, and again, until a key is pressed or the time is over."""
        if offer.leg_id in self._asked:
            return
        now = self._ports.clock.now()
        offer.picked_up_at, offer.rang_at = offer.picked_up_at or now, offer.rang_at or now
        asked = self._asked[offer.leg_id] = _Asked(offer)
        self._acd.offers.allow(offer, offer.confirm_ms / 1000)
        if offer.adopted:  # it may be asking still; whoever says yes now hears the rest like anybody
            offer.adopted = False
            self._ports.switch_of(offer.node).tell(StopPlaying(leg_id=offer.leg_id))
        self._play(asked)

    def _play(self, asked: _Asked) -> None:
        asked.again = None
        if audio := self._ports.join.audio((CONFIRM,)):
            asked.playing = str(uuid.uuid4())
            order = Play(leg_id=asked.offer.leg_id, audio=audio, execution_id=asked.playing)
            playing = asked.playing
            self._ports.switch_of(asked.offer.node).tell(
                order, on_done=lambda error: self._played(order.leg_id, playing) if error is not None else None
            )

    def on_played(self, event: ApplicationEnded) -> None:
        """He has been asked: once more, after a moment in which he may find the key."""
        self._played(event.leg_id, event.execution_id)

    def _played(self, leg_id: str, playing: str) -> None:
        asked = self._asked.get(leg_id)
        if asked is not None and asked.playing == playing:
            asked.playing = ""
            asked.again = self._ports.clock.call_later(AGAIN_S, lambda: self._play(asked))

    def playing(self, leg_id: str) -> str:
        """What an agent who is asked hears just now, '' nothing."""
        asked = self._asked.get(leg_id)
        return asked.playing if asked is not None else ""

    def on_pressed(self, event: DigitPressed) -> None:
        """The key that accepts, or any other, which refuses."""
        asked = self._asked.get(event.leg_id)
        if asked is None:
            return
        offer = asked.offer
        if event.digit != KEY:
            self._acd.offers.endings.take_back(offer, OfferResult.REJECTED)
            return
        if asked.playing:
            self._ports.switch_of(offer.node).tell(StopPlaying(leg_id=offer.leg_id))
        self.drop(offer)
        offer.answered_at = event.at
        self._acd.offers.bridging.join(offer)

    def drop(self, offer: Offer) -> None:
        """He is not asked any more."""
        asked = self._asked.pop(offer.leg_id, None)
        if asked is not None and asked.again is not None:
            asked.again.cancel()
