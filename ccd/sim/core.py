"""The inside of the simulated switch: channels, events, global variables and scheduled tasks. No socket is known here."""

from __future__ import annotations

import random
import uuid
from collections.abc import Callable

import structlog

from ccd.base.clock import Clock, Moment, Timer
from ccd.sim.channel import Channel
from ccd.sim.headers import PADDING, Stamp, channel_headers, encode
from ccd.sim.timing import Faults, Latency

log = structlog.get_logger(__name__)

Wants = Callable[[str, dict[str, str]], bool]
Deliver = Callable[[str, bytes], None]
VERSION = "1.10.12-release-simulated"


class Core:
    """What one run of the simulated switch knows; a new one after each `kill`."""

    def __init__(
        self,
        clock: Clock,
        latency: Latency,
        faults: Faults,
        rng: random.Random,
        *,
        globals_: dict[str, str],
        fat: bool = False,
    ) -> None:
        self.clock, self.latency, self.faults = clock, latency, faults
        self.core_uuid = str(uuid.UUID(int=rng.getrandbits(128), version=4))
        self.stamp = Stamp(self.core_uuid)
        self.globals = {"core_uuid": self.core_uuid, **globals_}
        self.channels: dict[str, Channel] = {}
        self.tasks = Tasks(self)
        self.started_at = clock.now()
        self.sessions = 0
        self.dead = False
        self._rng = rng
        self._fat = fat
        self._listeners: dict[object, tuple[Wants, Deliver]] = {}
        self._timers: set[object] = set()

    # --- ids, time ----------------------------------------------------------------------------------------------

    def new_uuid(self) -> str:
        """A uuid from the seeded source."""
        return str(uuid.UUID(int=self._rng.getrandbits(128), version=4))

    def later(self, seconds: float, call: Callable[[], None]) -> Timer:
        """Run `call` after `seconds`, unless the switch was killed meanwhile."""

        def run() -> None:
            if not self.dead:
                call()

        return self.clock.call_later(seconds, run)

    def soon(self, call: Callable[[], None]) -> Timer:
        """Run `call` when a leg looks at its next command."""
        return self.later(self.latency.loop_ms / 1000, call)

    # --- channels -----------------------------------------------------------------------------------------------

    def find(self, leg_id: str) -> Channel | None:
        """The channel of that id, hung up or not, until it is destroyed."""
        return self.channels.get(leg_id)

    def add(self, channel: Channel) -> None:
        """A channel begins to exist."""
        channel.created_at = self.clock.now()
        self.sessions += 1
        self.channels[channel.uuid] = channel
        self.emit("CHANNEL_CREATE", channel)

    def variable(self, channel: Channel, name: str, otherwise: str = "") -> str:
        """A channel's variable, or the switch's of that name."""
        return channel.variables.get(name) or self.globals.get(name, otherwise)

    # --- events -------------------------------------------------------------------------------------------------

    def listen(self, key: object, wants: Wants, deliver: Deliver) -> None:
        """Send events that `wants` says True for (name, what is special to it) to `deliver`, as JSON bodies."""
        self._listeners[key] = (wants, deliver)

    def unlisten(self, key: object) -> None:
        """Send no more events there."""
        self._listeners.pop(key, None)

    def emit(self, name: str, channel: Channel | None = None, /, **extra: str) -> None:
        """Fire an event; names in `extra` are written with `_` for `-`, except variables and _body."""
        takers = [deliver for wants, deliver in self._listeners.values() if wants(name, extra)]
        lose = self.faults.lose_event
        if not takers or (lose is not None and lose(name, channel.uuid if channel else "")):
            return
        headers = self.stamp.common(name, self.clock.now())
        if channel is not None:
            if "Bridge_A_Unique_ID" in extra:
                headers["Bridge-A-Unique-ID"] = extra.pop("Bridge_A_Unique_ID")
                headers["Bridge-B-Unique-ID"] = extra.pop("Bridge_B_Unique_ID")
            headers |= channel_headers(channel)
            if self._fat:
                headers |= PADDING
        for key, value in extra.items():
            headers[key if key == "_body" else key.replace("_", "-")] = value
        body = encode(headers)
        for deliver in takers:
            deliver(name, body)

    def heartbeat(self) -> None:
        """Fire the switch's sign of life."""
        self.emit("HEARTBEAT", Event_Info="System Ready", Session_Count=str(len(self.channels)))

    def dump(self, channel: Channel) -> dict[str, str]:
        """All headers and variables of a channel, as `uuid_dump` gives them."""
        return self.stamp.common("CHANNEL_DATA", self.clock.now()) | channel_headers(channel)


class Tasks:
    """`sched_api` and `sched_del`: a group may hold several tasks, and a new one replaces none of them."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._groups: dict[str, dict[int, Timer]] = {}
        self._last_id = 0

    def add(self, seconds: int, group: str, run: Callable[[], None]) -> int:
        """Run in `seconds`, on the grain of whole seconds that FreeSWITCH's scheduler has."""
        self._last_id += 1
        task_id = self._last_id
        now: Moment = self._core.clock.now()
        due = (now // 1_000_000 + seconds) * 1_000_000

        def fire() -> None:
            self._drop(group, task_id)
            run()

        timer = self._core.later(max(0, due - now) / 1e6, fire)
        self._groups.setdefault(group, {})[task_id] = timer
        return task_id

    def delete(self, group: str) -> int:
        """Void all tasks of a group; how many there were."""
        tasks = self._groups.pop(group, {})
        for timer in tasks.values():
            timer.cancel()
        return len(tasks)

    def clear(self) -> None:
        """Void everything."""
        for group in list(self._groups):
            self.delete(group)

    def count(self) -> int:
        """How many tasks are due."""
        return sum(len(tasks) for tasks in self._groups.values())

    def _drop(self, group: str, task_id: int) -> None:
        tasks = self._groups.get(group, {})
        tasks.pop(task_id, None)
        if not tasks:
            self._groups.pop(group, None)
