"""Core in a process of its own, without its office: `python -m ccd.bench.core_process FILE`.

FILE is JSON: {settings, configuration, agents}. It is started and stopped like the real one; the benches talk to it over
its command socket. `agents` are signed in when nobody was before.
"""

from __future__ import annotations

if __name__ == "__main__":  # whoever imports it (a test) decides for himself
    from gevent import monkey

    monkey.patch_all()

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import gevent
import msgspec

from ccd.base import log as logging
from ccd.base.collector import Collector
from ccd.base.errors import CcdError, DaemonUnreachable
from ccd.base.processes import die_with_parent
from ccd.core.house import House
from ccd.core.verbs import VERBS
from ccd.journal.configuration import Configuration
from ccd.settings.model import Settings
from ccd.side.core_link import CoreLink

START_S, STOP_S = 20.0, 10.0
LAG_EVERY_S = 0.005


class CoreProcess:
    """A core below `folder`, driven from outside."""

    def __init__(self, folder: Path, *, esl_port: int, esl_password: str, recordings: Path, cdr: Path, sounds: Path):
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.log = folder / "core.log"
        self.exec_at = 0
        self._file = folder / "core.json"
        self._settings: dict[str, Any] = {
            "state_dir": str(folder / "state"),
            "run_dir": str(folder / "run"),
            "sounds_path": str(sounds),
            "switches": [
                {"host": "127.0.0.1", "port": esl_port, "password": esl_password, "recordings_path": str(recordings)}
            ],
            "recordings": {"path": str(recordings), "cdr_path": str(cdr)},
            "log": {"format": "json", "file": str(self.log)},
        }
        self._child: subprocess.Popen[bytes] | None = None
        self._link: CoreLink | None = None

    def prepare(self, configuration: Configuration) -> None:
        """What the next start runs with."""
        content = {"settings": self._settings, "configuration": msgspec.to_builtins(configuration)}
        self._file.touch(mode=0o600)
        self._file.write_bytes(msgspec.json.encode(content))

    @property
    def pid(self) -> int:
        """Its process id; 0 while it does not run."""
        return self._child.pid if self._child is not None else 0

    def take_priority(self) -> None:
        """The real-time priority that config/systemd/ccd.service speaks of; its children go back to the ordinary one."""
        if self._child is not None:
            for task in Path(f"/proc/{self._child.pid}/task").iterdir():
                os.sched_setscheduler(int(task.name), os.SCHED_RR | os.SCHED_RESET_ON_FORK, os.sched_param(2))

    def exec(self) -> None:
        """Start it and return at once; `exec_at` is the moment."""
        with (self.folder / "core.out").open("ab") as out:
            self.exec_at = time.time_ns() // 1000
            self._child = subprocess.Popen(
                [sys.executable, "-m", "ccd.bench.core_process", str(self._file)],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
                preexec_fn=die_with_parent(),  # noqa: PLW1509 (one prctl, nothing that allocates or locks)
            )

    def start(self) -> None:
        """Start it and wait until its switch is ready."""
        self.exec()
        deadline = time.monotonic() + START_S
        while not self._is_ready():
            if time.monotonic() > deadline or (self._child is not None and self._child.poll() is not None):
                raise DaemonUnreachable(f"core is not ready:\n{self.log_tail()}")
            gevent.sleep(0.05)

    def _is_ready(self) -> bool:
        try:
            return all(one["ready"] for one in self.ask("status")["switches"])
        except CcdError:
            return False

    def ask(self, verb: str, **given: Any) -> Any:
        """One verb of its command socket."""
        if self._link is None:
            self._link = CoreLink(f"{self._settings['run_dir']}/core.sock")
            gevent.spawn(self._link.run)
        self._link.connected.wait(1.0)
        return self._link.ask(verb, **given)

    def kill(self) -> None:
        """kill -9."""
        self._leave()
        if self._child is not None:
            self._child.kill()
            self._child.wait()
            self._child = None

    def stop(self) -> None:
        """As systemd stops it."""
        self._leave()
        child, self._child = self._child, None
        if child is not None:
            child.terminate()
            try:
                child.wait(STOP_S)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()

    def _leave(self) -> None:
        if self._link is not None:
            self._link.stop()
            self._link = None

    def processor_s(self) -> float:
        """Processor time that it has used so far."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def resident_mb(self) -> float:
        """Memory that it holds."""
        lines = (line.split() for line in Path(f"/proc/{self.pid}/status").read_text().splitlines())
        return next(int(words[1]) for words in lines if words[0] == "VmRSS:") / 1000

    def log_tail(self, lines: int = 12) -> str:
        """The last lines of its log and output."""
        texts = [path.read_text(errors="replace") for path in (self.log, self.folder / "core.out") if path.exists()]
        return "\n".join("\n".join(text.splitlines()[-lines:]) for text in texts)

    def errors(self) -> list[str]:
        """The ERROR lines of its log."""
        lines = self.log.read_text(errors="replace").splitlines() if self.log.exists() else []
        return [line for line in lines if '"level":"error"' in line.replace(" ", "")]


class LoopLag:
    """How late the loop was at most to wake somebody who had asked for it."""

    def __init__(self) -> None:
        self._max_s = 0.0
        gevent.spawn(self._watch)

    def taken(self, *_: object) -> dict[str, float]:
        """The longest since this was asked last."""
        longest, self._max_s = self._max_s, 0.0
        return {"max_ms": longest * 1000}

    def _watch(self) -> None:
        while True:
            due = time.monotonic() + LAG_EVERY_S
            gevent.sleep(LAG_EVERY_S)
            self._max_s = max(self._max_s, time.monotonic() - due)


def main() -> None:
    """Run until SIGTERM."""
    content = msgspec.json.decode(Path(sys.argv[1]).read_bytes())
    settings = Settings.model_validate(content["settings"])
    logging.configure(level="info", format="json", numbers="full", file=settings.log.file, process="core")
    house = House(settings)
    gevent.signal_handler(signal.SIGTERM, house.stop_soon)
    VERBS["bench.lag"] = LoopLag().taken
    try:
        configuration = msgspec.convert(content["configuration"], Configuration)
        if house.state.load_configuration() is None:
            house.configuring.take(configuration)
        house.start()
        Collector(house.clock, lambda: len(house.registry.calls)).start()  # as `ccd run` does
        house.wait()
    finally:
        house.close()
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
