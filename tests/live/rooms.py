"""Where a live site lives for as long as its tests do, and how nothing of it stays: folders, and databases put elsewhere.

When root runs the tests the embedded PostgreSQL runs as nobody, who can't reach a folder below `state`: it lives below
/var/tmp then, and does not go with the folder. Announced, it goes with the next run if this one is killed.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ccd.side.db.throwaway import announce, discard


@contextmanager
def a_room(what: str) -> Iterator[Path]:
    """A folder of its own for a site whose daemon is `folder / "ccd"`, and has been stopped when the block is left."""
    folder = Path(tempfile.mkdtemp(prefix=f"ccd-{what}-"))
    try:
        folder.chmod(0o711)  # others may pass through, no more
        announce(_database(folder))
        try:
            yield folder
        finally:
            discard(_database(folder))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _database(folder: Path) -> Path:
    return folder / "ccd" / "state" / "postgresql"
