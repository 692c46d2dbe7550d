"""Reading a file that somebody named in a setting: never a pipe or a device, which may not end. Anybody may use it."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path


def first_bytes(path: Path, most: int) -> bytes:
    """The first bytes of a plain file, at most `most`.

    Raises:
        OSError: it cannot be read, or is none.
    """
    number = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # without it the opening of a pipe waits already
    try:
        mode = os.fstat(number).st_mode
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        if not stat.S_ISREG(mode):
            raise OSError(errno.EINVAL, "it is no plain file", str(path))
        with os.fdopen(number, "rb", closefd=False) as file:
            return file.read(most)
    finally:
        os.close(number)
