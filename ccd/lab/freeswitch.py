"""Starts a private FreeSWITCH: own folders, own ports on 127.0.0.1, its own child process, never a site's switch.

For the demo, the live tests and the benches. Where the configuration and the dialplans lie is the caller's to say.
"""

from __future__ import annotations

import contextlib
import re
import secrets
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import gevent

from ccd.base.errors import SwitchError, SwitchGone, SwitchTimeout
from ccd.base.processes import die_with_parent
from ccd.lab.home import command_line, find_freeswitch, lab_variables, make_home
from ccd.lab.lifetime import Running
from ccd.lab.ports import HOST, PortBlock
from ccd.lab.wire import Event, Wire

__all__ = ["PrivateFreeSwitch", "find_freeswitch"]

_START_DEADLINE_S = 60.0
_STOP_DEADLINE_S = 2.0  # a clean end takes 4 s of waiting that a private instance does not need


class PrivateFreeSwitch(Running):
    """One FreeSWITCH of ours, running between `start` and `stop`, or inside a `with`."""

    esl_host = HOST

    def __init__(
        self,
        config: Path,
        dialplans: Path | None,
        folder: Path,
        name: str,
        *,
        sounds: Path | None = None,
        variables: Mapping[str, str] | None = None,
        users: Iterable[str] = (),
        binary: Path | None = None,
        realtime: bool = False,
    ) -> None:
        """An instance called `name` below `folder`, not started yet.

        `variables` go over those of vars.xml; `users` are phones besides the example's ten. `realtime` needs the right to it.
        """
        found = binary or find_freeswitch()
        if found is None:
            raise SwitchError("no FreeSWITCH: set CCD_FREESWITCH to its prefix or have freeswitch in PATH")
        self._binary = found
        self._config = config
        self._dialplans = dialplans
        self._users = tuple(users)
        self._realtime = realtime
        self.name = name
        self.folder = folder.resolve() / name
        self.ports = PortBlock()
        self.esl_port = self.ports.esl
        self.esl_password = secrets.token_hex(16)
        self.sip_port = self.ports.trunk
        self.phone_port = self.ports.phone
        self.phone_password = secrets.token_hex(8)
        self.recordings_dir = self.folder / "recordings"
        self.cdr_dir = self.folder / "cdr"
        self.log_file = self.folder / "log" / "freeswitch.log"
        self.domain = "ccd.local"
        self.version = ""
        self._sounds = sounds or self.folder / "sounds"
        passwords = {"esl": self.esl_password, "phone": self.phone_password}
        self._variables = lab_variables(self.folder, self._sounds, self.ports, passwords) | dict(variables or {})
        self._child: subprocess.Popen[bytes] | None = None
        self._prepared = False

    @property
    def pid(self) -> int | None:
        """The process of the running instance."""
        return None if self._child is None else self._child.pid

    def start(self) -> None:
        """Start it and wait until its event socket answers; an error names the log's last lines."""
        if self._child is not None:
            raise SwitchError(f"FreeSWITCH {self.name} runs already")
        if not self._prepared:
            make_home(self.folder, self._config, self._dialplans, self._variables, self._users)
            self._prepared = True
        with (self.folder / "console.log").open("ab") as console:
            self._child = subprocess.Popen(
                command_line(self._binary, self.folder, self._sounds, realtime=self._realtime),
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # a Ctrl-C at the terminal is its owner's to handle
                preexec_fn=die_with_parent(),  # noqa: PLW1509 (one prctl, nothing that allocates or locks)
            )
        try:
            self._wait_until_up()
        except BaseException:
            self.kill()
            raise

    def stop(self) -> None:
        """Stop it by its pid: SIGTERM, and SIGKILL after a deadline. Its folder and ports stay for another start."""
        if self._child is None:
            return
        if self._child.poll() is None:
            self._child.send_signal(signal.SIGTERM)
            deadline = time.monotonic() + _STOP_DEADLINE_S
            while self._child.poll() is None and time.monotonic() < deadline:
                gevent.sleep(0.02)
        self.kill()

    def kill(self) -> None:
        """End it at once with SIGKILL, as a crash would."""
        if self._child is None:
            return
        if self._child.poll() is None:
            self._child.kill()
        self._child.wait()
        self._child = None

    def close(self) -> None:
        """End it for good, at once when nobody is on the line, and give its ports back."""
        if self._child is not None and self._child.poll() is None and self._is_idle():
            self.kill()
        self.stop()
        self.ports.release()

    def restart(self) -> None:
        """Stop and start again, on the same ports."""
        self.stop()
        self.start()

    def wire(self, on_event: Callable[[Event], None] | None = None) -> Wire:
        """A connection of the lab's own to its event socket."""
        return Wire(self.esl_host, self.esl_port, self.esl_password, on_event)

    def log_tail(self, lines: int = 30) -> str:
        """The last lines of its log and console."""
        text = ""
        for file in (self.folder / "console.log", self.log_file):
            with contextlib.suppress(OSError):
                text += "".join(file.read_text(errors="replace").splitlines(keepends=True)[-lines:])
        return text

    def _is_idle(self) -> bool:
        with contextlib.suppress(OSError, SwitchError):
            wire = self.wire()
            try:
                return wire.api("show channels count", timeout=_STOP_DEADLINE_S).startswith("0 ")
            finally:
                wire.close()
        return False

    def _wait_until_up(self) -> None:
        deadline = time.monotonic() + _START_DEADLINE_S
        while True:
            if self._child is None or self._child.poll() is not None:
                raise SwitchGone(f"FreeSWITCH {self.name} ended while it started:\n{self.log_tail()}")
            with contextlib.suppress(OSError, SwitchError):
                wire = self.wire()
                try:
                    if "is ready" in wire.api("status"):
                        self.version = _version_of(wire.api("version"))
                        return
                finally:
                    wire.close()
            if time.monotonic() > deadline:
                raise SwitchTimeout(
                    f"FreeSWITCH {self.name} is not up after {_START_DEADLINE_S:.0f} s:\n{self.log_tail()}"
                )
            gevent.sleep(0.05)


def _version_of(text: str) -> str:
    found = re.search(r"Version (\S+?)[~ +-]", text)
    return found.group(1) if found else text
