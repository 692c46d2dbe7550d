"""The recorded stream as ccd would have caused it: customers who park, agents' legs that ccd ordered, fresh ids a lap.

The recording comes from mod_callcenter's queue, which parks nobody. So two events of each call are given the name that a
parked leg's has, and legs carry the variables that our dialplan and our originates write. All that is done to the bytes
before any clock runs.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

from ccd.esl.frame import FrameReader

_UUID = re.compile(rb"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_EXECUTE, _PARK = b'"Event-Name":"CHANNEL_EXECUTE"', b'"Event-Name":"CHANNEL_PARK"'
_ENTRY = b'"variable_ccd_entry":"1",'
_AGENT = b'"variable_ccd_v":"1","variable_ccd_role":"agent",'


@dataclass(frozen=True, slots=True)
class Recorded:
    """One lap: its bytes, how many events, and the agent's leg of each customer in the order in which they arrive."""

    raw: bytes
    events: int
    pairs: tuple[tuple[str, str], ...]


@dataclass(slots=True)
class _Seen:
    customers: list[str] = field(default_factory=list)
    parked: set[str] = field(default_factory=set)
    agent_of: dict[str, str] = field(default_factory=dict)


def dress(raw: bytes) -> Recorded:
    """The recorded bytes with legs that are customers and agents."""
    seen, written, events = _Seen(), [], 0
    for frame in FrameReader().feed(raw):
        body = _dressed(json.loads(frame.body), frame.body, seen)
        written.append(b"Content-Length: %d\nContent-Type: text/event-json\n\n%b" % (len(body), body))
        events += 1
    pairs = tuple((customer, seen.agent_of[customer]) for customer in seen.customers if customer in seen.agent_of)
    return Recorded(b"".join(written), events, pairs)


def _dressed(headers: dict[str, Any], body: bytes, seen: _Seen) -> bytes:
    name, leg, inbound = headers["Event-Name"], headers.get("Unique-ID", ""), headers.get("Call-Direction") == "inbound"
    if name == "CHANNEL_CREATE":
        if inbound:
            seen.customers.append(leg)
        return _with(body, _ENTRY if inbound else _AGENT)
    if name == "CHANNEL_EXECUTE" and leg not in seen.parked:
        seen.parked.add(leg)
        return _with(body.replace(_EXECUTE, _PARK, 1), _ENTRY if inbound else _AGENT)
    if name == "CHANNEL_BRIDGE":
        seen.agent_of[headers["Bridge-A-Unique-ID"]] = headers["Bridge-B-Unique-ID"]
    return body


def _with(body: bytes, variables: bytes) -> bytes:
    return b"{" + variables + body[1:]


def lap(recorded: Recorded, number: int) -> Recorded:
    """The same lap with ids of its own; the switch's own id stays."""
    core = re.search(rb'"Core-UUID":"([^"]+)"', recorded.raw)
    keep = core.group(1) if core else b""

    def fresh(found: re.Match[bytes]) -> bytes:
        old = found.group()
        return old if old == keep else _fresh(old, number)

    def named(leg_id: str) -> str:
        return _fresh(leg_id.encode(), number).decode()

    pairs = tuple((named(customer), named(agent)) for customer, agent in recorded.pairs)
    return Recorded(_UUID.sub(fresh, recorded.raw), recorded.events, pairs)


def _fresh(uuid: bytes, number: int) -> bytes:
    return b"%b%04x" % (uuid[:-4], (int(uuid[-4:], 16) + number) & 0xFFFF)
