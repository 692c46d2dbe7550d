"""What the stories of the traces are played with: the recorded event socket, and the stage on which ccd and the others act.

ccd's part is told command by command, since the commands are on the trace. `trace_stories` tells the stories.
"""

from __future__ import annotations

import json
import time
import uuid
from pathlib import Path
from typing import Any

import gevent
from gevent import socket
from gevent.event import Event as Flag
from gevent.queue import Queue

from ccd.base.errors import SwitchTimeout
from ccd.lab.freeswitch import PrivateFreeSwitch
from ccd.lab.outside import Outside
from ccd.lab.parties import Caller
from ccd.lab.stories import CallerScript, PhoneScript, Ring
from ccd.lab.wire import Event
from tests.sim.client import ALL

DEADLINE_S = 10.0
# Legs look at their commands every 20 ms, those of the simulated switch at other moments: what one step does is over by then.
MOMENT_S = 0.05
NUMBER, DIALLED = "13800138000", "95588"
MUSIC = "local_stream://moh"
PARK_ON_CANCEL = "uuid_bridge_park_on_cancel=true;transfer_after_bridge="
_OFFER = "originate_timeout=20,ignore_early_media=true,ccd_v=1,ccd_role=agent"
_PHONES = {
    "answers": Ring("answer", 50),
    "brief": Ring("answer", 50, talk_ms=300),
    "busy": Ring("busy"),
    "rejects": Ring("reject", 100),
    "redirects": Ring("redirect"),
    "rings": Ring("no_answer"),
}


class AnotherRaceError(Exception):
    """The switch was quicker or slower this time than the story tells: play it again."""


class Tape:
    """One event socket of the switch, with every frame of it written down; commands in order, events one after the other."""

    def __init__(self, switch: PrivateFreeSwitch) -> None:
        self.lines: list[dict[str, Any]] = []
        self.overtaken = ""  # what a leg's own thread told of its end before the thread that hung it up told of that
        self._events: list[Event] = []
        self._hung_up: set[str] = set()
        self._news = Flag()
        self._replies: Queue[str] = Queue()
        self._began = time.monotonic()
        self._sock = socket.create_connection((switch.esl_host, switch.esl_port))
        self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._file = self._sock.makefile("rb")
        self._reader = gevent.spawn(self._read)
        self._reply("the greeting")
        self.command(f"auth {switch.esl_password}")
        self.command(f"event json {ALL}")

    def command(self, text: str) -> str:
        """Send one command; its reply's body, or its head when it has none."""
        self._note("client", f"{text}\n\n")
        self._sock.sendall(f"{text}\n\n".encode())
        return self._reply(text)

    def api(self, text: str) -> str:
        """Send an api command; its body without blanks around it."""
        return self.command(f"api {text}").strip()

    def wait(self, name: str, leg: str = "", **said: str) -> Event:
        """The next event of that name, of that leg, that says so (`Job_UUID` is Job-UUID); those before it are past."""
        wanted = {"Event-Name": name} | {key.replace("_", "-"): value for key, value in said.items()}
        if leg:
            wanted["Unique-ID"] = leg
        with gevent.Timeout(DEADLINE_S, SwitchTimeout(f"no event {wanted}")):
            while True:
                self._news.clear()
                for number, event in enumerate(self._events):
                    if wanted.items() <= event.items():
                        del self._events[: number + 1]
                        return event
                self._news.wait()

    def since(self, leg: str) -> list[str]:
        """The names of a leg's events since the one last waited for."""
        return [event["Event-Name"] for event in self._events if event.get("Unique-ID") == leg]

    def close(self) -> None:
        """Hang up; the lines stay."""
        self._reader.kill()
        self._file.close()
        self._sock.close()

    def _reply(self, to: str) -> str:
        with gevent.Timeout(DEADLINE_S, SwitchTimeout(to[:80])):
            return str(self._replies.get())

    def _note(self, who: str, text: str) -> None:
        self.lines.append({"t": round(time.monotonic() - self._began, 3), "from": who, "text": text})

    def _read(self) -> None:
        while head := self._head():
            said = dict(line.partition(": ")[::2] for line in head.splitlines())
            body = self._file.read(int(said.get("Content-Length", 0))).decode()
            self._note("switch", f"{head}\n\n{body}")
            if said["Content-Type"] == "text/event-json":
                self._hear(json.loads(body))
            else:
                self._replies.put(body or head)

    def _hear(self, event: Event) -> None:
        if "Hangup-Cause" in event and event["Unique-ID"] not in self._hung_up:
            self._hung_up.add(event["Unique-ID"])
            if event["Event-Name"] != "CHANNEL_HANGUP":
                self.overtaken = event["Event-Name"]
        self._events.append(event)
        self._news.set()

    def _head(self) -> str:
        lines = []
        while line := self._file.readline().decode().rstrip("\n"):
            lines.append(line)
        return "\n".join(lines)


class Stage:
    """Who plays along: `ccd` is the recorded socket, the others sit outside."""

    def __init__(self, ccd: Tape, outside: Outside, *, prompt: Path, recordings: Path) -> None:
        self.ccd, self.outside = ccd, outside
        self.prompt, self.recordings = prompt, recordings
        for name, ring in _PHONES.items():
            outside.phone(PhoneScript(name, (ring,)), register=False)

    def ccd_lives(self) -> None:
        """ccd says that it lives."""
        self.ccd.api("expand global_setvar ccd_alive=${strepoch()}")

    def ccd_is_dead(self) -> None:
        """ccd has stopped."""
        self.ccd.api("global_setvar ccd_alive=0")

    def caller_dials(self) -> Caller:
        """A caller dials."""
        return self.outside.call(CallerScript(number=NUMBER, dialled=DIALLED))

    def parked_caller(self) -> tuple[Caller, str]:
        """A caller whom the dialplan parked; the caller and its leg."""
        self.ccd_lives()
        caller = self.caller_dials()
        return caller, str(self.ccd.wait("CHANNEL_PARK")["Unique-ID"])

    def answered_caller(self) -> tuple[Caller, str]:
        """A caller whom ccd took over and answered."""
        caller, leg = self.parked_caller()
        self.lease(leg, 30)
        self.ends(leg, self.execute(leg, "answer"))
        return caller, leg

    def lease(self, leg: str, seconds: int) -> None:
        """Renew a customer's lease."""
        self.ccd.api(f"sched_api +{seconds} ccd-{leg} uuid_transfer {leg} fallback XML ccd_fallback")

    def execute(self, leg: str, application: str, argument: str = "") -> str:
        """Have a leg run an application; the id of that run."""
        run = str(uuid.uuid4())
        said = f"call-command: execute\nexecute-app-name: {application}\nexecute-app-arg: {argument}\nEvent-UUID: {run}"
        self.ccd.command(f"sendmsg {leg}\n{said}")
        return run

    def ends(self, leg: str, run: str) -> None:
        """Wait until that run of an application ended."""
        self.ccd.wait("CHANNEL_EXECUTE_COMPLETE", leg, Application_UUID=run)
        gevent.sleep(MOMENT_S)

    def kill(self, leg: str, cause: str = "NORMAL_CLEARING") -> None:
        """ccd hangs a leg up."""
        self.ccd.api(f"uuid_kill {leg} {cause}")

    def gone(self, leg: str) -> None:
        """Wait until a leg is no more."""
        self.ccd.wait("CHANNEL_DESTROY", leg)

    def ring(self, phone: str, more: str = "") -> str:
        """Ring an agent's phone; the id of the leg, and of the job."""
        return self.originate(f"{_OFFER}{more}", self.outside.contact(phone))

    def originate(self, variables: str, target: str, leg: str = "") -> str:
        """Call somebody out; the id of the leg, and of the job unless the leg is there already."""
        job = str(uuid.uuid4())
        started = f"{{origination_uuid={leg or job},{variables}}}{target} &park() XML ccd anonymous {NUMBER}"
        self.ccd.command(f"bgapi originate {started}\nJob-UUID: {job}")
        return job

    def agent_hangs_up(self) -> None:
        """The agent who talks puts the receiver down."""
        (leg,) = self.outside.phones["answers"].legs
        self.outside.post(f"api uuid_kill {leg}")

    def ready_to_bridge(self, promise: str, more: str = "") -> tuple[Caller, str, str]:
        """A customer in music and an agent who answered; the caller and both legs."""
        caller, customer = self.answered_caller()
        self.execute(customer, "playback", MUSIC)
        gevent.sleep(0.2)
        agent = self.ring("answers", more)
        self.ccd.wait("CHANNEL_PARK", agent)
        gevent.sleep(MOMENT_S)
        self.ccd.api(f"uuid_setvar_multi {customer} {promise}")
        return caller, customer, agent

    def talking(self, promise: str = PARK_ON_CANCEL, more: str = "", record: bool = False) -> tuple[Caller, str, str]:
        """A customer and an agent who talk; the caller and both legs."""
        caller, customer, agent = self.ready_to_bridge(promise, more)
        if record:
            self.ccd.api(f"uuid_record {customer} start {self.recordings}/{customer}.wav")
            self.ccd.wait("RECORD_START", customer)
        self.ccd.api(f"sched_del ccd-{customer}")
        self.ccd.api(f"uuid_bridge {customer} {agent}")
        self.ccd.wait("CHANNEL_BRIDGE", customer)
        gevent.sleep(0.3)
        return caller, customer, agent
