"""What side and the worker on lists (ccd.side.list_worker) tell each other: the jobs, each with the number of their format.

The worker is what stands on disk, side what runs since its start: after an update they may differ until ccd is restarted.
"""

from __future__ import annotations

from typing import Any

import msgspec

from ccd.base.errors import Refused
from ccd.base.numbering import Numbering
from ccd.screening.model import ListName
from ccd.side.list_lines import Usual

FORMAT = 1
UPDATED = "ccd was updated while it runs, and this needs both of one version: restart ccd; its lists stay as they are"


class Build(msgspec.Struct, frozen=True, kw_only=True, tag_field="do", tag="build", forbid_unknown_fields=True):
    """Write core's file from SQL."""

    url: str
    path: str
    format: int = 0


class Import(msgspec.Struct, frozen=True, kw_only=True, tag_field="do", tag="import", forbid_unknown_fields=True):
    """Take a file into a list."""

    url: str
    path: str
    list: ListName
    usual: Usual
    rules: Numbering
    who: str
    known: dict[str, tuple[str, ...]]
    format: int = 0


def read_job(job: Any) -> Build | Import:
    """A job as side sent it; Refused when side is not of this version."""
    try:
        read: Build | Import = msgspec.convert(job, Build | Import)
    except msgspec.ValidationError:
        raise Refused(UPDATED) from None
    if read.format != FORMAT:
        raise Refused(UPDATED)
    return read


def answered(reply: dict[str, Any]) -> dict[str, Any]:
    """What a job came to; Refused says why it came to nothing."""
    if "error" in reply:
        raise Refused(str(reply["error"]))
    if reply.get("format") != FORMAT or not isinstance(reply.get("ok"), dict):
        raise Refused(UPDATED)
    done: dict[str, Any] = reply["ok"]
    return done
