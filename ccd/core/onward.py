"""Callers who were about to leave a queue, or to stand in the next, when ccd died: what was to be told of them is told now."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import structlog

from ccd.core.ledger import Ledger

log = structlog.get_logger(__name__)


def tell_onward(ledger: Ledger, publish: Callable[[Any], None]) -> None:
    """Have them stand where they belong. Before anything else is told: their next fact may be that they are gone.

    The ledger follows what is told: one who is turned away may overflow, and be turned away there as well.
    """
    for call in list(ledger.calls.values()):
        while (fact := call.leaving or call.onward) is not None:
            log.warning("move_finished", call_id=call.call_id, queue_id=fact.queue_id)
            publish(fact)
