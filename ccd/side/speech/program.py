"""The site's program that speaks, run for one text: without a shell, in a folder of its own, bounded in time and in bytes."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

from ccd.base.errors import Refused
from ccd.base.processes import die_with_parent

MAX_BYTES = 40_000_000
MOST_WRITTEN = 200_000_000  # espeak-ng makes a file of 64 MB for a sound server that is not there
CPU_S = 60
_TOLD_LENGTH = 300


class NotSpoken(Refused):
    """The program did not speak; the text says how it ended, and `said` what it wrote to its standard error."""

    code = "not_spoken"

    def __init__(self, why: str, said: str = "") -> None:
        super().__init__(why)
        self.said = said


def command_for(
    command: tuple[str, ...], *, voice: str, language: str, output: str = "", text_file: str = ""
) -> list[str]:
    """The program and its arguments with their places filled; each stays one argument, whatever stands in it."""
    places = {"{voice}": voice, "{language}": language, "{output}": output, "{text_file}": text_file}
    filled = []
    for word in command:
        for place, value in places.items():
            word = word.replace(place, value)  # noqa: PLW2901 (one word, step by step)
        filled.append(word)
    return filled


def speak(command: tuple[str, ...], text: str, *, voice: str, language: str) -> bytes:
    """What the program writes for a text: to `{output}` where the command names it, else to its standard output.

    The text is in `{text_file}` where the command names it, and on the standard input in any case. Whoever waits for this
    may be interrupted (gevent.Timeout): the program and what it started is killed then.

    Raises:
        NotSpoken: it could not be started, or ended with an error.
    """
    with tempfile.TemporaryDirectory(prefix="ccd-speech-") as folder:
        spoken, asked, complaint = Path(folder, "spoken.wav"), Path(folder, "text.txt"), Path(folder, "complaint")
        asked.write_text(text + "\n", encoding="utf-8", errors="replace")
        words = command_for(command, voice=voice, language=language, output=str(spoken), text_file=str(asked))
        by_file = any("{output}" in word for word in command)
        stdout = Path(os.devnull) if by_file else spoken
        with asked.open("rb") as given, stdout.open("wb") as out, complaint.open("wb") as err:
            try:
                child = subprocess.Popen(
                    words,
                    stdin=given,
                    stdout=out,
                    stderr=err,
                    cwd=folder,
                    start_new_session=True,
                    preexec_fn=_bounded(die_with_parent()),  # noqa: PLW1509 (system calls only, nothing that allocates or locks)
                )
            except OSError as refused:
                raise NotSpoken(f"{words[0]} cannot be started: {refused.strerror}") from None
            code = _ended(child)
        if code != 0:
            raise NotSpoken(f"{words[0]} ended with exit code {code}", _told(complaint))
        return _written(spoken, words[0], complaint)


def _ended(child: subprocess.Popen[bytes]) -> int:
    try:
        return child.wait()
    finally:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(child.pid, signal.SIGKILL)  # also what it left behind
        child.wait()


def _written(spoken: Path, program: str, complaint: Path) -> bytes:
    try:
        with spoken.open("rb") as file:
            return file.read(MAX_BYTES)
    except OSError:
        raise NotSpoken(f"{program} wrote no file", _told(complaint)) from None


def _told(complaint: Path) -> str:
    with complaint.open("rb") as file:
        text = file.read(4 * _TOLD_LENGTH).decode(errors="replace")
    return " ".join(text.split())[:_TOLD_LENGTH]


def _bounded(first: Callable[[], None]) -> Callable[[], None]:
    def bound() -> None:
        first()
        resource.setrlimit(resource.RLIMIT_FSIZE, (MOST_WRITTEN, MOST_WRITTEN))
        resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

    return bound
