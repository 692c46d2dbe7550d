"""The demo as a user has it: folders, Ctrl-C, what stays, and calls into a demo that was kept."""

from __future__ import annotations

import contextlib
import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import gevent
import pytest

from ccd.base.errors import DaemonUnreachable, Refused, SwitchError
from ccd.cli.exits import Needed
from ccd.lab import demo
from ccd.lab.board import Board, Past, show_blocked, show_calls
from ccd.lab.demo_options import make_folder
from ccd.lab.home import find_freeswitch
from ccd.lab.kept import Kept, place
from ccd.lab.outside import Outside
from ccd.lab.stories import CallerDiary, CallerScript

Start = Callable[..., "subprocess.Popen[str]"]


def test_a_folder_that_holds_something_is_refused(tmp_path: Path) -> None:
    (tmp_path / "ccd.yaml").write_text("a site's")
    with pytest.raises(Refused, match="is not empty"):
        make_folder(tmp_path)
    assert os.listdir(tmp_path) == ["ccd.yaml"]


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(Refused, match="is no folder"):
            make_folder(path)


def test_a_folder_that_cannot_be_made_is_said_without_an_errno() -> None:
    with pytest.raises(Refused, match=r"^--folder /proc/demo: no such file or directory$"):
        make_folder(Path("/proc/demo"))


def test_an_empty_folder_will_do(tmp_path: Path) -> None:
    assert make_folder(tmp_path) == tmp_path.resolve()
    assert make_folder(tmp_path / "a" / "new").is_dir()


def test_a_freeswitch_that_is_not_where_it_was_said_is_not_replaced_by_the_simulated_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CCD_FREESWITCH", str(tmp_path))
    with pytest.raises(SwitchError, match=f"no FreeSWITCH below CCD_FREESWITCH={tmp_path}"):
        find_freeswitch()
    with pytest.raises(Needed, match="no FreeSWITCH below"):
        demo.main([])


ROW = {
    "arrived_at": "2026-11-22T07:49:55.000Z",
    "caller_number": "13808319700",
    "outcome": "abandoned",
    "queue": "support",
    "agent": "zhang",
    "wait_ms": 12_300,
    "talk_ms": 123_400,
    "ended_by": "caller",
    "cause": "ORIGINATOR_CANCEL",
}


@pytest.mark.parametrize(("width", "cause"), [(80, False), (150, True)])
def test_the_table_of_calls_cuts_nothing_off(width: int, cause: bool, capsys: pytest.CaptureFixture[str]) -> None:
    show_calls([ROW], width)
    said = capsys.readouterr().out
    assert "…" not in said
    assert all(
        word in said for word in ("07:49:55", "13808319700", "abandoned", "support", "zhang", "12.3 s", "123.4 s")
    )
    assert ("ORIGINATOR_CANCEL" in said) == cause


def test_the_table_of_blocked_callers_says_whom_and_why_and_cuts_nothing_off(
    capsys: pytest.CaptureFixture[str],
) -> None:
    blocked = ROW | {"outcome": "blocked", "answered_at": None, "caller_class": "blacklist", "class_reason": "骚扰电话"}
    show_blocked([ROW, blocked | {"caller_number": "0000", "cause": "CALL_REJECTED"}], 80)
    said = capsys.readouterr().out
    assert "…" not in said
    assert all(word in said for word in ("0000", "blacklist", "骚扰电话", "never", "CALL_REJECTED"))
    assert "13808319700" not in said


def test_in_a_pipe_a_line_a_second_counts_what_is_over(capsys: pytest.CaptureFixture[str]) -> None:
    with Board("ccd demo") as board:
        board.show([], [], [ROW], Past(ended=5, blocked=3, voicemails=2))
    assert capsys.readouterr().out == ("  1 s  calls 1  waiting 0  talking 0  ended 5  blocked 3  voicemails 2  \n")


def test_nobody_acts_in_an_outside_world_that_has_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A caller about to lose patience, and one about to dial, when the world ends."""
    monkeypatch.setattr("ccd.lab.outside.PrivateFreeSwitch", _NoSwitch)
    outside = Outside(tmp_path)
    acted: list[str] = []
    acts = [outside.later(0, acted.append, "too late"), outside.later(60_000, acted.append, "much too late")]
    outside.play([CallerScript(number="13800000001", dialled="4001", at_ms=60_000)])
    outside.close()
    assert acted == []
    assert all(act.dead for act in acts)


class _NoSwitch:
    ports = None

    def __init__(self, *_given: object) -> None:
        pass

    def close(self) -> None:
        pass


def test_where_no_demo_is_kept_the_caller_is_told_how_to_keep_one(tmp_path: Path) -> None:
    with pytest.raises(DaemonUnreachable, match=f"ccd demo --keep --folder {tmp_path}"):
        place(tmp_path)


# --- the program itself, on the simulated switch ------------------------------------------------------


@pytest.fixture
def start() -> Iterator[Start]:
    """Start `ccd demo`; what is still running at the end is ended by its pid."""
    started: list[subprocess.Popen[str]] = []

    def run(folder: Path, *options: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "ccd", "demo", "--simulated", "--folder", str(folder), *options]
        started.append(
            subprocess.Popen(
                command,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                preexec_fn=_listen_to_ctrl_c,  # noqa: PLW1509 (one sigaction)
            )
        )
        return started[-1]

    yield run
    for one in started:
        if one.poll() is None:
            one.kill()
        one.communicate()


def _listen_to_ctrl_c() -> None:
    """Tests that run in the background of a shell have SIGINT ignored, and pass that on."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def read_until(running: subprocess.Popen[str], word: str) -> str:
    assert running.stdout is not None
    said = io.StringIO()
    for line in running.stdout:
        said.write(line)
        if word in line:
            return said.getvalue()
    raise AssertionError(f"{word!r} was never said:\n{said.getvalue()}")


def processes_of(folder: Path) -> list[str]:
    """Whatever names the folder on its command line or works in it."""
    found = []
    for process in Path("/proc").iterdir():
        if process.name.isdecimal() and process.name != str(os.getpid()):
            with contextlib.suppress(OSError):
                command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                if str(folder) in command or str(folder) in os.readlink(process / "cwd"):
                    found.append(command)
    return found


@pytest.mark.parametrize(
    ("moment", "number", "options"),
    [("starting PostgreSQL", signal.SIGTERM, ()), (" 3 s ", signal.SIGINT, ()), (" 2 s ", signal.SIGINT, ("--keep",))],
)
def test_an_interrupted_demo_leaves_no_process_and_no_database(
    start: Start, open_folder: Path, moment: str, number: signal.Signals, options: tuple[str, ...]
) -> None:
    folder = open_folder / "demo"
    running = start(folder, *options)
    read_until(running, moment)
    running.send_signal(number)
    rest = running.communicate(timeout=40)[0]
    assert "Traceback" not in rest
    assert "KeyboardInterrupt" not in rest
    assert json.loads(rest.splitlines()[-1]) == {"errors": 1, "failure": "ended early"}
    assert running.returncode == 1
    assert processes_of(folder) == []
    database = folder / "ccd" / "state" / "postgresql"
    assert not database.exists() or {path.name for path in database.iterdir()} <= {"server.log"}


def test_a_kept_demo_lets_callers_dial_until_it_is_interrupted(open_folder: Path) -> None:
    """Served here on a world that only keeps diaries, so that no 30 s of story come first."""
    world: Any = _World()
    kept = Kept(open_folder, world)
    kept.start()
    try:
        asked = subprocess.Popen(
            [sys.executable, "-m", "ccd", "demo", "--call", str(open_folder)], stdout=subprocess.PIPE, text=True
        )
        while asked.poll() is None:
            gevent.sleep(0.05)
        said = asked.communicate()[0].splitlines()
    finally:
        kept.close()
    assert asked.returncode == 0
    number = world.callers()[0].number
    assert said == [
        f"{number} dials 4008001000 and presses 1",
        "talks to phone 1003 after 3.0 s",
        "over after 23.0 s: the other side hung up",
    ]
    assert not (open_folder / "call.sock").exists()


class _World:
    """Every caller has talked at once."""

    def __init__(self) -> None:
        self._diaries: list[Any] = []

    def phone(self, _script: object) -> str:
        return ""

    def call(self, script: CallerScript) -> None:
        at = 1_790_000_000_000_000
        self._diaries.append(
            CallerDiary(
                number=script.number,
                dialled=script.dialled,
                started_at=at,
                connected_at=at + 3_000_000,
                connected_phone="1003",
                ended_at=at + 23_000_000,
                ended_by="switch",
            )
        )

    def callers(self) -> list[Any]:
        return self._diaries
