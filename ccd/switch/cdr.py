"""Call records that FreeSWITCH wrote to disk (mod_json_cdr), for calls that ended while ccd was away."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import structlog

from ccd.base import words
from ccd.base.clock import Moment

log = structlog.get_logger(__name__)


class Ending(msgspec.Struct, frozen=True, kw_only=True):
    """How a leg ended, as the switch wrote it down."""

    ended_at: Moment
    answered_at: Moment
    cause: str
    protocol_cause: str
    fallback: bool
    record_ms: int


def read_ending(folder: str, leg_id: str) -> Ending | None:
    """The ending of a leg from `<folder>/<leg id>.cdr.json`, or None when there is no readable one."""
    path = Path(folder) / f"{words.uuid(leg_id)}.cdr.json"
    try:
        variables = json.loads(path.read_bytes().decode("utf-8", "replace"), strict=False)["variables"]
        return Ending(
            ended_at=int(variables["end_uepoch"]),
            answered_at=int(variables.get("answer_uepoch", 0)),
            cause=str(variables.get("hangup_cause", "")),
            protocol_cause=str(variables.get("proto_specific_hangup_cause", "")),
            fallback=variables.get("ccd_fallback") == "1",
            record_ms=int(variables.get("record_ms", 0)),
        )
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as broken:
        log.warning("cdr_unreadable", leg_id=leg_id, reason=str(broken)[:200])
        return None
