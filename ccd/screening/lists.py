"""The lists as core asks them: the mapped file and, over it, what was changed since. Lookups wait for nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import msgspec
import structlog

from ccd.base.clock import Clock, Moment
from ccd.base.numbering import Kind as NumberKind
from ccd.base.numbering import Numbering, normalise
from ccd.screening.file import NAME, Damaged, ListFile
from ccd.screening.model import WITHHELD_CLASS, Entry, Verdict, rank, scopes_of
from ccd.screening.patterns import Patterns
from ccd.screening.subject import Kind, kept_subject, number_key, prefix_key

log = structlog.get_logger(__name__)


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """A single change: the entry as it is from now on, or None where it is gone."""

    version: int
    entry_id: int
    entry: Entry | None = None


class Delta(msgspec.Struct, kw_only=True):
    """What was changed since the file was built, and how far that reaches."""

    version: int = 0
    changes: list[Change] = []


class Lists:
    """One for a core. `save` keeps the changes on disk; `delta` is what was kept by the core before, None for a new site."""

    def __init__(
        self,
        folder: Path,
        *,
        clock: Clock,
        numbering: Numbering,
        delta: Delta | None = None,
        save: Callable[[Delta], None] = lambda _: None,
    ) -> None:
        self._path = folder / NAME
        self._clock = clock
        self._numbering = numbering
        self._save = save
        self._file: ListFile | None = None
        self._is_new = delta is None
        self._file_patterns = Patterns(())
        self._delta_version = delta.version if delta else 0
        self._changes: dict[int, Change] = {one.entry_id: one for one in delta.changes} if delta else {}
        self._by_key: dict[int, list[Entry]] = {}
        self._patterned: list[Entry] = []
        self._patterns = Patterns(())
        self.refused = ""
        self._open()
        self._index()

    # --- asking ------------------------------------------------------------------------------------

    def verdict(self, number: str, dialled: str, queue: str = "", now: Moment | None = None) -> Verdict:
        """What the lists say of a caller's number, as it came, on a dialled number and, where given, before a queue."""
        caller = normalise(number, self._numbering)
        withheld = caller.kind is NumberKind.WITHHELD
        scopes, moment = scopes_of(dialled, queue), self._clock.now() if now is None else now
        found = [one for one in self._about(caller.e164, withheld=withheld) if one.counts(moment, scopes)]
        if not found:
            return Verdict(caller_class=WITHHELD_CLASS if withheld else "")
        if len(found) > 1:
            found.sort(key=lambda one: rank(one, kept_subject(one.subject)))
        first, *rest = found
        return Verdict(caller_class=first.list.value, entry=first, beaten=tuple(rest))

    def e164(self, number: str) -> str:
        """How lists see a number."""
        return normalise(number, self._numbering).e164

    def _about(self, e164: str, *, withheld: bool) -> Iterator[Entry]:
        """Every entry that means this caller, in force or not."""
        if e164 or withheld:
            for one in self._of_file(e164):
                if one.entry_id not in self._changes:
                    yield one
            if self._changes:
                yield from self._of_changes(e164)

    def _of_file(self, e164: str) -> Iterator[Entry]:
        file = self._file
        if file is not None:
            yield from file.about(e164[1:])
            for place in self._file_patterns.matching(e164[1:]) if e164 else ():
                yield file.pattern(place)

    def _of_changes(self, e164: str) -> Iterator[Entry]:
        digits = e164[1:]
        yield from self._by_key.get(number_key(digits), ())
        if not digits:
            return
        for length in range(len(digits) + 1):
            yield from self._by_key.get(prefix_key(digits[:length]), ())
        for place in self._patterns.matching(digits):
            yield self._patterned[place]

    # --- changing ----------------------------------------------------------------------------------

    @property
    def version(self) -> int:
        """The change up to which everything is known here."""
        return max(self._delta_version, self._file.version if self._file else 0)

    @property
    def file_version(self) -> int | None:
        """The change up to which the file reaches; None without a file."""
        return self._file.version if self._file else None

    @property
    def entries(self) -> int:
        """How many numbers and prefixes stand in the file."""
        return self._file.count if self._file else 0

    @property
    def changed(self) -> int:
        """How many changes stand over the file."""
        return len(self._changes)

    def change(self, changes: Iterable[Change]) -> None:
        """Take changes over, in order; those that are known are harmless. Kept on disk before this returns."""
        for one in changes:
            if one.version > self.version:
                self._delta_version = one.version
                self._changes[one.entry_id] = one
        self._index()
        self._save(self._delta())

    def load(self, *, reset: bool = False) -> None:
        """Use the file that stands there now. Changes that it holds are forgotten; with `reset` all of them."""
        self._open()
        built = self._file.version if self._file else 0
        kept = {} if reset else {id_: one for id_, one in self._changes.items() if one.version > built}
        self._changes = kept
        self._delta_version = max((one.version for one in kept.values()), default=0)
        self._index()
        self._save(self._delta())

    def close(self) -> None:
        """Give the file up."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _delta(self) -> Delta:
        return Delta(version=self._delta_version, changes=list(self._changes.values()))

    def _open(self) -> None:
        """A file that cannot be used is refused and said so; the one in use, if any, stays."""
        try:
            fresh = ListFile(self._path)
        except FileNotFoundError:
            self.refused = "there is none"
            if self._is_new and self._file is None:
                log.info("lists_not_built_yet", file=str(self._path))
            else:
                log.warning("lists_missing", alarm="lists_unusable", file=str(self._path), do="side builds it")
            return
        except (Damaged, OSError, ValueError) as wrong:
            self.refused = str(wrong)
            log.error("lists_refused", alarm="lists_unusable", file=str(self._path), reason=self.refused)
            return
        self.close()
        self._file, self.refused = fresh, ""
        self._file_patterns = Patterns(text for _, text in fresh.patterns)

    def _index(self) -> None:
        built = self._file.version if self._file else 0
        self._changes = {id_: one for id_, one in self._changes.items() if one.version > built}
        self._by_key, self._patterned = {}, []
        for change in self._changes.values():
            if change.entry is None:
                continue
            subject = kept_subject(change.entry.subject)
            if subject.kind is Kind.PATTERN:
                self._patterned.append(change.entry)
            else:
                self._by_key.setdefault(subject.key, []).append(change.entry)
        self._patterns = Patterns(entry.subject for entry in self._patterned)
