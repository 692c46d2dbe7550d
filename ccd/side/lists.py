"""Keeps core's copy of the lists in step with SQL: single changes are pushed, everything else becomes a new file.

The heavy work is done by a process of its own (ccd.side.list_worker); this one only waits for it. A file of few entries is
no heavy work: most sites' lists are short, and a process costs a second of a processor at each start.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import gevent
import msgspec
import structlog
from gevent import subprocess  # it must yield whether or not the process is patched
from gevent.event import Event
from gevent.lock import RLock
from sqlalchemy.exc import SQLAlchemyError

from ccd.base.errors import CcdError, DaemonUnreachable
from ccd.base.numbering import Numbering
from ccd.base.processes import die_with_parent
from ccd.screening.file import NAME, verify
from ccd.screening.model import ListName
from ccd.side.configuration import Core
from ccd.side.db.stores.lists import ListStore
from ccd.side.list_jobs import FORMAT, answered
from ccd.side.list_lines import Usual
from ccd.side.list_worker import answer

log = structlog.get_logger(__name__)

MOST_PUSHED = 500
FEW = 1_000
LOOK_EVERY_S = 60.0
AGAIN_S = 5.0
WORK_S = 1_800.0
UPLOAD = "lists-import-"


class ListKeeper:
    """One for a side. `store` raises DaemonUnreachable while the database is not ready; `numbering` is the site's,
    `work` does the heavy jobs of ccd.side.list_worker."""

    def __init__(
        self,
        *,
        core: Core,
        store: Callable[[], ListStore],
        folder: Path,
        numbering: Numbering | None = None,
        work: Callable[[dict[str, Any]], dict[str, Any]] | None = None,
    ) -> None:
        self.store = store
        self.numbering = numbering or Numbering()
        self._core = core
        self._folder = folder
        self._work_beside = work or work_beside
        self._url = ""
        self._verified = False
        self._lock = RLock()
        self._woken = Event()
        self._stopped = False

    def database(self, url: str) -> None:
        """The database is ready, and where."""
        self._url = url
        self.notify()

    def notify(self) -> None:
        """Core is there again, or something has changed."""
        self._woken.set()

    def stop(self) -> None:
        """Let `run` end; work in hand ends with this process."""
        self._stopped = True
        self._woken.set()

    def run(self) -> None:
        """Keep in step until stopped; what does not work now is tried again."""
        for left in self._folder.glob(f"{UPLOAD}*"):
            left.unlink(missing_ok=True)
        told, pause = "", AGAIN_S
        while not self._stopped:
            self._woken.clear()
            try:
                if self._url:
                    self.keep()
                told, pause = "", LOOK_EVERY_S
            except (DaemonUnreachable, SQLAlchemyError) as error:
                log.info("lists_wait", reason=str(error).splitlines()[0])
                pause = AGAIN_S
            except (CcdError, OSError) as error:
                if str(error) != told:  # once: what is wrong may stay so for days
                    told, pause = str(error), AGAIN_S
                    log.error("lists_not_built", alarm="lists_unusable", reason=told)
                else:
                    pause = min(pause * 2, LOOK_EVERY_S)  # each attempt is a process
            except Exception:  # whatever it was, the lists are looked after again
                log.exception("lists_not_kept", alarm="lists_unusable")
                pause = AGAIN_S
            self._woken.wait(pause)

    def keep(self) -> None:
        """Push what is new, or build the file and have core load it, until core has everything."""
        self._verify()
        if not self.pushed():
            self._build()
            if not self.pushed():
                self.notify()  # more has come meanwhile than can be pushed

    def applied(self) -> bool:
        """Whether core has every change by now: `pushed` for a change that is already stored."""
        try:
            done = self.pushed()
        except (CcdError, SQLAlchemyError) as error:
            log.warning("lists_not_applied", error=str(error).splitlines()[0])
            done = False
        if not done:
            self.notify()
        return done

    def pushed(self) -> bool:
        """Give core the single changes that it does not know; False when it needs a new file."""
        with self._lock:
            state = self._core.ask("lists.status")
            if state["file_version"] is None or state["refused"]:
                return False
            changes = self.store().since(int(state["version"]), MOST_PUSHED)
            if changes is None or state["changes"] + len(changes) > MOST_PUSHED:
                return False
            if changes:
                self._core.ask("lists.change", changes=msgspec.to_builtins(changes))
            return True

    def take_in(
        self, path: Path, name: ListName, *, usual: Usual, who: str, known: Mapping[str, Sequence[str]]
    ) -> dict[str, Any]:
        """Import a file into a list: its counts, or its faults. Core has it some seconds later.

        `known` has the names that an action's target must be one of, for actions whose targets have names.
        """
        job = {"do": "import", "path": str(path), "list": name.value, "who": who, "known": known}
        done = self._work(job | {"usual": msgspec.to_builtins(usual), "rules": msgspec.to_builtins(self.numbering)})
        if not done["faulty"]:
            self.notify()
        return done

    def upload(self) -> tuple[int, Path]:
        """A new file for what a client sends, open for writing; the caller removes it."""
        self._folder.mkdir(parents=True, exist_ok=True)
        handle, path = tempfile.mkstemp(prefix=UPLOAD, dir=self._folder)
        return handle, Path(path)

    def _build(self) -> None:
        few = sum(self.store().counts().values()) <= FEW
        done = self._work({"do": "build", "path": str(self._folder / NAME)}, here=few)
        with self._lock:
            known = int(self._core.ask("lists.status")["version"])
            # What core knows beyond this file are changes of this database, or of one that is gone.
            foreign = known > done["version"] and self.store().since(known, 0) is None
            self._core.ask("lists.load", reset=foreign)
        self._verified = True
        log.info("lists_built", version=done["version"], entries=done["entries"])

    def _verify(self) -> None:
        """Once: read the file as a whole, which core never does. A broken one is built anew."""
        if self._verified:
            return
        wrong = gevent.get_hub().threadpool.apply(verify, (self._folder / NAME,))
        self._verified = True
        if wrong and (self._folder / NAME).exists():
            log.error("lists_broken", alarm="lists_unusable", reason=wrong)
            self._build()

    def _work(self, job: dict[str, Any], *, here: bool = False) -> dict[str, Any]:
        if not self._url:
            raise DaemonUnreachable("PostgreSQL is not ready; live calls are not affected")
        work = answer if here else self._work_beside
        return answered(work(job | {"url": self._url, "format": FORMAT}))


def work_beside(job: dict[str, Any]) -> dict[str, Any]:
    """A job of ccd.side.list_worker, done by a process of its own; its answer."""
    child = subprocess.Popen(
        [sys.executable, "-m", "ccd.side.list_worker"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=die_with_parent(),
    )
    try:
        said, cried = child.communicate(json.dumps(job).encode(), timeout=WORK_S)
        reply: dict[str, Any] = json.loads(said)
    except subprocess.TimeoutExpired:
        return {"error": f"the work on the lists took longer than {WORK_S:g} s"}
    except ValueError:
        last = cried.decode(errors="replace").strip().rpartition("\n")[2]
        return {"error": f"the work on the lists ended with exit code {child.returncode}: {last[:200] or 'silently'}"}
    finally:
        if child.poll() is None:
            child.kill()
            child.wait()
    return reply
