"""The spool's form: names of segments, places in them, and the bytes of headers and records. Shared by its two ends.

A record is `[length u32][crc32 u32][version u8][seq u64][payload]`, little-endian; the checksum covers all that follows
it, so that neither a torn tail nor blocks of zeros after a power cut pass for a fact.
"""

from __future__ import annotations

import struct
from pathlib import Path
from zlib import crc32

import msgspec

MAGIC = b"CCDSPOOL"
HEADER_VERSION = 1
RECORD_VERSION = 1
READABLE_VERSIONS = frozenset({RECORD_VERSION})
MAX_PAYLOAD = 16 * 1024 * 1024

_HEADER = struct.Struct("<8sHHQ")
_CRC = struct.Struct("<I")
_RECORD = struct.Struct("<IIBQ")
_BODY = struct.Struct("<BQ")
_BODY_AT = 8
RECORD_OVERHEAD = _RECORD.size


class Position(msgspec.Struct, frozen=True, order=True):
    """A place in the spool: everything before it is meant."""

    segment: int
    offset: int


class SpooledFact(msgspec.Struct, frozen=True):
    """A fact as it lies in the spool; `boot_id` and `seq` together name it for ever."""

    boot_id: str
    seq: int
    payload: bytes


class SegmentHeader(msgspec.Struct, frozen=True):
    """What stands before the first record of a segment; `size` is where that one begins."""

    boot_id: str
    first_seq: int
    size: int


class Damaged(Exception):
    """The bytes at this place are no record and will never be one."""


def segment_path(folder: Path, segment: int) -> Path:
    """The file of a segment."""
    return folder / f"{segment:012d}.spool"


def segments(folder: Path) -> list[int]:
    """The numbers of the segments in `folder`, oldest first."""
    return sorted(int(path.stem) for path in folder.glob("*.spool") if path.stem.isdigit())


def header(boot_id: str, first_seq: int) -> bytes:
    """The bytes that open a segment."""
    name = boot_id.encode()
    head = _HEADER.pack(MAGIC, HEADER_VERSION, len(name), first_seq) + name
    return head + _CRC.pack(crc32(head))


def read_header(data: bytes) -> SegmentHeader | None:
    """The header at the beginning of `data`, None while it is not whole; raises Damaged when it is none."""
    if len(data) < _HEADER.size:
        return None
    magic, version, length, first_seq = _HEADER.unpack_from(data)
    if magic != MAGIC or version != HEADER_VERSION:
        raise Damaged("not a spool segment of a version known here")
    end = _HEADER.size + length
    if len(data) < end + _CRC.size:
        return None
    if crc32(data[:end]) != _CRC.unpack_from(data, end)[0]:
        raise Damaged("the segment's header is garbled")
    return SegmentHeader(data[_HEADER.size : end].decode(), first_seq, end + _CRC.size)


def record(seq: int, payload: bytes) -> bytes:
    """The bytes of one record."""
    checksum = crc32(payload, crc32(_BODY.pack(RECORD_VERSION, seq)))
    return _RECORD.pack(len(payload), checksum, RECORD_VERSION, seq) + payload


def read_record(data: bytes, offset: int) -> tuple[int, bytes, int] | None:
    """(seq, payload, end) of the record at `offset`, None when the bytes end before it does; raises Damaged."""
    if len(data) - offset < RECORD_OVERHEAD:
        return None
    length, checksum, version, seq = _RECORD.unpack_from(data, offset)
    if length > MAX_PAYLOAD:
        raise Damaged(f"a length of {length} bytes")
    end = offset + RECORD_OVERHEAD + length
    if end > len(data):
        return None
    if crc32(memoryview(data)[offset + _BODY_AT : end]) != checksum:
        raise Damaged("a wrong checksum")
    if version not in READABLE_VERSIONS:
        raise Damaged(f"version {version}")
    return seq, data[offset + RECORD_OVERHEAD : end], end
