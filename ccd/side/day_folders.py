"""The folders of the days, made before the switch needs them, so that ccd may delete in them. Runs in side.

FreeSWITCH makes missing folders for its own user alone (0750). Where ccd is another user, files in them could never be erased.
"""

from __future__ import annotations

import datetime as dt
import os
import stat
from contextlib import suppress
from pathlib import Path

from ccd.base.clock import Moment, as_datetime
from ccd.voicemail.model import FOLDER as VOICEMAILS


def make_day_folders(root: str, now: Moment) -> None:
    """Make the folders of today and tomorrow below `root`, for recordings and for messages, with the rights of `root`.

    An empty `root` is left alone: its disk may be away, and what is made in its place would hide that.
    """
    with os.scandir(root) as found:
        if not any(found):
            return
    rights = stat.S_IMODE(os.stat(root).st_mode)
    today = as_datetime(now)
    for base in (root, str(Path(root) / VOICEMAILS)):
        for day in (today, today + dt.timedelta(days=1)):
            _make(base, f"{day:%Y/%m/%d}", rights)


def _make(base: str, day: str, rights: int) -> None:
    folder = Path(base)
    for part in ("", *day.split("/")):
        folder = folder / part
        with suppress(FileExistsError):
            folder.mkdir()
            folder.chmod(rights)  # mkdir takes the umask off
