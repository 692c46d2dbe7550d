"""The dialplan applications that ccd and the project's dialplans use."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ccd.sim import sounds
from ccd.sim.channel import Channel, Running
from ccd.sim.core import Core
from ccd.sim.dialplan import Dialplan

if TYPE_CHECKING:
    from ccd.sim.legs import Legs


# An application that needs sound has an unanswered leg send early media before it begins; all others know how to do without.
NEED_SOUND = frozenset({"playback"})


class Applications:
    """What a leg can be told to execute; each says True when it is over at once."""

    def __init__(self, core: Core, legs: Legs, dialplan: Dialplan) -> None:
        self._core, self._legs, self._dialplan = core, legs, dialplan
        self._table: dict[str, Callable[[Channel, Running], bool]] = {
            "answer": self._app_answer,
            "pre_answer": self._app_pre_answer,
            "ring_ready": self._app_ring_ready,
            "park": self._app_park,
            "playback": self._app_playback,
            "sleep": self._app_sleep,
            "start_dtmf": self._app_start_dtmf,
            "stop_dtmf": self._app_stop_dtmf,
            "set": self._app_set,
            "multiset": self._app_multiset,
            "unset": self._app_unset,
            "hangup": self._app_hangup,
            "transfer": self._app_transfer,
            "bridge": self._app_bridge,
        }

    def begin(self, c: Channel, run: Running) -> bool:
        """Begin an application; one that is not known here is over at once."""
        handler = self._table.get(run.application)
        return True if handler is None else handler(c, run)

    def _app_answer(self, c: Channel, _run: Running) -> bool:
        self._legs.answer(c)
        return True

    def _app_pre_answer(self, c: Channel, _run: Running) -> bool:
        self._legs.early_media(c)
        return True

    def _app_ring_ready(self, c: Channel, _run: Running) -> bool:
        self._legs.ring_ready(c)
        return True

    def _app_park(self, c: Channel, run: Running) -> bool:
        seconds, _, cause = c.variables.pop("park_timeout", "").partition(":")
        if seconds.isdigit():
            c.timers.append(self._core.later(float(seconds), lambda: self._still_parked(c, run, cause)))
        self._core.emit("CHANNEL_PARK", c)
        self._legs.wake(c)
        return False

    def _still_parked(self, c: Channel, run: Running, cause: str) -> None:
        if run in c.stack:
            self._legs.hangup(c, cause or "NORMAL_CLEARING")

    def _app_playback(self, c: Channel, run: Running) -> bool:
        seconds = sounds.length_s(run.argument)
        if seconds == sounds.NOT_FOUND:
            c.response = "FILE NOT FOUND"
            return True
        self._core.emit("PLAYBACK_START", c, Playback_File_Path=run.argument)
        run.left_s = None if seconds == sounds.ENDLESS else seconds
        return False

    def _app_sleep(self, _c: Channel, run: Running) -> bool:
        run.left_s = int(run.argument) / 1000 if run.argument.isdigit() else 0.0
        return False

    def _app_start_dtmf(self, c: Channel, _run: Running) -> bool:
        self._legs.early_media(c)
        c.detects_tones = True
        return True

    def _app_stop_dtmf(self, c: Channel, _run: Running) -> bool:
        c.detects_tones = False
        return True

    def _app_set(self, c: Channel, run: Running) -> bool:
        name, _, value = run.argument.partition("=")
        c.set(name, value)
        return True

    def _app_multiset(self, c: Channel, run: Running) -> bool:
        separator, pairs = (run.argument[2], run.argument[3:]) if run.argument.startswith("^^") else (" ", run.argument)
        for pair in pairs.split(separator):
            name, _, value = pair.partition("=")
            c.set(name, value)
        return True

    def _app_unset(self, c: Channel, run: Running) -> bool:
        c.set(run.argument, "")
        return True

    def _app_hangup(self, c: Channel, run: Running) -> bool:
        self._legs.hangup(c, run.argument or "NORMAL_CLEARING")
        return True

    def _app_transfer(self, c: Channel, run: Running) -> bool:
        extension, _, context = run.argument.split(" ")
        c.dialled, c.context, c.transfer_at = extension, context, self._core.clock.now()
        c.plan.clear()
        c.plan.extend(self._dialplan.route(c))
        return True

    def _app_bridge(self, c: Channel, run: Running) -> bool:
        self._dialplan.outside_calls.append((c.uuid, run.argument))
        self._legs.answer(c)
        return False
