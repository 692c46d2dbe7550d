"""Queues that are no longer configured and are still in use: nobody joins them any more, and they go with their last caller.

Core keeps their settings with its configuration, so that a restart finds whoever is in one.
"""

from __future__ import annotations

from collections.abc import Container, Iterable
from typing import TYPE_CHECKING

from ccd.acd.model import Queue
from ccd.acd.ports import Ports

if TYPE_CHECKING:
    from ccd.acd.service import Acd


class GoneQueues:
    """Their ids. Whoever waits in one is served to the end, by the settings that it had."""

    def __init__(self, ports: Ports, acd: Acd) -> None:
        self._ids: set[str] = set()
        self._ports = ports
        self._acd = acd

    def __contains__(self, queue_id: str) -> bool:
        return queue_id in self._ids

    def configured(self, known: Container[str]) -> None:
        """These queues are configured now, and no others."""
        self._ids = {queue_id for queue_id in self._acd.queues if queue_id not in known}
        self._drop_unused()

    def still_used(self, queues: Iterable[Queue], known: Container[str]) -> tuple[Queue, ...]:
        """Those that are not among the `known` ones, and that somebody is in or was in before a restart."""
        return tuple(one for one in queues if one.queue_id not in known and self._in_use(one.queue_id))

    def look_soon(self) -> None:
        """Somebody or some phone is gone: maybe the last that held a queue. Looked at when what is going on is over."""
        if self._ids:
            self._ports.clock.call_later(0.0, self._drop_unused)

    def _drop_unused(self) -> None:
        for queue_id in [one for one in self._ids if not self._in_use(one)]:
            self._ids.discard(queue_id)
            del self._acd.queues[queue_id]
            self._acd.deciding.drop_queue(queue_id)

    def _in_use(self, queue_id: str) -> bool:
        acd = self._acd
        if any(caller.queue_id == queue_id for caller in acd.callers.values()) or acd.offers.uses(queue_id):
            return True
        return acd.talks.uses(queue_id) or self._ports.may_return(queue_id)
