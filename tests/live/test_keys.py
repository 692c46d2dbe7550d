"""Keys on a real FreeSWITCH: as telephone events, SIP INFO and tones, at any time and pace; and a PIN that nothing keeps."""

from __future__ import annotations

import itertools
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gevent
import psycopg
import pytest

from ccd.base import words
from ccd.lab.daemon import Daemon
from ccd.lab.freeswitch import find_freeswitch
from ccd.lab.parties import Caller
from ccd.lab.stories import CallerScript, KeysAs, PhoneScript, Ring
from ccd.lab.wire import Event
from ccd.lab.worlds import RealWorld
from live.field import until
from live.lines import write_tone
from live.rooms import a_room
from live.site import samples

pytestmark = pytest.mark.live

ROOT = Path(__file__).parents[2]
# What is heard, and for how many ms.
PROMPTS = {
    "welcome": 1600,
    "ask": 1400,
    "entry_missing": 300,
    "entry_invalid": 700,
    "entry_again": 300,
    "goodbye": 300,
    "fallback": 300,
    "menu_main": 300,
    "no_input": 300,
    "no_match": 300,
}
DURING, AFTER = PROMPTS["welcome"] + 200, PROMPTS["welcome"] + PROMPTS["ask"] + 200
PACE_MS = 280
RIGHT, OTHER, SILENT, WRONG = "USER_BUSY", "CALL_REJECTED", "NO_ANSWER", "NORMAL_TEMPORARY_FAILURE"
# How FreeSWITCH logs a key, one a line.
TELLTALE = ("RECV DTMF", "INFO DTMF(", "DTMF DETECTED")
HELLO = """\
start: hello
nodes:
  hello: {type: answer, next: welcome}
"""
ENDS = f"""\
  right: {{type: hangup, cause: {RIGHT}}}
  other: {{type: hangup, cause: {OTHER}}}
  silent: {{type: hangup, cause: {SILENT}}}
  wrong: {{type: hangup, cause: {WRONG}}}
"""
CODE = f"""\
{HELLO}\
  welcome: {{type: play, prompt: welcome, barge_in: no, next: code}}
  code:
    type: collect
    prompt: ask
    into: code
    length: 4
    timeout: 1500ms
    digit_timeout: 900ms
    tries: 2
    next: which
    no_input: silent
    no_match: wrong
  which: {{type: branch, cases: [{{when: "code in ['1357', '1155']", next: right}}], otherwise: other}}
{ENDS}"""
ACCOUNT = f"""\
{HELLO}\
  welcome: {{type: collect, prompt: welcome, into: account, length: 10, next: pin, no_input: silent, no_match: wrong}}
  pin:
    type: collect
    prompt: ask
    into: pin
    length: 6..12
    pattern: "[0-9]{{10}}"
    secret: yes
    next: compare
    no_input: silent
    no_match: wrong
  compare: {{type: branch, cases: [{{when: "first(pin, 5) == '83059'", next: menu}}], otherwise: other}}
  menu: {{type: menu, prompt: menu_main, timeout: 1m, choices: {{1: right}}, no_input: silent}}
{ENDS}"""
PATIENT = CODE.replace("1500ms", "1m").replace("900ms", "30s")
SERVICE = f"""\
{HELLO}\
  welcome: {{type: menu, prompt: welcome, timeout: 10s, choices: {{5: line}}, no_input: silent, no_match: wrong}}
  line: {{type: queue, queue: service, next: rate}}
  rate: {{type: collect, prompt: ask, into: mark, length: 1, next: which, no_input: silent, no_match: wrong}}
  which: {{type: branch, cases: [{{when: mark == '9', next: right}}], otherwise: other}}
{ENDS}"""
ROUTES = [
    {"dialled": "4100", "flow": "code"},
    {"dialled": "4101", "flow": "code", "dtmf": "inband"},
    {"dialled": "4102", "flow": "code", "dtmf": "info"},
    {"dialled": "4103", "flow": "patient"},
    {"dialled": "4104", "flow": "patient", "dtmf": "inband"},
    {"dialled": "4200", "flow": "account", "record": "answer"},
    {"dialled": "4201", "flow": "account", "record": "answer", "dtmf": "inband"},
    {"dialled": "4301", "flow": "service", "dtmf": "inband"},
]
FLOWS = {"code": CODE, "patient": PATIENT, "account": ACCOUNT, "service": SERVICE}
WAYS: tuple[KeysAs, ...] = ("rfc2833", "info", "inband", "both")


class Enquiries:
    """A switch whose log is as talkative as it can be, the outside world, and a ccd whose flows ask for numbers."""

    def __init__(self, folder: Path) -> None:
        sounds, flows = folder / "sounds", folder / "flows"
        flows.mkdir()
        for name, text in FLOWS.items():
            (flows / f"{name}.yaml").write_text(text)
        for number, (name, ms) in enumerate(PROMPTS.items()):
            (sounds / "zh").mkdir(parents=True, exist_ok=True)
            write_tone(sounds / "zh" / f"{name}.wav", 300 + 10 * number, ms)
        shutil.copytree(ROOT / "sounds" / "music", sounds / "music")
        self.folder = folder
        self.events: list[Event] = []
        self._numbers = itertools.count(13900000001)
        self.world = RealWorld(
            folder, ROOT / "config" / "freeswitch", ROOT / "dialplans", sounds, {"ccd_loglevel": "debug"}
        )
        self.wire = self.world.switch.wire(self.events.append)
        self.wire.command(
            "event json CHANNEL_CREATE CHANNEL_BRIDGE CHANNEL_HANGUP_COMPLETE PLAYBACK_START DTMF "
            "MEDIA_BUG_START MEDIA_BUG_STOP"
        )
        self.daemon = Daemon(
            folder / "ccd",
            esl_port=self.world.esl_port,
            esl_password=self.world.esl_password,
            recordings=self.world.recordings,
            cdr=self.world.cdr,
            sounds=sounds,
            flows=flows,
            routes=ROUTES,
        )

    def close(self) -> None:
        self.wire.close()
        self.daemon.stop()
        self.world.close()

    def calls(self, keys_as: KeysAs, keys: tuple[tuple[int, str], ...] = (), dialled: str = "") -> Caller:
        """A caller dials the code line, by the trunk that sends keys his way, and types at his moments."""
        line = dialled or ("4101" if keys_as == "inband" else "4100")
        number = str(next(self._numbers))
        return self.world.outside.call(CallerScript(number=number, dialled=line, keys=keys, keys_as=keys_as))

    def seen(self, caller: Caller, name: str, **headers: str) -> list[Event]:
        wanted = {key.replace("_", "-"): value for key, value in headers.items()}
        return [
            one
            for one in list(self.events)
            if one["Event-Name"] == name
            and one.get("Caller-Caller-ID-Number") == caller.script.number
            and one.get("Call-Direction") == "inbound"
            and all(one.get(key) == value for key, value in wanted.items())
        ]

    def heard(self, caller: Caller) -> list[str]:
        return [Path(one["Playback-File-Path"]).stem for one in self.seen(caller, "PLAYBACK_START")]

    def hears(self, caller: Caller, prompt: str, times: int = 1) -> None:
        until(lambda: self.heard(caller).count(prompt) >= times, f"{prompt} is heard")

    def keys(self, caller: Caller) -> list[tuple[str, str, int]]:
        """What the switch told of his keys: which, how it came, and when."""
        told = self.seen(caller, "DTMF")
        return [(one["DTMF-Digit"], one["DTMF-Source"], int(one["Event-Date-Timestamp"]) // 1000) for one in told]

    def leg(self, caller: Caller) -> str:
        return str(until(lambda: self.seen(caller, "CHANNEL_CREATE"), "the call came in")[0]["Unique-ID"])

    def cause(self, caller: Caller) -> str:
        assert caller.ended.wait(30), f"{caller.script.keys_as} still there after {self.heard(caller)}"
        (ended,) = until(lambda: self.seen(caller, "CHANNEL_HANGUP_COMPLETE"), "it has ended")
        return str(ended["Hangup-Cause"])

    def ended_or_gone(self, caller: Caller, seconds: float = 8) -> str:
        """Why his call ended; the flow waits patiently for who was not understood, and he gives up then."""
        if not caller.ended.wait(seconds):
            caller.hang_up()
        return self.cause(caller)

    def types(self, caller: Caller, keys: str, pace_ms: int = PACE_MS) -> None:
        for key in keys:
            caller.press(key)
            gevent.sleep(pace_ms / 1000)

    def sql(self) -> Iterator[tuple[str, str]]:
        """Every table of ours, whole, as text."""
        folder = self.daemon.folder / "state" / "postgresql"
        moved = folder / "moved-to"  # where root's folders are closed to the user that the server runs as
        home = moved.read_text().strip() if moved.exists() else folder
        with psycopg.connect(f"host={home}/run dbname=ccd user=ccd") as connection:
            named = "SELECT table_name FROM information_schema.tables WHERE table_schema = 'ccd'"
            for (table,) in connection.execute(named).fetchall():
                rows = connection.execute(f'SELECT t::text FROM ccd."{table}" t'.encode()).fetchall()
                yield f"table {table}", "\n".join(row[0] for row in rows)

    def files(self) -> Iterator[tuple[str, bytes]]:
        """Every file that the switch or ccd wrote, but sound."""
        for path in (*self.world.switch.folder.rglob("*"), *self.daemon.folder.rglob("*")):
            if path.is_file() and path.suffix != ".wav" and "postgresql" not in path.parts:
                yield str(path.relative_to(self.folder)), path.read_bytes()


@pytest.fixture(scope="module")
def enquiries() -> Iterator[Enquiries]:
    if find_freeswitch() is None:
        pytest.skip("no FreeSWITCH: set CCD_FREESWITCH to its prefix or have freeswitch in PATH")
    with a_room("keys") as folder:
        made = Enquiries(folder)
        try:
            made.daemon.start()
            yield made
        finally:
            made.close()


def at(begin_ms: int, keys: str, pace_ms: int = PACE_MS) -> tuple[tuple[int, str], ...]:
    return tuple((begin_ms + pace_ms * number, key) for number, key in enumerate(keys))


@pytest.mark.parametrize("begin_ms", [100, DURING, AFTER], ids=["before", "during", "after"])
def test_keys_typed_before_during_and_after_the_prompt(enquiries: Enquiries, begin_ms: int) -> None:
    callers = [enquiries.calls(way, at(begin_ms, "1357")) for way in WAYS]
    found = {caller.script.keys_as: enquiries.cause(caller) for caller in callers}
    assert found == dict.fromkeys(WAYS, RIGHT)
    for caller in callers:
        assert enquiries.heard(caller)[:1] == ["welcome"]
        assert "entry_invalid" not in enquiries.heard(caller)


def test_a_key_as_a_tone_comes_to_us_whole(enquiries: Enquiries) -> None:
    """A tone in pieces is one key or two, as the processor has time: then no test of keys as tones tells anything."""
    caller = enquiries.calls("inband", dialled="4104")
    enquiries.hears(caller, "welcome")
    file = enquiries.folder / "tones.wav"
    enquiries.wire.api(f"uuid_setvar {enquiries.leg(caller)} RECORD_READ_ONLY true")
    enquiries.wire.api(f"uuid_record {enquiries.leg(caller)} start {file}")
    enquiries.types(caller, "1357")
    assert enquiries.cause(caller) == RIGHT
    (said,) = samples(file)[:1]
    blocks = [max(map(abs, said[begin : begin + 80])) > 800 for begin in range(0, len(said) - 80, 80)]
    tones_ms = [10 * len(list(run)) for loud, run in itertools.groupby(blocks) if loud]
    assert len(tones_ms) == 4, tones_ms
    assert min(tones_ms) >= 60, tones_ms


@pytest.mark.long
def test_keys_typed_as_fast_as_a_machine_types(enquiries: Enquiries) -> None:
    ways: tuple[KeysAs, ...] = ("rfc2833", "info", "both")
    callers = [enquiries.calls(way, at(AFTER, "1357", 15)) for way in ways]
    found = [(caller.script.keys_as, enquiries.cause(caller), enquiries.keys(caller)) for caller in callers]
    assert {cause for _, cause, _ in found} == {RIGHT}, found


def test_a_key_pressed_twice_is_two_keys_and_one_told_twice_is_one(enquiries: Enquiries) -> None:
    tones = [enquiries.calls("inband", at(DURING, "1155"), dialled="4104") for _ in range(2)]
    slow = [enquiries.calls(way, at(DURING, "1155"), dialled="4103") for way in ("rfc2833", "info", "both")]
    fast = [enquiries.calls(way, at(DURING, "1155", 15), dialled="4103") for way in ("rfc2833", "info", "both")]
    found = [(one.script.keys_as, enquiries.cause(one), enquiries.keys(one)) for one in (*slow, *fast)]
    assert {cause for _, cause, _ in found} == {RIGHT}, found
    heard = [(enquiries.ended_or_gone(one), enquiries.keys(one)) for one in tones]
    assert RIGHT in [cause for cause, _ in heard], heard  # a tone may be heard wrong by a switch that starves
    sources = [source for _, source, _ in enquiries.keys(slow[-1])]
    assert sources.count("ENDPOINT") == 4
    assert sources.count("RTP") >= 3, "the second report of the last key may come when the call has ended"


def test_too_slow_is_wrong_and_what_comes_then_is_the_next_try(enquiries: Enquiries) -> None:
    again, never = enquiries.calls("rfc2833"), enquiries.calls("rfc2833")
    for caller in (again, never):
        enquiries.hears(caller, "ask")
    for key in "13":
        again.press(key)
        never.press(key)
        gevent.sleep(PACE_MS / 1000)
    enquiries.hears(again, "entry_invalid")
    enquiries.types(again, "1357")
    enquiries.hears(never, "entry_invalid")
    enquiries.types(never, "57")
    assert enquiries.cause(again) == RIGHT
    assert enquiries.cause(never) == WRONG


@pytest.mark.long
def test_a_trunk_that_is_said_to_send_info_is_not_heard_by_telephone_events(enquiries: Enquiries) -> None:
    told = enquiries.calls("info", at(DURING, "1357"), dialled="4102")
    both = enquiries.calls("both", at(DURING, "1357"), dialled="4102")
    events = enquiries.calls("rfc2833", at(DURING, "1357"), dialled="4102")
    assert [enquiries.cause(caller) for caller in (told, both, events)] == [RIGHT, RIGHT, SILENT]


def test_tones_are_listened_for_only_while_they_are_a_flows(enquiries: Enquiries) -> None:
    api, outside = enquiries.daemon.client, enquiries.world.outside
    phone = outside.phone(PhoneScript("clerk", (Ring("answer", 100),)), register=False)
    api.post("queues", name="service", min_talk_ms=0)
    api.post("stations", name="desk", contact=outside.contact("clerk"))
    api.post("agents", name="clerk", station="desk")
    api.post("tiers", queue="service", agent="clerk", level=1)
    api.post("agents", "clerk", "login")
    caller = enquiries.calls("inband", dialled="4301")
    enquiries.hears(caller, "welcome")
    bug = {"Media_Bug_Function": "inband_dtmf"}
    until(lambda: enquiries.seen(caller, "MEDIA_BUG_START", **bug), "somebody listens")
    caller.press("5")
    until(lambda: enquiries.seen(caller, "CHANNEL_BRIDGE"), "he talks")
    until(lambda: len(enquiries.seen(caller, "MEDIA_BUG_STOP", **bug)) == 1, "nobody listens any more")
    keys = len(enquiries.seen(caller, "DTMF"))
    caller.press("1")
    gevent.sleep(0.6)
    assert len(enquiries.seen(caller, "DTMF")) == keys
    for leg in list(phone.legs):
        outside.api(f"uuid_kill {leg}")
    enquiries.hears(caller, "ask")
    caller.press("9")
    assert enquiries.cause(caller) == RIGHT
    assert len(enquiries.seen(caller, "MEDIA_BUG_START", **bug)) == 2


@pytest.mark.long
def test_an_entry_that_a_kill_of_core_cut_off_is_asked_for_again(enquiries: Enquiries) -> None:
    callers = [enquiries.calls(way, dialled="4104" if way == "inband" else "4103") for way in WAYS]
    for caller in callers:
        enquiries.hears(caller, "ask")
        enquiries.types(caller, "13")
    errors = len(enquiries.daemon.errors())
    enquiries.daemon.kill()
    enquiries.daemon.start()
    for caller in callers:
        enquiries.hears(caller, "entry_again")
        enquiries.types(caller, "1357")
    assert {enquiries.cause(caller) for caller in callers} == {RIGHT}
    assert enquiries.daemon.errors()[errors:] == []


@pytest.mark.parametrize(
    "ways",
    [("rfc2833", "info", "both"), pytest.param(("inband",), marks=pytest.mark.long)],  # 21 tones, and none heard wrong
    ids=["events", "tones"],
)
def test_a_pin_is_nowhere_when_it_has_been_typed(enquiries: Enquiries, ways: tuple[KeysAs, ...]) -> None:
    errors = len(enquiries.daemon.errors())
    assert "DEBUG [7]" in enquiries.wire.api("fsctl loglevel debug"), "the switch logs everything it can"
    typed: dict[Caller, tuple[str, str]] = {}
    for way in ways:
        number = WAYS.index(way)
        caller = enquiries.calls(way, dialled="4201" if way == "inband" else "4200")
        typed[caller] = (f"55501234{number}7", f"83059172{number}6")
    speak = [gevent.spawn(_identifies, enquiries, caller, *known) for caller, known in typed.items()]
    gevent.joinall(speak, raise_error=True)
    dumps = []
    for caller in typed:
        dumps.append(enquiries.wire.api(f"uuid_dump {enquiries.leg(caller)} json"))
        caller.press("1")
        assert enquiries.cause(caller) == RIGHT
    masked = until(lambda: _complete(enquiries, list(typed)), "the recordings are complete")
    for row in masked:
        (silence,) = row["masked"]
        said = samples(Path(row["local_path"]))[0]
        begin, end = (silence[key] * 8 for key in ("from_ms", "to_ms"))
        assert max(map(abs, said[begin + 800 : end - 800])) == 0
        if row["dialled"] == "4201":
            assert max(map(abs, said[: begin - 800])) > 1000, "his tones are heard where they are no secret"
    for caller, (account, pin) in typed.items():
        dump = next(one for one in dumps if enquiries.leg(caller) in one)
        assert account in words.decode_text(json.loads(dump)["variable_ccd_values"]), (
            "a value that is no secret is kept"
        )
        record = until(lambda c=caller: _record(enquiries, c), "the switch has written its call record")
        assert set(json.loads(record)["variables"]["digits_dialed"]) == {"X"}
        places = [*_places(enquiries), ("uuid_dump", _decoded(dump))]
        assert {name.split(" ")[0] for name, text in places if account in text} >= {"table", "uuid_dump"}
        assert any("/spool/" in name and account in text for name, text in places), "this search finds what there is"
        assert [name for name, text in places if pin in text or pin[:6] in text] == []
        assert [name for name, text in places if any(words in text for words in TELLTALE)] == []
    assert enquiries.daemon.errors()[errors:] == []


def _identifies(enquiries: Enquiries, caller: Caller, account: str, pin: str) -> None:
    enquiries.hears(caller, "welcome")
    enquiries.types(caller, account, 230)
    enquiries.hears(caller, "ask")
    enquiries.types(caller, f"{pin}#", 230)
    enquiries.hears(caller, "menu_main")


def _complete(enquiries: Enquiries, callers: list[Caller]) -> list[dict[str, Any]]:
    numbers = {caller.script.number for caller in callers}
    rows = [row for row in enquiries.daemon.listed("recordings") if row["caller_number"] in numbers]
    return rows if len(rows) >= len(numbers) and all(row["state"] == "complete" for row in rows) else []


def _record(enquiries: Enquiries, caller: Caller) -> str:
    path = enquiries.world.cdr / f"{enquiries.leg(caller)}.cdr.json"
    return path.read_text() if path.exists() else ""


def _decoded(dump: str) -> str:
    values = json.loads(dump)
    texts = [words.decode_text(values[key]) for key in ("variable_ccd_values", "variable_ccd_node") if key in values]
    return "\n".join([dump, *texts])


def _places(enquiries: Enquiries) -> list[tuple[str, str]]:
    files = [(name, data.decode(errors="replace")) for name, data in enquiries.files()]
    return [*files, *enquiries.sql()]
