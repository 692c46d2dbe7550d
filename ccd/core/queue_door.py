"""The queue's door: how a flow's caller joins a queue, and what is known of him while he stands in it."""

from __future__ import annotations

from collections.abc import Callable

from ccd.acd.asks import asks_of, written_asks
from ccd.acd.callers import Stay
from ccd.acd.facts import LeftReason
from ccd.acd.model import Queue
from ccd.acd.overflow import keys
from ccd.acd.service import Acd
from ccd.base.clock import Clock, Moment
from ccd.base.errors import NotFound
from ccd.calls import onchannel
from ccd.calls.model import Call, Leg
from ccd.core.node import Node
from ccd.ivr.doors import Diverted, Hears, QueueDoor, Steps
from ccd.ivr.flow import Flow
from ccd.switch.commands import SetVariables

VIP = "vip"


class QueueDesk:
    """Opens queues to flows. `screen` is what the lists say before a queue: the flow that a caller gets instead, or None.

    `last_agent` tells who talked last with a caller, '' nobody; `elsewhere` is the flow that an overflow leads to.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        acd: Acd,
        nodes: dict[str, Node],
        screen: Callable[[Call, str], Flow | None],
        last_agent: Callable[[Call], str] = lambda call: "",
        elsewhere: Callable[[Call, str, str], Flow | None] = lambda call, to, language: None,
    ) -> None:
        self._clock = clock
        self._acd = acd
        self._nodes = nodes
        self._screen = screen
        self._last_agent = last_agent
        self._elsewhere = elsewhere
        self._found: set[str] = set()

    def door(self) -> QueueDoor:
        """What flows are given."""
        return QueueDoor(
            enter=self._enter,
            waits=self._waits,
            timeout_prompt=self._timeout_prompt,
            screen=self._screen_queue,
            hears=self._hears,
            press=self._acd.exits.press,
            place=self._acd.exits.place_to_tell,
            announced=self._acd.exits.told_place,
            elsewhere=self._elsewhere,
            introduced=self._acd.offers.joins.introduced,
        )

    def begin(self, leg_id: str) -> None:
        """A flow begins on a leg: one that a recovery found in a queue is known there already."""
        if self._acd.caller_of(leg_id) is not None:
            self._found.add(leg_id)

    def end(self, leg_id: str) -> None:
        """The flow is over."""
        self._found.discard(leg_id)

    def talks(self, leg_id: str) -> bool:
        """Whether an agent has this caller, or had until just now and the leg is on its way back."""
        caller = self._acd.caller_of(leg_id)
        return caller is not None and caller.stay in (Stay.TALKING, Stay.ENDING, Stay.TALKED)

    def abandon(self, leg_id: str) -> None:
        """The flow broke, and the site's fallback gets its caller: no agent is rung for him any more, or joined to him there."""
        caller = self._acd.caller_of(leg_id)
        if caller is not None and caller.stay in (Stay.WAITING, Stay.OFFERED, Stay.RETURNING):
            self._acd.leave(caller, LeftReason.KICKED, self._clock.now())

    def _screen_queue(self, call: Call, leg: Leg, queue_name: str) -> None:
        """Whoever stands in a queue already, or has just left one, is not asked again."""
        if self._acd.caller_of(leg.leg_id) is not None or leg.leg_id in self._found:
            return
        before = call.caller_class
        instead = self._screen(call, queue_name)
        if call.caller_class != before:
            values = onchannel.variables(caller_class=call.caller_class)
            self._nodes[leg.node].switch.tell(SetVariables(leg_id=leg.leg_id, values=values))
        if instead is not None:
            raise Diverted(instead)

    def _enter(self, call: Call, leg: Leg, queue_name: str, priority: int, steps: Steps) -> str:
        caller = self._acd.caller_of(leg.leg_id)
        found = leg.leg_id in self._found
        self._found.discard(leg.leg_id)
        if caller is None:
            queue = self._acd.queue_named(queue_name, joins=True)
            if found:  # the stay that a recovery found ended before the flow came here: its end is in the mailbox
                return queue.settings.music
            self._acd.enqueue(
                call_id=call.call_id,
                leg_id=leg.leg_id,
                node=leg.node,
                number=leg.number,
                queue_id=queue.settings.queue_id,
                priority=priority,
                answered=bool(leg.answered_at),
                vip=call.caller_class == VIP,
                asks=asks_of(steps),
                last_agent_id=self._last_agent(call),
                joined_at=self._left_place(call, queue.settings),
            )
            caller = self._acd.caller_of(leg.leg_id)
            if caller is None:  # turned away: how, and where to, is in the mailbox
                return queue.settings.music
            self._nodes[leg.node].switch.tell(
                SetVariables(
                    leg_id=leg.leg_id,
                    values=onchannel.variables(
                        queue_id=caller.queue_id,
                        entry_id=caller.entry_id,
                        joined_at=caller.joined_at,
                        priority=caller.priority,
                        asks=written_asks(caller.asks),
                        queued=1,
                    ),
                )
            )
        return self._acd.queues[caller.queue_id].settings.music

    def _waits(self, leg_id: str) -> bool:
        """Music is for whoever stands in line, parked, or whose agent is being told of him; not for one who is being bridged."""
        caller = self._acd.caller_of(leg_id)
        if caller is None or caller.stay not in (Stay.WAITING, Stay.OFFERED):
            return False
        return not self._acd.offers.is_bridging(caller) or self._acd.offers.is_joining(caller)

    def _left_place(self, call: Call, queue: Queue) -> Moment:
        return self._acd.left_places.place(call.caller_e164, queue.queue_id, queue.resume_ms, self._clock.now())

    def _hears(self, leg_id: str) -> Hears | None:
        caller = self._acd.caller_of(leg_id)
        if caller is None:
            return None
        queue = self._acd.queues[caller.queue_id].settings
        return Hears(
            music=queue.music,
            keys=keys(queue),
            came_at=caller.entered_at,
            first_ms=queue.announce_first_ms,
            every_ms=queue.announce_every_ms,
            prompts=queue.announce_prompts,
            up_to=queue.announce_position,
            announced=caller.announced,
        )

    def _timeout_prompt(self, queue_name: str) -> str | None:
        try:
            return self._acd.queue_named(queue_name).settings.timeout_prompt
        except NotFound:  # removed while he waited
            return None
