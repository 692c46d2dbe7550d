"""The verbs of core's command socket. Each file of this folder adds the rows of its `VERBS`; adding a file edits nothing else.

Thin: look up, call the service, tell in plain values.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ccd.core.house import House

Verb = Callable[["House", dict[str, Any]], Any]
VERBS: dict[str, Verb] = {}

for _module in pkgutil.iter_modules(__path__):
    VERBS |= getattr(importlib.import_module(f"{__name__}.{_module.name}"), "VERBS", {})
