"""The lists' file: sorted numbers and prefixes of a fixed size each, mapped into memory and never read as a whole.

Layout, in the byte order of the machine that wrote it: head · keys (uint64, sorted) · values (uint64: entry id above, place
of the common part below) · offsets of the common parts (uint64) · common parts (JSON) · patterns (JSON) · foot.
A common part is what many entries share: list, scope, action, target, reason, expiry.
"""

from __future__ import annotations

import mmap
import os
import struct
import zlib
from array import array
from bisect import bisect_left
from collections.abc import Iterable
from pathlib import Path

import msgspec

from ccd.base.clock import Moment
from ccd.base.errors import Refused
from ccd.screening.model import Action, Entry, ListName
from ccd.screening.subject import KEY_BITS, WITHHELD, Subject, kept_subject, number_key, prefix_key

NAME = "lists.bin"
MAGIC, FOOT = b"CCDLISTS", b"CCDLSEND"
FORMAT = 1
ORDER_MARK = 0x01020304
PART_BITS = 24
MOST_PARTS = 1 << PART_BITS
MOST_ID = 1 << 40
_HEAD = struct.Struct("=8sIIQQQQQIII4x")  # the last but the padding is the head's own checksum
_BLOCK = 1 << 20
MOST_KEPT = 1_000


class _Part(msgspec.Struct, frozen=True, array_like=True):
    list: ListName
    scope: str
    action: Action
    target: str
    reason: str
    expires_at: Moment


class _Pattern(msgspec.Struct, frozen=True, array_like=True):
    entry_id: int
    subject: str
    part: int


_encode = msgspec.json.Encoder().encode
_part = msgspec.json.Decoder(_Part)
_patterns = msgspec.json.Decoder(list[_Pattern])


class Damaged(Exception):
    """The file is not one of ours, or not whole."""


class ListFile:
    """A file in use. Making it looks at head, foot and patterns only; Damaged says why it cannot be used."""

    def __init__(self, path: Path) -> None:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            size = os.fstat(handle).st_size
            if size < _HEAD.size + len(FOOT):
                raise Damaged("too short")
            self._map = mmap.mmap(handle, size, access=mmap.ACCESS_READ)
        finally:
            os.close(handle)
        try:
            self._open(size)
        except Damaged:
            self._map.close()
            raise

    def _open(self, size: int) -> None:
        head = self._map[: _HEAD.size]
        magic, form, order, version, count, parts, text, more, lengths, self.body_crc, crc = _HEAD.unpack(head)
        if magic != MAGIC or order != ORDER_MARK:
            raise Damaged("it is no list file of this machine")
        if zlib.crc32(head[:-8]) != crc:
            raise Damaged("its head is broken")
        if form != FORMAT:
            raise Damaged(f"format {form} is not known here")
        keys, values = _HEAD.size, _HEAD.size + 8 * count
        offsets = values + 8 * count
        self._text = offsets + 8 * (parts + 1)
        self._parts: dict[int, _Part] = {}
        end = self._text + text + more
        if size != end + len(FOOT) or self._map[end:] != FOOT:
            raise Damaged("it is not whole")
        try:
            self._patterns = _patterns.decode(self._map[end - more : end])
        except msgspec.MsgspecError as broken:
            raise Damaged(f"its patterns are broken: {broken}") from None
        self.version, self.count = version, count
        self._view = memoryview(self._map)
        self._keys = self._view[keys:values].cast("Q")
        self._ranges = [(length, *self._range(length)) for length in range(16) if lengths >> length & 1]
        self._values = self._view[values:offsets].cast("Q")
        self._offsets = self._view[offsets : self._text].cast("Q")

    def _range(self, length: int) -> tuple[int, int]:
        """Where the prefixes of a length begin and end among the keys: few pages, where all keys are thousands."""
        first = (length + 1) << KEY_BITS
        return bisect_left(self._keys, first), bisect_left(self._keys, first + (1 << KEY_BITS))

    @property
    def patterns(self) -> list[tuple[int, str]]:
        """Entry id and text of each pattern, in the order that `pattern` counts by."""
        return [(one.entry_id, one.subject) for one in self._patterns]

    def pattern(self, place: int) -> Entry:
        """The entry of a pattern."""
        one = self._patterns[place]
        return self._entry(one.entry_id, one.part, one.subject)

    def about(self, digits: str) -> list[Entry]:
        """The entries of a number, given without its plus, and of all prefixes of it; of '' those of withheld numbers."""
        found: list[Entry] = []
        if not digits:
            self._add(found, number_key(""), 0, self.count, WITHHELD)
            return found
        self._add(found, number_key(digits), 0, self.count, f"+{digits}")
        for length, begin, end in self._ranges:
            if length <= len(digits):
                head = digits[:length]
                self._add(found, prefix_key(head), begin, end, f"+{head}*")
        return found

    def _add(self, found: list[Entry], key: int, begin: int, end: int, text: str) -> None:
        """Every entry of a key that stands between these places."""
        keys = self._keys
        place = bisect_left(keys, key, begin, end)
        while place < end and keys[place] == key:
            value = self._values[place]
            found.append(self._entry(value >> PART_BITS, value & (MOST_PARTS - 1), text))
            place += 1

    def _entry(self, entry_id: int, part: int, subject: str) -> Entry:
        common = self._parts.get(part)
        if common is None:
            begin, end = self._text + self._offsets[part], self._text + self._offsets[part + 1]
            common = _part.decode(self._map[begin:end])
            if len(self._parts) < MOST_KEPT:  # most entries share few
                self._parts[part] = common
        return Entry(
            entry_id=entry_id,
            list=common.list,
            subject=subject,
            scope=common.scope,
            action=common.action,
            target=common.target,
            reason=common.reason,
            expires_at=common.expires_at,
        )

    def close(self) -> None:
        """Give the memory back."""
        for view in (self._keys, self._values, self._offsets, self._view):
            view.release()
        self._map.close()


def write_file(path: Path, version: int, entries: Iterable[Entry]) -> int:
    """Write the file beside, check it, and put it in place; returns how many entries it holds.

    Entries with a key must come sorted by it. Memory holds 16 bytes an entry and each common part once.
    """
    keys, values = array("Q"), array("Q")
    parts: dict[bytes, int] = {}
    patterns: list[_Pattern] = []
    lengths = 0
    for entry in entries:
        subject: Subject = kept_subject(entry.subject)
        common = _Part(entry.list, entry.scope, entry.action, entry.target, entry.reason, entry.expires_at)
        part = parts.setdefault(_encode(common), len(parts))
        if part >= MOST_PARTS or entry.entry_id >= MOST_ID:
            raise Refused("the lists are larger than their file can be")
        if subject.key < 0:
            patterns.append(_Pattern(entry.entry_id, entry.subject, part))
            continue
        if keys and subject.key < keys[-1]:
            raise Refused("the entries do not come sorted")
        keys.append(subject.key)
        values.append(entry.entry_id << PART_BITS | part)
        if length := subject.key >> KEY_BITS:
            lengths |= 1 << (length - 1)
    _write(path, (keys, values), list(parts), _encode(patterns), version=version, lengths=lengths)
    return len(keys) + len(patterns)


def _write(
    path: Path,
    columns: tuple[array[int], array[int]],
    parts: list[bytes],
    patterns: bytes,
    *,
    version: int,
    lengths: int,
) -> None:
    offsets = array("Q", [0])
    for part in parts:
        offsets.append(offsets[-1] + len(part))
    fresh = path.with_name(path.name + ".new")
    crc = 0
    with open(fresh, "wb", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        file.write(bytes(_HEAD.size))
        for block in (*(one.tobytes() for one in (*columns, offsets)), *parts, patterns):
            if block:
                crc = zlib.crc32(block, crc)
                file.write(block)
        file.write(FOOT)
        sizes = (version, len(columns[0]), len(parts), offsets[-1], len(patterns), lengths, crc)
        head = _HEAD.pack(MAGIC, FORMAT, ORDER_MARK, *sizes, 0)
        file.seek(0)
        file.write(head[:-8] + struct.pack("=I4x", zlib.crc32(head[:-8])))
        file.flush()
        os.fsync(file.fileno())
    os.replace(fresh, path)
    handle = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def verify(path: Path) -> str:
    """What is wrong with a file, read to its end; '' for nothing. For side, not for core."""
    try:
        file = ListFile(path)
        wanted = file.body_crc
        file.close()
        with path.open("rb") as source:
            source.seek(_HEAD.size)
            left, crc = path.stat().st_size - _HEAD.size - len(FOOT), 0
            while left > 0 and (block := source.read(min(_BLOCK, left))):
                crc, left = zlib.crc32(block, crc), left - len(block)
    except FileNotFoundError:
        return "there is none"
    except (Damaged, OSError, ValueError) as wrong:
        return str(wrong)
    return "" if crc == wanted else "its content is broken"
