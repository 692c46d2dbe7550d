"""Greenlets that have a name, a log context and never die unseen."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gevent
import structlog
from gevent import Greenlet
from structlog.contextvars import bound_contextvars

log = structlog.get_logger(__name__)


def spawn(
    name: str,
    run: Callable[..., None],
    *args: Any,
    on_crash: Callable[[Exception], None] | None = None,
    **context: Any,
) -> Greenlet:
    """Start `run(*args)` in a greenlet that logs under `context`.

    A new greenlet begins with an empty log context, so everything that its lines shall carry is given here. An error that
    `run` does not catch is logged as `greenlet_crashed` and handed to `on_crash`.
    """

    def body() -> None:
        with bound_contextvars(greenlet=name, **context):
            try:
                run(*args)
            except Exception as crash:
                log.exception("greenlet_crashed")
                if on_crash is not None:
                    on_crash(crash)

    return gevent.spawn(body)


def report_crash(where: str) -> None:
    """Log the error being handled; for callbacks of the loop, which have no greenlet of their own."""
    log.exception("callback_crashed", where=where)
