"""Holds what ccd wrote down against what the phones saw. A caller whose diary and row differ is an error."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from ccd.lab.stories import CallerDiary

NEAR_MS = 1_500
CROSSING_MS = 200


def differences(
    diaries: Iterable[CallerDiary], rows: Iterable[Mapping[str, Any]], station_of: Mapping[str, str] | None = None
) -> list[str]:
    """One line for each caller whose diary does not agree with his row.

    Args:
        rows: ended calls as the API gives them.
        station_of: agent name → phone, to check who talked to whom.
    """
    by_number: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        by_number.setdefault(row["caller_number"], []).append(row)
    found = []
    for diary in diaries:
        mine = by_number.pop(diary.number, [])
        if len(mine) != 1:
            found.append(f"{diary.number}: {len(mine)} rows for one call")
            continue
        found += [f"{diary.number}: {what}" for what in _compare(diary, mine[0], station_of or {})]
    return found + [f"{number}: a row, and nobody called" for number in by_number]


def wrongly_screened(
    diaries: Iterable[CallerDiary], rows: Iterable[Mapping[str, Any]], unwanted: Collection[str]
) -> list[str]:
    """One line for each caller who should have been rejected unanswered and was not, or was and should not have been."""
    outcome = {row["caller_number"]: (row["outcome"], row["answered_at"]) for row in rows}
    found = []
    for diary in diaries:
        how, answered_at = outcome.get(diary.number, ("not on record", None))
        if diary.number in unwanted:
            if how != "blocked":
                found.append(f"{diary.number}: is on the blacklist, row says {how}")
            if diary.answered_at is not None or answered_at is not None:
                found.append(f"{diary.number}: is on the blacklist and was answered")
        elif how == "blocked":
            found.append(f"{diary.number}: is on no list and was blocked")
    return found


def _compare(diary: CallerDiary, row: Mapping[str, Any], station_of: Mapping[str, str]) -> list[str]:
    wrong = []
    talked = diary.connected_at is not None and not _crossed(diary, row)
    if talked != (row["outcome"] == "answered"):
        wrong.append(f"talked to an agent: {talked}, row says {row['outcome']}")
    if row["dialled"] != diary.dialled:
        wrong.append(f"dialled {diary.dialled}, row says {row['dialled']}")
    if talked and station_of and station_of.get(row["agent"]) != diary.connected_phone:
        wrong.append(f"talked to phone {diary.connected_phone}, row says agent {row['agent']}")
    for name, seen, written in (
        ("started", diary.started_at, row["arrived_at"]),
        ("connected", diary.connected_at if talked else None, row["connected_at"]),
        ("ended", diary.ended_at, row["ended_at"]),
    ):
        if seen is None or written is None:
            if (seen is None) != (written is None):
                wrong.append(f"{name}: the phone says {seen}, the row {written}")
        elif abs(seen - _moment(written)) > NEAR_MS * 1000:
            wrong.append(f"{name}: {(_moment(written) - seen) // 1000} ms apart")
    return wrong


def _crossed(diary: CallerDiary, row: Mapping[str, Any]) -> bool:
    """The phone was answered while the caller hung up: both are right when the row says that nobody talked."""
    if row["outcome"] == "answered" or diary.ended_by != "caller" or diary.connected_at is None:
        return False
    return diary.ended_at is not None and diary.ended_at - diary.connected_at <= CROSSING_MS * 1000


def _moment(text: str) -> int:
    return round(dt.datetime.fromisoformat(text).timestamp() * 1e6)
