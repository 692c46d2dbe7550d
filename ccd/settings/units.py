"""Durations and sizes as people write them. No pydantic here: the CLI reads them too and must start fast."""

from __future__ import annotations

import re

_UNIT_MS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
DURATION = re.compile(r"(?:[0-9]{1,9}(?:\.[0-9]{1,3})?(?:ms|s|m|h|d))+")
_DURATION_PART = re.compile(r"([0-9.]+)(ms|s|m|h|d)")
_UNIT_BYTES = {"": 1, "k": 1_000, "M": 1_000_000, "G": 1_000_000_000}
SIZE = re.compile(r"([0-9]{1,12})\s?([kMG]?)B?")
LONGEST_MS = 366 * 86_400_000


def duration_ms(text: str) -> int:
    """Whole milliseconds of `30s`, `5m`, `250ms`, `1h30m`; `0` needs no unit."""
    if text == "0":
        return 0
    if not DURATION.fullmatch(text):
        raise ValueError(f"is not a duration like 250ms, 30s, 5m, 2h or 1d: {text[:40]!r}")
    total = sum(float(number) * _UNIT_MS[unit] for number, unit in _DURATION_PART.findall(text))
    if total > LONGEST_MS:
        raise ValueError(f"is longer than 366 days: {text[:40]!r}")
    return round(total)


def size_bytes(text: str) -> int:
    """Bytes of `64kB`, `10MB`, `512`."""
    found = SIZE.fullmatch(text)
    if not found:
        raise ValueError(f"is not a size like 64kB or 10MB: {text[:40]!r}")
    return int(found[1]) * _UNIT_BYTES[found[2]]


def duration_text(ms: int) -> str:
    """The shortest way to write a duration in YAML."""
    for unit in ("d", "h", "m", "s"):
        if ms and ms % _UNIT_MS[unit] == 0:
            return f"{ms // _UNIT_MS[unit]}{unit}"
    return f"{ms}ms" if ms else "0"
