"""What must be true of facts and diaries when a story is over, whoever was killed meanwhile. Each finding is one line."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from itertools import pairwise
from typing import Any

from ccd.acd.facts import (
    CallerConnected,
    CallerLeft,
    CallerQueued,
    CallerReturned,
    OfferEnded,
    OfferMade,
    OfferResult,
    TalkEnded,
)
from ccd.calls.facts import CallArrived, CallEnded, LegCreated, LegEnded
from ccd.ivr.facts import TransferEnded, TransferStarted
from ccd.lab.stories import CallerDiary, PhoneDiary
from ccd.recording.facts import RecordingFailed, RecordingStarted, RecordingStopped
from ccd.voicemail.facts import VoicemailDiscarded, VoicemailFailed, VoicemailLeft, VoicemailStarted

OVERLAP_US = 60_000
NEAR_US = 1_500_000
REFUSED_AGAIN_US = 30_000_000  # as queues have it unless told otherwise
PARKED_AGAIN_US = 250_000  # a caller whose agent left is offered again only when his leg stands parked


def nobody_was_cut_off(callers: Iterable[CallerDiary], phones: Iterable[PhoneDiary]) -> list[str]:
    """A caller ends by himself, or after an agent talked to him and hung up."""
    callers = list(callers)
    found = [
        f"{one.number} was hung up ({one.cause}) before anybody talked to him"
        for one in callers
        if one.ended_by == "switch" and one.connected_at is None
    ]
    gone_by_himself = {one.number for one in callers if one.ended_by == "caller"}
    for phone in phones:
        for ring in phone.rings:
            if ring.answered_at and ring.ended_by == "switch" and ring.caller_number not in gone_by_himself:
                found.append(f"{phone.name} talked to {ring.caller_number} and was hung up ({ring.cause})")
    return found


def nobody_was_rung_twice(phones: Iterable[PhoneDiary]) -> list[str]:
    """No phone rings for two callers at once, and no caller at two phones."""
    by_phone, by_caller = defaultdict(list), defaultdict(list)
    for phone in phones:
        for ring in phone.rings:
            span = (ring.rang_at, ring.ended_at or 1 << 62, f"{phone.name} for {ring.caller_number}")
            by_phone[phone.name].append(span)
            by_caller[ring.caller_number].append(span)
    found = []
    for spans in [*by_phone.values(), *by_caller.values()]:
        spans.sort()
        for (_, over, one), (begins, _, other) in pairwise(spans):
            if begins < over - OVERLAP_US:
                found.append(f"{one} was not over when {other} began ({(over - begins) // 1000} ms)")
    return found


def rows_are_complete(facts: list[Any]) -> list[str]:
    """What began has ended, once."""
    pairs = [
        (CallArrived, (CallEnded,), "call_id"),
        (OfferMade, (OfferEnded,), "offer_id"),
        (CallerQueued, (TalkEnded, CallerLeft), "entry_id"),
        (RecordingStarted, (RecordingStopped, RecordingFailed), "recording_id"),
        (TransferStarted, (TransferEnded,), "transfer_id"),
        (VoicemailStarted, (VoicemailLeft, VoicemailDiscarded, VoicemailFailed), "voicemail_id"),
        (LegCreated, (LegEnded,), "leg_id"),
    ]
    found = []
    for begun, ends, key in pairs:
        began = Counter(getattr(fact, key) for fact in facts if isinstance(fact, begun))
        ended = Counter(getattr(fact, key) for fact in facts if isinstance(fact, ends))
        name = begun.__name__
        found += [f"{name} {one}: begun {times} times" for one, times in began.items() if times > 1]
        found += [f"{name} {one}: never ended" for one in began if one not in ended]
        found += [f"{name} {one}: ended {times} times" for one, times in ended.items() if times > 1]
        if begun not in (LegCreated, TransferStarted):  # one that was not allowed only ends
            found += [f"{name} {one}: ended, never begun" for one in ended if one not in began]
    talks: Counter[str] = Counter()
    for fact in facts:
        if isinstance(fact, CallerConnected):
            talks[fact.entry_id] += 1
        elif isinstance(fact, CallerReturned | TalkEnded):
            talks[fact.entry_id] -= 1 if talks[fact.entry_id] else 0
    return found + [f"talk of {one}: never ended" for one, open_ in talks.items() if open_]


def the_line_kept_its_order(facts: list[Any]) -> list[str]:
    """Each offer went to whoever had waited longest of those in line whom that agent had not just refused; one queue."""
    waiting: dict[str, int] = {}
    back_at: dict[str, int] = {}
    offered: dict[str, str] = {}
    refused: dict[tuple[str, str], int] = {}
    found = []
    for fact in facts:
        match fact:
            case CallerQueued():
                waiting[fact.entry_id] = fact.at
            case OfferMade():
                others = [
                    entry
                    for entry in waiting
                    if entry not in offered.values()
                    and (
                        entry == fact.entry_id
                        or (
                            back_at.get(entry, 0) < fact.at - PARKED_AGAIN_US
                            and fact.at - refused.get((entry, fact.agent_id), 0) >= REFUSED_AGAIN_US
                        )
                    )
                ]
                first = min(others, key=lambda entry: waiting[entry], default="")
                if first != fact.entry_id:
                    ahead = sum(waiting[entry] < waiting.get(fact.entry_id, 0) for entry in others)
                    found.append(f"offer {fact.offer_id} of {fact.at} passed over {ahead} callers")
                offered[fact.offer_id] = fact.entry_id
            case OfferEnded():
                offered.pop(fact.offer_id, None)
                if fact.result in (OfferResult.REJECTED, OfferResult.REDIRECTED):
                    refused[fact.entry_id, fact.agent_id] = fact.at
            case CallerConnected() | CallerLeft() | TalkEnded():
                waiting.pop(fact.entry_id, None)
            case CallerReturned():
                refused[fact.entry_id, fact.agent_id] = fact.at
                back_at[fact.entry_id] = fact.at
                waiting[fact.entry_id] = next(
                    one.at for one in facts if isinstance(one, CallerQueued) and one.entry_id == fact.entry_id
                )
    return found


def diaries_agree(
    callers: Iterable[CallerDiary], facts: list[Any], *, connected_is_answered: bool = False
) -> list[str]:
    """Arrival, conversation and end of each caller are in the facts, at the time that his own telephone noted.

    `connected_is_answered`: the outside world cannot see a bridge and notes when an agent's phone was answered. The bridge
    comes when ccd is back, or with the next agent.
    """
    arrived = {fact.caller_number: fact for fact in facts if isinstance(fact, CallArrived)}
    queued: dict[str, list[CallerQueued]] = defaultdict(list)
    connected: dict[str, int] = {}
    ended = {fact.call_id: fact for fact in facts if isinstance(fact, CallEnded)}
    for fact in facts:
        if isinstance(fact, CallerQueued):
            queued[fact.call_id].append(fact)
        elif isinstance(fact, CallerConnected):
            connected.setdefault(fact.call_id, fact.at)  # an agent who left at once counts for his telephone
    found = []
    for one in callers:
        call = arrived.get(one.number)
        if call is None:
            found.append(f"{one.number} called, and no fact says so")
            continue
        end = ended.get(call.call_id)
        moments = [("arrived", one.started_at, call.at), ("ended", one.ended_at, end.at if end else None)]
        if connected_is_answered:
            talked = connected.get(call.call_id)
            if talked is not None and (one.connected_at is None or talked < one.connected_at - NEAR_US):
                found.append(
                    f"{one.number}: no telephone was answered before the facts connect him (call {call.call_id})"
                )
        elif one.connected_at is not None:
            moments.append(("connected", one.connected_at, connected.get(call.call_id)))
        for name, seen, written in moments:
            if seen is None or written is None or abs(seen - written) > NEAR_US:
                found.append(
                    f"{one.number} {name}: his telephone says {seen}, the facts {written} (call {call.call_id})"
                )
        if len(queued[call.call_id]) > 1:
            found.append(f"{one.number} joined the queue {len(queued[call.call_id])} times")
    return found


def everything(
    callers: list[CallerDiary], phones: list[PhoneDiary], facts: list[Any], *, connected_is_answered: bool = False
) -> list[str]:
    """All findings."""
    return [
        *nobody_was_cut_off(callers, phones),
        *nobody_was_rung_twice(phones),
        *rows_are_complete(facts),
        *the_line_kept_its_order(facts),
        *diaries_agree(callers, facts, connected_is_answered=connected_is_answered),
    ]


OPEN_ROWS = {
    "calls": "ended_at IS NULL OR arrived_at IS NULL OR outcome IS NULL",
    "legs": "ended_at IS NULL",
    "queue_entries": "joined_at IS NULL OR (left_at IS NULL AND talk_ended_at IS NULL)",
    "offers": "offered_at IS NULL OR ended_at IS NULL OR result IS NULL",
    "recordings": "stopped_at IS NULL AND state <> 'failed'",
}


def rows_left_open(sql: Callable[..., list[Any]]) -> dict[str, int]:
    """How many rows of each table lack their end."""
    counts = {table: sql(f"SELECT count(*) FROM ccd.{table} WHERE {open_}")[0][0] for table, open_ in OPEN_ROWS.items()}
    return {table: count for table, count in counts.items() if count}
