"""The folder of what was spoken: one file a text and voice, whole or not there, the oldest unused gone when it gets too large."""

from __future__ import annotations

import contextlib
import os
import re
import tempfile
import time
from pathlib import Path

KEPT_S = 900.0
"""What was used so lately is never removed: the switch may be about to play it."""
_NAME = re.compile(r"[0-9a-f]{40}\.wav")
_UNFINISHED = ".unfinished-"


class Shelf:
    """The files of one folder. `most_bytes` is what they may take together, those in use aside."""

    def __init__(self, folder: Path, most_bytes: int) -> None:
        self.folder = folder
        self._most_bytes = most_bytes

    def has(self, name: str) -> bool:
        """Whether the file is there; it counts as used from now on."""
        try:
            os.utime(self.folder / name)
        except OSError:
            return False
        return True

    def read(self, name: str) -> bytes:
        """A file as it is."""
        return (self.folder / name).read_bytes()

    def put(self, name: str, content: bytes) -> None:
        """Write a file, whole or not at all, readable for the switch; then make room.

        Raises:
            OSError: the folder cannot be written, or the disk is full.
        """
        self.folder.mkdir(mode=0o755, parents=True, exist_ok=True)
        handle, unfinished = tempfile.mkstemp(prefix=_UNFINISHED, dir=self.folder)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                os.fchmod(file.fileno(), 0o644)
                file.flush()
                os.fsync(file.fileno())
            os.rename(unfinished, self.folder / name)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(unfinished)
            raise
        self.make_room()

    def make_room(self) -> None:
        """Remove the oldest unused files beyond the bound, and what was never finished."""
        now, whole, files = time.time(), 0, []
        for entry in os.scandir(self.folder):
            with contextlib.suppress(OSError):  # another hand was faster
                about = entry.stat(follow_symlinks=False)
                if entry.name.startswith(_UNFINISHED) and about.st_mtime < now - KEPT_S:
                    os.unlink(entry.path)
                elif _NAME.fullmatch(entry.name):
                    whole += about.st_size
                    files.append((about.st_mtime, about.st_size, entry.path))
        for used_at, size, path in sorted(files):
            if whole <= self._most_bytes or used_at > now - KEPT_S:
                return
            with contextlib.suppress(OSError):
                os.unlink(path)
                whole -= size
