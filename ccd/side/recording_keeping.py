"""Keeps recordings as long as they may stay and the disk below its mark. Runs in side, every minute.

Makes the folders of the days ahead, deletes what is older than it is kept, finishes what was to be erased, and at the high mark
of the disk deletes the oldest or has core record nothing new, until the low mark is reached.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Any

import gevent
import structlog
from sqlalchemy.exc import SQLAlchemyError

from ccd.base.clock import Clock
from ccd.base.errors import CcdError, DaemonUnreachable
from ccd.settings.recordings import Recordings as RecordingSettings
from ccd.side.day_folders import make_day_folders
from ccd.side.db.stores.recordings import RecordingStore
from ccd.side.recording_erasure import Eraser
from ccd.side.recording_files import FileDesk

log = structlog.get_logger(__name__)

EVERY_S = 60.0
BATCH = 200
AT_ONCE = 20
MOST_ROUNDS = 500
DISK_FULL = "disk_full"
RETENTION, DISK = "retention", "disk watermark"


def percent_used(path: str) -> float:
    """How full the disk of a folder is, as its users see it."""
    found = os.statvfs(path)
    used = found.f_blocks - found.f_bfree
    return 100.0 * used / max(used + found.f_bavail, 1)


class RecordingKeeper:
    """Looks after age and room.

    Args:
        tell_core: '' lets recordings begin, another word is why none does.
        used: how full the disk of a folder is, in percent; it may hang.
    """

    def __init__(
        self,
        *,
        settings: RecordingSettings,
        store: Callable[[], RecordingStore],
        eraser: Eraser,
        clock: Clock,
        tell_core: Callable[[str], None],
        used: Callable[[str], float] = percent_used,
        desk: FileDesk | None = None,
    ) -> None:
        self._settings = settings
        self._store = store
        self._eraser = eraser
        self._clock = clock
        self._tell_core = tell_core
        self._used = used
        self._desk = desk or FileDesk(deadline_seconds=10.0)
        self._woken = threading.Event()
        self._stopped = False
        self._percent: float | None = None
        self._disk_is_full = False
        self._folders_refused = ""

    # --- life --------------------------------------------------------------------------------------

    def notify(self) -> None:
        """Core is new, or a file has gone: look now."""
        self._woken.set()

    def stop(self) -> None:
        """Let `run` end; what is in hand is finished by the next side."""
        self._stopped = True
        self._woken.set()

    def run(self) -> None:
        """Look again and again until stopped."""
        while not self._stopped:
            self._woken.clear()
            try:
                self.look()
            except Exception:  # whatever it was, age and room are looked after again
                log.exception("recordings_not_kept", alarm="recordings_unreachable")
            gevent.sleep(0)
            self._woken.wait(EVERY_S)

    def look(self) -> None:
        """Once: what is to be erased, what is too old, how full the disk is. Without PostgreSQL only the disk."""
        self._make_folders()
        try:
            self._eraser.finish()
            self._purge_old()
        except DaemonUnreachable:
            pass  # the database says itself that it is not ready, and when it is we are woken
        except (SQLAlchemyError, CcdError) as error:
            log.info("recordings_not_purged", reason=str(error).splitlines()[0][:200])
        try:
            self._watch_disk()
        except (SQLAlchemyError, CcdError) as error:
            log.warning("recordings_disk_not_freed", reason=str(error).splitlines()[0][:200])
        self._tell_core(DISK_FULL if self._disk_is_full else "")

    def status(self) -> dict[str, Any]:
        """For the status: how full the disk is, and whether new recordings may begin."""
        percent = None if self._percent is None else round(self._percent, 1)
        return {"disk_percent": percent, "alarm": DISK_FULL if self._disk_is_full else ""}

    # --- folders -----------------------------------------------------------------------------------

    def _make_folders(self) -> None:
        """Before the switch makes them for itself alone. A refusal is told once, until there is another."""
        refused = ""
        try:
            self._desk.carry_out(lambda root: make_day_folders(root, self._clock.now()), self._settings.path)
        except FileNotFoundError:
            pass  # nothing was recorded yet
        except (OSError, gevent.Timeout) as error:
            refused = "the disk does not answer" if isinstance(error, gevent.Timeout) else str(error)
            if refused != self._folders_refused:
                log.warning("recording_folders_not_made", alarm="recording_folders_not_made", reason=refused[:200])
        self._folders_refused = refused

    # --- age ---------------------------------------------------------------------------------------

    def _purge_old(self) -> None:
        for _ in range(MOST_ROUNDS):
            old = self._store().expired(self._clock.now(), self._settings.keep_days, BATCH)
            for days in {days for _, days in old}:
                ids = [one for one, kept in old if kept == days]
                told = self._eraser.erase(ids, who="ccd", what="purge", why=f"{RETENTION}: kept {days} days")
                log.info("recordings_purged", days=days, erased=len(told["erased"]), pending=len(told["pending"]))
            if len(old) < BATCH or self._stopped:
                return

    # --- room --------------------------------------------------------------------------------------

    def _watch_disk(self) -> None:
        if not self._settings.disk_high:
            self._percent, self._disk_is_full = None, False
            return
        if not self._measured():
            return
        if self._settings.disk_full == "purge_oldest" and self._over(self._settings.disk_high):
            self._purge_oldest()
        self._alarm(self._over(self._settings.disk_low if self._disk_is_full else self._settings.disk_high))

    def _measured(self) -> bool:
        try:
            self._percent = self._desk.carry_out(self._used, self._settings.path)
        except FileNotFoundError:
            return False  # nothing was recorded yet
        except (OSError, gevent.Timeout) as error:
            reason = "the disk does not answer" if isinstance(error, gevent.Timeout) else str(error)
            log.error("recordings_disk_unreachable", alarm="recordings_unreachable", reason=reason[:200])
            return False
        return True

    def _over(self, percent: int) -> bool:
        return self._percent is not None and self._percent >= percent

    def _purge_oldest(self) -> None:
        """Down to the low mark; held ones stay, and then the alarm tells."""
        gone = 0
        for _ in range(MOST_ROUNDS):
            oldest = self._store().oldest(AT_ONCE) if self._over(self._settings.disk_low) else []
            if not oldest or self._stopped:
                break
            done = self._eraser.erase(oldest, who="ccd", what="purge", why=f"{DISK}: {self._percent:.0f} % used")
            gone += len(done["erased"])
            if not done["erased"] or not self._measured():
                break
        log.warning("recordings_purged_for_room", erased=gone, disk_percent=round(self._percent or 0, 1))

    def _alarm(self, full: bool) -> None:
        if full and not self._disk_is_full:
            log.error(
                "recordings_disk_full",
                alarm="recordings_disk_full",
                disk_percent=round(self._percent or 0, 1),
                do="nothing new is recorded until there is room",
            )
        elif self._disk_is_full and not full:
            log.info("recordings_disk_has_room", disk_percent=round(self._percent or 0, 1))
        self._disk_is_full = full
