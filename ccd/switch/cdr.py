"""Call records that FreeSWITCH wrote to disk (mod_json_cdr), for calls that ended while ccd was away."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import msgspec
import structlog

from ccd.base import words
from ccd.base.clock import Moment
from ccd.base.errors import Unsafe

log = structlog.get_logger(__name__)

SUFFIX = ".cdr.json"


class Ending(msgspec.Struct, frozen=True, kw_only=True):
    """How a leg ended, as the switch wrote it down."""

    ended_at: Moment
    answered_at: Moment
    cause: str
    protocol_cause: str
    disposition: str
    fallback: bool
    record_ms: int
    leg_id: str = ""
    call_id: str = ""
    inbound: bool = False
    entry: bool = False
    caller_number: str = ""
    caller_name: str = ""
    dialled: str = ""
    started_at: Moment = 0
    progressed_at: Moment = 0
    bridged_at: Moment = 0


def read_ending(folder: str, leg_id: str) -> Ending | None:
    """The ending of a leg from `<folder>/<leg id>.cdr.json`, or None when there is no readable one."""
    try:
        return _read(Path(folder) / f"{words.uuid(leg_id)}{SUFFIX}")
    except Unsafe:  # somebody else's leg may bear any id
        return None


def endings_since(folder: str, since: Moment) -> Iterator[Ending]:
    """The endings written after `since`. Only the folder is listed; older files are not opened."""
    try:
        with os.scandir(folder) as entries:
            fresh = [
                entry.path
                for entry in entries
                if entry.name.endswith(SUFFIX) and entry.stat().st_mtime_ns // 1000 >= since
            ]
    except OSError as missing:
        log.warning("cdr_folder_unreadable", folder=folder, reason=str(missing))
        return
    for path in fresh:
        if ending := _read(Path(path)):
            yield ending


def _read(path: Path) -> Ending | None:
    try:
        document = json.loads(path.read_bytes().decode("utf-8", "replace"), strict=False)
        variables = document["variables"]
        profile = _first_profile(document)
        return Ending(
            ended_at=int(variables["end_uepoch"]),
            answered_at=int(variables.get("answer_uepoch", 0)),
            cause=str(variables.get("hangup_cause", "")),
            protocol_cause=str(variables.get("proto_specific_hangup_cause", "")),
            disposition=str(variables.get("sip_hangup_disposition", "")),
            fallback=variables.get("ccd_fallback") == "1",
            record_ms=int(variables.get("record_ms", 0)),
            leg_id=path.name.removesuffix(SUFFIX),
            call_id=str(variables.get("ccd_call_id", "")),
            inbound=variables.get("direction") == "inbound",
            entry=variables.get("ccd_entry") == "1",
            caller_number=str(profile.get("caller_id_number", "")),
            caller_name=unquote(str(profile.get("caller_id_name", ""))),
            dialled=str(profile.get("destination_number", "")),
            started_at=int(variables.get("start_uepoch", 0)),
            progressed_at=int(variables.get("progress_uepoch", 0)),
            bridged_at=int(variables.get("bridge_uepoch", 0)),
        )
    except (FileNotFoundError, Unsafe):  # somebody else's leg may bear any id
        return None
    except (OSError, ValueError, KeyError, TypeError, IndexError, AttributeError) as broken:
        log.warning("cdr_unreadable", path=str(path), reason=str(broken)[:200])
        return None


def _first_profile(document: dict[str, Any]) -> dict[str, Any]:
    """The profile with which the call came in; each transfer adds one before it."""
    found = document.get("callflow") or [{}]
    profiles = found if isinstance(found, list) else [found]
    return dict(profiles[-1].get("caller_profile") or {})
