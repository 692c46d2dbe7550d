"""Erasing recordings: the row is told first that its file goes, then the file goes, then the row says when.

Whoever dies in between leaves a row `erasing`; the next run of the keeper finishes it. Only plain files below the folder of
recordings are touched, and no symbolic link on the way to them is followed.
"""

from __future__ import annotations

import datetime as dt
import os
import stat
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import PurePosixPath
from typing import Any, Protocol

import gevent
import structlog

from ccd.base.clock import Clock, Moment, as_datetime
from ccd.side.db.stores.recordings import PAGE, RecordingStore
from ccd.side.recording_files import FileDesk

log = structlog.get_logger(__name__)

DEADLINE_S = 20.0
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW


class ErasesNumber(Protocol):
    """Whatever else keeps what a caller said: erases all of a number's, and tells how many."""

    def __call__(self, number: str, e164: str, *, who: str, why: str) -> int: ...


class NotErasable(OSError):
    """What a row names is no plain file below the folder of recordings, or the folder is away."""


class Eraser:
    """Erases recordings below `root`, the folder as ccd sees it. `also` are others who keep what callers said."""

    def __init__(
        self,
        *,
        store: Callable[[], RecordingStore],
        root: str,
        clock: Clock,
        desk: FileDesk | None = None,
        also: dict[str, ErasesNumber] | None = None,
    ) -> None:
        self._store = store
        self._root = root
        self._clock = clock
        self._desk = desk or FileDesk(deadline_seconds=DEADLINE_S)
        self.also = also or {}
        self._told: dict[str, str] = {}

    def erase(self, recording_ids: Sequence[str], *, who: str, why: str, what: str = "erase") -> dict[str, list[str]]:
        """Erase these; which are `erased`, which are `pending` (the disk did not let them go yet), `held` or `running`."""
        store = self._store()
        begun = store.begin_erasing(recording_ids, at=self._clock.now(), who=who, what=what, why=why)
        told: dict[str, list[str]] = {"erased": self.finish(begun), "pending": [], "held": [], "running": []}
        told["pending"] = [one for one in begun if one not in told["erased"]]
        for row in store.states([one for one in recording_ids if one not in begun]):
            if row["held_at"] is not None:
                told["held"].append(row["recording_id"])
            elif row["state"] == "running":
                told["running"].append(row["recording_id"])
        return told

    def erase_number(self, number: str, e164: str, *, who: str, why: str) -> dict[str, Any]:
        """Erase all recordings of a caller, and what else is kept of him: that first, for the others may not be able to now."""
        also = {name: erases(number, e164, who=who, why=why) for name, erases in self.also.items()}
        return self.erase(self._store().of_number(number, e164), who=who, why=why) | also

    def finish(self, recording_ids: Sequence[str] | None = None) -> list[str]:
        """Delete the files of what is to be erased (all there is without ids); what is done and now gone.

        A disk that does not answer is not asked again for each of them: the rest waits for the next time.
        """
        store = self._store()
        gone: list[str] = []
        page = store.erasing(recording_ids)
        while page:
            for recording_id, path in page:
                try:
                    if not self._is_gone(recording_id, path):
                        continue
                except gevent.Timeout:
                    self._tell(recording_id, "the disk does not answer")
                    return gone
                store.erased(recording_id, self._clock.now())
                gone.append(recording_id)
            page = store.erasing(recording_ids, after=page[-1][0]) if len(page) >= PAGE else []
        return gone

    def _is_gone(self, recording_id: str, path: str) -> bool:
        try:
            if path:
                self._desk.carry_out(self._delete, path)
        except OSError as error:
            self._tell(recording_id, str(error))
            return False
        self._told.pop(recording_id, None)
        return True

    def _tell(self, recording_id: str, reason: str) -> None:
        """Once, until there is another reason: it is tried every minute."""
        if self._told.get(recording_id) != reason:
            self._told[recording_id] = reason
            log.error(
                "recording_not_erased", alarm="recording_not_erased", recording_id=recording_id, reason=reason[:200]
            )

    def _delete(self, path: str) -> None:
        delete_below(self._root, path, self._clock.now())


def delete_below(root: str, path: str, now: Moment) -> None:
    """Delete a file below `root` and the day folders that it leaves empty; one that is gone already is well.

    Raises:
        NotErasable: it lies elsewhere, a link is on the way, it is no plain file, or the folder is away.
    """
    parts = PurePosixPath(path).parts[len(PurePosixPath(root).parts) :]
    if not PurePosixPath(path).is_relative_to(root) or not parts or ".." in parts:
        raise NotErasable(f"{path[:100]} is not below {root}")
    folders: list[int] = []
    try:
        try:
            folders.append(os.open(root, os.O_RDONLY | os.O_DIRECTORY))
            for part in parts[:-1]:
                folders.append(os.open(part, _FOLDER, dir_fd=folders[-1]))
            _unlink(parts[-1], folders[-1], path)
        except FileNotFoundError:
            _is_there(root)
        except NotADirectoryError:
            raise NotErasable(f"{path[:100]}: a folder on the way is none, or is a link") from None
        _remove_empty(parts[:-1], folders, now)
    finally:
        for folder in folders:
            os.close(folder)


def _unlink(name: str, folder: int, path: str) -> None:
    if not stat.S_ISREG(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode):
        raise NotErasable(f"{path[:100]} is no plain file")
    os.unlink(name, dir_fd=folder)
    os.fsync(folder)


def _is_there(root: str) -> None:
    """A share that is away looks like an empty folder: then nothing in it is gone, we only don't see it."""
    try:
        with os.scandir(root) as entries:
            if any(entries):
                return
    except FileNotFoundError:
        raise NotErasable(f"{root} is not there") from None
    raise NotErasable(f"{root} is empty: is its disk away?")


def _remove_empty(names: tuple[str, ...], folders: list[int], now: Moment) -> None:
    """Folders of days that have nothing left, never those into which the switch may write just now."""
    today = as_datetime(now)
    days = [f"{today + dt.timedelta(days=shift):%Y/%m/%d}".split("/") for shift in (-1, 0, 1)]
    for depth in range(len(folders) - 1, 0, -1):
        if any(list(names[:depth]) == day[:depth] for day in days):
            return
        try:
            os.rmdir(names[depth - 1], dir_fd=folders[depth - 1])
        except OSError:
            return


def sha256_now(desk: FileDesk, path: str) -> tuple[str, str]:
    """The SHA-256 that a file has now, and a word: ok, missing, or unreachable when the disk does not answer."""
    with suppress(OSError):
        try:
            return desk.hashed(path), "ok"
        except gevent.Timeout:
            return "", "unreachable"
    return "", "missing"
