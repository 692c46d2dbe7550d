"""Call records as mod_json_cdr writes them with the project's configuration: one file a leg, named by its id.

Written are the parts that ccd reads, in FreeSWITCH's shape, and enough around them to be recognised by a person.
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import msgspec
import structlog

from ccd.base.clock import Moment
from ccd.sim.channel import Channel

log = structlog.get_logger(__name__)


def write(folder: Path, c: Channel, core_uuid: str) -> None:
    """Write the record of a leg that is over; like the switch, log and go on when that fails."""
    try:
        (folder / f"{c.uuid}.cdr.json").write_bytes(msgspec.json.encode(record(c, core_uuid)))
    except OSError as error:
        log.warning("simulated_cdr_not_written", leg_id=c.uuid, reason=str(error))


def record(c: Channel, core_uuid: str) -> dict[str, Any]:
    """The record as it stands in the file."""
    direction = "inbound" if c.inbound else "outbound"
    return {
        "core-uuid": core_uuid,
        "switchname": "simulated",
        "channel_data": {"state": "CS_REPORTING", "direction": direction, "state_number": "11"},
        "variables": {"direction": direction, "uuid": c.uuid, "channel_name": c.name} | c.variables | _times(c),
        "app_log": {"applications": []},
        "callflow": _callflow(c),
    }


def _times(c: Channel) -> dict[str, str]:
    moments = {
        "start": c.created_at,
        "profile_start": c.transfer_at or c.created_at,
        "answer": c.answered_at,
        # A customer has a newer profile by now, which transfer_after_bridge made, and that was never bridged.
        "bridge": 0 if c.inbound else c.bridged_at,
        "progress": c.progress_at,
        "progress_media": c.progress_media_at,
        "end": c.hangup_at,
    }
    times: dict[str, str] = {}
    for name, moment in moments.items():
        if moment:
            times[f"{name}_stamp"] = f"{dt.datetime.fromtimestamp(moment // 1_000_000, dt.UTC):%Y-%m-%d %H:%M:%S}"
        times[f"{name}_epoch"] = str(moment // 1_000_000)
        times[f"{name}_uepoch"] = str(moment)
    us = c.hangup_at - c.created_at
    billed = c.hangup_at - c.answered_at if c.answered_at else 0
    return times | {
        "duration": str(us // 1_000_000),
        "billsec": str(billed // 1_000_000),
        "mduration": str(us // 1000),
        "billmsec": str(billed // 1000),
    }


def _callflow(c: Channel) -> list[dict[str, Any]]:
    """The newest profile first; the last one is what the leg came in with."""
    first = _profile(c, c.created_at, c.first_number, c.first_name)
    first["caller_profile"] |= {"destination_number": c.first_dialled, "context": c.first_context}
    if not c.transfer_at:
        return [first]
    latest = _profile(c, c.transfer_at, c.number, c.caller_name) | {"profile_index": "2"}
    latest["caller_profile"] |= {"destination_number": c.dialled, "context": c.context}
    return [latest, first]


def _profile(c: Channel, created_at: Moment, number: str, name: str) -> dict[str, Any]:
    return ({"dialplan": "XML"} if c.inbound else {}) | {
        "profile_index": "1",
        "caller_profile": {
            "username": number if c.inbound else "",
            "dialplan": "XML" if c.inbound else "",
            "caller_id_name": name,
            "ani": number,
            "aniii": "",
            "caller_id_number": number,
            "network_addr": "127.0.0.1",
            "rdnis": "",
            "uuid": c.uuid,
            "source": "mod_sofia" if c.inbound else "src/switch_ivr_originate.c",
            "chan_name": c.name,
        },
        "times": {
            "created_time": str(c.created_at),
            "profile_created_time": str(created_at),
            "progress_time": str(c.progress_at),
            "progress_media_time": str(c.progress_media_at),
            "answered_time": str(c.answered_at),
            "bridged_time": str(c.bridged_at),
            "hangup_time": str(c.hangup_at),
            "transfer_time": str(c.transfer_at),
        },
    }
