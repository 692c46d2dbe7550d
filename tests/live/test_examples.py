"""The flows that ship, as `ccd init` writes them, on a real FreeSWITCH: menu, queues, hours, messages, account enquiry."""

from __future__ import annotations

import contextlib
import http.server
import itertools
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gevent
import psycopg
import pytest
import yaml
from click.testing import CliRunner

from ccd.base import words
from ccd.cli.root import root
from ccd.lab.daemon import Daemon
from ccd.lab.freeswitch import find_freeswitch
from ccd.lab.parties import Caller
from ccd.lab.stories import CallerScript, PhoneScript, Ring
from ccd.lab.wire import Event
from ccd.lab.worlds import RealWorld
from live.field import until
from live.rooms import a_room

pytestmark = pytest.mark.live

SHIPPED = "127.0.0.1:8090"
PACE_S = 0.14
ACCOUNT = "62220001"
PIN, WRONG_PIN = "8305917264", "7440662915"  # longer than a PIN is, so that no other number in a file is taken for one
NIGHT = "night"


class Accounts(http.server.ThreadingHTTPServer):
    """The web server of the account enquiry: knows one account and its PIN, and who may ask."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.asked: list[tuple[str, str, dict[str, Any]]] = []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def stop(self) -> None:
        """Nobody answers on this port any more."""
        self.shutdown()
        self.server_close()


class _Answer(http.server.BaseHTTPRequestHandler):
    server: Accounts

    def log_message(self, *_: Any) -> None:
        """Say nothing."""

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append((self.path, self.headers["Authorization"], body))
        right = body == {"account": ACCOUNT, "pin": PIN}
        answer = json.dumps({"result": "ok", "balance": 1234.5} if right else {"result": "wrong"}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        with contextlib.suppress(OSError):
            self.end_headers()
            self.wfile.write(answer)


class Site:
    """What `ccd init` writes, with a switch, a web server and a daemon of its own; its office is always open."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.home = folder, folder / "site"
        done = CliRunner().invoke(root, ["init", str(self.home)])
        assert done.exit_code == 0, done.output
        self.server = Accounts()
        account = self.home / "flows" / "account.yaml"
        for path in (self.home / "ccd.yaml", account):
            path.write_text(path.read_text().replace(SHIPPED, f"127.0.0.1:{self.server.server_port}"))
        account.write_text(account.read_text().replace("length: 4..6", "length: 4..12"))
        self.events: list[Event] = []
        self._numbers = itertools.count(13900000001)
        self.world = RealWorld(
            folder,
            self.home / "freeswitch",
            self.home / "dialplans",
            self.home / "sounds",
            {"ccd_loglevel": "debug"},
        )
        self.wire = self.world.switch.wire(self.events.append)
        self.wire.command("event json CHANNEL_CREATE CHANNEL_HANGUP_COMPLETE PLAYBACK_START RECORD_START")
        self.daemon = Daemon(
            folder / "ccd",
            esl_port=self.world.esl_port,
            esl_password=self.world.esl_password,
            recordings=self.world.recordings,
            cdr=self.world.cdr,
            sounds=self.home / "sounds",
            flows=self.home / "flows",
        )
        self._of_this_machine()
        self.api = self.daemon.client

    def _of_this_machine(self) -> None:
        """Of the lab's settings only what says where things are; all else is as it ships."""
        lab = yaml.safe_load(self.daemon.settings.read_text())
        del lab["routes"], lab["flows_dir"], lab["sounds_path"]
        lab["calendars"] = {"office": {"weekly": {"mon-fri": "00:00-24:00", "sat,sun": "00:00-24:00"}}}
        (self.home / "conf.d").mkdir()
        (self.home / "conf.d" / "lab.yaml").write_text(yaml.safe_dump(lab))
        self.daemon.settings = self.home / "ccd.yaml"

    def start(self) -> None:
        self.daemon.start()
        for queue in ("sales", "support"):
            self.api.post("queues", name=queue, min_talk_ms=0)
        self.api.post("voicemail-boxes", name="messages", queue="support")

    def close(self) -> None:
        self.wire.close()
        self.daemon.stop()
        self.world.close()
        self.server.stop()

    def calls(self, number: str = "", tone_hz: int | None = None) -> Caller:
        """A caller dials the only number that the shipped routes know: any."""
        number = number or str(next(self._numbers))
        return self.world.outside.call(CallerScript(number=number, dialled="4008001000", tone_hz=tone_hz))

    def seen(self, caller: Caller, name: str) -> list[Event]:
        return [
            one
            for one in list(self.events)
            if one["Event-Name"] == name
            and one.get("Caller-Caller-ID-Number") == caller.script.number
            and one.get("Call-Direction") == "inbound"
        ]

    def heard(self, caller: Caller) -> list[str]:
        """The prompts he heard, in order; a sentence of fragments is the prompt before it and `money`."""
        paths = [str(one["Playback-File-Path"]) for one in self.seen(caller, "PLAYBACK_START")]
        return ["money" if path.startswith("file_string:") else Path(path).stem for path in paths]

    def hears(self, caller: Caller, prompt: str, times: int = 1) -> None:
        until(lambda: self.heard(caller).count(prompt) >= times, f"{prompt} is heard", 45)

    def types(self, caller: Caller, keys: str) -> None:
        for key in keys:
            caller.press(key)
            gevent.sleep(PACE_S)

    def identifies(self, caller: Caller, pin: str, times: int = 1) -> None:
        """Types account number and PIN as he is asked for them."""
        self.hears(caller, "ask_account", times)
        self.types(caller, ACCOUNT)
        self.hears(caller, "ask_pin", times)
        self.types(caller, f"{pin}#")

    def live(self, caller: Caller) -> dict[str, Any]:
        rows = self.daemon.listed("calls")
        return next((row for row in rows if row["caller_number"] == caller.script.number), {})

    def waits(self, caller: Caller, queue: str) -> None:
        until(lambda: (row := self.live(caller)).get("place") == "waiting" and row["queue"] == queue, queue, 20)

    def record(self, caller: Caller) -> dict[str, Any]:
        def row() -> dict[str, Any] | None:
            rows = self.daemon.listed("calls", ended=1, limit=50)
            return next((one for one in rows if one["caller_number"] == caller.script.number), None)

        return dict(until(row, "it is on record"))

    def leaves(self, caller: Caller) -> dict[str, Any]:
        """Hangs up, and his call is on record."""
        caller.hang_up()
        assert caller.ended.wait(30)
        return self.record(caller)

    def message(self, caller: Caller) -> dict[str, Any]:
        def row() -> dict[str, Any] | None:
            rows = self.daemon.listed("voicemails")
            return next((one for one in rows if one["caller_number"] == caller.script.number), None)

        return dict(until(row, "his message is there"))

    def places(self) -> Iterator[tuple[str, str]]:
        """All that is kept anywhere, but sound: files of the switch, of ccd and of the site, and every table."""
        for path in (*self.world.switch.folder.rglob("*"), *self.daemon.folder.rglob("*"), *self.home.rglob("*")):
            if path.is_file() and path.suffix != ".wav" and "postgresql" not in path.parts:
                yield str(path.relative_to(self.folder)), path.read_text(errors="replace")
        folder = self.daemon.folder / "state" / "postgresql"
        moved = folder / "moved-to"  # where root's folders are closed to the user that the server runs as
        home = moved.read_text().strip() if moved.exists() else folder
        with psycopg.connect(f"host={home}/run dbname=ccd user=ccd") as connection:
            named = "SELECT table_name FROM information_schema.tables WHERE table_schema = 'ccd'"
            for (table,) in connection.execute(named).fetchall():
                rows = connection.execute(f'SELECT t::text FROM ccd."{table}" t'.encode()).fetchall()
                yield f"table {table}", "\n".join(row[0] for row in rows)


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    if find_freeswitch() is None:
        pytest.skip("no FreeSWITCH: set CCD_FREESWITCH to its prefix or have freeswitch in PATH")
    with a_room("examples") as folder:
        made = Site(folder)
        try:
            made.start()
            yield made
        finally:
            made.close()


def no_pin_is_kept(site: Site, caller: Caller) -> None:
    """Ends the call of someone who waits, and searches what all calls up to now have left behind."""
    leg, number = site.seen(caller, "CHANNEL_CREATE")[0]["Unique-ID"], caller.script.number
    dump = site.wire.api(f"uuid_dump {leg} json")
    variables = json.loads(dump)
    kept = [
        words.decode_text(variables[key]) for key in ("variable_ccd_values", "variable_ccd_node") if key in variables
    ]
    site.leaves(caller)
    until((site.world.cdr / f"{leg}.cdr.json").exists, "the switch has written its call record")
    places = [*site.places(), ("uuid_dump", "\n".join([dump, *kept]))]
    found = {name for name, text in places if number in text}
    assert {"uuid_dump", "table calls"} <= found, "this search finds what there is"
    assert any("/spool/" in name for name in found)
    assert any(name.endswith(".cdr.json") for name in found)
    assert [name for name, text in places if PIN in text or WRONG_PIN in text] == []


def test_what_init_wrote_passes_the_check(site: Site) -> None:
    done = CliRunner().invoke(root, ["check", "-c", str(site.home / "ccd.yaml"), "--json"])
    said = json.loads(done.stdout)
    assert (done.exit_code, said["faults"], said["warnings"]) == (0, [], []), done.output
    assert said["flows"] == ["account", "closed", "main", "vip"]


def test_in_open_hours_the_menu_leads_to_a_queue_and_an_agent(site: Site) -> None:
    outside = site.world.outside
    outside.phone(PhoneScript("clerk", (Ring("answer", 100, 500),)), register=False)
    site.api.post("stations", name="desk", contact=outside.contact("clerk"))
    site.api.post("agents", name="wang", station="desk")
    site.api.post("tiers", queue="sales", agent="wang")
    site.api.post("agents", "wang", "login")
    caller = site.calls()
    site.hears(caller, "menu_main")
    caller.press("1")
    assert caller.connected.wait(30)
    assert caller.ended.wait(30)
    row = site.record(caller)
    assert (row["outcome"], row["queue"], row["agent"]) == ("answered", "sales", "wang")
    assert [one for one in site.heard(caller) if one != "moh"] == ["welcome", "menu_main", "goodbye"]
    site.api.post("agents", "wang", "logout")


@pytest.mark.parametrize("closed", ["calendars", pytest.param("routes", marks=pytest.mark.long)])
def test_a_caller_to_a_closed_office_leaves_a_message(site: Site, closed: str) -> None:
    name, which = (["office"], {}) if closed == "calendars" else ([], {"all": True})
    site.api.post(closed, *name, "close", **which, reason="台风")
    try:
        caller = site.calls(tone_hz=500)
        site.hears(caller, "voicemail_greeting")
        caller.press("1")
        until(
            lambda: [e for e in site.seen(caller, "RECORD_START") if "/voicemails/" in e["Record-File-Path"]],
            "he may speak",
        )
        gevent.sleep(2.5)
        caller.press("#")
        assert caller.ended.wait(30)
    finally:
        site.api.post(closed, *name, "open", **which)
    assert site.message(caller)["box"] == "messages"
    assert site.record(caller)["outcome"] == "voicemail"
    assert "welcome" not in site.heard(caller)
    assert site.heard(caller)[-2:] == ["voicemail_saved", "goodbye"]


@pytest.mark.long
def test_who_waited_too_long_may_leave_a_message(site: Site) -> None:
    site.api.patch("queues", "sales", max_wait_ms=1_000)
    try:
        caller = site.calls()
        site.hears(caller, "menu_main")
        caller.press("1")
        site.hears(caller, "message_busy")
    finally:
        site.api.patch("queues", "sales", max_wait_ms=0)
    assert site.leaves(caller)["queue"] == "sales"


@pytest.mark.long
def test_a_vip_hears_no_menu_and_is_first_in_line(site: Site) -> None:
    first = site.calls()
    site.hears(first, "menu_main")
    first.press("2")
    site.waits(first, "support")
    site.api.post("lists", "vip", "entries", number="13700000007", reason="金卡")
    vip = site.calls(number="13700000007")
    site.waits(vip, "support")
    assert (site.live(vip)["position"], site.live(first)["position"]) == (1, 2)
    assert "menu_main" not in site.heard(vip)
    for caller in (vip, first):
        site.leaves(caller)


def test_a_caller_with_the_right_pin_hears_his_balance_and_may_have_an_agent(site: Site) -> None:
    asked = len(site.server.asked)
    caller = site.calls()
    site.hears(caller, "menu_main")
    caller.press("3")
    site.identifies(caller, PIN)
    site.hears(caller, "money")
    caller.press("1")  # ends the sentence, and has it said once more
    site.hears(caller, "money", 2)
    (said, _) = [one for one in site.seen(caller, "PLAYBACK_START") if "file_string" in one["Playback-File-Path"]]
    words_said = [Path(path).stem for path in said["Playback-File-Path"].removeprefix("file_string://").split("!")]
    assert words_said == ["your_balance", "1qian", "2bai", "34", "yuan", "5", "jiao"]
    caller.press("0")
    site.waits(caller, "support")
    token = (site.home / "account_token").read_text().strip()
    assert site.server.asked[asked:] == [("/balance", f"Bearer {token}", {"account": ACCOUNT, "pin": PIN})]
    no_pin_is_kept(site, caller)


@pytest.mark.long
def test_two_wrong_pins_lead_to_an_agent(site: Site) -> None:
    asked = len(site.server.asked)
    caller = site.calls()
    site.hears(caller, "menu_main")
    caller.press("3")
    site.identifies(caller, WRONG_PIN)
    site.hears(caller, "account_wrong")
    site.identifies(caller, WRONG_PIN, 2)
    site.waits(caller, "support")
    assert len(site.server.asked) == asked + 2
    assert site.heard(caller).count("account_wrong") == 1
    assert "connecting" in site.heard(caller)
    site.leaves(caller)


@pytest.mark.long
def test_without_the_server_callers_hear_so_and_go_to_an_agent(site: Site) -> None:
    """The last story: nobody asks the server any more."""
    site.server.stop()
    caller = site.calls()
    site.hears(caller, "menu_main")
    caller.press("3")
    site.identifies(caller, PIN)
    site.hears(caller, "account_unavailable")
    site.waits(caller, "support")
    no_pin_is_kept(site, caller)
    assert site.daemon.errors() == []
