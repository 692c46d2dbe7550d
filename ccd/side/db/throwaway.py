"""Embedded databases that go with the process that wanted them: the demo's and the tests'.

It announces its folder before anything is there and discards it at the end. What it could not discard, because it was
killed, goes when the next one announces. A database that nobody announced is never touched: it is a site's.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import time
from pathlib import Path

import structlog

from ccd.base.errors import Refused
from ccd.side.db.embedded_home import MARK, MOVED_HOMES, MOVED_TO, PLACE, home_of, unprivileged_user
from ccd.side.db.embedded_owner import OWNER, living_owner, reap, started

log = structlog.get_logger(__name__)

_STOP_SECONDS = 10.0
_OURS = ("data", "run", "postgresql-*", "copy-*")


def announce(folder: Path) -> None:
    """The database that will be made in `folder` goes with this process. Removes what dead processes left elsewhere."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise Refused(f"{folder} is not empty")
    (folder / MARK).write_text(_ourselves())
    if unprivileged_user() is not None:
        for home in PLACE.glob(f"{MOVED_HOMES}*"):
            with contextlib.suppress(FileNotFoundError):  # another one that announces was quicker
                _remove_left_over(home)


def discard(folder: Path) -> None:
    """Remove the database of `folder`, wherever it lives; its log stays in `folder`.

    Raises:
        Refused: this process did not announce it, or another one runs it.
    """
    home = home_of(folder)
    for place in {folder, home}:
        if place.exists() and _mark_of(place) != _ourselves():
            raise Refused(f"{place} holds no database that this process announced")
    deadline = time.monotonic() + _STOP_SECONDS
    while (owner := living_owner(home)) not in (0, os.getpid()):
        if time.monotonic() > deadline:
            raise Refused(f"the embedded PostgreSQL in {home} still belongs to process {owner}")
        time.sleep(0.02)
    reap(home / "data", _STOP_SECONDS)
    if home == folder:
        for pattern in _OURS:
            for path in folder.glob(pattern):
                shutil.rmtree(path)
        (folder / OWNER).unlink(missing_ok=True)
    else:
        if (home / "server.log").exists():
            shutil.copyfile(home / "server.log", folder / "server.log")
        if home.exists():
            shutil.rmtree(home)
        (folder / MOVED_TO).unlink()
    (folder / MARK).unlink()


def _remove_left_over(home: Path) -> None:
    if _is_left_over(home):
        reap(home / "data", _STOP_SECONDS)
        shutil.rmtree(home)
        log.info("postgres_leftover_removed", folder=str(home))


def _is_left_over(home: Path) -> bool:
    """Whether it was announced by a process that is provably dead, and whoever ran it is dead, too."""
    found = home.lstat()
    if not stat.S_ISDIR(found.st_mode) or stat.S_IMODE(found.st_mode) & 0o077:
        return False
    mark = _mark_of(home).split()
    if len(mark) != 4 or mark[2:] != _ourselves().split()[2:]:
        return False  # of another boot or container, whose processes we can't see
    return started(int(mark[0])) != mark[1] and living_owner(home) == 0


def _mark_of(place: Path) -> str:
    """What the mark says, '' without one that we wrote."""
    mark = place / MARK
    try:
        found = mark.lstat()
    except FileNotFoundError:
        return ""
    return mark.read_text() if stat.S_ISREG(found.st_mode) and found.st_uid == os.geteuid() else ""


def _ourselves() -> str:
    """This process, for ever: its pid and start, and the boot and the namespace in which they mean something."""
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return f"{os.getpid()} {started(os.getpid())} {boot} {os.readlink('/proc/self/ns/pid')}\n"
