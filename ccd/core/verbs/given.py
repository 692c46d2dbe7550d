"""What a verb was given, checked."""

from __future__ import annotations

from typing import Any

from ccd.base.errors import Refused


def text(given: dict[str, Any], key: str, default: str | None = None) -> str:
    """The text under `key`; Refused when it is missing, no text or longer than 200 characters."""
    value = given.get(key, default)
    if not isinstance(value, str) or (default is None and not value):
        raise Refused(f"{key} is missing")
    if len(value) > 200:
        raise Refused(f"{key} is too long")
    return value
