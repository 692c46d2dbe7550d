"""Whose an embedded PostgreSQL is: the process in its home's note, alive or dead, and the server that a dead one left.

Used by `ccd.side.db.embedded` and `ccd.side.db.throwaway`. Linux only (it reads /proc).
"""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import structlog

from ccd.base.errors import CcdError

log = structlog.get_logger(__name__)

OWNER = "owner"


def started(pid: int) -> str:
    """When a process started, in ticks since boot: with it, a pid names one process for ever. '' when there is none."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""
    fields = stat.rpartition(")")[2].split()
    return "" if fields[0] == "Z" else fields[19]


def living_owner(home: Path) -> int:
    """The living process that the home's note names; 0 when it is dead or there is no note."""
    try:
        owner = (home / OWNER).read_text().split()
    except FileNotFoundError:
        return 0
    known = len(owner) == 2 and owner[0].isdecimal()
    return int(owner[0]) if known and started(int(owner[0])) == owner[1] else 0


def reap(data: Path, seconds: float) -> None:
    """Stop the server that a dead owner left on `data`, if it is one: nothing else than a postmaster has its cwd there."""
    try:
        pid = int((data / "postmaster.pid").read_text().splitlines()[0])
    except (FileNotFoundError, IndexError, ValueError):
        return
    if not _works_in(pid, data):
        return
    log.warning("postgres_orphan_stopped", pid=pid, folder=str(data.parent))
    for what, patience in ((signal.SIGINT, seconds / 3), (signal.SIGQUIT, seconds / 3), (signal.SIGKILL, seconds)):
        _signal(pid, signal.SIGCONT)
        _signal(pid, what)
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            if not _works_in(pid, data):
                return
            time.sleep(0.02)
    raise CcdError(f"the orphaned PostgreSQL {pid} in {data} does not end")


def _works_in(pid: int, data: Path) -> bool:
    try:
        return bool(started(pid)) and os.path.samefile(f"/proc/{pid}/cwd", data)
    except (FileNotFoundError, PermissionError):
        return False


def _signal(pid: int, what: signal.Signals) -> None:
    try:
        os.kill(pid, what)
    except ProcessLookupError:
        return
