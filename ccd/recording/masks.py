"""Why a recording is silent now: reasons, each with its own beginning and end; the file holds silence while there is any. Pure.

`agent` a person asked for it (with a limit), `secret` a caller types what nobody may keep, `flow` a flow says so, `policy`
somebody in charge says never, `consent` the caller has not agreed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec

from ccd.base.clock import Moment, Timer

AGENT, SECRET, FLOW, POLICY, CONSENT = "agent", "secret", "flow", "policy", "consent"
REASONS = (AGENT, SECRET, FLOW, POLICY, CONSENT)


class KeptMask(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a restarted core knows of a mask: where it began, and until when it may last."""

    from_ms: int = 0
    until: Moment = 0


KeptMasks = Mapping[str, KeptMask]


@dataclass(slots=True, eq=False)
class Mask:
    """One reason for silence. `told` is set when the switch has taken it and history knows."""

    reason: str
    at: Moment
    from_ms: int
    until: Moment = 0
    told: bool = False
    timer: Timer | None = None
    ended: Ended | None = None

    def cancel(self) -> None:
        """Its limit no longer runs."""
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None


@dataclass(slots=True)
class Ended:
    """When and why a reason ended."""

    at: Moment
    to_ms: int
    cause: str


@dataclass(slots=True)
class Recording:
    """One file being written. `path` is the switch's, `local_path` ours.

    `masks` are the reasons that stand, `ending` those whose end the switch has not taken yet.
    """

    recording_id: str
    call_id: str
    leg_id: str
    node: str
    path: str
    local_path: str
    started_at: Moment
    unheard: bool = False  # the link broke before the switch answered: it may record or not
    unsure: bool = False  # the link broke before the switch answered: it may be silent or not
    masks: dict[str, Mask] = field(default_factory=dict)
    ending: list[Mask] = field(default_factory=list)

    @property
    def masked(self) -> bool:
        """Whether there is a reason for silence."""
        return bool(self.masks)
