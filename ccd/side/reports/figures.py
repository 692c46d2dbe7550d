"""The figures of a set of visits, in SQL: what is counted, and by which formula. Names here are the names of the API.

Each visit counts where and when it joined, so that in every row and interval: offered = the outcomes together + waiting.
"""

from __future__ import annotations

from ccd.side.db.tables.queueing import OUTCOMES

FORMULAS = {
    "offered": "visits that joined: every joining of a queue counts, also a second one in the same call",
    "waiting": "visits that are not over yet; offered = all outcomes together + waiting",
    "calls_offered": "calls with such a visit",
    "calls_answered": "calls with such a visit that was answered",
    "sl_answered": "answered within T / answered (service level of app_queue, quality_of_service of Wazo)",
    "sl_offered": "(answered within T + abandoned within T) / offered (SL2 of app_queue, which divides by answered + abandoned)",
    "sl_no_short": "answered within T / (offered - short_abandoned)",
    "asa_ms": "average speed of answer: wait of the answered / answered",
    "join_ms": "of the ASA, the part in which caller and agent were held to hear something before they were joined",
    "aht_ms": "average handling time: (talk + wrap-up) / answered visits whose talk is over",
    "abandon_rate": "(abandoned + short_abandoned) / offered",
    "abandon_rate_no_short": "abandoned / (offered - short_abandoned)",
    "longest_wait_ms": "the longest wait of a visit that is over",
}
AGENT_FORMULAS = {
    "signed_in_ms": "time signed in within the span",
    "break_ms": "time on break within it; breaks: by reason",
    "ring_ms": "time in which offers of his lasted and he had not answered; talk_ms, wrap_up_ms: likewise",
    "join_ms": "time from his answer (where he must press 1, from then) until caller and he were joined, or it came to nothing",
    "offers": "offers made to him in the span",
    "answered": "offers made in the span that he took",
    "missed": "offers made in the span that ended by a fault or refusal of his or his phone's, by cause; "
    "not_accepted: picked up, and nobody pressed 1",
    "aht_ms": "average handling time: (talk + wrap-up) / visits that he answered in the span and whose talk is over",
    "occupancy": "(ring + join + talk + wrap-up while available) / (signed in - breaks)",
}

SERVICE_LEVEL = "coalesce(CAST(:service_level_ms AS bigint), q.service_level_ms)"
_IN_TIME = f"v.wait_ms <= {SERVICE_LEVEL}"
_ABANDONED = "v.outcome IN ('abandoned', 'short_abandoned')"
_TALKED = "v.outcome = 'answered' AND v.talk_ended_at IS NOT NULL"


def count(condition: str, what: str = "*") -> str:
    """How many rows meet a condition."""
    return f"count({what}) FILTER (WHERE {condition})"


def share(part: str, whole: str) -> str:
    """A part of a whole in per cent with two places, NULL of nothing."""
    return f"round(100.0 * ({part}) / nullif({whole}, 0), 2)"


def mean_ms(total: str, number: str) -> str:
    """An average in whole milliseconds, NULL of nothing."""
    return f"round(({total})::numeric / nullif({number}, 0))::bigint"


_OFFERED = "count(v.entry_id)"
_ANSWERED = count("v.outcome = 'answered'")
_SHORT = count("v.outcome = 'short_abandoned'")
_NOT_SHORT = f"{_OFFERED} - {_SHORT}"
_ANSWERED_IN_TIME = count(f"v.outcome = 'answered' AND {_IN_TIME}")
_ABANDONED_IN_TIME = count(f"{_ABANDONED} AND {_IN_TIME}")
_HANDLED = f"sum(v.talk_ms + coalesce(v.wrap_up_ms, 0)) FILTER (WHERE {_TALKED})"

FIGURES: dict[str, str] = {
    "offered": _OFFERED,
    "waiting": count("v.entry_id IS NOT NULL AND v.outcome IS NULL"),
    **{outcome: count(f"v.outcome = '{outcome}'") for outcome in OUTCOMES},
    "calls_offered": "count(DISTINCT v.call_id)",
    "calls_answered": count("v.outcome = 'answered'", "DISTINCT v.call_id"),
    "offers_made": "coalesce(sum(v.offers_made), 0)::bigint",
    "answered_within": _ANSWERED_IN_TIME,
    "abandoned_within": _ABANDONED_IN_TIME,
    "sl_answered": share(_ANSWERED_IN_TIME, _ANSWERED),
    "sl_offered": share(f"{_ANSWERED_IN_TIME} + {_ABANDONED_IN_TIME}", _OFFERED),
    "sl_no_short": share(_ANSWERED_IN_TIME, _NOT_SHORT),
    "asa_ms": mean_ms("sum(v.wait_ms) FILTER (WHERE v.outcome = 'answered')", _ANSWERED),
    "join_ms": mean_ms("sum(v.join_ms) FILTER (WHERE v.outcome = 'answered')", _ANSWERED),
    "aht_ms": mean_ms(_HANDLED, count(_TALKED)),
    "talk_ms": f"coalesce(sum(v.talk_ms) FILTER (WHERE {_TALKED}), 0)::bigint",
    "wrap_up_ms": f"coalesce(sum(v.wrap_up_ms) FILTER (WHERE {_TALKED}), 0)::bigint",
    "abandon_rate": share(count(_ABANDONED), _OFFERED),
    "abandon_rate_no_short": share(count("v.outcome = 'abandoned'"), _NOT_SHORT),
    "longest_wait_ms": "max(v.wait_ms)",
}


def columns() -> str:
    """All figures as SELECT takes them."""
    return ",\n  ".join(f"{formula} AS {name}" for name, formula in FIGURES.items())
