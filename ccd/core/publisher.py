"""Facts are durable before they are shared: spool first, then ledger, then everybody who listens."""

from __future__ import annotations

from ccd.base.bus import Bus
from ccd.calls.facts import Fact
from ccd.core.ledger import Ledger
from ccd.core.past_callers import PastCallers
from ccd.journal.codec import encode
from ccd.journal.spool import SpoolWriter


class Publisher:
    """The one door through which facts and signals go."""

    def __init__(self, spool: SpoolWriter, ledger: Ledger, bus: Bus, callers: PastCallers | None = None) -> None:
        self.published = 0
        self._spool = spool
        self._ledger = ledger
        self._callers = callers or PastCallers()
        self._bus = bus

    def publish(self, fact: object) -> None:
        """Write a fact to the spool, then hand it on; a signal is only handed on."""
        self.published += 1
        if isinstance(fact, Fact):
            self._spool.append(encode(fact))
            self._ledger.apply(fact)
            self._callers.apply(fact)
        self._bus.publish(fact)
