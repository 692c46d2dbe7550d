"""Asks a switch for its channels, side by side."""

from __future__ import annotations

from collections.abc import Container

import gevent
import msgspec

from ccd.base.errors import SwitchError, SwitchRefused
from ccd.switch.commands import DumpChannel
from ccd.switch.found import Found, read_dump
from ccd.switch.port import Switch

DUMPS_AT_ONCE = 64


def dump_channels(switch: Switch, leg_ids: list[str], *, known: Container[str]) -> dict[str, Found]:
    """Those of `leg_ids` that are alive. A bond to a leg that is neither among them nor `known` tells nothing.

    Raises:
        SwitchError: the link was lost.
    """
    found: dict[str, Found] = {}
    lost: list[SwitchError] = []

    def dump(leg_id: str) -> None:
        try:
            one = read_dump(switch.ask(DumpChannel(leg_id=leg_id), timeout=10.0))
            if not one.ended and one.leg_id:
                found[leg_id] = one
        except SwitchRefused:
            return  # it ended before we asked
        except SwitchError as gone:
            lost.append(gone)

    for start in range(0, len(leg_ids), DUMPS_AT_ONCE):
        gevent.joinall([gevent.spawn(dump, leg_id) for leg_id in leg_ids[start : start + DUMPS_AT_ONCE]])
        if lost:
            raise lost[0]
    return {
        leg_id: one
        if one.bridged_to in found or one.bridged_to in known
        else msgspec.structs.replace(one, bridged_to="")
        for leg_id, one in found.items()
    }
