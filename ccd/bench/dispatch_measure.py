"""From what the switch and the phones wrote down to delays: pure, so that a test can count along.

Moments are the switches' own, so nothing depends on when the measuring program read them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ccd.bench.result import percentile
from ccd.lab.stories import CallerDiary, PhoneDiary

Kind = Literal["created", "answered", "ended"]
KINDS: dict[str, Kind] = {
    "CHANNEL_CREATE": "created",
    "CHANNEL_ANSWER": "answered",
    "CHANNEL_HANGUP_COMPLETE": "ended",
}


@dataclass(frozen=True, slots=True)
class Moment:
    """What the switch under test said of a leg. `phone` is the dialled number of an outbound leg, else ''."""

    at: int
    kind: Kind
    leg_id: str
    phone: str
    caller: str


def moment_of(event: Mapping[str, Any]) -> Moment | None:
    """The moment in an event of the switch; None for events that do not count here."""
    kind = KINDS.get(str(event.get("Event-Name", "")))
    if kind is None:
        return None
    outbound = event.get("Call-Direction") == "outbound"
    return Moment(
        at=int(event["Event-Date-Timestamp"]),
        kind=kind,
        leg_id=str(event["Unique-ID"]),
        phone=str(event.get("Caller-Destination-Number", "")) if outbound else "",
        caller=str(event.get("Caller-Caller-ID-Number", "")),
    )


def free_to_offer(moments: Iterable[Moment]) -> list[float]:
    """Milliseconds from the end of an agent's leg to the creation of that agent's next one."""
    phone_of: dict[str, str] = {}
    freed: dict[str, int] = {}
    delays = []
    for one in sorted(moments, key=lambda moment: moment.at):
        if one.kind == "created" and one.phone:
            phone_of[one.leg_id] = one.phone
            if one.phone in freed:
                delays.append((one.at - freed.pop(one.phone)) / 1000)
        elif one.kind == "ended" and one.leg_id in phone_of:
            freed[phone_of[one.leg_id]] = one.at
    return delays


def answer_to_offer(moments: Iterable[Moment]) -> list[float]:
    """Milliseconds from the answer of a caller's leg, which queues him, to the agent's leg that shows his number."""
    answered: dict[str, int] = {}
    delays = []
    for one in sorted(moments, key=lambda moment: moment.at):
        if one.kind == "answered" and not one.phone:
            answered[one.caller] = one.at
        elif one.kind == "created" and one.phone and one.caller in answered:
            delays.append((one.at - answered.pop(one.caller)) / 1000)
    return delays


def phone_free_to_ring(phones: Iterable[PhoneDiary]) -> list[float]:
    """Milliseconds from a phone's hang-up to its next ring."""
    return [
        (after.rang_at - before.ended_at) / 1000
        for phone in phones
        for before, after in zip(phone.rings, phone.rings[1:], strict=False)
        if before.ended_at is not None
    ]


def dial_to_ring(callers: Iterable[CallerDiary], phones: Iterable[PhoneDiary]) -> list[float]:
    """Milliseconds from a caller's INVITE to the first ring that shows his number."""
    rang: dict[str, int] = {}
    for phone in phones:
        for ring in phone.rings:
            rang[ring.caller_number] = min(ring.rang_at, rang.get(ring.caller_number, ring.rang_at))
    return [
        (rang[one.number] - one.started_at) / 1000
        for one in callers
        if one.started_at is not None and one.number in rang
    ]


def served_per_s(callers: Iterable[CallerDiary], agents: int) -> float | None:
    """Conversations begun per second once all agents were busy: of N callers the last N - agents, over their time."""
    begun = sorted(one.connected_at for one in callers if one.connected_at is not None)
    if len(begun) <= agents:
        return None
    return round((len(begun) - agents) / ((begun[-1] - begun[0]) / 1e6), 2)


def summary(delays: list[float], seen_from_phones: list[float], served: float | None) -> dict[str, Any]:
    """The figures of one side in one scenario."""
    return {
        "p50_ms": _rounded(percentile(delays, 0.5)),
        "p95_ms": _rounded(percentile(delays, 0.95)),
        "served_per_s": served,
        "phones_p50_ms": _rounded(percentile(seen_from_phones, 0.5)),
        "phones_p95_ms": _rounded(percentile(seen_from_phones, 0.95)),
        "samples": len(delays),
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 1)
