"""A PostgreSQL of our own for the demo, for tests and for sites that configured none; used by side, the CLI and tests.

It listens on a unix socket in a 0700 folder and on no network. Its owner's pid stands in the folder: a server whose owner
is dead is stopped by the next start. Linux only (it reads /proc).
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path
from urllib.parse import quote

import psycopg
import structlog

from ccd.base.errors import CcdError, Refused
from ccd.side.db.embedded_home import binaries, make_home, socket_folder, unprivileged_user
from ccd.side.db.embedded_owner import OWNER, living_owner, reap, started

log = structlog.get_logger(__name__)

START_SECONDS = 60.0
STOP_SECONDS = 30.0
_SIGNALS = {"smart": signal.SIGTERM, "fast": signal.SIGINT, "immediate": signal.SIGQUIT}
_READY_LINE = 7
_SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "60",
    "shared_buffers": "64MB",
    "max_wal_size": "256MB",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "lc_messages": "C",
}
_FAST = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
}


class EmbeddedPostgres:
    """One server on one folder. `fast` gives up safety against power cuts: for tests only."""

    def __init__(self, folder: Path, *, fast: bool = False) -> None:
        self._folder = folder.absolute()
        self._settings = {**_SETTINGS, **(_FAST if fast else {})}
        self._fast = fast
        self._home = self._folder
        self._socket = self._folder
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The postmaster's pid, 0 when it does not run."""
        return self._process.pid if self._process is not None and self._process.poll() is None else 0

    @property
    def url(self) -> str:
        """The SQLAlchemy URL of the database `ccd`."""
        return f"postgresql+psycopg://ccd@/ccd?host={quote(str(self._socket), safe='/')}"

    @property
    def log_path(self) -> Path:
        """Where the server writes its log."""
        return self._home / "server.log"

    def start(self) -> str:
        """Start the server, making its cluster and database first if need be, and return the URL."""
        if self.pid:
            return self.url
        user = unprivileged_user()
        self._home = make_home(self._folder, user)
        self._claim()
        become = {} if user is None else user.popen()
        programs = binaries(self._home, user)
        data = self._home / "data"
        if not (data / "PG_VERSION").exists():
            self._init(programs, data, become)
        self._socket = socket_folder(self._home, user)
        options = {**self._settings, "unix_socket_directories": str(self._socket)}
        command = [str(programs / "postgres"), "-D", str(data), *(f"--{k}={v}" for k, v in options.items())]
        with self.log_path.open("ab") as sink:
            self._process = subprocess.Popen(  # type: ignore[call-overload]
                command,
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=sink,
                cwd=self._home,
                start_new_session=True,  # a Ctrl-C at the terminal is for ccd, which then stops the server in order
                umask=0o077,
                **become,
            )
        self._await_ready(data)
        self._ensure_database()
        return self.url

    def stop(self, mode: str = "fast") -> None:
        """Stop the server and wait for it; `mode` is smart, fast or immediate."""
        if self.pid:
            assert self._process is not None
            os.kill(self._process.pid, signal.SIGCONT)
            self._process.send_signal(_SIGNALS[mode])
            try:
                self._process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                log.warning("postgres_killed", folder=str(self._home), after_seconds=STOP_SECONDS)
                self.kill()
        self._process = None
        if self._socket.parent != self._home:
            shutil.rmtree(self._socket, ignore_errors=True)
        (self._home / OWNER).unlink(missing_ok=True)

    def kill(self) -> None:
        """SIGKILL to the postmaster, as the kernel's OOM killer does; its backends see it and end."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(STOP_SECONDS)

    def _claim(self) -> None:
        """Become the folder's owner: refuse a living one, stop what a dead one left."""
        owner = living_owner(self._home)
        if owner not in (0, os.getpid()):
            raise Refused(f"the embedded PostgreSQL in {self._home} belongs to process {owner}")
        reap(self._home / "data", STOP_SECONDS)
        (self._home / OWNER).write_text(f"{os.getpid()} {started(os.getpid())}\n")

    def _init(self, programs: Path, data: Path, become: dict[str, object]) -> None:
        shutil.rmtree(data, ignore_errors=True)  # an initdb that was cut short leaves no PG_VERSION
        command = [programs / "initdb", "-D", data, "--username=ccd", "--auth=trust", "--encoding=UTF8", "--locale=C"]
        if self._fast:
            command.append("--no-sync")
        made = subprocess.run(
            command, check=False, capture_output=True, text=True, cwd=self._home, umask=0o077, **become
        )  # type: ignore[call-overload]
        if made.returncode != 0:
            raise CcdError(f"initdb failed: {made.stderr.strip()[-500:]}")

    def _await_ready(self, data: Path) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not _is_ready(data / "postmaster.pid", self.pid):
            if self.pid == 0 or time.monotonic() > deadline:
                tail = self.log_path.read_text(errors="replace")[-500:].strip()
                self.stop("immediate")
                raise CcdError(f"the embedded PostgreSQL did not start: {tail}")
            time.sleep(0.02)

    def _ensure_database(self) -> None:
        with psycopg.connect(
            host=str(self._socket), user="ccd", dbname="postgres", autocommit=True, connect_timeout=10
        ) as connection:
            if connection.execute("SELECT 1 FROM pg_database WHERE datname = 'ccd'").fetchone() is None:
                connection.execute("CREATE DATABASE ccd")


def _is_ready(pid_file: Path, pid: int) -> bool:
    """The postmaster writes its state on the eighth line of its pid file: what pg_ctl -w waits for, too."""
    try:
        lines = pid_file.read_text().splitlines()
    except FileNotFoundError:
        return False
    return len(lines) > _READY_LINE and lines[0] == str(pid) and lines[_READY_LINE].strip() == "ready"
