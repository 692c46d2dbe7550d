"""The folders of the days, made before the switch needs them, so that ccd may delete in them. Runs in side.

FreeSWITCH makes missing folders for its own user alone (0750). Where ccd is another user, files in them could never be erased.
A folder of ours that FreeSWITCH may not write to would be worse: its recordings would be lost. So none is made that lets fewer
people in than the folder of recordings does, and it appears in its place with its rights, not before it has them.
"""

from __future__ import annotations

import datetime as dt
import os
import pwd
import stat
from contextlib import suppress
from pathlib import Path

from ccd.base.clock import Moment, as_datetime
from ccd.voicemail.model import FOLDER as VOICEMAILS

_WRITE = 0o3  # into a folder: w and x


class NotForBoth(PermissionError):
    """A folder of ours would keep the switch out of it."""


def make_day_folders(root: str, now: Moment) -> None:
    """Make the folders of today and tomorrow below `root`, for recordings and for messages, with group and rights of `root`.

    An empty `root` is left alone: its disk may be away, and what is made in its place would hide that.

    Raises:
        NotForBoth: who writes to `root` could not write to them; they are then the switch's to make.
    """
    with os.scandir(root) as found:
        if not any(found):
            return
    like = os.stat(root)
    today = as_datetime(now)
    for base in (root, str(Path(root) / VOICEMAILS)):
        for day in (today, today + dt.timedelta(days=1)):
            _make(base, f"{day:%Y/%m/%d}", like)


def _make(base: str, day: str, like: os.stat_result) -> None:
    folder = Path(base)
    for part in ("", *day.split("/")):
        folder = folder / part
        if not folder.is_dir():
            _place(folder, like)


def _place(folder: Path, like: os.stat_result) -> None:
    new = folder.with_name(f".{folder.name}.new")
    with suppress(FileNotFoundError):
        new.rmdir()  # left by one who died here
    new.mkdir(0o700)
    try:
        with suppress(PermissionError):  # not of that group: whether that matters is asked below
            os.chown(new, -1, like.st_gid)
        _give_rights(new, stat.S_IMODE(like.st_mode))
        if not _lets_in(new.stat(), like):
            raise NotForBoth(
                f"{folder.parent}: a folder of user {os.geteuid()} would not let in all who may write to it;"
                " give the folder of recordings a group that both have (see recording.md)"
            )
        new.rename(folder)
    except OSError:
        with suppress(OSError):
            new.rmdir()
        if not folder.is_dir():  # else the switch was quicker
            raise


def _give_rights(folder: Path, rights: int) -> None:
    try:
        folder.chmod(rights)
    except (
        PermissionError
    ):  # systemd's RestrictSUIDSGID forbids the bit that hands the group down, which we do ourselves
        folder.chmod(rights & ~(stat.S_ISGID | stat.S_ISUID))


def _lets_in(made: os.stat_result, like: os.stat_result) -> bool:
    """Whether everybody who may write to a folder like `like` may write to what was made, too."""
    others = _may_write(made.st_mode)
    group = others or (made.st_gid == like.st_gid and _may_write(made.st_mode >> 3))
    if _may_write(like.st_mode >> 3) and not group:
        return False
    if like.st_uid in (made.st_uid, 0) or others or not _may_write(like.st_mode >> 6):
        return True
    return group and _is_in_group(like.st_uid, like.st_gid)


def _may_write(mode: int) -> bool:
    return mode & _WRITE == _WRITE


def _is_in_group(uid: int, gid: int) -> bool:
    """Whether a user of this machine has a group; of one that it does not know we cannot say so."""
    try:
        user = pwd.getpwuid(uid)
    except KeyError:
        return False
    return gid in os.getgrouplist(user.pw_name, user.pw_gid)
