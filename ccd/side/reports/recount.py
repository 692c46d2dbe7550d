"""Reports counted once more from the journal, in plain Python, and compared with what SQL said."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy import Connection, select

from ccd.base.clock import Moment
from ccd.side.db.tables import queues
from ccd.side.reports.folding import Folded, Offer, Visit
from ccd.side.reports.journal_window import folded
from ccd.side.reports.questions import Question

OUTCOMES = (
    *("answered", "abandoned", "short_abandoned", "timed_out", "overflowed", "exit_key", "full", "no_agents", "closed"),
    *("moved", "kicked", "callback", "switch_lost"),
)
NOT_MISSED = ("", "accepted", "cancelled", "lost_race", "congestion")
_MINUTES = {"15m": 15, "30m": 30, "60m": 60}

Record = dict[str, Any]


class Recount(msgspec.Struct, frozen=True):
    """How many facts were counted, and each figure that came out otherwise than in SQL."""

    facts: int
    differences: list[str]


def recounted(connection: Connection, what: str, question: Question, rows: list[Record]) -> Recount:
    """Count `what` again and compare; `rows` are SQL's, of the same snapshot."""
    known = connection.execute(select(queues.c.queue_id, queues.c.service_level_ms))
    levels: dict[str, int] = {row.queue_id: row.service_level_ms for row in known}
    found = folded(connection, question.since, question.until)
    key, count, nothing = _COUNTS[what]
    return Recount(found.facts, list(_differences(key, rows, count(found, question, levels), nothing)))


def _differences(key: str, rows: list[Record], expected: dict[Any, Record], nothing: Record) -> Iterator[str]:
    for row in rows:
        for name, value in expected.pop(row[key], nothing).items():
            if row[name] != value:
                yield f"{key} {row[key]}: {name} is {row[name]} in SQL, {value} in the journal"
    for left in expected:
        yield f"{key} {left}: not in SQL"


# --- visits -----------------------------------------------------------------------------------------


def count_queues(facts: Folded, question: Question, levels: dict[str, int]) -> dict[Any, Record]:
    """By queue, and all together under None."""
    chosen = list(_chosen(facts, question, levels))
    visits: dict[str, list[Visit]] = {}
    for visit in chosen:
        visits.setdefault(visit.queue_id, []).append(visit)
    made = _offers_made(facts)
    figures = {queue: _figures(facts, mine, made, question, levels) for queue, mine in visits.items()}
    return {None: _figures(facts, chosen, made, question, levels), **figures}


def count_intervals(facts: Folded, question: Question, levels: dict[str, int]) -> dict[Any, Record]:
    """By the interval in which visits joined."""
    found: dict[Moment, list[Visit]] = {}
    made = _offers_made(facts)
    for visit in _chosen(facts, question, levels):
        assert visit.joined_at is not None
        found.setdefault(_begins(visit.joined_at, question.interval, ZoneInfo(question.zone)), []).append(visit)
    return {begins: _figures(facts, visits, made, question, levels) for begins, visits in found.items()}


def _offers_made(facts: Folded) -> Counter[str]:
    return Counter(offer.entry_id for offer in facts.offers.values())


def _begins(at: Moment, interval: str, zone: ZoneInfo) -> Moment:
    local = datetime.fromtimestamp(at // 1_000_000, zone)
    day = int(datetime(local.year, local.month, local.day, tzinfo=zone).timestamp()) * 1_000_000
    if interval not in _MINUTES:
        return day
    length = _MINUTES[interval] * 60_000_000
    return at - (at - day) % length


def _chosen(facts: Folded, question: Question, levels: dict[str, int]) -> Iterator[Visit]:
    for visit in facts.visits.values():
        if visit.joined_at is None or not question.since <= visit.joined_at < question.until:
            continue
        if visit.queue_id not in levels or question.queue_id not in ("", visit.queue_id):
            continue
        if question.agent_id in ("", visit.agent_id):
            yield visit


def _figures(
    facts: Folded, visits: list[Visit], made: Counter[str], question: Question, levels: dict[str, int]
) -> Record:
    def in_time(visit: Visit) -> bool:
        level = question.service_level_ms
        return visit.wait_ms <= (levels[visit.queue_id] if level is None else level)

    outcomes = Counter(visit.outcome for visit in visits)
    answered = [visit for visit in visits if visit.outcome == "answered"]
    talked = [visit for visit in answered if visit.talk_ms is not None]
    gone = [visit for visit in visits if visit.outcome in ("abandoned", "short_abandoned")]
    quick, lost = sum(map(in_time, answered)), sum(map(in_time, gone))
    not_short = len(visits) - outcomes["short_abandoned"]
    talk_ms = sum(visit.talk_ms or 0 for visit in talked)
    wrap_up_ms = sum(facts.wrap_up_ms(visit) for visit in talked)
    return {
        "offered": len(visits),
        "waiting": outcomes[""],
        **{outcome: outcomes[outcome] for outcome in OUTCOMES},
        "calls_offered": len({visit.call_id for visit in visits}),
        "calls_answered": len({visit.call_id for visit in answered}),
        "offers_made": sum(made[visit.entry_id] for visit in visits),
        "answered_within": quick,
        "abandoned_within": lost,
        "sl_answered": _percent(quick, len(answered)),
        "sl_offered": _percent(quick + lost, len(visits)),
        "sl_no_short": _percent(quick, not_short),
        "asa_ms": _mean(sum(visit.wait_ms for visit in answered), len(answered)),
        "join_ms": _mean(sum(visit.join_ms for visit in answered), len(answered)),
        "aht_ms": _mean(talk_ms + wrap_up_ms, len(talked)),
        "talk_ms": talk_ms,
        "wrap_up_ms": wrap_up_ms,
        "abandon_rate": _percent(len(gone), len(visits)),
        "abandon_rate_no_short": _percent(outcomes["abandoned"], not_short),
        "longest_wait_ms": max((visit.wait_ms for visit in visits if visit.outcome), default=None),
    }


# --- agents -----------------------------------------------------------------------------------------


def count_agents(facts: Folded, question: Question, levels: dict[str, int]) -> dict[Any, Record]:
    """By agent: whoever has a state or an offer in the span."""
    found = {}
    offers: dict[str, list[Offer]] = {}
    answered: dict[str, list[Visit]] = {}
    for offer in facts.offers.values():
        offers.setdefault(offer.agent_id, []).append(offer)
    for visit in facts.visits.values():
        answered.setdefault(visit.agent_id, []).append(visit)
    for agent_id in sorted({*facts.states, *offers} - {""}):
        row = _agent(facts, agent_id, offers.get(agent_id, []), answered.get(agent_id, []), question)
        if question.agent_id in ("", agent_id) and (row["signed_in_ms"] or row["offers"]):
            found[agent_id] = row
    return found


def _agent(facts: Folded, agent_id: str, asked: list[Offer], answered: list[Visit], question: Question) -> Record:
    times: Counter[str] = Counter()
    breaks: Counter[str] = Counter()
    for state, until in facts.lasting(agent_id):
        begins = max(state.at, question.since)
        us = min(until if until is not None else question.until, question.until) - begins
        if us <= 0:
            continue
        times[state.activity] += us
        if state.presence != "logged_out":
            times["signed_in"] += us
        if state.presence == "on_break":
            breaks[state.reason or "none"] += us
        if state.presence == "available":
            times["available"] += us
            times["busy"] += us if state.activity != "idle" else 0
    join_us = sum(_join_us(offer, question) for offer in asked)
    of_queue = question.queue_id
    offers = [
        offer
        for offer in asked
        if question.since <= offer.made_at < question.until and of_queue in ("", offer.queue_id)
    ]
    handled = [
        visit
        for visit in answered
        if visit.outcome == "answered" and visit.talk_ms is not None
        if visit.left_at is not None and question.since <= visit.left_at < question.until
        if of_queue in ("", visit.queue_id)
    ]
    return {
        "signed_in_ms": times["signed_in"] // 1000,
        "break_ms": sum(breaks.values()) // 1000,
        "breaks": {reason: us // 1000 for reason, us in breaks.items()},
        "ring_ms": max(0, times["offered"] - join_us) // 1000,
        "join_ms": join_us // 1000,
        "talk_ms": times["talking"] // 1000,
        "wrap_up_ms": times["wrap_up"] // 1000,
        "occupancy": _percent(times["busy"] // 1000, times["available"] // 1000),
        "offers": len(offers),
        "answered": sum(1 for offer in offers if offer.result == "accepted"),
        "missed": dict(Counter(offer.result for offer in offers if offer.result not in NOT_MISSED)),
        "aht_ms": _mean(sum((one.talk_ms or 0) + facts.wrap_up_ms(one) for one in handled), len(handled)),
    }


def _join_us(offer: Offer, question: Question) -> int:
    if offer.answered_at is None or offer.ended_at is None:
        return 0
    return max(0, min(offer.ended_at, question.until) - max(offer.answered_at, question.since))


def _percent(part: int, whole: int) -> float | None:
    if not whole:
        return None
    return float((Decimal(100 * part) / whole).quantize(Decimal("0.01"), ROUND_HALF_UP))


def _mean(total: int, number: int) -> int | None:
    return int((Decimal(total) / number).quantize(Decimal(1), ROUND_HALF_UP)) if number else None


Counting = Callable[[Folded, Question, dict[str, int]], dict[Any, Record]]
_NO_VISITS: Record = {"offered": 0, "waiting": 0}
_NO_WORK: Record = {"signed_in_ms": 0, "offers": 0}
# by what the rows of a report are told apart, who counts them, and what a row says of whom no fact names
_COUNTS: dict[str, tuple[str, Counting, Record]] = {
    "queues": ("queue_id", count_queues, _NO_VISITS),
    "agents": ("agent_id", count_agents, _NO_WORK),
    "intervals": ("from_at", count_intervals, _NO_VISITS),
}
