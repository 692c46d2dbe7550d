"""Files that commands read and write for their users."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import BinaryIO, TextIO, cast

import click


@contextmanager
def whole(path: str) -> Iterator[TextIO]:
    """A file to write, which takes its place when all is in it; pipes and standard output take what comes."""
    if path == "-" or (os.path.exists(path) and not os.path.isfile(path)):
        with click.open_file(path, "w", encoding="utf-8") as file:
            yield cast(TextIO, file)
        return
    place = os.path.realpath(path)
    new = f"{place}.new"
    try:
        with open(new, "w", encoding="utf-8") as file:
            yield file
        os.replace(new, place)
    except BaseException:
        with suppress(FileNotFoundError):
            os.unlink(new)
        raise


@contextmanager
def measured(file: BinaryIO) -> Iterator[tuple[BinaryIO, int]]:
    """A file of known length: as it is, or copied where it is a pipe."""
    try:
        length, whole = os.fstat(file.fileno()).st_size, file.seekable() and file.tell() == 0
    except OSError:
        length, whole = 0, False
    if whole:
        yield file, length
        return
    with tempfile.TemporaryFile() as copy:
        shutil.copyfileobj(file, copy)
        length = copy.tell()
        copy.seek(0)
        yield cast(BinaryIO, copy), length
