"""What a customer's channel carries, so that a restarted ccd finds its way: written when it changes, read from uuid_dump.

All values are words or base64url; secrets never stand here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from ccd.base import words
from ccd.base.errors import Unsafe

VERSION = "1"
READABLE = frozenset({"1"})
PREFIX = "ccd_"


class Place(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where a call is. Moments are 0 and texts '' where they do not apply."""

    call_id: str
    role: str = "customer"
    arrived_at: int = 0
    dialled: str = ""
    trunk: str = ""
    repeat_calls: int = 0
    last_agent: str = ""
    flow: str = ""
    node: str = ""
    values: str = ""
    stack: str = ""
    caller_class: str = ""
    queue_id: str = ""
    entry_id: str = ""
    joined_at: int = 0
    priority: int = 0
    queued: int = 0
    asks: str = ""
    connected_at: int = 0
    agent_id: str = ""
    offer_id: str = ""
    recording_id: str = ""
    recording_path: str = ""


_FIELDS = tuple(field.name for field in msgspec.structs.fields(Place))
_NUMBERS = {"arrived_at", "joined_at", "priority", "queued", "connected_at", "repeat_calls"}
_ENCODED = {"values", "asks", "stack", "node", "recording_path", "dialled", "last_agent"}


def variables(**changed: object) -> dict[str, str]:
    """The channel variables for the changed fields of a Place, the version with the call; '' and 0 unset them."""
    written = {PREFIX + "v": VERSION} if "call_id" in changed else {}
    for name, value in changed.items():
        if name not in _FIELDS:
            raise KeyError(name)
        text = "" if value in ("", 0, None) else str(value)
        written[PREFIX + name] = words.encode_text(text) if text and name in _ENCODED else text
    return written


def readable(carried: Mapping[str, str]) -> bool:
    """Whether the version on the channel is one that this code reads."""
    return carried.get(f"{PREFIX}v", "") in READABLE


def read(carried: Mapping[str, str]) -> Place:
    """The Place that a channel's variables tell; a broken value counts as absent."""
    found: dict[str, Any] = {"call_id": carried.get(f"{PREFIX}call_id", "")}
    for name in _FIELDS:
        raw = carried.get(f"{PREFIX}{name}", "")
        if not raw:
            continue
        if name in _NUMBERS:
            found[name] = int(raw) if re.fullmatch(r"-?[0-9]{1,18}", raw) else 0
        elif name in _ENCODED:
            found[name] = _decoded(raw)
        else:
            found[name] = raw
    return Place(**found)


def _decoded(raw: str) -> str:
    try:
        return words.decode_text(raw)
    except Unsafe:
        return ""
