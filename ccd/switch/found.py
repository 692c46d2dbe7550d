"""What a reconciliation finds: channels as `show channels` and `uuid_dump` tell them, in our words.

A bridged channel bears `signal_bond` (the other side's uuid) from the uuid_bridge command on; a transfer unsets it, and with
it `transfer_after_bridge`, but not the park that follows a cancelled bridge: a bond to a channel that is gone tells nothing, as
`bridge_uuid` never does. A parked channel is in CS_EXECUTE, or after a cancelled bridge in CS_PARK. (Tried on 1.10.12.)
"""

from __future__ import annotations

import json
from typing import Any

import msgspec

from ccd.base.clock import Moment
from ccd.base.errors import SwitchRefused
from ccd.base.sources import Origin
from ccd.switch.events import (
    Carried,
    ChannelAnswered,
    ChannelBridged,
    ChannelCreated,
    ChannelParked,
    ChannelProgressed,
    SwitchEvent,
)


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """One channel as it is now; `variables` without FreeSWITCH's prefix."""

    leg_id: str
    core_uuid: str
    inbound: bool
    caller_number: str
    caller_name: str
    dialled: str
    context: str
    name: str
    created_at: Moment
    answered_at: Moment
    bridged_at: Moment
    bridged_to: str
    parked: bool
    plays: bool
    early_media: bool = False
    progressed_at: Moment = 0
    ended: bool
    variables: dict[str, str]

    def carried(self) -> Carried:
        """What the channel carries, as events would tell it."""
        get = self.variables.get
        return Carried(
            version=get("ccd_v", ""),
            call_id=get("ccd_call_id", ""),
            role=get("ccd_role", ""),
            agent_id=get("ccd_agent_id", ""),
            offer_id=get("ccd_offer_id", ""),
            entry=get("ccd_entry", ""),
            fallback=get("ccd_fallback", ""),
        )

    def origin(self) -> Origin:
        """Where the call came in from."""
        get, port = self.variables.get, self.variables.get("sip_network_port", "")
        return Origin(
            profile=get("sofia_profile_name", ""),
            gateway=get("sip_gateway", ""),
            address=get("sip_network_ip", ""),
            port=int(port) if port.isdecimal() else 0,
            span=get("freetdm_span_name", ""),
        )

    def as_events(self, at: Moment) -> list[SwitchEvent]:
        """The events that would have led here, for a leg that the registry has not seen."""
        events: list[SwitchEvent] = [
            ChannelCreated(
                leg_id=self.leg_id,
                at=self.created_at or at,
                inbound=self.inbound,
                caller_number=self.caller_number,
                caller_name=self.caller_name,
                dialled=self.dialled,
                context=self.context,
                name=self.name,
                core_uuid=self.core_uuid,
                carried=self.carried(),
            )
        ]
        return events + self.changes(at, answered=False, bridged_to="", parked=False, rang=False)

    def changes(
        self, at: Moment, *, answered: bool, bridged_to: str, parked: bool, rang: bool = True
    ) -> list[SwitchEvent]:
        """The events that were missed since the leg was in the given state."""
        events: list[SwitchEvent] = []
        if self.progressed_at and not rang and not self.answered_at and not self.inbound:
            events.append(ChannelProgressed(leg_id=self.leg_id, at=self.progressed_at))
        if self.answered_at and not answered:
            events.append(ChannelAnswered(leg_id=self.leg_id, at=self.answered_at))
        if self.bridged_to and self.bridged_to != bridged_to:
            events.append(ChannelBridged(leg_id=self.leg_id, at=self.bridged_at or at, other_id=self.bridged_to))
        if self.parked and not self.bridged_to and not parked:
            events.append(
                ChannelParked(
                    leg_id=self.leg_id,
                    at=at,
                    inbound=self.inbound,
                    caller_number=self.caller_number,
                    caller_name=self.caller_name,
                    dialled=self.dialled,
                    context=self.context,
                    carried=self.carried(),
                    origin=self.origin(),
                )
            )
        return events


def read_channels(text: str) -> list[str]:
    """The leg ids in the answer to ListChannels.

    Raises:
        SwitchRefused: the answer is not the list it should be.
    """
    try:
        return [str(row["uuid"]) for row in json.loads(text).get("rows", [])]
    except (ValueError, KeyError, TypeError, AttributeError) as broken:
        raise SwitchRefused(f"unreadable list of channels: {text[:80]!r}") from broken


def read_dump(text: str) -> Found:
    """The channel in the answer to DumpChannel.

    Raises:
        SwitchRefused: there is no such channel any more, or the answer is unreadable.
    """
    try:
        dump: Any = json.loads(text, strict=False)
    except ValueError as broken:
        raise SwitchRefused(f"unreadable dump: {text[:80]!r}") from broken
    if not isinstance(dump, dict):
        raise SwitchRefused(f"unreadable dump: {text[:80]!r}")
    get = dump.get
    state = str(get("Channel-State", ""))
    bond = str(get("variable_signal_bond", ""))
    return Found(
        leg_id=str(get("Unique-ID", "")),
        core_uuid=str(get("Core-UUID", "")),
        inbound=get("Call-Direction") == "inbound",
        caller_number=str(get("Caller-Caller-ID-Number", "")),
        caller_name=str(get("Caller-Caller-ID-Name", "")),
        dialled=str(get("Caller-Destination-Number", "")),
        context=str(get("Caller-Context", "")),
        name=str(get("Channel-Name", "")),
        created_at=_moment(get("Caller-Channel-Created-Time")),
        answered_at=_moment(get("Caller-Channel-Answered-Time")),
        bridged_at=_moment(get("Caller-Channel-Bridged-Time")),
        bridged_to=bond,
        parked=state == "CS_PARK"
        or (state == "CS_EXECUTE" and get("variable_current_application") in ("park", "playback")),
        # FreeSWITCH unsets the response when an application begins and sets it when it has ended.
        plays=get("variable_current_application") == "playback" and not get("variable_current_application_response"),
        early_media=_moment(get("Caller-Channel-Progress-Media-Time")) > 0,
        progressed_at=_moment(get("Caller-Channel-Progress-Time"))
        or _moment(get("Caller-Channel-Progress-Media-Time")),
        ended=state in ("CS_HANGUP", "CS_REPORTING", "CS_DESTROY"),
        variables={
            key.removeprefix("variable_"): str(value) for key, value in dump.items() if key.startswith("variable_")
        },
    )


def _moment(value: Any) -> Moment:
    text = str(value or "")
    return int(text) if text.isdecimal() else 0
