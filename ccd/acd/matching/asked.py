"""Whom a caller gets at once, and how he waits on; the live decision and its replay use the same. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice

import msgspec

from ccd.acd.matching.matcher import Matcher
from ccd.acd.matching.model import Waiting
from ccd.acd.strategies import Rings


def chosen_for(matcher: Matcher, waiting: Waiting) -> Iterable[str]:
    """The agents who are asked for a caller at once: one, or all whom he may have where his queue rings all."""
    rings_all = matcher.rules_of(waiting.queue_id).strategy.rings is Rings.ALL
    return islice(matcher.for_caller(waiting.entry_id), None if rings_all else 1)


def after_offer(was: Waiting, agent_id: str) -> Waiting:
    """How a caller waits on whose queue rings several, once one more telephone rings for him."""
    return msgspec.structs.replace(was, ringing=was.ringing | {agent_id})
