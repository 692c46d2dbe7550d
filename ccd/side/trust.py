"""Whose certificates side trusts when it asks over HTTPS: the authorities of a file, or those of the system."""

from __future__ import annotations

import os
import ssl
import stat

from ccd.side.errands import ErrandFailed

_Version = tuple[int, ...]


class Trust:
    """Contexts by their files, kept until the file is another: a renewed certificate needs no restart."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[_Version, ssl.SSLContext]] = {}

    def context(self, ca_file: str) -> ssl.SSLContext:
        """Who trusts the authorities of this file; an empty one is the system's. ErrandFailed when it cannot be read."""
        try:
            version = _version(ca_file or ssl.get_default_verify_paths().cafile)
            kept = self._kept.get(ca_file)
            if kept is None or kept[0] != version:
                kept = self._kept[ca_file] = version, ssl.create_default_context(cafile=ca_file or None)
        except OSError:
            raise ErrandFailed("ca_file_unreadable") from None
        return kept[1]


def _version(file: str | None) -> _Version:
    if not file:
        return ()  # the system keeps a folder, in which OpenSSL looks each time
    found = os.stat(file)
    if not stat.S_ISREG(found.st_mode):
        raise OSError(f"{file} is no plain file")  # the opening of a pipe would wait for ever
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns
