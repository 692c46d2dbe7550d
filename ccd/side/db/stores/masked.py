"""Which parts of a recording are silent, and why: the ranges of its masks, as one. For the stores here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Connection, select

from ccd.side.db.tables import recording_masks


def silent_ranges(masks: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """`[{"from_ms", "to_ms", "reasons"}]` in their order; `to_ms` is None when the silence lasts to the end of the file.

    Masks of several reasons that overlap or touch are one silence.
    """
    ranges: list[dict[str, Any]] = []
    for mask in sorted(masks, key=lambda one: (int(one["from_ms"]), str(one["mask"]))):
        begin, end, reason = int(mask["from_ms"]), mask["to_ms"], str(mask["mask"])
        if end is not None and end <= begin:
            continue
        last = ranges[-1] if ranges else None
        if last is None or (last["to_ms"] is not None and last["to_ms"] < begin):
            ranges.append({"from_ms": begin, "to_ms": end, "reasons": [reason]})
            continue
        if reason not in last["reasons"]:
            last["reasons"].append(reason)
        if last["to_ms"] is not None:
            last["to_ms"] = None if end is None else max(last["to_ms"], end)
    return ranges


def add_silence(connection: Connection, recordings: list[dict[str, Any]]) -> None:
    """Put the silent ranges beside recordings, as `masked`."""
    masks: dict[str, list[Any]] = {record["recording_id"]: [] for record in recordings}
    if masks:
        question = select(recording_masks).where(recording_masks.c.recording_id.in_(masks))
        for row in connection.execute(question).mappings():
            masks[row["recording_id"]].append(row)
    for record in recordings:
        record["masked"] = silent_ranges(masks[record["recording_id"]])
