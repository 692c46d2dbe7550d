"""The bus on which features meet: a fact is published once, and every listener of its type sees it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import structlog

log = structlog.get_logger(__name__)

F = TypeVar("F")


class Bus:
    """Hands each published fact to the listeners of exactly its type, in the order in which they came."""

    def __init__(self) -> None:
        self._handlers: dict[type, tuple[Callable[[Any], None], ...]] = {}
        self.failures = 0

    def on(self, kind: type[F], handler: Callable[[F], None]) -> Callable[[], None]:
        """Call `handler` with every fact of type `kind`; the result unsubscribes it."""
        self._handlers[kind] = (*self._handlers.get(kind, ()), handler)
        return lambda: self._drop(kind, handler)

    def publish(self, fact: object) -> None:
        """Run the listeners now. One that fails is logged; the others still see the fact."""
        for handler in self._handlers.get(type(fact), ()):
            try:
                handler(fact)
            except Exception:
                self.failures += 1
                log.exception("handler_failed", fact=type(fact).__name__)

    def _drop(self, kind: type, handler: Callable[[Any], None]) -> None:
        left = list(self._handlers.get(kind, ()))
        if handler in left:
            left.remove(handler)
        self._handlers[kind] = tuple(left)
