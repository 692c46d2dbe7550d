"""The join: what agent and caller hear between the agent's answer and the bridge. It never holds them up for long.

Where a queue says nothing of it, the two are joined at once, without one command more.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from ccd.acd.callers import Offer, QueuedCaller
from ccd.acd.phrases import agent_phrase, hears_first, staff_number
from ccd.acd.ports import Ports
from ccd.base.clock import Moment, ms_between
from ccd.switch.commands import Play
from ccd.switch.events import ApplicationEnded

if TYPE_CHECKING:
    from ccd.acd.service import Acd

log = structlog.get_logger(__name__)

LONGEST_S = 20.0
"""So long both are held at most; what is still being said then is broken off by the bridge."""


@dataclass(slots=True)
class _Join:
    """Both sides of one join. `playing`: what the agent hears, '' no more; `introducing`: the number that the caller
    is being told, '' none any more."""

    offer: Offer
    caller_leg: str
    began_at: Moment
    playing: str = ""
    introducing: str = ""


class Joins:
    """All joins that something is said at, by offer. One ends with the bridge, or with its offer."""

    def __init__(self, ports: Ports, acd: Acd) -> None:
        self._on: dict[str, _Join] = {}
        self._ports = ports
        self._acd = acd

    def begin(self, offer: Offer) -> None:
        """The agent stands parked, and his caller is answered: each hears what the queue says, then they are bridged.

        Who was found like that after a restart may have heard it: he is bridged.
        """
        if offer.offer_id in self._on:
            return
        caller = self._acd.callers.get(offer.entry_id)
        queue = self._acd.queues[offer.queue_id].settings
        if caller is None or caller.winner != offer.offer_id or offer.adopted or not hears_first(queue):
            self._acd.offers.bridging.bridge(offer)
            return
        audio = self._audio(offer, caller)
        number = self._number(offer) if queue.caller_hears == "agent_number" else ""
        join = _Join(offer, caller.leg_id, self._ports.clock.now())
        self._on[offer.offer_id] = join
        if number and self._ports.join.introduce(caller.leg_id, number):
            join.introducing = number
        if audio:
            self._play(join, audio)
        if join.playing or join.introducing:
            self._acd.offers.allow(offer, LONGEST_S)
        self._go_on(join)

    def _audio(self, offer: Offer, caller: QueuedCaller) -> str:
        queue = self._acd.queues[offer.queue_id].settings
        waited_ms = ms_between(caller.entered_at, self._ports.clock.now())
        phrase = agent_phrase(queue, waited_ms, self._ports.join.about(caller.call_id), vip=caller.vip)
        return self._ports.join.audio(phrase) if phrase else ""

    def _number(self, offer: Offer) -> str:
        """His number; an agent without one is not announced."""
        agent = self._acd.roster.agents.get(offer.agent_id)
        return staff_number(agent.settings.name) if agent is not None else ""

    def _play(self, join: _Join, audio: str) -> None:
        playing = join.playing = str(uuid.uuid4())
        self._ports.switch_of(join.offer.node).tell(
            Play(leg_id=join.offer.leg_id, audio=audio, execution_id=playing),
            on_done=lambda error: self._played(join, playing) if error is not None else None,
        )

    def on_played(self, event: ApplicationEnded) -> None:
        """What an agent's leg was told to play has ended, heard or not."""
        for join in self._on.values():
            if join.playing == event.execution_id:
                if event.response == "FILE NOT FOUND":
                    log.warning("agent_prompt_not_found", queue_id=join.offer.queue_id, offer_id=join.offer.offer_id)
                self._played(join, event.execution_id)
                return

    def _played(self, join: _Join, playing: str) -> None:
        if join.playing == playing:
            join.playing = ""
            self._go_on(join)

    def introduced(self, leg_id: str, number: str) -> None:
        """A caller has been told who will talk with him; it may have been one who is gone again."""
        for join in self._on.values():
            if join.caller_leg == leg_id and join.introducing == number:
                join.introducing = ""
                self._go_on(join)
                return

    def _go_on(self, join: _Join) -> None:
        if not join.playing and not join.introducing:
            self._finish(join.offer)

    def overdue(self, offer: Offer) -> bool:
        """It took too long: both are bridged now. Tells whether this offer was at its join."""
        if offer.offer_id not in self._on:
            return False
        log.warning("join_overdue", offer_id=offer.offer_id, agent_id=offer.agent_id)
        self._finish(offer)
        return True

    def _finish(self, offer: Offer) -> None:
        if (join := self._on.pop(offer.offer_id, None)) is not None:
            offer.join_ms = ms_between(join.began_at, self._ports.clock.now())
            self._acd.offers.bridging.bridge(offer)

    def drop(self, offer: Offer) -> None:
        """The offer has come to nothing: the caller is not told any further who it would have been."""
        join = self._on.pop(offer.offer_id, None)
        if join is not None and join.introducing:
            self._ports.join.introduce(join.caller_leg, "")

    def playing(self, offer_id: str) -> str:
        """What the agent of this offer hears just now, '' nothing."""
        join = self._on.get(offer_id)
        return join.playing if join is not None else ""

    def has(self, offer_id: str) -> bool:
        """Whether something is being said to the agent of this offer, or to his caller."""
        return offer_id in self._on
