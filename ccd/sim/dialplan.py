"""What the project's dialplans do, as the simulated switch plays them: guards, first lease, park, and the site's fallback."""

from __future__ import annotations

import re
from collections.abc import Callable

from ccd.sim.channel import Action, Channel
from ccd.sim.core import Core

_TAKEN = {"ccd_entry": "1", "uuid_bridge_park_on_cancel": "true", "hangup_after_bridge": "false"}
_SURVIVES = {"transfer_after_bridge": "after:XML:ccd_after"}
_STANDS = {"transfer_after_bridge": "standing:XML:ccd_after"}
_CLEAR: tuple[Action, ...] = (
    ("unset", "transfer_after_bridge"),
    ("unset", "park_after_bridge"),
    ("unset", "force_transfer_context"),
    ("unset", "force_transfer_dialplan"),
    ("unset", "uuid_bridge_park_on_cancel"),
    ("set", "hangup_after_bridge=true"),
    ("set", "continue_on_fail=true"),
    ("set", "ccd_fallback=1"),
)
LEASE_VARIABLE = "ccd_first_lease"
_AWAY: tuple[Action, ...] = (("transfer", "fallback XML ccd_fallback"),)


class Dialplan:
    """Extensions by context. `api` runs an api command, for the lease that the dialplan itself sets."""

    def __init__(self, core: Core, api: Callable[[str], str]) -> None:
        self._core, self._api = core, api
        self.fallback_arrivals: list[str] = []
        self.outside_calls: list[tuple[str, str]] = []

    def route(self, c: Channel) -> list[Action]:
        """The actions for a leg that comes to its extension and context."""
        if c.context == "ccd_fallback":
            return self._fallback(c) if c.dialled == "fallback" else []
        emergency = re.fullmatch(self._core.globals["ccd_emergency"], c.dialled)
        if c.context in ("ccd", "ccd_agents", "ccd_refer") and emergency:
            return self._emergency(c)
        to_fallback = f"uuid_transfer {c.uuid} fallback XML ccd_fallback"
        if c.context == "ccd_after":
            return self._after(c, to_fallback)
        if c.context in ("ccd", "ccd_refer"):
            return self._parked(c, _TAKEN | _SURVIVES, to_fallback) or list(_AWAY)
        if c.context == "ccd_agents":
            return self._parked(c, _TAKEN, f"uuid_kill {c.uuid}") or [("hangup", "NORMAL_TEMPORARY_FAILURE")]
        return []

    def _after(self, c: Channel, to_fallback: str) -> list[Action]:
        if c.dialled == "standing":
            return self._parked(c, _STANDS, f"uuid_kill {c.uuid}") or [("hangup", "NORMAL_CLEARING")]
        return (self._parked(c, _SURVIVES, to_fallback) if c.dialled == "after" else []) or list(_AWAY)

    def is_alive(self) -> bool:
        """Whether ccd wrote this switch's own time of the last 0 to 5 seconds."""
        written = self._core.globals.get("ccd_alive", "")
        if not re.fullmatch(r"\d{10}", written):
            return False
        return 0 <= self._core.clock.now() // 1_000_000 - int(written) <= 5

    def _parked(self, c: Channel, variables: dict[str, str], when_lease_ends: str) -> list[Action]:
        """Variables and lease are conditions of the extension: they are set while the leg is being routed."""
        if not self.is_alive():
            return []
        for name, value in variables.items():
            c.set(name, value)
        seconds = self._core.globals["ccd_lease_s"]
        self._api(f"sched_api +{seconds} ccd-{c.uuid} {when_lease_ends}")
        return [("park", "")]

    def _fallback(self, c: Channel) -> list[Action]:
        self.fallback_arrivals.append(c.uuid)
        return [
            *_CLEAR,
            ("set", lambda: f"{LEASE_VARIABLE}={self._api(f'sched_del ccd-{c.uuid}')}"),
            ("answer", ""),
            ("playback", self._core.globals["ccd_fallback_prompt"]),
            ("hangup", "NORMAL_CLEARING"),
        ]

    def _emergency(self, c: Channel) -> list[Action]:
        target = self._core.globals["ccd_emergency_dial"].replace("$1", c.dialled)
        return [
            ("unset", "transfer_after_bridge"),
            ("unset", "park_after_bridge"),
            ("set", "hangup_after_bridge=true"),
            ("set", "ccd_emergency_call=1"),
            ("set", lambda: f"{LEASE_VARIABLE}={self._api(f'sched_del ccd-{c.uuid}')}"),
            ("bridge", target),
        ]
