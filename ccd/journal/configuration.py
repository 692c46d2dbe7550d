"""The site's configuration as core runs it: made by side from SQL and files, kept in state_dir by core."""

from __future__ import annotations

from typing import Any

import msgspec

from ccd.acd.model import Agent, BreakReason, Queue, Station, Tier
from ccd.routing.calendar import Calendar
from ccd.routing.routes import Route
from ccd.routing.trunks import Trunk
from ccd.voicemail.model import Box

__all__ = ["Configuration", "Route"]


class Configuration(msgspec.Struct, frozen=True, kw_only=True):
    """Everything core must know to take calls. `version` grows with each change; `flows` holds flow documents by SHA-256
    and `active_flows` the current version of each by name. `gone_queues` is core's own: queues that were removed while somebody
    was in them."""

    format: int = 1
    version: int = 0
    queues: tuple[Queue, ...] = ()
    agents: tuple[Agent, ...] = ()
    stations: tuple[Station, ...] = ()
    tiers: tuple[Tier, ...] = ()
    routes: tuple[Route, ...] = ()
    flows: dict[str, dict[str, Any]] = {}
    active_flows: dict[str, str] = {}
    calendars: dict[str, Calendar] = {}
    boxes: tuple[Box, ...] = ()
    break_reasons: tuple[BreakReason, ...] = ()
    trunks: tuple[Trunk, ...] = ()
    gone_queues: tuple[Queue, ...] = ()
