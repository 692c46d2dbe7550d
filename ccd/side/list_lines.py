"""The lines of an import, read and checked one by one: a CSV with a head, or one number a line. Pure but for the file."""

from __future__ import annotations

import csv
import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TextIO

import msgspec

from ccd.base.clock import Moment
from ccd.base.errors import Refused
from ccd.base.numbering import Numbering
from ccd.screening.model import ALL, Action, ListName, checked_action, checked_reason, checked_scope
from ccd.screening.subject import read_subject

COLUMNS = ("number", "scope", "action", "target", "reason", "expires_at")
FAULTS_SHOWN = 20
LONGEST_LINE = 1_000
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_LATEST = dt.datetime(2999, 1, 1, tzinfo=dt.UTC)

Row = tuple[int, str, int | None, str, str, str, str, str | None]
"""Line, subject, sort key, scope, action, target, reason, expiry."""


class Usual(msgspec.Struct, frozen=True, kw_only=True):
    """What a line means that says nothing of its own."""

    scope: str = ALL
    action: str = ""
    target: str = ""
    reason: str = ""
    expires_at: str = ""


class Faults:
    """The first faults by line, and how many there were."""

    def __init__(self) -> None:
        self.shown: list[str] = []
        self.count = 0

    def add(self, line: int, what: str) -> None:
        """Line `line` is wrong."""
        self.count += 1
        if len(self.shown) < FAULTS_SHOWN:
            self.shown.append(f"line {line}: {what}")

    def told(self) -> list[str]:
        """All that is said to whoever sent the file."""
        more = self.count - len(self.shown)
        return [*self.shown, f"and {more} more faulty lines"] if more else self.shown


def moment(text: str) -> Moment:
    """A moment in ISO 8601 with its zone; Refused."""
    try:
        at = dt.datetime.fromisoformat(text)
        if at.tzinfo is not None and _EPOCH < at < _LATEST:
            return (at - _EPOCH) // dt.timedelta(microseconds=1)
    except (ValueError, OverflowError):
        pass
    raise Refused(f"expires_at: {text[:40]!r} is no moment with a zone, like 2027-01-31T00:00:00+08:00")


def no_such(action: str, target: str, known: Sequence[str]) -> str:
    """What is wrong with an entry whose flow or box there is not."""
    there = f"; there are {', '.join(known)}" if known else "; there is none"
    return f"no {'voicemail box' if action == Action.VOICEMAIL else action} {target!r}{there}"


def read_rows(
    path: Path, name: ListName, usual: Usual, rules: Numbering, faults: Faults, *, known: Mapping[str, Sequence[str]]
) -> Iterator[Row]:
    """The good lines of a file, as rows; the others go to `faults`. UTF-8, or GB18030 as some spreadsheets write it.

    `known` has the names that an action's target must be one of, for actions whose targets have names.
    """
    with path.open(encoding=_encoding(path), newline="", errors="replace") as file:
        check = _Check(name, usual, rules, known)
        for line, fields in _lines(file, faults):
            try:
                yield check.row(line, fields)
            except Refused as wrong:
                faults.add(line, str(wrong))


def _encoding(path: Path) -> str:
    try:
        with path.open(encoding="utf-8") as file:
            while file.read(1 << 20):
                pass
    except UnicodeDecodeError:
        return "gb18030"
    return "utf-8-sig"


def _lines(file: TextIO, faults: Faults) -> Iterator[tuple[int, dict[str, str]]]:
    columns: list[str] | None = None
    begun = False
    for number, raw in enumerate(file, 1):
        line = raw.rstrip("\r\n")
        if len(line) > LONGEST_LINE:
            faults.add(number, f"longer than {LONGEST_LINE} signs")
            continue
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        if not begun:
            begun = True
            columns = _head(line, number, faults)
            if columns is not None:
                continue
        if columns is None:
            yield number, {"number": line.partition("#")[0].strip()}
            continue
        cells = _cells(line)
        if len(cells) != len(columns):
            faults.add(number, f"{len(cells)} columns where the head has {len(columns)}")
        else:
            yield number, dict(zip(columns, (cell.strip() for cell in cells), strict=True))


def _head(line: str, number: int, faults: Faults) -> list[str] | None:
    """The columns, where the first line names them."""
    cells = [cell.strip().lower() for cell in _cells(line)]
    if "number" not in cells:
        return None
    if unknown := [cell for cell in cells if cell not in COLUMNS]:
        faults.add(number, f"no column {unknown[0][:40]!r}; there are {', '.join(COLUMNS)}")
    if len(set(cells)) != len(cells):
        faults.add(number, "a column stands twice")
    return cells


def _cells(line: str) -> list[str]:
    try:
        return next(csv.reader([line]), [])
    except csv.Error:
        return []


class _Check:
    """Checks fields; what many lines have in common is checked once."""

    def __init__(self, name: ListName, usual: Usual, rules: Numbering, targets: Mapping[str, Sequence[str]]) -> None:
        self._name = name
        self._targets = targets
        self._usual = usual
        self._rules = rules
        self._known: dict[tuple[str, ...], tuple[str, str, str, str, str | None]] = {}

    def row(self, line: int, fields: dict[str, str]) -> Row:
        subject = read_subject(fields["number"], self._rules)
        given = tuple(fields.get(column, "") for column in COLUMNS[1:])
        rest = self._known.get(given)
        if rest is None:
            rest = self._rest(given)
            if len(self._known) < 10_000:
                self._known[given] = rest
        return line, subject.text, subject.key if subject.key >= 0 else None, *rest

    def _rest(self, given: tuple[str, ...]) -> tuple[str, str, str, str, str | None]:
        scope, action, target, reason, expires_at = given
        if not action:
            action, target = self._usual.action, target or self._usual.target
        wanted, target = checked_action(self._name, action, target)
        if wanted in self._targets and target not in self._targets[wanted]:
            raise Refused(no_such(wanted, target, self._targets[wanted]))
        expires_at = expires_at or self._usual.expires_at
        if expires_at:
            moment(expires_at)
        return (
            checked_scope(scope or self._usual.scope),
            wanted.value,
            target,
            checked_reason(reason or self._usual.reason),
            expires_at or None,
        )
