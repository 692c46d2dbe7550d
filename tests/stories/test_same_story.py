"""One story, told on the simulated switch and on a real FreeSWITCH: per leg the same facts in the same order, the same causes.

The story runs through core as it is (House), in this process, without PostgreSQL; what differs is only the switch. The
simulated one is held against what a FreeSWITCH gave (`AS_ON_FREESWITCH`), and under `live` so is a FreeSWITCH itself, so
that the two can't drift apart unseen.
"""

from __future__ import annotations

import difflib
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from ccd.lab.freeswitch import find_freeswitch

PLAYER = Path(__file__).with_name("played_story.py")

# Per party, in the order of the story: (fact, what it says). Written down from a FreeSWITCH 1.10.12.
AS_ON_FREESWITCH: dict[str, list[str]] = msgspec.json.decode((Path(__file__).with_name("same_story.json")).read_bytes())


def played(switch: str, folder: Path) -> dict[str, list[str]]:
    """The story on one switch, in a process of its own, which gevent may patch."""
    done = subprocess.run(
        [sys.executable, str(PLAYER), switch, str(folder)], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    told: dict[str, list[str]] = msgspec.json.decode(done.stdout.splitlines()[-1])
    return told


def differences(expected: dict[str, list[str]], told: dict[str, list[str]]) -> str:
    """What differs, leg by leg; '' when nothing does."""
    found = []
    for party in sorted(expected.keys() | told.keys()):
        lines = difflib.unified_diff(expected.get(party, []), told.get(party, []), "expected", "told", lineterm="", n=1)
        if diff := list(lines):
            found.append(f"{party}:\n" + "\n".join(diff))
    return "\n".join(found)


def test_the_simulated_switch_tells_it_as_a_freeswitch_did(tmp_path: Path) -> None:
    assert differences(AS_ON_FREESWITCH, played("simulated", tmp_path)) == ""


@pytest.mark.live
def test_a_freeswitch_tells_it_as_it_did(tmp_path: Path) -> None:
    if find_freeswitch() is None:
        pytest.skip("no FreeSWITCH: set CCD_FREESWITCH to its prefix or have freeswitch in PATH")
    assert differences(AS_ON_FREESWITCH, played("freeswitch", tmp_path)) == ""


def test_a_difference_is_named() -> None:
    """The comparison itself can fail."""
    wrong: dict[str, Any] = {party: lines[:-1] for party, lines in AS_ON_FREESWITCH.items()}
    assert differences(AS_ON_FREESWITCH, wrong).count("-leg_ended") >= 1
