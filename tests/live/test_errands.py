"""Asking a web server and speaking its answer, on a real FreeSWITCH; and what a call does while side is dead."""

from __future__ import annotations

import contextlib
import http.server
import json
import os
import shutil
import signal
import threading
import wave
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ccd.base.errors import CcdError
from ccd.lab.daemon import Daemon
from ccd.lab.freeswitch import find_freeswitch
from ccd.lab.parties import Caller
from ccd.lab.stories import CallerScript
from ccd.lab.wire import Event
from ccd.lab.worlds import RealWorld
from live.field import until
from live.rooms import a_room

pytestmark = pytest.mark.live

ROOT = Path(__file__).parents[2]
SOUNDS = ROOT / "sounds"
FLOW = """\
start: hello
language: en
nodes:
  hello: {type: answer, next: ask}
  ask:
    type: http
    method: POST
    url: SERVER/balance/{caller_number}
    query: {line: dialled}
    json: {account: caller_number, wanted: ["'balance'", "1.50"]}
    token: crm
    timeout: 25s
    into:
      balance: account.balance
      holder: account.names[0]
    statuses: {404: unknown}
    next: tell
    failed: away
    on_recover: repeat
  tell: {type: speak, text: "Good morning {holder}, you have {balance} yuan.", next: amount, failed: away}
  amount: {type: say, kind: money, value: balance, next: bye, failed: away}
  bye: {type: hangup, cause: USER_BUSY}
  unknown: {type: speak, text: We do not know you., next: bye, failed: away}
  away: {type: hangup, cause: CALL_REJECTED}
"""


class Server(http.server.ThreadingHTTPServer):
    """The customer database of the site."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.asked: list[tuple[str, dict[str, str], Any]] = []
        self.may_answer = threading.Event()
        self.may_answer.set()
        threading.Thread(target=self.serve_forever, daemon=True).start()


class _Answer(http.server.BaseHTTPRequestHandler):
    server: Server

    def log_message(self, *_: Any) -> None:
        """Say nothing."""

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append((self.path, dict(self.headers), body))
        self.server.may_answer.wait(20)
        known = not body["account"].endswith("0")
        answer = json.dumps({"account": {"balance": 12.5, "names": ["Mr ${system(touch F)} Smith"]}}).encode()
        self.send_response(200 if known else 404)
        self.send_header("Content-Length", str(len(answer)))
        with contextlib.suppress(OSError):  # whoever asked may be dead
            self.end_headers()
            self.wfile.write(answer)


class Site:
    """A switch, the outside world, a web server, and a ccd that asks and speaks."""

    def __init__(self, folder: Path) -> None:
        self.server = Server()
        self.folder, self.speech = folder, folder / "speech"
        url = f"http://127.0.0.1:{self.server.server_port}"
        (folder / "flows").mkdir()
        (folder / "flows" / "main.yaml").write_text(FLOW.replace("SERVER", url))
        self.events: list[Event] = []
        self.world = RealWorld(folder, ROOT / "config" / "freeswitch", ROOT / "dialplans", SOUNDS)
        self.wire = self.world.switch.wire(self.events.append)
        self.wire.command("event json CHANNEL_CREATE CHANNEL_HANGUP_COMPLETE PLAYBACK_START PLAYBACK_STOP")
        self.daemon = Daemon(
            folder / "ccd",
            esl_port=self.world.esl_port,
            esl_password=self.world.esl_password,
            recordings=self.world.recordings,
            cdr=self.world.cdr,
            sounds=SOUNDS,
            flows=folder / "flows",
        )
        more = {
            "http": {
                "hosts": [{"url": url}],
                "tokens": [{"name": "crm", "host": url, "token": "geheim-4711"}],
            },
            "speech": {
                "command": ["espeak-ng", "-v", "{voice}", "--stdin", "-w", "{output}"],
                "voices": {"en": "en-us", "zh": "cmn-latn-pinyin"},
                "path": str(self.speech),
            },
        }
        (folder / "ccd" / "conf.d").mkdir()
        (folder / "ccd" / "conf.d" / "errands.yaml").write_text(json.dumps(more))

    def close(self) -> None:
        self.wire.close()
        self.daemon.stop()
        self.world.close()
        self.server.shutdown()
        self.server.server_close()

    def calls(self, number: str) -> Caller:
        return self.world.outside.call(CallerScript(number=number, dialled="4001"))

    def seen(self, name: str, number: str) -> list[Event]:
        events = [one for one in self.events if one["Event-Name"] == name]
        return [one for one in events if one.get("Caller-Caller-ID-Number") == number]

    def heard(self, number: str) -> list[str]:
        return [str(one["Playback-File-Path"]) for one in self.seen("PLAYBACK_START", number)]

    def cause(self, caller: Caller, seconds: float = 30) -> str:
        assert caller.ended.wait(seconds)
        number = caller.script.number
        (ended,) = until(lambda: self.seen("CHANNEL_HANGUP_COMPLETE", number), f"{number} has ended")
        return str(ended["Hangup-Cause"])

    def side(self) -> int:
        """The process id of side: core's only child that is a `ccd side`."""
        core = self.daemon.pid
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                if parent == core and b"\0side\0" in (entry / "cmdline").read_bytes():
                    return int(entry.name)
            except (OSError, ValueError):
                continue
        return 0


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    if find_freeswitch() is None:
        pytest.skip("no FreeSWITCH: set CCD_FREESWITCH to its prefix or have freeswitch in PATH")
    if shutil.which("espeak-ng") is None:
        pytest.skip("no espeak-ng")
    with a_room("errands") as folder:
        made = Site(folder)
        try:
            made.daemon.start()
            yield made
        finally:
            made.close()


def test_a_caller_hears_what_the_server_says_of_him(site: Site) -> None:
    caller = site.calls("13900000001")
    assert site.cause(caller) == "USER_BUSY", site.daemon.log_tail()
    path, headers, body = site.server.asked[-1]
    assert path == "/balance/13900000001?line=4001"
    assert body == {"account": "13900000001", "wanted": ["balance", 1.5]}
    assert headers["Authorization"] == "Bearer geheim-4711"
    spoken, said = site.heard("13900000001")[:2]
    assert Path(spoken).parent == site.speech
    with wave.open(spoken) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (8000, 1, 2)
        assert file.getnframes() > 8000
    assert said.startswith(("file_string://", str(SOUNDS)))
    assert not list(site.folder.rglob("F"))
    assert "geheim-4711" not in site.daemon.log.read_text()
    assert site.daemon.errors() == []


def test_what_every_caller_hears_is_spoken_before_anybody_calls(site: Site) -> None:
    until(lambda: site.speech.is_dir() and list(site.speech.glob("*.wav")), "the constant text is there")
    answer = site.daemon.client.post("speech", text="We do not know you.", language="en", voice="")
    assert answer["cached"] is True
    caller = site.calls("13900000010")
    assert site.cause(caller) == "USER_BUSY"
    assert site.heard("13900000010") == [answer["switch_path"]]


@pytest.mark.long
def test_the_same_request_is_asked_with_the_same_key_after_a_kill_of_core(site: Site) -> None:
    site.server.may_answer.clear()
    asked = len(site.server.asked)
    caller = site.calls("13900000003")
    until(lambda: len(site.server.asked) > asked, "the server was asked")
    site.daemon.kill()
    site.daemon.start()
    until(lambda: len(site.server.asked) > asked + 1, "the server was asked again")
    site.server.may_answer.set()
    assert site.cause(caller) == "USER_BUSY", site.daemon.log_tail(60)
    keys = {headers["Idempotency-Key"] for _, headers, _ in site.server.asked[asked:]}
    assert len(keys) == 1


def _answers(site: Site) -> bool:
    try:
        return bool(site.daemon.client.get("status")["core"])
    except CcdError:
        return False


@pytest.mark.long
def test_a_call_goes_on_by_its_failure_edge_when_side_dies_over_an_errand(site: Site) -> None:
    site.server.may_answer.clear()
    asked = len(site.server.asked)
    caller = site.calls("13900000005")
    until(lambda: len(site.server.asked) > asked, "the server was asked")
    os.kill(site.side(), signal.SIGKILL)
    assert site.cause(caller, 8) == "CALL_REJECTED"
    site.server.may_answer.set()
    until(lambda: _answers(site), "side is back", 40)
    assert site.cause(site.calls("13900000006")) == "USER_BUSY"
