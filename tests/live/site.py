"""A call centre on a real switch, run by the daemon as a user runs it; the words in which its stories are told.

One FreeSWITCH with our configuration, one outside world, one `ccd run` with its own PostgreSQL, for all stories; each story
has a line (dialled number, flow, queue), agents and phones of its own, and leaves nothing behind: see `Story.ends_well`.
A module with flows of its own has the site serve them for as long as its tests run: see `Site.serves`.
"""

from __future__ import annotations

import itertools
import json
import math
import struct
import wave
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import gevent
import psycopg
import pytest
from psycopg.rows import dict_row

from ccd.lab.daemon import Daemon
from ccd.lab.freeswitch import find_freeswitch
from ccd.lab.parties import Caller, Phone
from ccd.lab.stories import CallerScript, PhoneScript, Ring, RingDiary
from ccd.lab.verdict import differences
from ccd.lab.wire import Event
from ccd.lab.worlds import RealWorld
from live.field import DEADLINE_S, until
from live.lines import KINDS, RATE, ROOT, Served, make_sounds
from live.rooms import a_room

FIRST_LINE = 6000
# What is read when ccd starts, and only then. Numbers from 021 on may be called.
SETTINGS = """\
numbering: {{area: 021}}
recordings: {{mask_limit: 3s, consent_wait: 1s}}
dial:
  through: sofia/external@127.0.0.1:{trunk}
  allowed: [021*]
  caller_id: "02155550000"
"""
WATCHED = (
    "CHANNEL_CREATE CHANNEL_PROGRESS CHANNEL_PROGRESS_MEDIA CHANNEL_ANSWER CHANNEL_PARK CHANNEL_BRIDGE "
    "CHANNEL_HANGUP_COMPLETE PLAYBACK_START PLAYBACK_STOP DTMF RECORD_START RECORD_STOP"
)


class Site:
    """Everything that runs. `line(kind)` opens a line that no story has used, until the next story opens one."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.events: list[Event] = []
        self._names = itertools.count(1)
        self._numbers = itertools.count(13900000001)
        sounds = make_sounds(folder / "sounds")
        self.kinds = dict(KINDS)
        self._line_numbers = itertools.count(FIRST_LINE)
        self._lines, always = Served(folder / "flows"), Served(folder / "flows")
        always.add({"always": "start: bye\nnodes:\n  bye: {type: hangup}\n"}, [{"dialled": "6", "flow": "always"}])
        self._modules = [always]
        self.world = RealWorld(folder, ROOT / "config" / "freeswitch", ROOT / "dialplans", sounds)
        self.switch, self.outside = self.world.switch, self.world.outside
        self.wire = self.switch.wire(self.events.append)
        self.wire.command(f"event json {WATCHED}")
        self.daemon = Daemon(
            folder / "ccd",
            esl_port=self.world.esl_port,
            esl_password=self.world.esl_password,
            recordings=self.world.recordings,
            cdr=self.world.cdr,
            sounds=sounds,
            flows=folder / "flows",
            routes=always.routes,
        )
        self._settings = self.daemon.folder / "conf.d"
        self._settings.mkdir()
        (self._settings / "at_start.yaml").write_text(SETTINGS.format(trunk=self.outside.ports.trunk))
        self.api = self.daemon.client

    def start(self) -> None:
        """Start ccd; its API answers and the switch is reconciled."""
        self.daemon.start()

    def close(self) -> None:
        """End everything."""
        self.wire.close()
        self.daemon.stop()
        self.world.close()

    def line(self, kind: str) -> str:
        """A dialled number whose flow leads to the queue `q<number>`."""
        number, (flows, route) = str(next(self._line_numbers)), self.kinds[kind]
        texts = flows(number)
        routes = [{"dialled": number, "flow": f"f{number}", **route}]
        routes += [{"dialled": name.removeprefix("f"), "flow": name} for name in texts if name != f"f{number}"]
        self._lines.add(texts, routes)
        self._reload()
        return number

    def ends_lines(self) -> None:
        """The story is told: its lines are closed when the next one is opened."""
        self._lines.fade()

    @contextmanager
    def serves(
        self, texts: Mapping[str, str], routes: Sequence[Mapping[str, str]], settings: str = ""
    ) -> Iterator[Path]:
        """While the block runs the site has these flows (by name), routes, and settings that a reload takes over.

        `settings` lie in the file that is handed out, the last of all, so its routes are the only ones if it has some.
        """
        served, extra = Served(self.folder / "flows"), self._settings / "serves.yaml"
        served.add(texts, routes)
        self._modules.append(served)
        if settings:
            extra.write_text(settings, encoding="utf-8")
        try:
            self._reload()
            yield extra
        finally:
            self._modules.remove(served)
            served.fade()
            extra.unlink(missing_ok=True)
            self._reload(served)

    def _reload(self, *gone: Served) -> None:
        """Takes over lines and routes; few flows at a time, as ccd reads them all at each change of its configuration."""
        every = [self._lines, *self._modules]
        routes = [route for served in every for route in served.routes]
        (self._settings / "lines.yaml").write_text(json.dumps({"routes": routes}))
        for served in (*every, *gone):
            served.sweep()
        self.api.post("reload")

    def a_name(self, what: str) -> str:
        """A name that nobody else has."""
        return f"{what}{next(self._names)}"

    def a_number(self) -> str:
        """A caller's number that nobody else has."""
        return str(next(self._numbers))

    def core(self) -> dict[str, Any]:
        """What core says of itself."""
        status: dict[str, Any] = self.api.get("status")["core"]
        return status

    def sql(self, statement: str) -> list[dict[str, Any]]:
        """Rows of ccd's own PostgreSQL."""
        folder = self.daemon.folder / "state" / "postgresql"
        moved = folder / "moved-to"  # where root's folders are closed to the user that the server runs as
        home = moved.read_text().strip() if moved.exists() else folder
        with psycopg.connect(f"host={home}/run dbname=ccd user=ccd", row_factory=dict_row) as connection:
            return connection.execute(statement.encode()).fetchall()


class Agent:
    """An agent at a phone of his own."""

    def __init__(self, story: Story, name: str, station: str, phone: Phone | None) -> None:
        self.name, self.station, self._phone, self._story = name, station, phone, story

    @property
    def phone(self) -> Phone:
        assert self._phone is not None, f"{self.name} has no phone"
        return self._phone

    @property
    def rings(self) -> list[RingDiary]:
        """What his phone wrote down."""
        return self.phone.diary.rings

    def state(self) -> dict[str, Any]:
        """What the API shows."""
        found: dict[str, Any] = self._story.site.api.get("agents", self.name)
        return found

    def doing(self) -> tuple[str, str]:
        """Presence and activity."""
        state = self.state()
        return state["presence"], state["activity"]

    def does(self, verb: str, **body: str) -> dict[str, Any]:
        """login, logout, pause, resume through the API."""
        done: dict[str, Any] = self._story.site.api.post("agents", self.name, verb, **body)
        return done

    def until(self, *doing: str, timeout: float = DEADLINE_S) -> None:
        """Wait until presence and activity are these."""
        until(lambda: self.doing() == doing, f"{self.name} is {doing}", timeout)

    def rung(self, caller: Caller, timeout: float = DEADLINE_S) -> RingDiary:
        """Wait until his phone rang for a caller."""
        number = caller.script.number
        return until(
            lambda: next((ring for ring in self.rings if ring.caller_number == number), None),
            f"{self.name} rung for {number}",
            timeout,
        )

    def hangs_up(self) -> None:
        """Hang up whatever is on his phone."""
        for leg in list(self.phone.legs):
            self._story.site.outside.api(f"uuid_kill {leg}")

    def says(self, hz: int) -> None:
        """Let his phone send a tone."""
        for leg in self.phone.legs:
            self._story.site.outside.api(f"uuid_broadcast {leg} tone_stream://%(60000,0,{hz});loops=-1 aleg")


class Story:
    """One story: who takes part, what is waited for, and that nothing is left when it is over."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.callers: list[Caller] = []
        self.agents: list[Agent] = []
        self.judged = True  # by its callers' diaries; a story with several conversations a caller says no
        self._errors = len(site.daemon.errors())
        self.expected_errors: tuple[str, ...] = ()
        site.events.clear()
        site.ends_lines()

    # --- who takes part -----------------------------------------------------------------------------

    def queue(self, kind: str = "plain", **settings: Any) -> str:
        """Open a line of that kind and its queue; the number to dial. Failed offers cost little unless said otherwise."""
        number = self.site.line(kind)
        kinds = ("no_answer_delay", "reject_delay", "busy_delay", "fault_delay", "refused_again")
        quick = {f"{kind}_ms": 300 for kind in kinds}
        self.site.api.post("queues", name=f"q{number}", **({"record": "no", "min_talk_ms": 0} | quick | settings))
        return number

    def agent(
        self, *numbers: str, rings: tuple[Ring, ...] = (), level: int = 1, contact: str = "", login: bool = True
    ) -> Agent:
        """An agent of the queues behind these numbers, at a phone that does `rings` in turn (answers at once)."""
        site, name = self.site, self.site.a_name("agent")
        phone = None
        if not contact:
            phone = site.outside.phone(PhoneScript(name, rings or (Ring("answer"),)), register=False)
            contact = site.outside.contact(name)
        return self._seat(name, contact, phone, numbers, level, login)

    def registered(self, user: str, *numbers: str, rings: tuple[Ring, ...] = (), level: int = 1) -> Agent:
        """An agent at a phone that registers as a user of the switch's directory."""
        phone = self.site.outside.phone(PhoneScript(user, rings or (Ring("answer"),)))
        contact = f"user/{user}@{self.site.switch.domain}"
        return self._seat(self.site.a_name("agent"), contact, phone, numbers, level, True)

    def _seat(
        self, name: str, contact: str, phone: Phone | None, numbers: tuple[str, ...], level: int, login: bool
    ) -> Agent:
        api, station = self.site.api, self.site.a_name("desk")
        api.post("stations", name=station, contact=contact)
        api.post("agents", name=name, station=station)
        for number in numbers:
            api.post("tiers", queue=f"q{number}", agent=name, level=level)
        agent = Agent(self, name, station, phone)
        self.agents.append(agent)
        if login:
            agent.does("login")
        return agent

    def calls(self, dialled: str, tone_hz: int | None = None, number: str = "", **script: Any) -> Caller:
        """A caller dials now."""
        said = CallerScript(number=number or self.site.a_number(), dialled=dialled, **script)
        caller = self.site.outside.call(said, tone_hz)
        self.callers.append(caller)
        return caller

    def dials(self, phone: str, number: str) -> Caller:
        """An agent dials on his registered phone."""
        return self.site.outside.dial(phone, number)

    # --- what is waited for -------------------------------------------------------------------------

    def live(self, caller: Caller) -> dict[str, Any]:
        """A caller's live row, {} when there is none."""
        rows = self.site.daemon.listed("calls")
        return next((row for row in rows if row["caller_number"] == caller.script.number), {})

    def place(self, caller: Caller, *places: str, timeout: float = DEADLINE_S) -> dict[str, Any]:
        """Wait until the caller is at one of these places."""
        return until(
            lambda: (row := self.live(caller)).get("place") in places and row,
            f"{caller.script.number} is {'/'.join(places)}",
            timeout,
        )

    def connected(self, caller: Caller, timeout: float = DEADLINE_S) -> None:
        """Wait until ccd says that caller and agent talk."""
        self.place(caller, "talking", timeout=timeout)

    def event(self, name: str, timeout: float = DEADLINE_S, **headers: str) -> Event:
        """Wait for an event of the switch under test, past ones included; `_` in a header's name is `-`."""
        wanted = {key.replace("_", "-"): value for key, value in headers.items()} | {"Event-Name": name}
        return until(
            lambda: next((e for e in self.site.events if all(e.get(k) == v for k, v in wanted.items())), None),
            f"{name} {headers}",
            timeout,
        )

    def leg(self, caller: Caller) -> str:
        """The id of a caller's leg at the switch under test."""
        return str(self.event("CHANNEL_CREATE", Caller_Caller_ID_Number=caller.script.number)["Unique-ID"])

    def record(self, caller: Caller, timeout: float = DEADLINE_S) -> dict[str, Any]:
        """Wait until a call is on record; its row with legs, stays, offers and recordings."""
        daemon, number = self.site.daemon, caller.script.number

        def closed() -> dict[str, Any] | None:
            rows = daemon.listed("calls", ended=1, limit=500)
            return next((row for row in rows if row["caller_number"] == number), None)

        found = until(closed, f"{number} on record", timeout)
        whole: dict[str, Any] = self.site.api.get("calls", found["call_id"])
        return whole

    def results(self, caller: Caller) -> list[tuple[str, str]]:
        """Who was offered this caller and with which result, in order, from SQL."""
        names = {one["agent_id"]: one["name"] for one in self.site.daemon.listed("agents")}
        return [(names[offer["agent_id"]], offer["result"]) for offer in self.record(caller)["offers"]]

    def states(self, agent: Agent) -> list[tuple[str, str, str, str]]:
        """An agent's history from SQL: presence, activity, cause, reason."""
        agent_id = agent.state()["agent_id"]
        rows = self.site.sql(
            "SELECT presence, activity, cause, reason FROM ccd.agent_states "
            f"WHERE agent_id = '{agent_id}' ORDER BY from_at, seq"
        )
        return [(row["presence"], row["activity"], row["cause"], row["reason"]) for row in rows]

    def prompts(self, caller: Caller, event: str = "PLAYBACK_START") -> list[Event]:
        """What was played to a caller, in order, as the switch told of it."""
        legs = [e["Unique-ID"] for e in self.site.events if e.get("Caller-Caller-ID-Number") == caller.script.number]
        return [e for e in self.site.events if e["Event-Name"] == event and e["Unique-ID"] in legs[:1]]

    def heard(self, caller: Caller) -> list[str]:
        """The prompts that began, by the names of their files."""
        return [Path(str(e["Playback-File-Path"])).stem for e in self.prompts(caller)]

    def hears(self, caller: Caller, prompt: str, times: int = 1) -> None:
        """Wait until a prompt has begun that often."""
        until(lambda: self.heard(caller).count(prompt) >= times, f"{prompt} is heard")

    # --- what is heard ------------------------------------------------------------------------------

    def listen(self, caller: Caller) -> Path:
        """Record at the caller's own end from now on: left what he hears, right what he says."""
        path = self.site.folder / f"heard-{caller.script.number}.wav"
        self.site.outside.api(f"uuid_setvar {caller.uuid} RECORD_STEREO true")
        self.site.outside.api(f"uuid_record {caller.uuid} start {path}")
        return path

    def listen_in(self, leg: str) -> Path:
        """Record at the switch under test: left what the leg says, right what it hears, early media as well."""
        path = self.site.folder / f"heard-{leg}.wav"
        self.site.wire.must(f"uuid_setvar {leg} RECORD_STEREO true")
        self.site.wire.must(f"uuid_record {leg} start {path}")
        return path

    # --- the end ------------------------------------------------------------------------------------

    def ends_well(self) -> None:
        """Everybody goes home: no channel, no lease, no leg left; SQL and diaries agree; no ERROR was logged."""
        site = self.site
        for agent in self.agents:
            if agent.state()["presence"] != "logged_out":
                agent.does("logout")
        for caller in site.outside.callers:
            if not caller.ended.is_set():
                caller.hang_up()
        assert site.outside.wait_all_ended(DEADLINE_S)
        until(lambda: site.world.channels() == 0, "no channel is left")
        until(self._at_rest, "ccd is at rest: no call, leg, lease, waiting caller or busy agent")
        rows = [self.record(caller) for caller in self.callers]
        if self.judged:
            wrong = differences([caller.diary for caller in self.callers], rows, self._phones())
            assert not wrong, "\n".join(wrong)
        errors = site.daemon.errors()[self._errors :]
        surprises = [line for line in errors if not any(one in line for one in self.expected_errors)]
        assert not surprises, "\n".join(surprises)

    def _at_rest(self) -> bool:
        core = self.site.core()
        idle = all(agent.doing()[1] == "idle" for agent in self.agents)
        return idle and not any(core[key] for key in ("calls", "legs", "leases", "waiting"))

    def _phones(self) -> dict[str, str]:
        return {agent.name: agent.phone.script.name for agent in self.agents if agent._phone is not None}


# --- tones --------------------------------------------------------------------------------------------


def samples(path: Path) -> list[list[int]]:
    """A wave file as one list of samples a channel; 16 bit, 8 kHz."""
    with wave.open(str(path), "rb") as file:
        assert (file.getframerate(), file.getsampwidth()) == (RATE, 2)
        channels, frames = file.getnchannels(), file.readframes(file.getnframes())
    every = struct.unpack(f"<{len(frames) // 2}h", frames)
    return [list(every[channel::channels]) for channel in range(channels)]


def power(part: list[int], hz: float) -> float:
    """How loud a frequency is in a stretch of samples, 1.0 being a sine of full scale (Goertzel)."""
    if not part:
        return 0.0
    coefficient = 2 * math.cos(2 * math.pi * hz / RATE)
    before = last = 0.0
    for sample in part:
        before, last = last, sample + coefficient * last - before
    energy = before * before + last * last - coefficient * before * last
    return 2 * math.sqrt(max(0.0, energy)) / len(part) / 32768


def hears(part: list[int], hz: float, least: float = 0.03) -> bool:
    """Whether a frequency can be heard in a stretch of samples."""
    return power(part, hz) > least


def melody(path: Path, side: int, *among: int, window_ms: int = 100) -> list[int]:
    """Which of these tones follow each other on one side of a recording; pauses are left out."""
    channel, size, found = samples(path)[side], RATE * window_ms // 1000, []
    for start in range(0, len(channel) - size + 1, size):
        loudness = {hz: power(channel[start : start + size], hz) for hz in among}
        best = max(loudness, key=lambda hz: loudness[hz])
        if loudness[best] > 0.03 and found[-1:] != [best]:
            found.append(best)
    return found


def settled(path: Path, timeout: float = DEADLINE_S) -> Path:
    """Wait until a file stops growing."""
    sizes: list[int] = []

    def same() -> bool:
        gevent.sleep(0.1)
        sizes.append(path.stat().st_size if path.exists() else -1)
        return len(sizes) > 1 and sizes[-1] == sizes[-2] > 44

    until(same, f"{path.name} is complete", timeout)
    return path


# --- fixtures; a module that tells such stories imports both ------------------------------------------

_SITE: pytest.StashKey[Site] = pytest.StashKey()


@pytest.fixture(scope="session")
def site(request: pytest.FixtureRequest) -> Site:
    """The call centre, started by the first story that needs it and ended with the run."""
    if find_freeswitch() is None:
        pytest.skip("no FreeSWITCH: set CCD_FREESWITCH to its prefix or have freeswitch in PATH")
    stash = request.config.stash
    if _SITE not in stash:
        room = ExitStack()
        request.config.add_cleanup(room.close)
        made = stash[_SITE] = Site(room.enter_context(a_room("site")))
        room.callback(made.close)
        made.start()
    return stash[_SITE]


@pytest.fixture
def story(site: Site) -> Iterator[Story]:
    """A story; when it is told nothing is left of it, and what is on record agrees with the diaries."""
    told = Story(site)
    yield told
    told.ends_well()
