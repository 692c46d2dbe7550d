"""Agents and callers who hang up as they are bridged: timed from the moment at which FreeSWITCH has the bridge command."""

from __future__ import annotations

import itertools
import time

import gevent

from ccd.lab.parties import Caller, moment_of
from ccd.lab.stories import RingDiary
from ccd.lab.wire import Event
from ccd.lab.worlds import RealWorld

LONGEST_MS = 60
_STEP_MS = 7  # prime to 61: runs through all of 0 … 60


class HastyAgents:
    """Hangs up an agent's phone 0 to 60 ms after ccd ordered the bridge.

    As soon as `trials` of them came true within that span, everybody stays for `talk_ms`. The phones' scripts must only
    answer.
    """

    def __init__(self, world: RealWorld, *, trials: int, talk_ms: int) -> None:
        self._outside = world.outside
        self._trials = trials
        self._talk_ms = talk_ms
        self._delays = itertools.cycle(step * _STEP_MS % (LONGEST_MS + 1) for step in range(LONGEST_MS + 1))
        self._phone_of: dict[str, str] = {}  # agent's leg → phone
        self._gone: list[tuple[int, RingDiary]] = []
        self._wire = world.switch.wire(self._on_event)
        self._wire.command("event json API CHANNEL_ANSWER")

    def gone_ms(self) -> list[float]:
        """How long after the bridge was ordered each hasty agent's phone was down, where it was within the span."""
        took = [(ring.ended_at - ordered) / 1000 for ordered, ring in self._gone if ring.ended_at is not None]
        return [ms for ms in took if 0 <= ms <= LONGEST_MS]

    def close(self) -> None:
        """Stop watching."""
        self._wire.close()

    def _on_event(self, event: Event) -> None:
        if event["Event-Name"] == "CHANNEL_ANSWER":
            if event.get("variable_ccd_offer_id"):
                self._phone_of[str(event["Unique-ID"])] = str(event["variable_dialed_user"])
        elif event.get("API-Command") == "uuid_bridge":
            agent = str(event["API-Command-Argument"]).split()[1]
            self._ordered(self._phone_of[agent], moment_of(event))

    def _ordered(self, name: str, at: int) -> None:
        (leg, ring), *_ = self._outside.phones[name].legs.items()
        if len(self.gone_ms()) < self._trials:
            self._gone.append((at, ring))
            ms = next(self._delays)
        else:
            ms = self._talk_ms
        left = at / 1e6 + ms / 1000 - time.time()
        gevent.spawn_later(max(0.0, left), self._outside.post, f"api uuid_kill {leg}")


class HastyCallers:
    """Hangs up a caller 0 to 60 ms after ccd ordered his bridge; `joined` counts the orders."""

    def __init__(self, world: RealWorld) -> None:
        self.joined = 0
        self._caller: Caller | None = None
        self._wire = world.switch.wire(self._on_event)
        self._wire.command("event json API")

    def watch(self, caller: Caller) -> None:
        """This one is the next to be joined."""
        self._caller = caller

    def close(self) -> None:
        """Stop watching."""
        self._wire.close()

    def _on_event(self, event: Event) -> None:
        if event.get("API-Command") == "uuid_bridge" and self._caller is not None:
            caller, self._caller = self._caller, None
            ms = self.joined * _STEP_MS % (LONGEST_MS + 1)
            self.joined += 1
            gevent.spawn_later(max(0.0, moment_of(event) / 1e6 + ms / 1000 - time.time()), caller.hang_up)
