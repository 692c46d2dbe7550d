"""A ccd of our own in a folder: settings, flows, the daemon as a child process, and the API to it.

The demo, the survival stories and the benchmarks all start ccd this way, as a user would: `ccd run`, then the API.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from ccd.base.errors import CcdError, DaemonUnreachable
from ccd.base.processes import die_with_parent
from ccd.client.http import Client

START_DEADLINE_S = 60.0
STOP_DEADLINE_S = 15.0
PAUSE_S = 0.05


class Daemon:
    """One ccd below `folder`. `start` returns when its API answers; `kill` is kill -9 of core, and only of core."""

    def __init__(
        self,
        folder: Path,
        *,
        esl_port: int,
        esl_password: str,
        recordings: Path,
        cdr: Path,
        sounds: Path,
        flows: Path,
        routes: Sequence[dict[str, str]] = ({"dialled": "*", "flow": "main"},),
        database_url: str = "",
        lease: dict[str, int] | None = None,
        more: Mapping[str, Any] | None = None,
    ) -> None:
        self.folder = folder
        self.log = folder / "ccd.log"
        self.socket = folder / "run" / "control.sock"
        self.settings = folder / "ccd.yaml"
        self.client = Client(str(self.socket), timeout=15.0)
        self.database_folder = folder / "state" / "postgresql"
        self._child: subprocess.Popen[bytes] | None = None
        folder.mkdir(parents=True, exist_ok=True)
        document: dict[str, Any] = {
            "state_dir": str(folder / "state"),
            "run_dir": str(folder / "run"),
            "flows_dir": str(flows),
            "sounds_path": str(sounds),
            "switches": [
                {
                    "name": "local",
                    "host": "127.0.0.1",
                    "port": esl_port,
                    "password": esl_password,
                    "recordings_path": str(recordings),
                }
            ],
            "database": {"url": database_url}
            if database_url
            else {"embedded": "yes", "folder": str(self.database_folder)},
            "recordings": {"path": str(recordings), "cdr_path": str(cdr)},
            "log": {"format": "json", "file": str(self.log)},
            "routes": [dict(route) for route in routes],
        }
        if lease:
            document["lease"] = lease
        document |= more or {}
        self.settings.touch(mode=0o600)
        self.settings.write_text(yaml.safe_dump(document, allow_unicode=True, sort_keys=False))

    @property
    def pid(self) -> int:
        """The process id of core."""
        if self._child is None:
            raise DaemonUnreachable("ccd was not started")
        return self._child.pid

    def listed(self, noun: str, **query: Any) -> list[dict[str, Any]]:
        """The API's list of calls, agents, queues or recordings."""
        rows: list[dict[str, Any]] = self.client.get(noun, **query)[noun]
        return rows

    def exec(self) -> None:
        """Start core and return at once."""
        environment = {key: value for key, value in os.environ.items() if not key.startswith("CCD_")}
        with (self.folder / "ccd.out").open("ab") as out:
            self._child = subprocess.Popen(
                [sys.executable, "-m", "ccd", "run", "-c", str(self.settings)],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                env=environment,
                start_new_session=True,
                preexec_fn=die_with_parent(signal.SIGTERM),  # noqa: PLW1509 (one prctl, nothing that allocates or locks)
            )

    def start(self) -> None:
        """Start and wait until the API says that core and its switch are ready."""
        self.exec()
        try:
            self.wait_until(self._is_ready, "ccd is not ready", START_DEADLINE_S)
        except BaseException:
            self.stop()
            raise

    def _is_ready(self) -> bool:
        if self._child is not None and self._child.poll() is not None:
            raise DaemonUnreachable(f"ccd ended with exit code {self._child.returncode}:\n{self.log_tail()}")
        try:
            status = self.client.get("status")
        except CcdError:
            return False
        core = status.get("core") or {}
        if (status.get("database") or {}).get("state") != "ready":
            return False
        if not core.get("configuration"):
            return False  # routes and flows follow the database by a moment
        return bool(core.get("switches")) and all(one["ready"] for one in core["switches"])

    def wait_until(self, true: Callable[[], bool], what: str, seconds: float) -> None:
        """Wait for something to become true; the error says what did not, with the log's last lines."""
        deadline = time.monotonic() + seconds
        while not true():
            if time.monotonic() > deadline:
                raise DaemonUnreachable(f"{what} after {seconds:g} s:\n{self.log_tail()}")
            time.sleep(PAUSE_S)

    def kill(self) -> None:
        """kill -9 of core."""
        if self._child is not None:
            self._child.kill()
            self._child.wait()
            self._child = None

    def stop(self) -> None:
        """Stop as systemd does: SIGTERM, and SIGKILL to the whole group if that takes too long."""
        child, self._child = self._child, None
        if child is None:
            return
        child.terminate()
        try:
            child.wait(timeout=STOP_DEADLINE_S)
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL)
            child.wait()

    def log_tail(self, lines: int = 15) -> str:
        """The last lines of the log and of what the process printed."""
        texts = [path.read_text(errors="replace") for path in (self.log, self.folder / "ccd.out") if path.exists()]
        return "\n".join("\n".join(text.splitlines()[-lines:]) for text in texts)

    def errors(self) -> list[str]:
        """The ERROR lines of the log."""
        if not self.log.exists():
            return []
        lines = self.log.read_text(errors="replace").splitlines()
        return [line for line in lines if '"level":"error"' in line.replace(" ", "") or '"critical"' in line]
