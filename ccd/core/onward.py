"""Callers who had left one queue for another when ccd died: what was about to be told of them is told now."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import structlog

from ccd.core.ledger import Ledger

log = structlog.get_logger(__name__)


def tell_onward(ledger: Ledger, publish: Callable[[Any], None]) -> None:
    """Have them stand in the other queue. Before anything else is told: their next fact may be that they are gone."""
    for call in list(ledger.calls.values()):
        if call.onward is not None:
            log.warning("move_finished", call_id=call.call_id, queue_id=call.onward.queue_id)
            publish(call.onward)
