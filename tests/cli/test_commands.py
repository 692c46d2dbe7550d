"""The command line against a real control socket: tables, --json, exit codes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from ccd.base.errors import Refused
from ccd.cli.root import COMMANDS, root
from tests.office_world import CALL, OTHER_CALL, World, in_thread


def ccd(world: World, *arguments: str) -> Result:
    return in_thread(CliRunner().invoke, root, ["-S", str(world.socket), *arguments])


def test_a_call_centre_is_set_up_from_the_command_line(world: World) -> None:
    for line in (
        "stations add desk1 user/1001@ccd.local",
        "agents add alice --display-name 王小明 --station desk1",
        "queues add sales --ring 15s --wrap-up 5s --max-wait 5m",
        "tiers add sales alice --level 2",
        "agents login alice",
        "agents pause alice --reason lunch",
        "agents resume alice",
        "agents logout alice",
    ):
        result = ccd(world, *line.split())
        assert (result.exit_code, result.stderr) == (0, ""), line
    assert "王小明" in ccd(world, "agents", "list").stdout
    assert world.core.configuration["queues"][0]["max_wait_ms"] == 300_000
    assert world.core.verbs() == ["agents.login", "agents.pause", "agents.resume", "agents.logout", "agents.list"]
    assert ccd(world, "tiers", "remove", "sales", "alice").exit_code == 0


@pytest.mark.parametrize("noun", ["agents", "stations", "queues", "tiers", "calls", "recordings"])
def test_every_list_has_a_table_and_the_apis_body(world: World, noun: str) -> None:
    world.staffed()
    assert json.loads(ccd(world, noun, "list", "--json").stdout) == world.get(noun)
    assert len(ccd(world, noun, "list").stdout.splitlines()) >= 3


def test_calls_are_shown_and_hung_up(world: World) -> None:
    assert OTHER_CALL in ccd(world, "calls", "list", "--ended", "--limit", "5").stdout
    assert "61.5 s" in ccd(world, "calls", "list", "--ended").stdout
    assert "live" in ccd(world, "calls", "show", CALL).stdout
    assert ccd(world, "calls", "hangup", CALL).exit_code == 0
    assert ccd(world, "recordings", "mask", CALL).exit_code == 0
    assert ccd(world, "recordings", "unmask", CALL).exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ("status", 0),
        ("agents add ${x}", 1),
        ("agents login nobody", 6),
        ("calls show 0190a1b2-0000-7000-8000-00000000dead", 6),
        ("calls hangup all", 1),
        ("queues add q --ring soon", 2),
        ("tiers add q a --level 0", 2),
        ("agents dance", 2),
        ("nonsense", 2),
        ("check -c gone.yaml", 3),
        ("db upgrade -c gone.yaml", 3),
    ],
)
def test_exit_codes(world: World, arguments: str, code: int) -> None:
    result = ccd(world, *arguments.split())
    assert result.exit_code == code, result.output
    assert "Traceback" not in result.output


def test_refused_by_core_is_1_and_says_why(world: World) -> None:
    world.core.answers["calls.hangup"] = Refused("already ending")
    result = ccd(world, "calls", "hangup", CALL)
    assert (result.exit_code, result.stderr) == (1, "ccd: already ending\n")


def test_no_daemon_is_4(tmp_path: Path) -> None:
    result = CliRunner().invoke(root, ["agents", "list"], env={"CCD_SOCKET": str(tmp_path / "gone")})
    assert result.exit_code == 4
    assert "is it running?" in result.stderr


def test_names_from_outside_cannot_move_the_cursor(world: World) -> None:
    world.core.answers["calls.list"] = [{"call_id": CALL, "caller_name": "\x1b[2J[red]x"}]
    shown = ccd(world, "calls", "list").stdout
    assert "\x1b" not in shown
    assert "[red]x" in shown


def test_init_writes_what_check_accepts_and_overwrites_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "site"
    assert CliRunner().invoke(root, ["init", str(folder)]).exit_code == 0
    checked = CliRunner().invoke(root, ["check", "-c", str(folder / "ccd.yaml"), "--json"])
    assert (checked.exit_code, json.loads(checked.stdout)["faults"]) == (0, []), checked.output
    again = CliRunner().invoke(root, ["init", str(folder)])
    assert again.exit_code == 1
    assert "exists already" in again.stderr


def test_check_prints_faults_of_settings_and_of_flows(tmp_path: Path) -> None:
    CliRunner().invoke(root, ["init", str(tmp_path)])
    flow = tmp_path / "flows" / "main.yaml"
    flow.write_text(flow.read_text().replace("type: hangup", "type: hangupp"))
    result = CliRunner().invoke(root, ["check", "-c", str(tmp_path / "ccd.yaml")])
    assert result.exit_code == 1
    assert f"{flow}:" in result.stdout
    assert "hangupp" in result.stdout or "unknown node type" in result.stdout


@pytest.mark.parametrize("command", sorted(set(COMMANDS) - {"demo"}))
def test_every_command_has_help(command: str) -> None:
    result = CliRunner().invoke(root, [command, "--help"])
    assert result.exit_code == 0
    assert "Usage: " in result.stdout


def test_the_status_says_why_a_switch_is_down(world: World) -> None:
    down = {"name": "local", "up": False, "ready": False, "why": "127.0.0.1:8021 refused the password: -ERR invalid"}
    world.core.answers["status"] = {"calls": 0, "switches": [down]}
    assert "refused the password" in ccd(world, "status").stdout


@pytest.mark.parametrize(
    ("socket", "code", "says"),
    [("", 2, "-S is empty"), ("/etc/passwd", 4, "is no socket"), ("/gone", 4, "is it running?")],
)
def test_a_socket_that_is_none_is_named(socket: str, code: int, says: str) -> None:
    result = CliRunner().invoke(root, ["-S", socket, "agents", "list"], env={"CCD_SOCKET": "/else"})
    assert result.exit_code == code
    assert says in result.stderr


@pytest.mark.parametrize("command", ["check", "run"])
def test_settings_that_may_not_be_read_are_5(command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "ccd.yaml").write_text("")
    monkeypatch.setattr("os.access", lambda path, mode, **_: not str(path).endswith("ccd.yaml"))
    result = CliRunner().invoke(root, [command, "-c", str(tmp_path / "ccd.yaml")])
    assert (result.exit_code, result.stderr) == (5, f"ccd: you may not read {tmp_path / 'ccd.yaml'}\n")


@pytest.mark.parametrize(
    ("key", "folder", "says"),
    [("run_dir", "/etc/passwd", "File exists"), ("state_dir", "/proc/x", "No such file or directory")],
)
def test_a_folder_that_run_cannot_have_is_named_with_its_key(key: str, folder: str, says: str, tmp_path: Path) -> None:
    (tmp_path / "ccd.yaml").write_text(f"state_dir: {tmp_path}/state\nrun_dir: {tmp_path}/run\n")
    result = CliRunner().invoke(root, ["run", "-c", str(tmp_path / "ccd.yaml"), "--set", f"{key}={folder}"])
    assert (result.exit_code, result.stderr) == (1, f"ccd: {key}: {folder} cannot be a folder: {says}\n")


def test_a_reader_who_has_seen_enough_is_no_error() -> None:
    """`ccd check --schema | head -1`, where head has gone before ccd writes."""
    readable, writable = os.pipe()
    os.close(readable)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "ccd", "check", "--schema"],
            stdout=writable,
            stderr=subprocess.PIPE,
            timeout=30,
            check=False,
        )
    finally:
        os.close(writable)
    assert done.stderr == b""
