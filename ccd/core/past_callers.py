"""Who called before, how it ended and who talked with him last, by E.164 number; bounded, folded from facts, kept over kill -9.

It is saved beside the ledger but less often, for it may be large: what the save lacks is still in the spool.
"""

from __future__ import annotations

from typing import Any

import msgspec

from ccd.acd.facts import TalkEnded
from ccd.base.clock import Moment
from ccd.calls.facts import CallArrived, CallEnded

MOST_NUMBERS = 50_000
MOST_CALLS = 20
KEPT_US = 7 * 86_400 * 1_000_000


class PastCaller(msgspec.Struct, array_like=True, omit_defaults=True, gc=False):
    """One number: when it called, the outcome of the last call that ended, and which agent talked last, until when."""

    calls: tuple[Moment, ...] = ()
    outcome: str = ""
    agent_id: str = ""
    talked_at: Moment = 0


class PastCallers(msgspec.Struct, kw_only=True):
    """The numbers, the one that called last at the end; `open` are the numbers of the calls that have not ended."""

    numbers: dict[str, PastCaller] = msgspec.field(default_factory=dict)
    open: dict[str, str] = msgspec.field(default_factory=dict)

    def apply(self, fact: Any) -> None:
        """Follow one fact; following it twice changes nothing."""
        if isinstance(fact, CallArrived):
            self._arrived(fact)
        elif isinstance(fact, TalkEnded):
            if caller := self.numbers.get(self.open.get(fact.call_id, "")):
                caller.agent_id, caller.talked_at = fact.agent_id, fact.at
        elif isinstance(fact, CallEnded) and (caller := self.numbers.get(self.open.pop(fact.call_id, ""))):
            caller.outcome = fact.outcome.value

    def calls_before(self, number: str, at: Moment, window_ms: int) -> int:
        """How many calls came from a number within the window before a moment; MOST_CALLS stands for any more."""
        caller = self.numbers.get(number) if number else None
        since = at - window_ms * 1000
        return sum(since <= one < at for one in caller.calls) if caller else 0

    def last_agent(self, number: str, at: Moment, window_ms: int) -> str:
        """The agent who talked last with a number, '' where nobody has within the window before a moment."""
        caller = self.numbers.get(number) if number else None
        return caller.agent_id if caller is not None and caller.talked_at >= at - window_ms * 1000 else ""

    def of(self, number: str) -> PastCaller | None:
        """What is known of a number."""
        return self.numbers.get(number) if number else None

    def _arrived(self, fact: CallArrived) -> None:
        if not fact.caller_e164:
            return
        caller = self.numbers.pop(fact.caller_e164, None) or PastCaller()
        if fact.at not in caller.calls:
            caller.calls = (*caller.calls, fact.at)[-MOST_CALLS:]
        self.numbers[fact.caller_e164] = caller
        self.open[fact.call_id] = fact.caller_e164
        self._forget(fact.at - KEPT_US)

    def _forget(self, before: Moment) -> None:
        while self.numbers:
            oldest = next(iter(self.numbers))
            if len(self.numbers) <= MOST_NUMBERS and self.numbers[oldest].calls[-1] >= before:
                return
            del self.numbers[oldest]
