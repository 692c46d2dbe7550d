"""Hostile values on a real FreeSWITCH with the real daemon: nothing of them is run, nothing of them stops the calls."""

from __future__ import annotations

import http.client
import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gevent
import pytest

from ccd.base.errors import CcdError
from ccd.lab.stories import Ring
from live.field import until
from live.rawsip import RawCall, invite_with
from live.site import Site, Story, site, story

__all__ = ["site", "story"]
pytestmark = pytest.mark.live

PLACES = ["display_name", "from_user", pytest.param("dialled", marks=pytest.mark.long), "x_header", "all"]


def hostile(forbidden: Path) -> dict[str, str]:
    """Values that a careless program lets through to the switch, to SQL or to a log."""
    return {
        "system": f"${{system(touch {forbidden})}}",
        "twice": f"$${{system(touch {forbidden})}}",
        "variable": "${global_getvar(ccd_alive)}",
        "semicolon": f"x;ccd_alive=0;api_hangup_hook=system touch {forbidden}",
        "quotes": "\"'`touch " + str(forbidden) + "`'\"",
        "braces": f"}}{{x=1}}[y=2]<z>^^:a=b|c\\{forbidden}",
        "sql": "'; DROP TABLE ccd.calls; --",
    }


LINES = {
    "crlf": "x\r\n\r\napi system touch {forbidden}\r\n\r\n",
    "lf": "x\napi system touch {forbidden}\n\n",
    "nul": "x\x00y",
    "escape": "\x1b[2J\x1b]0;x\x07",
    "separator": "x\u2028y",
}


@pytest.fixture
def forbidden(story: Story, tmp_path: Path) -> Iterator[Path]:
    """A file that nobody may make; the same command does make another, so the trap works."""
    control, file = tmp_path / "control", tmp_path / "F"
    story.site.wire.api(f"expand echo ${{system(touch {control})}}")
    assert control.exists()
    yield file
    assert not file.exists(), "a hostile value was run"
    assert story.site.wire.api("global_getvar ccd_alive").isdecimal(), "nobody wrote over the liveness mark"


@pytest.fixture
def raw_calls() -> Iterator[list[RawCall]]:
    made: list[RawCall] = []
    yield made
    for call in made:
        call.close()


def ended_by_name(story: Story, call: RawCall) -> dict[str, Any]:
    """End a raw call at the switch and wait for its record."""
    arrived = until(
        lambda: next(
            (
                e
                for e in story.site.events
                if e["Event-Name"] == "CHANNEL_PARK" and e.get("variable_sip_call_id") == call.call_id
            ),
            None,
        ),
        "parked",
    )
    leg = arrived["Unique-ID"]
    row = until(
        lambda: next((one for one in story.site.daemon.listed("calls") if one["leg_id"] == leg), None), "ccd has it"
    )
    story.event("PLAYBACK_START", Unique_ID=leg)
    story.site.wire.must(f"uuid_kill {leg}")
    until(lambda: not story.site.core()["calls"], "the call is over")

    def closed() -> dict[str, Any] | None:
        rows = story.site.daemon.listed("calls", ended=1, limit=50)
        return next((one for one in rows if one["call_id"] == row["call_id"]), None)

    return until(closed, "on record")


def a_call_goes_well(story: Story) -> None:
    """The centre still works: a caller is served from arrival to goodbye."""
    line = story.queue()
    agent = story.agent(line, rings=(Ring("answer", 0, 300),))
    caller = story.calls(line)
    assert caller.ended.wait(30)
    assert caller.diary.connected_phone == agent.name


@pytest.mark.parametrize("place", PLACES)
def test_no_value_of_a_caller_is_run(story: Story, forbidden: Path, raw_calls: list[RawCall], place: str) -> None:
    """Name, number, header, dialled number: parked, marked, played to, queued, shown by the API, written to SQL."""
    if place in ("dialled", "all"):
        story.expected_errors = ("call_without_route",)
    menu = story.site.line("menu")
    quoted = place in ("display_name", "x_header", "all")
    for given in hostile(forbidden).values():
        value = given.replace('"', "'") if quoted else given
        if place not in ("dialled", "all"):
            call = _invite(story.site.switch.sip_port, value, place, menu)
        else:
            call = invite_with(story.site.switch.sip_port, value, place)
        raw_calls.append(call)
        row = ended_by_name(story, call)
        assert row["outcome"] == "ivr_ended" or row["outcome"] == "abandoned"
    a_call_goes_well(story)


def _invite(port: int, value: str, place: str, dialled: str) -> RawCall:
    """As invite_with, to a number that has a flow."""
    escaped = "".join(c if c.isalnum() else f"%{ord(c):02x}" for c in value)
    user = escaped if place == "from_user" else "13800138000"
    name = value if place == "display_name" else "Zhang San"
    headers = {}
    if place == "x_header":
        headers = {"X-Note": value, "P-Asserted-Identity": f'"{value}" <sip:{user}@127.0.0.1>', "User-Agent": value}
    return RawCall(port, f"sip:{dialled}@127.0.0.1:{port}", f'"{name}" <sip:{user}@127.0.0.1>;tag=1', headers)


@pytest.mark.parametrize("name", [b"\xcd\xf5\xb7\xbc", b"\x01\x02\x7f", b"\xed\xa0\x80", b"%00%0d%0aX: y", b"\xff\xfe"])
def test_a_name_in_any_bytes_is_a_call_as_any_other(story: Story, raw_calls: list[RawCall], name: bytes) -> None:
    """GBK of an old PBX, control bytes, a lone surrogate, escaped line breaks."""
    menu = story.site.line("menu")
    call = _invite(story.site.switch.sip_port, name.decode("latin-1"), "x_header", menu)
    raw_calls.append(call)
    ended_by_name(story, call)
    other = _invite(story.site.switch.sip_port, name.decode("latin-1"), "display_name", menu)
    raw_calls.append(other)
    ended_by_name(story, other)


def test_keys_are_nothing_but_keys(story: Story, forbidden: Path) -> None:
    """All sixteen keys, the letters too, in a menu that knows four of them."""
    line = story.queue("menu")
    caller = story.calls(line)
    assert caller.answered.wait(30)
    for key in "ABCD*23456789#":
        caller.press(key)
        gevent.sleep(0.13)
    caller.hang_up()
    assert caller.ended.wait(30)
    assert story.record(caller)["outcome"] in ("ivr_ended", "abandoned")


# --- through the API --------------------------------------------------------------------------------


def ask(site: Site, method: str, target: str, body: Any) -> tuple[int, Any]:
    """One request as anybody may send it; status and body."""
    connection = http.client.HTTPConnection("ccd", timeout=10)
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.connect(str(site.daemon.socket))
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    connection.request(method, target, data, {"Content-Type": "application/json", "Connection": "close"})
    answer = connection.getresponse()
    text = answer.read()
    connection.close()
    return answer.status, json.loads(text)


def refused(site: Site, target: str, **body: Any) -> None:
    """A 4xx with one clear line."""
    status, answer = ask(site, "POST", target, body)
    assert 400 <= status < 500, (target, body, status, answer)
    text = answer["error"]["text"]
    assert text, (target, body)
    assert len(text.splitlines()) == 1, text
    assert "Traceback" not in text
    assert text.isprintable(), repr(text)


def everything(forbidden: Path) -> dict[str, str]:
    lines = {name: value.replace("{forbidden}", str(forbidden)) for name, value in LINES.items()}
    return hostile(forbidden) | lines


def test_hostile_names_are_refused_with_a_clear_line(story: Story, forbidden: Path) -> None:
    site = story.site
    agent = story.agent(login=False)
    good = site.outside.contact(agent.name)
    for value in everything(forbidden).values():
        refused(site, "/v1/queues", name=value)
        refused(site, "/v1/queues", name="q-x", music=value)
        refused(site, "/v1/queues", name="q-x", timeout_prompt=value)
        refused(site, "/v1/queues", name="q-x", strategy=value)
        refused(site, "/v1/agents", name=value)
        refused(site, "/v1/stations", name=value, contact=good)
        refused(site, "/v1/stations", name="s-x", contact=value)
        refused(site, "/v1/stations", name="s-x", contact=f"user/1001{value}@ccd.local")
        refused(site, "/v1/stations", name="s-x", contact=good, kind=value)
        refused(site, "/v1/stations", name="s-x", contact=good, node=value)
    for value in LINES.values():
        refused(site, "/v1/agents", name="a-x", display_name=value)
        refused(site, f"/v1/agents/{agent.name}/pause", reason=value)
    a_call_goes_well(story)


def test_hostile_names_of_what_does_not_exist_are_refused(story: Story, forbidden: Path) -> None:
    site, agent = story.site, story.agent(login=False)
    for value in hostile(forbidden).values():
        refused(site, "/v1/agents", name="a-x", station=value)
        refused(site, "/v1/tiers", queue=value, agent=agent.name)
        refused(site, f"/v1/agents/{agent.name}/login", station=value)


@pytest.mark.parametrize("value", [LINES["crlf"], LINES["escape"]], ids=["crlf", "escape"])
def test_a_name_in_several_lines_is_refused_in_one(story: Story, value: str) -> None:
    refused(story.site, "/v1/agents", name="a-x", station=value)


def test_free_text_is_kept_as_it_is_and_never_reaches_the_switch(story: Story, forbidden: Path) -> None:
    """Display names and reasons may say what they like in one line; an agent who is called that serves callers."""
    site, line = story.site, story.queue()
    for number, value in enumerate(hostile(forbidden).values()):
        if len(value) > 100:
            continue
        name, desk = site.a_name("odd"), site.a_name("desk")
        site.api.post("stations", name=desk, contact=site.outside.contact(name))
        made = site.api.post("agents", name=name, station=desk, display_name=value)
        assert made["display_name"] == value.strip()
        site.api.post("tiers", queue=f"q{line}", agent=name, position=number + 1)
        site.api.post("agents", name, "login")
        shown = site.api.post("agents", name, "pause", reason=value)
        assert shown["reason"] == value.strip()
        site.api.post("agents", name, "resume")
        site.outside.phone(_answers(name), register=False)
        caller = story.calls(line)
        assert caller.ended.wait(30)
        assert caller.diary.connected_phone == name
        site.api.post("agents", name, "logout")
    story.judged = False  # these agents are not of the story's own


def _answers(name: str):
    from ccd.lab.stories import PhoneScript

    return PhoneScript(name, (Ring("answer", 0, 200),))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"null",
        b"{",
        b"\xff\xfe",
        b'{"name": 1}',
        b'{"name": "x", "nmae": "y"}',
        b'{"name": "x", "ring_ms": 1e99}',
        b'{"name": "x", "ring_ms": -1}',
        b'{"name": "' + b"x" * 70_000 + b'"}',
        b"[" * 30_000,
    ],
    ids=lambda body: repr(body[:24]),
)
def test_a_body_that_is_none_is_refused(site: Site, body: bytes) -> None:
    errors = len(site.daemon.errors())
    status, answer = ask(site, "POST", "/v1/queues", body)
    assert 400 <= status < 500
    assert len(answer["error"]["text"].splitlines()) == 1
    assert len(site.daemon.errors()) == errors


@pytest.mark.parametrize("path", ["..%2f..%2fetc", "%00", "%0d%0aX:%20y", "${system(x)}", "x" * 3000, "a%2fb"])
def test_an_address_that_is_none_is_refused(site: Site, path: str) -> None:
    errors = len(site.daemon.errors())
    for target in (f"/v1/calls/{path}", f"/v1/agents/{path}/login", f"/v1/recordings/{path}/mask"):
        method = "GET" if "calls" in target else "POST"
        status, _ = ask(site, method, target, {})
        assert 400 <= status < 500, target
    assert len(site.daemon.errors()) == errors


def test_the_event_sockets_password_is_told_to_nobody(story: Story) -> None:
    """In no log, no answer of the API, no command line and no environment of ours; in files only for ourselves."""
    site = story.site
    a_call_goes_well(story)
    password = site.world.esl_password
    for target in ("status", "calls", "agents", "stations", "queues", "tiers", "recordings"):
        assert password not in json.dumps(site.api.get(target)), target
    ours = [site.daemon.log, site.daemon.folder / "ccd.out"]
    for path in ours:
        assert password not in path.read_text(errors="replace"), path
    for pid in _family(site.daemon.pid):
        for what in ("cmdline", "environ"):
            try:
                told = Path(f"/proc/{pid}/{what}").read_bytes()
            except OSError:
                continue
            assert password.encode() not in told, (pid, what)
    for path in site.daemon.folder.rglob("*"):
        if path.is_file() and not path.is_symlink() and password.encode() in path.read_bytes():
            assert path.stat().st_mode & 0o077 == 0, f"{path} may be read by others"


def _family(pid: int) -> list[int]:
    """A process and all its children."""
    found = [pid]
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                parent = int(Path(f"/proc/{entry}/stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
            if parent in found:
                found.append(int(entry))
    return found


def test_a_switch_that_refuses_what_it_is_told_is_named(story: Story) -> None:
    with pytest.raises(CcdError):
        story.site.api.post("calls", "0190a1b2-0000-7000-8000-000000000001", "hangup")
