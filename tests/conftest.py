"""What all tests share. Fixtures live in plugin modules by subject."""

from __future__ import annotations

import gc
import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent))

pytest_plugins = ["tests.postgres"]


def pytest_sessionstart(session: pytest.Session) -> None:
    """`scripts/test --live` fails where there is no FreeSWITCH; everybody else skips what needs one."""
    from ccd.lab.freeswitch import find_freeswitch

    if os.environ.get("CCD_LIVE") == "required" and find_freeswitch() is None:
        pytest.exit("no FreeSWITCH: set CCD_FREESWITCH to its prefix or have freeswitch in PATH", returncode=1)


def pytest_collection_finish() -> None:
    """What was collected lives until the end: the garbage collector need not walk through it again and again."""
    gc.collect()
    gc.freeze()
