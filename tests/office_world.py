"""An office with a real control socket, a scripted core and tables in memory, for the tests of HTTP, client and CLI."""

from __future__ import annotations

import contextlib
import functools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import gevent
import msgspec
from gevent import socket as gsocket
from gevent.server import StreamServer
from msgspec.structs import replace

from ccd.acd.cause_rules import with_causes
from ccd.acd.checks import checked_agent, checked_queue, checked_tier, with_asks, with_skills
from ccd.acd.model import Agent, BreakReason, Queue, Station, Tier
from ccd.base.codes import as_reply
from ccd.base.errors import CcdError, NotFound, Refused
from ccd.base.ids import new_id
from ccd.client.http import Client
from ccd.ivr.flow import load_flow
from ccd.journal.configuration import Configuration, Route
from ccd.routing.outgoing import Outgoing
from ccd.side.configuration import Site
from ccd.side.core_link import CoreLink
from ccd.side.flow_shelf import FlowShelf
from ccd.side.http.app import build_app
from ccd.side.http.office import Office, RecordingDesk
from ccd.side.http.references import References
from ccd.side.http.server import ControlServer
from ccd.voicemail.model import Box

CALL = "0190a1b2-0000-7000-8000-000000000001"
OTHER_CALL = "0190a1b2-0000-7000-8000-000000000002"
RECORDING = "0190a1b2-1111-7000-8000-000000000003"
ARRIVED = 1_800_000_000_000_000


def in_thread(call: Callable[..., Any], /, *arguments: Any, **named: Any) -> Any:
    """Run blocking code beside the loop, as another process would."""
    return gevent.get_hub().threadpool.spawn(lambda: call(*arguments, **named)).get(timeout=10)


class FakeCore:
    """Speaks core's side of the command socket; `answers` maps verbs to what they answer or raise."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.configuration: dict[str, Any] = msgspec.to_builtins(Configuration())
        self.answers: dict[str, Any] = {
            "status": {"calls": 1, "switches": [{"name": "local", "connected": True}]},
            "calls.list": [{"call_id": CALL, "caller_number": "13800138000", "place": "queue", "arrived_at": ARRIVED}],
            "agents.list": self._agents,
            "queues.list": [{"queue_id": "q1", "name": "sales", "waiting": 2}],
            "queues.waiting": [],
            "agents.remembered": {"idle_since": None, "remembered": []},
            "configuration.get": lambda _: self.configuration,
            "configuration.put": self._put,
            "calls.show": self._show,
            "lists.status": {"file_version": 0, "version": 0, "entries": 0, "changes": 0, "refused": ""},
        }
        self._clients: list[Any] = []
        self._server: StreamServer | None = None

    def start(self) -> None:
        self.path.unlink(missing_ok=True)
        listener = gsocket.socket(gsocket.AF_UNIX, gsocket.SOCK_STREAM)
        listener.bind(str(self.path))
        listener.listen(8)
        self._server = StreamServer(listener, self._serve)
        self._server.start()

    def stop(self) -> None:
        assert self._server is not None
        self._server.stop(timeout=0)
        for client in self._clients:
            with contextlib.suppress(OSError):
                client.shutdown(gsocket.SHUT_RDWR)
            client.close()
        self._clients.clear()

    def push(self, line: bytes) -> None:
        """Send a raw line to everybody connected."""
        for client in self._clients:
            client.sendall(line + b"\n")

    def verbs(self) -> list[str]:
        return [verb for verb, _ in self.asked if not verb.startswith(("configuration.", "journal."))]

    def _serve(self, sock: Any, _: Any) -> None:
        self._clients.append(sock)
        try:
            for line in sock.makefile("rb"):
                self._answer(sock, json.loads(line))
        except (OSError, ValueError):
            return

    def _answer(self, sock: Any, request: dict[str, Any]) -> None:
        verb, arguments = request["do"], request.get("with", {})
        self.asked.append((verb, arguments))
        if "id" not in request:
            return
        answer = self.answers.get(verb, {})
        if answer is Ellipsis:  # never answers
            return
        try:
            if isinstance(answer, CcdError):
                raise answer
            ok = answer(arguments) if callable(answer) else answer
            reply: dict[str, Any] = {"id": request["id"], "ok": ok}
        except CcdError as error:
            reply = {"id": request["id"], "error": as_reply(error)}
        sock.sendall(json.dumps(reply).encode() + b"\n")

    def _put(self, configuration: dict[str, Any]) -> dict[str, Any]:
        self.configuration = configuration
        return {}

    def _agents(self, _: dict[str, Any]) -> list[dict[str, Any]]:
        return [{**agent, "presence": "available", "activity": "idle"} for agent in self.configuration["agents"]]

    def _show(self, arguments: dict[str, Any]) -> dict[str, Any]:
        if arguments["call_id"] != CALL:
            raise NotFound(f"no call {arguments['call_id']}")
        return {"call_id": CALL, "place": "queue", "arrived_at": ARRIVED, "answered_at": 0, "legs": []}


class Messages:
    """Voicemail in memory: rows by id, and what was asked for."""

    def __init__(self) -> None:
        self.rows: dict[str, dict[str, Any]] = {}
        self.asked: list[dict[str, Any]] = []

    def listed(self, limit: int = 50, **asked: Any) -> list[dict[str, Any]]:
        self.asked.append(asked)
        return list(self.rows.values())[:limit]

    def found(self, voicemail_id: str) -> dict[str, Any]:
        if voicemail_id not in self.rows:
            raise NotFound(f"no voicemail {voicemail_id}")
        return dict(self.rows[voicemail_id])


class Recordings:
    """Recordings in memory: rows, what was asked for, and what was done to them."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = [
            {
                "recording_id": RECORDING,
                "call_id": OTHER_CALL,
                "caller_number": "13800138000",
                "size_bytes": 1234,
                "duration_ms": 2000,
                "state": "complete",
                "sha256": "abc",
                "local_path": "/r/a.wav",
                "masked": [{"from_ms": 0, "to_ms": 500, "reasons": ["secret"]}],
                "audit": [],
            }
        ]
        self.wanted: list[Any] = []
        self.done: list[tuple[str, ...]] = []
        self.held: set[str] = set()
        self.file = ("abc", "ok")

    def desk(self) -> RecordingDesk:
        return RecordingDesk(
            rows=lambda: self,
            eraser=lambda: self,
            sha256=lambda path: self.file,
            e164=lambda number: f"+86{number.lstrip('0')}",
            status=lambda: {"disk_percent": 12.5, "alarm": ""},
        )

    def listed(self, limit: int = 100, wanted: Any = None) -> list[dict[str, Any]]:
        self.wanted.append(wanted)
        behind = [row["recording_id"] for row in self.rows].index(wanted.after) + 1 if wanted.after else 0
        return [row for row in self.rows[behind:] if wanted.call_id in ("", row["call_id"])][:limit]

    def found(self, recording_id: str) -> dict[str, Any]:
        return next(row for row in self.rows if row["recording_id"] == recording_id)

    def beginning(self, prefix: str, limit: int = 6) -> list[str]:
        return [
            r["recording_id"]
            for r in self.rows
            if r["recording_id"].startswith(prefix) or r["call_id"].startswith(prefix)
        ]

    def hold(self, recording_id: str, *, at: int, who: str, why: str) -> bool:
        free = recording_id not in self.held
        self.held.add(recording_id)
        self.done.append(("hold", recording_id, who, why))
        return free

    def release(self, recording_id: str, *, at: int, who: str, why: str) -> bool:
        was, self.held = recording_id in self.held, self.held - {recording_id}
        return was

    def erase(self, recording_ids: Any, *, who: str, why: str, what: str = "erase") -> dict[str, list[str]]:
        self.done.append((what, *recording_ids, who, why))
        free = [one for one in recording_ids if one not in self.held and self.found(one)["state"] != "erased"]
        for one in free:
            self.found(one)["state"] = "erased"
        return {
            "erased": free,
            "pending": [],
            "held": [one for one in recording_ids if one in self.held],
            "running": [],
        }

    def erase_number(self, number: str, e164: str, *, who: str, why: str) -> dict[str, Any]:
        return {**self.erase([row["recording_id"] for row in self.rows], who=who, why=f"{e164} {why}"), "voicemails": 0}


class Tables:
    """Configuration rows and history in memory."""

    def __init__(self) -> None:
        self.agents: list[Agent] = []
        self.stations: list[Station] = []
        self.queues: list[Queue] = []
        self.tiers: list[Tier] = []
        self.boxes: list[Box] = []
        self.break_reasons: list[BreakReason] = []
        self.messages = Messages()
        self.broken: Exception | None = None

    def load(self) -> Tables:
        return self

    def add_agent(
        self,
        name: str,
        *,
        display_name: str = "",
        station: str = "",
        record: str = "no",
        skills: Any = None,
        **times: Any,
    ) -> Agent:
        station_id = self._id(self.stations, station) if station else ""
        own = {"display_name": display_name, "station_id": station_id, "record": record}
        skilled = with_skills({}, skills or {})
        return self._add(
            self.agents, checked_agent(Agent(agent_id=new_id(), name=name, skills=skilled, **own, **times))
        )

    def add_station(self, name: str, contact: str, **given: Any) -> Station:
        return self._add(self.stations, Station(station_id=new_id(), name=name, contact=contact, **given))

    def add_queue(self, name: str, **options: Any) -> Queue:
        fields = {"queue_id": new_id(), "name": name, **with_asks(with_causes({}, options))}
        return self._add(self.queues, checked_queue(msgspec.convert(fields, Queue)))

    def change_agent(
        self,
        name: str,
        *,
        display_name: str | None = None,
        station: str | None = None,
        record: str | None = None,
        skills: Any = None,
        **times: Any,
    ) -> Agent:
        said = {"display_name": display_name, "record": record, **times}
        given: dict[str, Any] = {key: value for key, value in said.items() if value is not None}
        if station is not None:
            given["station_id"] = self._id(self.stations, station) if station else ""
        if skills is not None:
            self._id(self.agents, name)
            (before,) = [one for one in self.agents if one.name == name]
            given["skills"] = with_skills(before.skills, skills)
            checked_agent(replace(before, skills=given["skills"]))
        return self._change(self.agents, name, given)

    def change_station(self, name: str, **given: Any) -> Station:
        return self._change(self.stations, name, given)

    def change_queue(self, name: str, **given: Any) -> Queue:
        self._id(self.queues, name)
        (before,) = [one for one in self.queues if one.name == name]
        fields = {**msgspec.to_builtins(before), **with_asks(with_causes(before.causes, given))}
        after = checked_queue(msgspec.convert(fields, Queue))
        return self._change(self.queues, name, msgspec.structs.asdict(after))

    def add_break(self, name: str, **options: Any) -> BreakReason:
        return self._add(self.break_reasons, BreakReason(break_id=new_id(), name=name, **options))

    def change_break(self, name: str, **given: Any) -> BreakReason:
        return self._change(self.break_reasons, name, given)

    def add_box(self, name: str, *, queue: str = "", agent: str = "", **options: Any) -> Box:
        return self._add(self.boxes, Box(box_id=new_id(), name=name, **self._owners(queue, agent), **options))

    def change_box(self, name: str, *, queue: str | None = None, agent: str | None = None, **given: Any) -> Box:
        return self._change(self.boxes, name, given | self._owners(queue, agent))

    def _owners(self, queue: str | None, agent: str | None) -> dict[str, str]:
        owners = {} if queue is None else {"queue_id": self._id(self.queues, queue) if queue else ""}
        return owners if agent is None else owners | {"agent_id": self._id(self.agents, agent) if agent else ""}

    def retire(self, kind: type[Any], name: str) -> Any:
        rows: list[Any] = {
            Agent: self.agents,
            Station: self.stations,
            Queue: self.queues,
            Box: self.boxes,
            BreakReason: self.break_reasons,
        }[kind]
        gone = self._id(rows, name)
        self.tiers = [one for one in self.tiers if gone not in (one.queue_id, one.agent_id)]
        if kind is Station:
            self.agents = [replace(one, station_id="") if one.station_id == gone else one for one in self.agents]
        (old,) = [row for row in rows if row.name == name]
        rows.remove(old)
        return old

    def add_tier(self, queue: str, agent: str, **place: Any) -> Tier:
        whose = {"queue_id": self._id(self.queues, queue), "agent_id": self._id(self.agents, agent)}
        if any((one.queue_id, one.agent_id) == tuple(whose.values()) for one in self.tiers):
            raise Refused("he serves that queue already")
        self.tiers.append(checked_tier(Tier(**whose, **place)))
        return self.tiers[-1]

    def change_tier(self, queue: str, agent: str, **place: Any) -> Tier:
        whose = (self._id(self.queues, queue), self._id(self.agents, agent))
        for number, one in enumerate(self.tiers):
            if (one.queue_id, one.agent_id) == whose:
                self.tiers[number] = checked_tier(replace(one, **place))
                return self.tiers[number]
        raise NotFound("this agent does not serve that queue")

    def remove_tier(self, queue: str, agent: str) -> None:
        gone = (self._id(self.queues, queue), self._id(self.agents, agent))
        kept = [one for one in self.tiers if (one.queue_id, one.agent_id) != gone]
        if len(kept) == len(self.tiers):
            raise NotFound("this agent does not serve that queue")
        self.tiers = kept

    def ended_calls(self, limit: int = 50) -> list[dict[str, Any]]:
        if self.broken:
            raise self.broken
        return [{"call_id": OTHER_CALL, "outcome": "answered", "arrived_at": ARRIVED, "duration_ms": 61_500}][:limit]

    def call(self, call_id: str) -> dict[str, Any]:
        if self.broken:
            raise self.broken
        if call_id != OTHER_CALL:
            raise NotFound(f"no call {call_id}")
        return {"call_id": call_id, "outcome": "answered", "legs": [], "queue_entries": []}

    def calls_beginning(self, prefix: str, limit: int = 6) -> list[str]:
        if self.broken:
            raise self.broken
        return [one for one in (CALL, OTHER_CALL) if one.startswith(prefix)][:limit]

    def _id(self, rows: list[Any], name: str) -> str:
        for row in rows:
            if row.name == name:
                return str(getattr(row, row.__struct_fields__[0]))
        raise NotFound(f"no {name}")

    def _change(self, rows: list[Any], name: str, given: dict[str, Any]) -> Any:
        if self.broken:
            raise self.broken
        self._id(rows, name)
        (place,) = [index for index, row in enumerate(rows) if row.name == name]
        rows[place] = replace(rows[place], **given)
        return rows[place]

    def _add(self, rows: list[Any], row: Any) -> Any:
        if self.broken:
            raise self.broken
        if any(one.name == row.name for one in rows):
            raise Refused(f"the name {row.name!r} is taken")
        rows.append(row)
        return row


class _OfficeOfToday:
    """Stands for the office of the world that was made last."""

    office: Any = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self.office, name)


TODAY = _OfficeOfToday()


@functools.cache
def the_app() -> Any:
    """The application, built once for all worlds: its routes cost more than most tests."""
    return build_app(cast(Office, TODAY))


class World:
    """Everything together: fake core, link, site, server, client. There is one at a time."""

    def __init__(self, folder: Path) -> None:
        flows = folder / "flows"
        flows.mkdir()
        (flows / "main.yaml").write_text("language: zh\nstart: bye\nnodes:\n  bye: {type: hangup}\n")
        self.core = FakeCore(folder / "core.sock")
        self.core.start()
        self.tables = Tables()
        self.recordings = Recordings()
        self.journal: list[tuple[int, int]] = []
        self.link = CoreLink(str(self.core.path), on_journal=lambda *place: self.journal.append(place))
        self._reader = gevent.spawn(self.link.run)
        assert self.link.connected.wait(5)
        self.flows = FlowShelf(flows, load_flow)
        self.site = Site(self.link, self.tables.load, (Route(dialled="*", flow="main"),), self.flows)
        self.site.refresh()
        self.lists: Any = None  # a test that needs them brings a keeper
        TODAY.office = Office(
            core=self.link,
            site=self.site,
            store=lambda: self.tables,
            history=lambda: self.tables,
            references=References(
                switches=("local",),
                prompts=folder / "sounds" / "zh",
                outgoing=Outgoing(through="sofia/gateway/pstn", allowed=("13*",)),
            ),
            database=lambda: {"state": "ready"},
            lists=lambda: self.lists,
            journal=lambda: {"behind": 0},
            voicemails=lambda: self.tables.messages,
            recordings=self.recordings.desk(),
        )
        self.socket = folder / "control.sock"
        self._server = ControlServer(the_app(), str(self.socket), mode=0o600)
        self._server.start()
        self.client = Client(str(self.socket), timeout=5)

    def get(self, *parts: str, **query: Any) -> Any:
        return in_thread(self.client.get, *parts, **query)

    def post(self, *parts: str, **body: Any) -> Any:
        return in_thread(self.client.post, *parts, **body)

    def patch(self, *parts: str, **body: Any) -> Any:
        return in_thread(self.client.patch, *parts, **body)

    def delete(self, *parts: str) -> Any:
        return in_thread(self.client.delete, *parts)

    def raw(self, data: bytes) -> bytes:
        """Send bytes as they are and read until the server closes."""
        with gsocket.socket(gsocket.AF_UNIX, gsocket.SOCK_STREAM) as sock, gevent.Timeout(5):
            sock.connect(str(self.socket))
            sock.sendall(data)
            answer = b""
            while more := sock.recv(65536):
                answer += more
            return answer

    def staffed(self) -> World:
        """With alice at her station, in the queue sales."""
        self.post("stations", name="desk1", contact="user/1001@ccd.local")
        self.post("agents", name="alice", display_name="王小明", station="desk1")
        self.post("queues", name="sales", ring_ms=15_000)
        self.post("tiers", queue="sales", agent="alice")
        return self

    def idle(self) -> World:
        """With everybody signed out and nobody in a queue."""
        self.core.answers["agents.list"] = lambda _: [
            {**agent, "presence": "logged_out", "activity": "idle", "station": "", "call_id": ""}
            for agent in self.core.configuration["agents"]
        ]
        self.core.answers["queues.list"] = lambda _: [
            {"queue_id": queue["queue_id"], "name": queue["name"], "waiting": 0, "talking": 0}
            for queue in self.core.configuration["queues"]
        ]
        return self

    def close(self) -> None:
        self._server.stop()
        self.link.stop()
        self.core.stop()
        self._reader.join(timeout=5)
