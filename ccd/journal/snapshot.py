"""`state_dir`: one owner, and small documents that are always whole. core keeps its configuration and runtime state here."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import Any, TypeVar

import gevent
import msgspec
import structlog
from gevent.lock import BoundedSemaphore

from ccd.base.errors import Refused
from ccd.journal.configuration import Configuration

T = TypeVar("T")

log = structlog.get_logger(__name__)

FORMAT = 1
READABLE_FORMATS = frozenset({1})
CONFIGURATION = "configuration.json"


class _Document(msgspec.Struct):
    format: int
    content: msgspec.Raw


class StateFolder:
    """The folder in which one core keeps what it must know when it starts alone.

    Making it takes the folder's lock, which ends with the process; a second owner is Refused.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock = os.open(path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._saving = BoundedSemaphore(1)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            owner = os.pread(self._lock, 32, 0).decode(errors="replace").strip() or "unknown"
            os.close(self._lock)
            raise Refused(f"another ccd (pid {owner}) works on {path}; stop it or choose another state_dir") from None
        os.ftruncate(self._lock, 0)
        os.pwrite(self._lock, f"{os.getpid()}\n".encode(), 0)

    def load(self, name: str) -> dict[str, Any] | None:
        """The document `name`, or None when there is none; a damaged one is set aside and logged."""
        content = self._content(name)
        return None if content is None else self._decoded(name, content, dict[str, Any])

    def save(self, name: str, content: dict[str, Any] | msgspec.Struct) -> None:
        """Replace the document `name` as a whole; the disk is waited for in gevent's thread pool."""
        document = msgspec.json.encode({"format": FORMAT, "content": content})
        with self._saving:
            gevent.get_hub().threadpool.apply(_replace, (self.path, name, document))

    def load_configuration(self) -> Configuration | None:
        """The last good configuration, or None."""
        content = self._content(CONFIGURATION)
        return None if content is None else self._decoded(CONFIGURATION, content, Configuration)

    def save_configuration(self, configuration: Configuration) -> None:
        """Keep `configuration` as the last good one."""
        self.save(CONFIGURATION, configuration)

    def close(self) -> None:
        """Give the folder up."""
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def _content(self, name: str) -> bytes | None:
        try:
            document = msgspec.json.decode((self.path / name).read_bytes(), type=_Document)
        except FileNotFoundError:
            return None
        except msgspec.MsgspecError as damage:
            self._set_aside(name, str(damage))
            return None
        if document.format not in READABLE_FORMATS:
            self._set_aside(name, f"format {document.format} is not known here")
            return None
        return bytes(document.content)

    def _decoded(self, name: str, content: bytes, kind: type[T]) -> T | None:
        try:
            return msgspec.json.decode(content, type=kind)
        except msgspec.MsgspecError as damage:
            self._set_aside(name, str(damage))
            return None

    def _set_aside(self, name: str, damage: str) -> None:
        aside = self.path / f"{name}.damaged"
        os.replace(self.path / name, aside)
        log.error("state_file_damaged", file=name, damage=damage, set_aside=aside.name)


def _replace(folder: Path, name: str, document: bytes) -> None:
    fresh = folder / f"{name}.tmp"
    with open(fresh, "wb", opener=_private) as file:
        file.write(document)
        file.flush()
        os.fsync(file.fileno())
    os.replace(fresh, folder / name)
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
