"""Plays a recorded conversation with a real FreeSWITCH again, with the simulated switch, and prints what differs.

The trace says what the client commanded and what the phones did, each at its moment; both happen again at the same moments
of a FakeClock. Compared are, leg by leg: the order of events, everything ccd reads of them, replies and job results.
"""

from __future__ import annotations

import difflib
import gzip
import json
import re
from pathlib import Path
from typing import Any

import msgspec

from ccd.base.clock import FakeClock
from ccd.lab.stories import CallerScript, PhoneScript, Ring
from ccd.sim.parties import Caller, PhoneRing
from ccd.sim.switch import SimulatedSwitch
from ccd.sim.timing import AS_MEASURED
from ccd.switch.translate import Translator
from tests.sim.client import Client

TRACES = Path(__file__).parent.parent / "data" / "traces"
# Where and how the traces were recorded (tests/live/record_traces.py).
LEASE_S = 30
PROMPT = "/recorded/prompt.wav"
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_REFUSALS = {"sip:486": "busy", "sip:603": "reject", "sip:302": "redirect", "sip:503": "unreachable"}


class Trace:
    """A recorded conversation."""

    def __init__(self, name: str, *, without_inbound: bool = False) -> None:
        with gzip.open(TRACES / f"{name}.jsonl.gz", "rt", encoding="utf-8") as file:
            lines = [json.loads(line) for line in file]
        self.commands: list[tuple[float, str]] = []
        self.replies: list[str] = []
        self.events: list[dict[str, Any]] = []
        lag = 1e9
        for line in lines:
            text = line["text"].rstrip("\n") if line["from"] == "client" else line["text"]
            head, _, body = text.partition("\n\n")
            if line["from"] == "client":
                if not text.startswith(("auth", "event")):
                    self.commands.append((line["t"], text))
            elif "event-json" in head:
                self.events.append(json.loads(body))
                lag = min(lag, line["t"] - int(self.events[-1]["Event-Date-Timestamp"]) / 1e6)
            elif "auth/request" not in head and "accepted" not in head and "listener" not in head:
                self.replies.append(body or head)
        self.began = -lag
        if without_inbound:
            self._drop_inbound()

    def _drop_inbound(self) -> None:
        """Only the legs we made: the others came by a dialplan that is not the project's."""
        strangers = {e["Unique-ID"] for e in self.events if e.get("Call-Direction") == "inbound"}
        self.events = [e for e in self.events if e.get("Unique-ID") not in strangers]
        kept = [pair for pair in zip(self.commands, self.replies, strict=True) if pair[0][1].startswith("bgapi")]
        self.commands, self.replies = [pair[0] for pair in kept], [pair[1] for pair in kept]

    def moment(self, event: dict[str, Any]) -> float:
        """When it happened, on the client's clock."""
        return int(event["Event-Date-Timestamp"]) / 1e6 - self.began

    def legs(self) -> dict[str, list[dict[str, Any]]]:
        """Events by leg, legs in order of appearance; jobs under their own key."""
        return by_leg(self.events)


def by_leg(events: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    legs: dict[str, list[dict[str, Any]]] = {}
    for event in events:
        if event["Event-Name"] != "HEARTBEAT":
            legs.setdefault(event.get("Unique-ID", "jobs"), []).append(event)
    return legs


class Replay:
    """The same story with the simulated switch."""

    def __init__(self, trace: Trace) -> None:
        self.trace = trace
        self.clock = FakeClock(now=round(trace.began * 1e6))
        latency = msgspec.structs.replace(AS_MEASURED, socket_ms=0, table_ms=0)
        self.switch = SimulatedSwitch(
            clock=self.clock, latency=latency, recordings_write=False, lease_s=LEASE_S, fallback_prompt=PROMPT
        )
        self.callers: dict[str, Caller] = {}
        self._steps: list[tuple[float, int, Any]] = []
        self.replies: list[str] = []

    def run(self) -> Client:
        """Play it; the client that heard everything."""
        self.switch.start()
        client = Client(self.switch.port)
        self._plan(client)
        now = 0.0
        for at, _, step in sorted(self._steps, key=lambda s: s[:2]):
            client.pass_time(self.clock, max(0.0, at - now))
            now = max(at, now)
            step()
            client.settle()
        client.pass_time(self.clock, 3)
        self.switch.stop()
        return client

    def _plan(self, client: Client) -> None:
        for number, (at, text) in enumerate(self.trace.commands):
            self._steps.append((at, 100 + number, lambda text=text: self._command(client, text)))
        phones: dict[str, list[Ring]] = {}
        for leg, events in self.trace.legs().items():
            first = events[0]
            if leg == "jobs":
                self._absent_phones(events, phones)
            elif first["Call-Direction"] == "inbound":
                script = CallerScript(
                    number=first["Caller-Caller-ID-Number"], dialled=first["Caller-Destination-Number"]
                )
                self._at(first, lambda leg=leg, script=script: self._call(leg, script))
            else:
                phones.setdefault(first["Caller-Destination-Number"], []).append(self._ring(first, events))
            self._far_end(leg, events)
        for name, rings in phones.items():
            if rings[0].kind != "unreachable":
                self.switch.phone(PhoneScript(name, tuple(rings)))

    def _absent_phones(self, jobs: list[dict[str, Any]], phones: dict[str, list[Ring]]) -> None:
        failed = {job["Job-UUID"] for job in jobs if "USER_NOT_REGISTERED" in job["_body"]}
        for _, text in self.trace.commands:
            if text.startswith("bgapi") and text.rpartition("Job-UUID: ")[2] in failed:
                phones[text.partition("user/")[2].partition("@")[0]] = [Ring("not_registered")]

    def _far_end(self, leg: str, events: list[dict[str, Any]]) -> None:
        for event in events:
            status = event.get("variable_proto_specific_hangup_cause", "")
            if event["Event-Name"] == "CHANNEL_HANGUP" and status in ("sip:200", "sip:487"):
                self._at(event, lambda leg=leg: self._party(leg).hang_up())
            if event["Event-Name"] == "DTMF":
                self._at(event, lambda leg=leg, key=event["DTMF-Digit"]: self.callers[leg].press(key))

    def _ring(self, first: dict[str, Any], events: list[dict[str, Any]]) -> Ring:
        for event in events:
            after_ms = round((self.trace.moment(event) - self.trace.moment(first)) * 1000)
            if event["Event-Name"] == "CHANNEL_ANSWER":
                return Ring("answer", after_ms)
            if kind := _REFUSALS.get(event.get("variable_proto_specific_hangup_cause", "")):
                rang = any(e["Event-Name"] == "CHANNEL_PROGRESS" for e in events)
                return Ring(kind, after_ms if rang else 0)  # type: ignore[arg-type]
        return Ring("no_answer")

    def _at(self, event: dict[str, Any], step: Any) -> None:
        self._steps.append((self.trace.moment(event), 0, step))

    def _call(self, leg: str, script: CallerScript) -> None:
        self.callers[leg] = self.switch.call(script)

    def _party(self, leg: str) -> Caller | PhoneRing:
        if leg in self.callers:
            return self.callers[leg]
        channel = self.switch.core.find(leg)
        assert channel is not None
        assert isinstance(channel.party, PhoneRing)
        return channel.party

    def _command(self, client: Client, text: str) -> None:
        for leg, caller in self.callers.items():
            text = text.replace(leg, caller.uuid)
        self.replies.append(client.command(text))


def differences(trace: Trace) -> str:
    """What the simulated switch does otherwise; '' when nothing."""
    replay = Replay(trace)
    client = replay.run()
    names = {leg: f"leg {number}" for number, leg in enumerate(trace.legs()) if leg != "jobs"}
    mine = {caller.uuid: names[leg] for leg, caller in replay.callers.items()} | {
        leg: name for leg, name in names.items() if leg not in replay.callers
    }
    found = []
    real, simulated = trace.legs(), by_leg(client.events)
    for leg, name in [*names.items(), ("jobs", "jobs")]:
        twin = replay.callers[leg].uuid if leg in replay.callers else leg
        found += _diff(name, _lines(real.get(leg, []), names), _lines(simulated.get(twin, []), mine))
    found += _diff("replies", [_plain(r, names) for r in trace.replies], [_plain(r, mine) for r in replay.replies])
    return "\n".join(found)


def _diff(title: str, real: list[str], simulated: list[str]) -> list[str]:
    if title == "jobs":
        real, simulated = sorted(real), sorted(simulated)
    return list(difflib.unified_diff(real, simulated, f"{title}, FreeSWITCH", f"{title}, simulated", lineterm="", n=2))


def _plain(text: str, names: dict[str, str]) -> str:
    for leg, name in names.items():
        text = text.replace(leg, name)
    if text.startswith(("{}", '{"Event-Name"')):
        return "a dump"
    text = text.removeprefix("Content-Type: command/reply\nReply-Text: ")
    text = re.sub(r"Added: \d+", "Added: n", text)
    text = re.sub(r"FreeSWITCH .*", "FreeSWITCH", _UUID.sub("uuid", text))
    return repr(text.partition("\nJob-UUID")[0])


def _lines(events: list[dict[str, Any]], names: dict[str, str]) -> list[str]:
    return [_plain(_line(event), names) for event in events]


def _line(event: dict[str, Any]) -> str:
    """An event as ccd sees it, without what differs from call to call."""
    event = dict(event) | {"Core-UUID": "", "Event-Date-Timestamp": "0"}
    for name, value in event.items():
        event[name] = value.replace("+OK Added", "Added") if isinstance(value, str) else value
    if event["Event-Name"] in ("CHANNEL_HANGUP", "CHANNEL_DESTROY"):
        return f"{event['Event-Name']} {event['Hangup-Cause']}"
    if event["Event-Name"] in ("CHANNEL_EXECUTE", "PLAYBACK_STOP"):
        said = [event.get(key, "") for key in ("Application", "Application-Data", "Playback-Status")]
        return f"{event['Event-Name']} {' '.join(said)}"
    seen = Translator().event(json.dumps(event).encode())
    if seen is None:
        return str(event["Event-Name"])
    fields = msgspec.structs.asdict(seen)
    for of_the_place in ("name", "origin"):  # ports and hosts of where it was recorded
        fields.pop(of_the_place, None)
    for varying in ("progressed_at", "duration_ms"):
        if varying in fields:
            fields[varying] = bool(fields[varying])
    if event.get("Hangup-Cause") and "response" in fields:
        fields["response"] = "ended by a hang-up"  # PLAYBACK ERROR or FILE PLAYED, as the frame falls
    said = event.get("Application-Data", "")
    return f"{event['Event-Name']} {said} {fields}"
