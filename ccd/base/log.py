"""How ccd logs: one line an event, its name first and values as keys, UTC with milliseconds.

The composition roots call `configure` once; everybody else asks structlog for a logger. `errors_logged` counts
the ERROR lines, so that a test, the demo or an alarm can ask whether there were any.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import sys
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any, TextIO

import structlog
from structlog.dev import plain_traceback

_NUMBER_KEYS = frozenset({"number", "dialled", "destination", "ani"})
_LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}
_HASH_LENGTH = 12

Event = MutableMapping[str, Any]


class _Counts:
    errors = 0
    lost = 0


class _Current:
    sink: _Sink | None = None


def errors_logged() -> int:
    """How many lines of level ERROR or worse this process has logged."""
    return _Counts.errors


def lines_lost() -> int:
    """How many lines could not be written: a full disk or a closed terminal stops no call."""
    return _Counts.lost


def configure(
    *,
    level: str = "info",
    format: str = "auto",
    numbers: str = "full",
    file: str = "",
    process: str = "",
    stream: TextIO | None = None,
) -> None:
    """Set up structlog and route the standard library's warnings into it.

    `format` auto is console on a terminal and JSON elsewhere; `numbers` is full, last4 or hash; `process` (core, side)
    stands on every line. Calling it again replaces the set-up.
    """
    if _Current.sink is not None:
        _Current.sink.close()
    sink = _Current.sink = _Sink(file, stream)
    console = format == "console" or (format == "auto" and sink.is_terminal())
    processors: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
        _count_errors,
    ]
    if process:
        processors.append(_Named(process))
    if numbers != "full":
        processors.append(_NumberMask(numbers))
    if console:
        # plain: the default one prints local variables, and there may be secrets among them
        processors.append(
            structlog.dev.ConsoleRenderer(
                colors=sink.is_terminal(), timestamp_key="at", exception_formatter=plain_traceback
            )
        )
    else:
        processors += [
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ]
    structlog.configure(
        processors=processors,
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level]),
        logger_factory=lambda *_: structlog.WriteLogger(sink),  # type: ignore[arg-type]
        cache_logger_on_first_use=False,
    )
    root = logging.getLogger()
    root.handlers[:] = [_FromStandardLibrary()]
    root.setLevel(logging.WARNING)


def _count_errors(_: object, method: str, event: Event) -> Event:
    if method in ("error", "exception", "critical"):
        _Counts.errors += 1
    return event


class _Named:
    """Puts the process's name on each line."""

    def __init__(self, process: str) -> None:
        self._process = process

    def __call__(self, _: object, __: str, event: Event) -> Event:
        event.setdefault("process", self._process)
        return event


class _NumberMask:
    """Shortens or hashes callers' numbers.

    The hash has a key of this process: the few digits of a number could else be found by trying them all.
    """

    def __init__(self, how: str) -> None:
        self._how = how
        self._key = os.urandom(16)

    def __call__(self, _: object, __: str, event: Event) -> Event:
        for key, value in event.items():
            if isinstance(value, str) and value and (key in _NUMBER_KEYS or key.endswith("_number")):
                event[key] = self._masked(value)
        return event

    def _masked(self, number: str) -> str:
        if self._how == "last4":
            return "*" * max(0, len(number) - 4) + number[-4:] if len(number) > 4 else "*" * len(number)
        digest = hashlib.blake2b(number.encode(), key=self._key, digest_size=_HASH_LENGTH // 2)
        return "#" + digest.hexdigest()


class _Sink:
    """Where lines go. A file is opened again when logrotate moved it; a failed write is counted, never raised."""

    def __init__(self, path: str, stream: TextIO | None) -> None:
        self._path = path
        self._stream = stream or sys.stderr
        if path:
            self._open()

    def is_terminal(self) -> bool:
        return self._stream.isatty()

    def write(self, text: str) -> None:
        try:
            if self._path and self._moved():
                self.close()
                self._open()
            self._stream.write(text)
            self._stream.flush()
        except (OSError, ValueError):
            _Counts.lost += 1

    def flush(self) -> None:
        """Nothing to do: each line is flushed as it is written."""

    def close(self) -> None:
        """Close the file, if it is one of ours."""
        if self._path:
            with contextlib.suppress(OSError):
                self._stream.close()

    def _open(self) -> None:
        self._stream = Path(self._path).open("a", encoding="utf-8", errors="replace")

    def _moved(self) -> bool:
        try:
            there = os.stat(self._path)
        except FileNotFoundError:
            return True
        here = os.fstat(self._stream.fileno())
        return (there.st_dev, there.st_ino) != (here.st_dev, here.st_ino)


class _FromStandardLibrary(logging.Handler):
    """Hands what libraries log to structlog, under the library's name."""

    def emit(self, record: logging.LogRecord) -> None:
        level = "error" if record.levelno >= logging.ERROR else "warning"
        log = structlog.get_logger()
        getattr(log, level)("library_said", library=record.name, text=record.getMessage(), exc_info=record.exc_info)
