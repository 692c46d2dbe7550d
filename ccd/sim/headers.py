"""What the events of the simulated switch look like: the headers that ccd reads and the common ones, as JSON."""

from __future__ import annotations

import datetime as dt

import msgspec

from ccd.base.clock import Moment
from ccd.sim.channel import Channel

_STATE_NUMBERS = {
    "CS_INIT": "2",
    "CS_SOFT_EXECUTE": "3",
    "CS_EXECUTE": "4",
    "CS_EXCHANGE_MEDIA": "5",
    "CS_PARK": "6",
    "CS_CONSUME_MEDIA": "7",
    "CS_RESET": "9",
    "CS_HANGUP": "10",
    "CS_REPORTING": "11",
}
_SDP = (
    "v=0\r\no=FreeSWITCH 1795274898 1795274899 IN IP4 127.0.0.1\r\ns=FreeSWITCH\r\nc=IN IP4 127.0.0.1\r\n"
    "t=0 0\r\nm=audio 34892 RTP/AVP 8 101 13\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\n"
)
# What a real event carries besides, and ccd never reads: for benchmarks of the intake.
PADDING = {f"variable_sip_padding_{i:02}": _SDP[: 60 + i] for i in range(40)}

encode = msgspec.json.Encoder().encode


class Stamp:
    """Dates and numbers of events; the text of a second is made once."""

    def __init__(self, core_uuid: str, hostname: str = "simulated") -> None:
        self.core_uuid = core_uuid
        self.hostname = hostname
        self.sequence = 0
        self._second = -1
        self._local = self._gmt = ""

    def common(self, name: str, at: Moment) -> dict[str, str]:
        """The headers that every event begins with."""
        second = at // 1_000_000
        if second != self._second:
            self._second = second
            moment = dt.datetime.fromtimestamp(second, dt.UTC)
            self._local = moment.strftime("%Y-%m-%d %H:%M:%S")
            self._gmt = moment.strftime("%a, %d %b %Y %H:%M:%S GMT")
        self.sequence += 1
        return {
            "Event-Name": name,
            "Core-UUID": self.core_uuid,
            "FreeSWITCH-Hostname": self.hostname,
            "FreeSWITCH-Switchname": self.hostname,
            "FreeSWITCH-IPv4": "127.0.0.1",
            "FreeSWITCH-IPv6": "::1",
            "Event-Date-Local": self._local,
            "Event-Date-GMT": self._gmt,
            "Event-Date-Timestamp": str(at),
            "Event-Calling-File": "ccd_sim",
            "Event-Sequence": str(self.sequence),
        }


def channel_headers(c: Channel) -> dict[str, str]:
    """What an event about a channel says of it, variables last."""
    direction = "inbound" if c.inbound else "outbound"
    headers = {
        "Channel-State": c.state,
        "Channel-Call-State": c.call_state,
        "Channel-State-Number": _STATE_NUMBERS.get(c.state, "0"),
        "Channel-Name": c.name,
        "Unique-ID": c.uuid,
        "Call-Direction": direction,
        "Presence-Call-Direction": direction,
        "Channel-HIT-Dialplan": "true" if c.inbound else "false",
        "Channel-Call-UUID": c.uuid,
        "Answer-State": c.answer_state,
    }
    # CHANNEL_HANGUP_COMPLETE has the cause before the channel's data, the events before it have it among them.
    if c.cause:
        headers["Hangup-Cause"] = c.cause
    if c.has_media:
        headers |= {"Channel-Read-Codec-Name": "PCMA", "Channel-Write-Codec-Name": "PCMA"}
    headers |= {"Caller-Direction": direction, "Caller-Dialplan": "XML"}
    if c.caller_name:
        headers["Caller-Caller-ID-Name"] = c.caller_name
    headers |= {
        "Caller-Caller-ID-Number": c.number,
        "Caller-Network-Addr": "127.0.0.1",
        "Caller-ANI": c.number,
        "Caller-Destination-Number": c.dialled,
        "Caller-Unique-ID": c.uuid,
        "Caller-Source": "mod_sofia" if c.inbound else "src/switch_ivr_originate.c",
        "Caller-Context": c.context,
        "Caller-Channel-Name": c.name,
        "Caller-Channel-Created-Time": str(c.created_at),
        "Caller-Channel-Answered-Time": str(c.answered_at),
        "Caller-Channel-Progress-Time": str(c.progress_at),
        "Caller-Channel-Progress-Media-Time": str(c.progress_media_at),
        "Caller-Channel-Hangup-Time": str(c.hangup_at),
        "Caller-Channel-Transfer-Time": str(c.transfer_at),
        "Caller-Channel-Bridged-Time": str(c.bridged_at),
    }
    if c.other_id:
        headers |= {
            "Other-Type": "originatee" if c.is_originator else "originator",
            "Other-Leg-Unique-ID": c.other_id,
        }
    headers |= {"variable_direction": direction, "variable_uuid": c.uuid, "variable_channel_name": c.name}
    for name, value in c.variables.items():
        headers["variable_" + name] = value
    return headers


def channel_row(c: Channel, hostname: str) -> dict[str, str]:
    """A channel as a row of `show channels as json`."""
    answered = c.has_media
    codec = {"codec": "PCMA", "rate": "8000", "bit_rate": "64000"} if answered else {}
    peer = c.peer is not None
    return {
        "uuid": c.uuid,
        "direction": "inbound" if c.inbound else "outbound",
        "created": dt.datetime.fromtimestamp(c.created_at // 1_000_000, dt.UTC).strftime("%Y-%m-%d %H:%M:%S"),
        "created_epoch": str(c.created_at // 1_000_000),
        "name": c.name,
        "state": c.state,
        "cid_name": c.caller_name,
        "cid_num": c.number,
        "ip_addr": "127.0.0.1" if c.inbound else "",
        "dest": c.dialled,
        "application": c.application,
        "application_data": c.application_data,
        "dialplan": "XML",
        "context": c.context,
        **{f"{way}_{key}": codec.get(key, "") for way in ("read", "write") for key in ("codec", "rate", "bit_rate")},
        "secure": "",
        "hostname": hostname,
        "presence_id": "",
        "presence_data": "",
        "accountcode": "",
        "callstate": c.call_state,
        "callee_name": "",
        "callee_num": "",
        "callee_direction": "SEND" if peer else "",
        "call_uuid": c.peer.uuid if c.peer and not c.is_originator else (c.uuid if peer else ""),
        "sent_callee_name": "",
        "sent_callee_num": "",
        "initial_cid_name": c.caller_name,
        "initial_cid_num": c.number,
        "initial_ip_addr": "127.0.0.1" if c.inbound else "",
        "initial_dest": c.first_dialled,
        "initial_dialplan": "XML",
        "initial_context": c.first_context,
    }
