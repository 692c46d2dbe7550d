"""vip-first: VIP callers before all others, and to the specialists."""

from __future__ import annotations

from typing import Any

from ccd.acd.strategies import Candidate, Forgets, strategy


@strategy("vip-first", "优先策略", remembers="since when each has been idle", forgets=Forgets.LOGIN, vip=True)
def vip_first(candidate: Candidate) -> Any:
    """VIP callers are served first, by the queue's specialists where one is ready; other callers get a specialist last."""
    return (candidate.specialist != candidate.vip, candidate.idle_since)
